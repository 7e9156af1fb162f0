#pragma once
/* asking.h -- asks actors of a running runtime from a test's thread and waits for the whole answer;
 * and listens to a topic. A header only, because the runtime is not a library of every test. */

#include "runtime/base/memory.h"
#include "runtime/runtime.h"
#include "tests/support/check.h"

#include <stdio.h>

typedef struct asked {
    err_t err;
    const schema_t *schema;
    const void *message; /* a deep copy, freed with the arena of the asking */
    char text[128];
} asked_t;

typedef struct asking {
    runtime_t *runtime;
    arena_t arena; /* answers live here until asking_deinit */
} asking_t;

static inline void asking_deinit(asking_t *self)
{
    arena_deinit(&self->arena);
}
#define ASKING_SCOPED SCOPED(asking_deinit)

typedef struct asking_call {
    asking_t *asking;
    address_t to;
    str_t command_id;
    const schema_t *schema;
    const void *message;
    asked_t asked;
    uv_sem_t done;
} asking_call_t;

static inline void asking_on_answer(void *context, const answer_t *answer)
{
    asking_call_t *call = context;
    call->asked.err = answer->err;
    call->asked.schema = answer->schema;
    str_to_array(answer->text, call->asked.text, sizeof call->asked.text);
    if (answer->err == ERR_OK && answer->schema != NULL) {
        size_t size = schema_deep_size(answer->schema, answer->message);
        void *copy = arena_new(&call->asking->arena, MAX(size, (size_t)1));
        if (copy != NULL)
            schema_copy(answer->schema, answer->message, copy);
        call->asked.message = copy;
    }
    uv_sem_post(&call->done);
}

static inline void asking_there(void *context)
{
    asking_call_t *call = context;
    edge_ask_message(runtime_edge(call->asking->runtime, 0), call->to, 20000, call->command_id,
                     asking_on_answer, call, call->schema, call->message);
}

static inline asked_t ask_with_id(asking_t *self, address_t to, str_t command_id,
                                  const schema_t *schema, const void *message)
{
    asking_call_t call = {self, to, command_id, schema, message, {0}, {{0}}};
    uv_sem_init(&call.done, 0);
    check_ok(edge_post(runtime_edge(self->runtime, 0), asking_there, &call));
    uv_sem_wait(&call.done);
    uv_sem_destroy(&call.done);
    return call.asked;
}

#define ask(self, to, command, ...)                                                                \
    ask_with_id((self), (to), STR(""), &command##_schema, &(command##_t){__VA_ARGS__})

/* The reply, which must be of this type. */
#define asked_as(asked, reply)                                                                     \
    ((const reply##_t *)asked_check((asked), &reply##_schema, __FILE__, __LINE__))
static inline const void *asked_check(asked_t asked, const schema_t *schema, const char *file,
                                      int line)
{
    cr_assert(asked.err == ERR_OK, "%s:%d: %s (%s)", file, line, err_name(asked.err), asked.text);
    cr_assert(asked.schema == schema, "%s:%d: answered with %s, not %s", file, line,
              asked.schema == NULL ? "nothing" : asked.schema->name, schema->name);
    return asked.message;
}

/* ---- topics ---- */

enum { LISTENING_MAX = 256 };

typedef struct listening {
    runtime_t *runtime;
    str_t topic;
    edge_subscription_t *subscription;
    uv_mutex_t lock;
    uv_cond_t more;
    const schema_t *schemas[LISTENING_MAX];
    void *messages[LISTENING_MAX];
    uint32_t count;
    uv_sem_t ready;
} listening_t;

static inline void listening_on_message(void *context, str_t topic, const schema_t *schema,
                                        const void *message)
{
    listening_t *self = context;
    (void)topic;
    uv_mutex_lock(&self->lock);
    if (self->count < LISTENING_MAX) {
        void *copy = memory_new(schema_deep_size(schema, message));
        schema_copy(schema, message, copy);
        self->schemas[self->count] = schema;
        self->messages[self->count++] = copy;
    }
    uv_cond_broadcast(&self->more);
    uv_mutex_unlock(&self->lock);
}

static inline void listening_there(void *context)
{
    listening_t *self = context;
    self->subscription =
        edge_subscribe(runtime_edge(self->runtime, 0), self->topic, listening_on_message, self);
    uv_sem_post(&self->ready);
}

static inline void listening_start(listening_t *self, runtime_t *runtime, str_t topic)
{
    *self = (listening_t){.runtime = runtime, .topic = topic};
    uv_mutex_init(&self->lock);
    uv_cond_init(&self->more);
    uv_sem_init(&self->ready, 0);
    check_ok(edge_post(runtime_edge(runtime, 0), listening_there, self));
    uv_sem_wait(&self->ready);
    cr_assert(self->subscription != NULL);
}

/* Waits for the message with this index (10 s), which must be of the schema. */
static inline const void *listening_at(listening_t *self, uint32_t index, const schema_t *schema)
{
    uv_mutex_lock(&self->lock);
    int late = 0;
    while (self->count <= index && late == 0)
        late = uv_cond_timedwait(&self->more, &self->lock, UINT64_C(10000000000));
    cr_assert(late == 0, "message %u of a topic did not come", index);
    cr_assert(self->schemas[index] == schema, "it is %s", self->schemas[index]->name);
    const void *message = self->messages[index];
    uv_mutex_unlock(&self->lock);
    return message;
}

static inline void listening_gone(void *context)
{
    listening_t *self = context;
    edge_unsubscribe(&self->subscription);
    uv_sem_post(&self->ready);
}

/* Before the runtime is drained. */
static inline void listening_stop(listening_t *self)
{
    check_ok(edge_post(runtime_edge(self->runtime, 0), listening_gone, self));
    uv_sem_wait(&self->ready);
    for (uint32_t i = 0; i < self->count; i++)
        memory_free(self->messages[i]);
    uv_sem_destroy(&self->ready);
    uv_cond_destroy(&self->more);
    uv_mutex_destroy(&self->lock);
}
