/* A subscription: its source on one side, its observer on the other, one execution at a time
 * between.
 *
 * States: OPENING while the source's open function runs, RUNNING, DRAINING when the source has
 * ended and events wait, ENDED. graphql_stream_t and graphql_subscription_t are the same object
 * seen from the two sides; it is freed when it has ended and no call of ours is on the stack
 * (`busy`). */
#include "gateway/graphql/execute/execute_parts.h"
#include "runtime/base/json.h"
#include "runtime/base/memory.h"

typedef struct event {
    void *data;
    void (*release)(void *data);
} event_t;

typedef enum subscription_state { OPENING, RUNNING, DRAINING, ENDED } subscription_state_t;

struct graphql_subscription {
    subscription_state_t state;
    uint32_t busy;
    gql_prepared_t *prepared;
    graphql_execution_t *opening; /* holds the field that the source was opened with */
    graphql_execution_t *running;
    const void *root;
    void *context;
    graphql_observer_t observer;
    void (*close)(void *context);
    void *close_context;
    event_t current, queue[GRAPHQL_EVENTS_QUEUED_MAX];
    uint32_t queue_first, queue_count;
};

static graphql_subscription_t *of_stream(graphql_stream_t *stream)
{
    return (graphql_subscription_t *)(void *)stream;
}

static graphql_stream_t *stream_of(graphql_subscription_t *self)
{
    return (graphql_stream_t *)(void *)self;
}

static void release(event_t *event)
{
    event_t taken = STEAL(*event);
    if (taken.release != NULL)
        taken.release(taken.data);
}

static void close_source(graphql_subscription_t *self)
{
    void (*close)(void *context) = STEAL(self->close);
    if (close != NULL)
        close(self->close_context);
}

/* Leaves the subscription; frees it when nothing holds it any more. */
static void leave(graphql_subscription_t *self)
{
    if (--self->busy > 0 || self->state != ENDED)
        return;
    gql_execution_free(self->opening);
    gql_prepared_unref(self->prepared);
    memory_free(self);
}

static void end(graphql_subscription_t *self)
{
    self->state = ENDED;
    /* The event being executed is read until its fields are complete: that execution is not
     * cancelled but ends into the void, and event_done releases the event. */
    if (self->running != NULL)
        gql_execution_drop(self->running);
    while (self->queue_count > 0) {
        event_t *event = &self->queue[self->queue_first];
        self->queue_first = (self->queue_first + 1) % GRAPHQL_EVENTS_QUEUED_MAX;
        self->queue_count--;
        release(event);
    }
    close_source(self);
}

static void run_events(graphql_subscription_t *self);

static void event_done(void *context, const graphql_response_t *response)
{
    graphql_subscription_t *self = context;
    self->busy++;
    if (self->state != ENDED && self->observer.next != NULL)
        self->observer.next(self->observer.context, response->json);
    self->running = NULL;
    release(&self->current);
    self->busy--; /* the one that held it for this execution */
    if (self->busy == 1)
        run_events(self);
    leave(self);
}

/* Called by the outermost frame only, so a burst of events takes no stack. */
static void run_events(graphql_subscription_t *self)
{
    while (self->queue_count > 0 && self->running == NULL &&
           (self->state == RUNNING || self->state == DRAINING)) {
        self->current = self->queue[self->queue_first];
        self->queue_first = (self->queue_first + 1) % GRAPHQL_EVENTS_QUEUED_MAX;
        self->queue_count--;
        graphql_execution_t *execution =
            gql_execution_new(self->prepared, self->current.data, self->context, event_done, self);
        if (execution == NULL) {
            release(&self->current);
            continue;
        }
        self->busy++; /* until event_done */
        self->running = execution;
        if (gql_execution_start(execution))
            self->running = NULL;
    }
    if (self->state == DRAINING && self->queue_count == 0 && self->running == NULL) {
        end(self);
        self->observer.complete(self->observer.context);
    }
}

/* ---- the source's side ---- */

void graphql_stream_on_close(graphql_stream_t *stream, void (*close)(void *context), void *context)
{
    graphql_subscription_t *self = of_stream(stream);
    self->close = close;
    self->close_context = context;
}

err_t graphql_emit(graphql_stream_t *stream, void *event, void (*release_event)(void *event))
{
    graphql_subscription_t *self = of_stream(stream);
    if (self->queue_count == GRAPHQL_EVENTS_QUEUED_MAX)
        return ERR_BUSY;
    uint32_t at = (self->queue_first + self->queue_count++) % GRAPHQL_EVENTS_QUEUED_MAX;
    self->queue[at] = (event_t){event, release_event};
    self->busy++;
    if (self->busy == 1)
        run_events(self);
    leave(self);
    return ERR_OK;
}

void graphql_stream_end(graphql_stream_t *stream)
{
    graphql_subscription_t *self = of_stream(stream);
    self->busy++;
    close_source(self);
    if (self->state != ENDED)
        self->state = DRAINING;
    if (self->busy == 1)
        run_events(self);
    leave(self);
}

static void tell_errors(const graphql_observer_t *observer, const gql_errors_t *errors)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    gql_errors_write(errors, &out);
    observer->error(observer->context, buf_status(&out) == ERR_OK
                                           ? buf_str(&out)
                                           : STR("[{\"message\":\"out of memory\"}]"));
}

void graphql_stream_fail(graphql_stream_t *stream, err_t err, const char *text)
{
    graphql_subscription_t *self = of_stream(stream);
    if (self->state == ENDED)
        return;
    self->busy++;
    graphql_field_t *field = &self->opening->root.children[0];
    gql_errors_add(&self->opening->errors, err, str_from(text == NULL ? err_text(err) : text),
                   field->plan->places, field->plan->merged_count, &field->path);
    end(self);
    tell_errors(&self->observer, &self->opening->errors);
    leave(self);
}

/* ---- the client's side ---- */

void graphql_unsubscribe(graphql_subscription_t **subscription)
{
    graphql_subscription_t *self = STEAL(*subscription);
    if (self == NULL)
        return;
    self->busy++;
    if (self->state != ENDED)
        end(self);
    leave(self);
}

/* A query or mutation: one next, then complete. */
static void single_done(void *context, const graphql_response_t *response)
{
    graphql_subscription_t *self = context;
    self->running = NULL;
    if (self->state != ENDED) {
        self->busy++;
        self->observer.next(self->observer.context, response->json);
        if (self->state != ENDED) {
            end(self);
            self->observer.complete(self->observer.context);
        }
        self->busy--;
    }
    leave(self);
}

static err_t start_single(graphql_subscription_t *self)
{
    self->running = gql_execution_new(self->prepared, self->root, self->context, single_done, self);
    if (self->running == NULL)
        return ERR_NO_MEMORY;
    self->busy++; /* until single_done */
    self->state = RUNNING;
    if (gql_execution_start(self->running))
        self->running = NULL;
    return ERR_OK;
}

static err_t open_source(graphql_subscription_t *self)
{
    graphql_execution_t *opening =
        gql_execution_new(self->prepared, self->root, self->context, NULL, NULL);
    if (opening == NULL)
        return ERR_NO_MEMORY;
    self->opening = opening;
    const gql_type_t *type = self->prepared->schema->roots[GQL_OPERATION_SUBSCRIPTION];
    opening->is_serial = true; /* makes the field's node without running it */
    gql_node_start_fields(&opening->root, type, self->root);
    if (opening->failed != ERR_OK || opening->root.child_count == 0)
        return opening->failed == ERR_OK ? ERR_INVALID : opening->failed;
    graphql_field_t *field = &opening->root.children[0];
    const gql_plan_field_t *plan = field->plan;
    if (plan->args_err != ERR_OK) {
        gql_errors_add(&opening->errors, plan->args_err, plan->args_message, &plan->args_place, 1,
                       &field->path);
        return plan->args_err;
    }
    err_t err = plan->definition->resolver->open(field, stream_of(self));
    if (err != ERR_OK && opening->errors.count == 0)
        gql_errors_add(&opening->errors, err, str_from(err_text(err)), plan->places,
                       plan->merged_count, &field->path);
    return err;
}

/* Nothing can be executed: the observer is told why. */
static void refuse(graphql_subscription_t *self, err_t err)
{
    if (self->state == ENDED)
        return;
    end(self);
    gql_errors_t *errors = self->opening != NULL && self->opening->errors.count > 0
                               ? &self->opening->errors
                               : &self->prepared->errors;
    if (errors->count == 0)
        gql_errors_add(errors, err, str_from(err_text(err)), NULL, 0, NULL);
    tell_errors(&self->observer, errors);
}

graphql_subscription_t *graphql_subscribe(const graphql_engine_t *engine,
                                          const graphql_request_t *request,
                                          const graphql_observer_t *observer)
{
    graphql_subscription_t *self = memory_new(sizeof *self);
    if (self != NULL)
        self->prepared = gql_prepare(engine, request);
    if (self == NULL || self->prepared == NULL) {
        memory_free(self);
        observer->error(observer->context, STR("[{\"message\":\"out of memory\"}]"));
        return NULL;
    }
    self->root = request->root;
    self->context = request->context;
    self->observer = *observer;
    self->busy++;
    err_t err = self->prepared->err;
    if (err == ERR_OK && self->prepared->operation->operation != GQL_OPERATION_SUBSCRIPTION)
        err = start_single(self);
    else if (err == ERR_OK)
        err = open_source(self);
    if (err != ERR_OK)
        refuse(self, err);
    if (self->state == OPENING)
        self->state = RUNNING;
    run_events(self);
    bool has_ended = self->state == ENDED;
    leave(self);
    return has_ended ? NULL : self;
}
