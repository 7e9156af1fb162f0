#include "gateway/graphql/execute/execute_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

/* ---- null where it is not allowed ---- */

bool gql_node_is_dead(const graphql_field_t *node)
{
    for (; node != NULL; node = node->parent)
        if (node->is_nulled)
            return true;
    return false;
}

static void set_null(graphql_field_t *node)
{
    node->state = GQL_NODE_DONE;
    node->result = GQL_RESULT_NULL;
}

/* The null moves up until it is allowed; the root's data may always be null. */
static void propagate(graphql_field_t *node)
{
    set_null(node);
    while (node->type != NULL && node->type->kind == GQL_REF_NON_NULL && node->parent != NULL) {
        node->is_nulled = true;
        node = node->parent;
        node->result = GQL_RESULT_NULL;
    }
    node->is_nulled = true;
}

static void add_error(graphql_field_t *node, err_t err, str_t message)
{
    const gql_plan_field_t *plan = node->plan;
    if (plan == NULL)
        gql_errors_add(&node->execution->errors, err, message, NULL, 0, NULL);
    else
        gql_errors_add(&node->execution->errors, err, message, plan->places, plan->merged_count,
                       &node->path);
}

void gql_node_null(graphql_field_t *node, err_t err, str_t message)
{
    bool is_required = node->type != NULL && node->type->kind == GQL_REF_NON_NULL;
    if (err != ERR_OK) {
        add_error(node, err, message);
    } else if (is_required) {
        buf_t text BUF_SCOPED = BUF_INIT;
        buf_printf(&text, "Cannot return null for non-nullable field %.*s.%.*s.",
                   STR_ARG(node->object->name), STR_ARG(node->plan->definition->name));
        add_error(node, ERR_INTERNAL, buf_str(&text));
    }
    if (is_required)
        propagate(node);
    else
        set_null(node);
}

/* The arena is used up: nothing more is started, and the answer is this error alone. */
void gql_run_out(graphql_execution_t *self)
{
    size_t size_max = MIN(self->arena.size_max, self->prepared->arena.size_max);
    size_t size = MAX(self->arena.size, self->prepared->arena.size);
    if (self->failed == ERR_OK)
        self->failed = size > size_max / 2 ? ERR_LIMIT : ERR_NO_MEMORY;
    self->root.is_nulled = true;
}

/* ---- running resolvers ---- */

/* No text at all is null where the schema allows it, and the empty text where it does not. */
static err_t return_text(graphql_field_t *node, str_t text)
{
    bool is_wanted = node->type->kind == GQL_REF_NON_NULL;
    return graphql_return_str(node, text.data == NULL && is_wanted ? STR("") : text);
}

static err_t read_member(graphql_field_t *node, const graphql_resolver_t *row)
{
    const char *at = (const char *)node->source;
    if (at == NULL)
        return graphql_return_null(node);
    const void *member = at + row->offset;
    const gql_type_t *type = node->type->named;
    uint64_t id;
    switch (row->read) {
    case GRAPHQL_READ_STR:
        return return_text(node, *(const str_t *)member);
    case GRAPHQL_READ_CSTR:
        return graphql_return_str(node, str_from(*(const char *const *)member));
    case GRAPHQL_READ_BOOL:
        return graphql_return_bool(node, *(const bool *)member);
    case GRAPHQL_READ_U32:
        return graphql_return_int(node, *(const uint32_t *)member);
    case GRAPHQL_READ_I32:
        return graphql_return_int(node, *(const int32_t *)member);
    case GRAPHQL_READ_U64:
        id = *(const uint64_t *)member;
        if (type->scalar == GQL_SCALAR_ID)
            return graphql_return_id(node, id);
        return id > INT64_MAX ? graphql_return_float(node, (double)id)
                              : graphql_return_int(node, (int64_t)id);
    case GRAPHQL_READ_I64:
        return graphql_return_int(node, *(const int64_t *)member);
    case GRAPHQL_READ_F64:
        return graphql_return_float(node, *(const double *)member);
    case GRAPHQL_READ_POINTER:
        member = *(const void *const *)member;
        return member == NULL ? graphql_return_null(node) : graphql_return_object(node, member);
    case GRAPHQL_READ_EMBEDDED:
        return graphql_return_object(node, member);
    case GRAPHQL_READ_NOTHING:
        break;
    }
    return ERR_INTERNAL;
}

/* The event of a subscription is the value of its field, unless the table says otherwise. */
static err_t resolve(graphql_field_t *node)
{
    const graphql_resolver_t *row = node->plan->definition->resolver;
    if (row->resolve != NULL)
        return row->resolve(node);
    if (row->read != GRAPHQL_READ_NOTHING)
        return read_member(node, row);
    return graphql_return_object(node, node->source);
}

/* After a resolver or an item function came back. */
static void settle_node(graphql_field_t *node, err_t err)
{
    if (node->state == GQL_NODE_DONE)
        return;
    if (err == ERR_OK && node->state == GQL_NODE_PENDING)
        return;
    if (node->state == GQL_NODE_PENDING)
        node->execution->pending--;
    node->state = GQL_NODE_DONE;
    if (err == ERR_OK)
        gql_node_null(node, ERR_INTERNAL, STR("the field was not answered"));
    else
        gql_node_null(node, err, str_from(err_text(err)));
}

static void run_field(graphql_field_t *node)
{
    const gql_plan_field_t *plan = node->plan;
    node->state = GQL_NODE_RUNNING;
    if (plan->args_err != ERR_OK) {
        gql_errors_add(&node->execution->errors, plan->args_err, plan->args_message,
                       &plan->args_place, 1, &node->path);
        set_null(node);
        if (node->type->kind == GQL_REF_NON_NULL)
            propagate(node);
        return;
    }
    settle_node(node, resolve(node));
}

void gql_node_run_item(graphql_field_t *item, graphql_item_fn *run, const void *items, size_t index)
{
    item->state = GQL_NODE_RUNNING;
    settle_node(item, run(item, items, index));
}

static bool make_fields(graphql_field_t *node, const gql_type_t *type, const void *source)
{
    graphql_execution_t *execution = node->execution;
    gql_plan_set_t *set = node->plan == NULL
                              ? &execution->prepared->root
                              : gql_plan_below(execution->prepared, node->plan, type);
    graphql_field_t *children =
        set == NULL ? NULL : arena_new_array(&execution->arena, set->count, sizeof *children);
    if (children == NULL)
        return false;
    node->result = GQL_RESULT_CHILDREN;
    node->children = children;
    for (gql_plan_field_t *plan = set->fields; plan != NULL; plan = plan->next) {
        graphql_field_t *child = &children[node->child_count++];
        child->execution = execution;
        child->parent = node;
        child->path = (gql_path_t){&node->path, plan->key, 0};
        child->plan = plan;
        child->object = type;
        child->type = plan->definition->type;
        child->source = source;
    }
    return true;
}

/* Recursion is as deep as the query nests, which limits.depth_max bounds. */
void gql_node_start_fields(graphql_field_t *node, const gql_type_t *type, const void *source)
{
    graphql_execution_t *execution = node->execution;
    if (!make_fields(node, type, source)) {
        gql_run_out(execution);
        return;
    }
    if (node->plan == NULL && execution->is_serial)
        return; /* gql_execution_advance starts them one by one */
    for (uint32_t i = 0; i < node->child_count && !gql_node_is_dead(node); i++)
        run_field(&node->children[i]);
}

/* ---- the whole request ---- */

graphql_execution_t *gql_execution_new(gql_prepared_t *prepared, const void *root_source,
                                       void *context, graphql_done_fn *done, void *done_context)
{
    graphql_execution_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    gql_prepared_ref(prepared);
    self->prepared = prepared;
    self->arena.size_max = prepared->limits->arena_bytes_max;
    self->context = context;
    self->root_source = root_source;
    self->is_serial =
        prepared->operation != NULL && prepared->operation->operation == GQL_OPERATION_MUTATION;
    self->root.execution = self;
    self->done = done;
    self->done_context = done_context;
    gql_errors_init(&self->errors, &self->arena, prepared->errors.source,
                    prepared->limits->errors_max);
    return self;
}

void gql_execution_free(graphql_execution_t *self)
{
    if (self == NULL)
        return;
    gql_prepared_unref(self->prepared);
    arena_deinit(&self->arena);
    memory_free(self);
}

static void answer(graphql_execution_t *self)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    out.size_max = self->prepared->limits->response_bytes_max;
    if (self->failed == ERR_OK && !gql_write_response(self, &out))
        self->failed = buf_status(&out);
    if (self->failed != ERR_OK) {
        gql_errors_t only;
        bool is_limit = self->failed == ERR_LIMIT;
        gql_errors_init(&only, &self->arena, self->errors.source, 1);
        self->arena.size_max = 0;
        gql_errors_add(&only, self->failed,
                       is_limit ? STR("The answer is larger than the server allows.")
                                : STR("out of memory"),
                       NULL, 0, NULL);
        buf_reset(&out);
        out.size_max = 0;
        gql_write_refusal(&only, &out);
    }
    self->done(self->done_context, &(graphql_response_t){buf_str(&out), self->failed});
}

/* Top fields of a mutation: the next one starts when nothing of the last is pending. */
static void advance(graphql_execution_t *self)
{
    graphql_field_t *root = &self->root;
    while (self->is_serial && self->pending == 0 && self->next_serial < root->child_count &&
           !gql_node_is_dead(root) && !self->is_cancelled)
        run_field(&root->children[self->next_serial++]);
}

/* Leaves the execution; true when that was the end of it. */
static bool leave(graphql_execution_t *self)
{
    if (self->busy == 1)
        advance(self);
    if (--self->busy > 0 || self->pending > 0)
        return false;
    if (!self->is_cancelled)
        answer(self);
    gql_execution_free(self);
    return true;
}

bool gql_execution_start(graphql_execution_t *self)
{
    const gql_type_t *type = self->prepared->schema->roots[self->prepared->operation->operation];
    self->busy++;
    self->root.state = GQL_NODE_DONE;
    gql_node_start_fields(&self->root, type, self->root_source);
    return leave(self);
}

graphql_execution_t *graphql_execute(const graphql_engine_t *engine,
                                     const graphql_request_t *request, graphql_done_fn *done,
                                     void *done_context)
{
    gql_prepared_t *prepared = gql_prepare(engine, request);
    if (prepared == NULL) {
        done(done_context,
             &(graphql_response_t){STR("{\"errors\":[{\"message\":\"out of memory\"}]}"),
                                   ERR_NO_MEMORY});
        return NULL;
    }
    if (prepared->err == ERR_OK && prepared->operation->operation == GQL_OPERATION_SUBSCRIPTION) {
        prepared->err = ERR_UNSUPPORTED;
        gql_errors_add(&prepared->errors, ERR_UNSUPPORTED,
                       STR("Subscriptions are served over WebSocket."), NULL, 0, NULL);
    }
    graphql_execution_t *self = NULL;
    if (prepared->err == ERR_OK)
        self = gql_execution_new(prepared, request->root, request->context, done, done_context);
    if (self == NULL) {
        buf_t out BUF_SCOPED = BUF_INIT;
        err_t err = prepared->err == ERR_OK ? ERR_NO_MEMORY : prepared->err;
        gql_write_refusal(&prepared->errors, &out);
        done(done_context, &(graphql_response_t){buf_str(&out), err});
    }
    gql_prepared_unref(prepared);
    return self == NULL || gql_execution_start(self) ? NULL : self;
}

static void call_hooks(graphql_execution_t *self)
{
    for (gql_hook_t *hook = STEAL(self->hooks); hook != NULL; hook = hook->next)
        hook->fn(hook->context);
}

void graphql_cancel(graphql_execution_t **self)
{
    graphql_execution_t *execution = STEAL(*self);
    if (execution == NULL)
        return;
    execution->is_cancelled = true;
    call_hooks(execution);
    if (execution->pending == 0 && execution->busy == 0)
        gql_execution_free(execution);
}

void gql_execution_drop(graphql_execution_t *self)
{
    self->is_unwanted = true;
    call_hooks(self);
}

err_t graphql_on_cancel(graphql_field_t *self, void (*fn)(void *context), void *context)
{
    gql_hook_t *hook = arena_new(&self->execution->arena, sizeof *hook);
    if (hook == NULL)
        return ERR_NO_MEMORY;
    *hook = (gql_hook_t){self->execution->hooks, fn, context};
    self->execution->hooks = hook;
    return ERR_OK;
}

/* ---- pending fields ---- */

err_t graphql_pending(graphql_field_t *self)
{
    ASSERT(self->state == GQL_NODE_RUNNING);
    self->state = GQL_NODE_PENDING;
    self->execution->pending++;
    return ERR_OK;
}

bool graphql_is_pending(const graphql_field_t *self)
{
    return self->state == GQL_NODE_PENDING;
}

bool gql_begin_answer(graphql_field_t *self)
{
    ASSERT(self->state == GQL_NODE_RUNNING || self->state == GQL_NODE_PENDING);
    graphql_execution_t *execution = self->execution;
    execution->busy++;
    if (self->state == GQL_NODE_PENDING)
        execution->pending--;
    self->state = GQL_NODE_DONE;
    return !execution->is_cancelled && !gql_node_is_dead(self);
}

err_t gql_end_answer(graphql_field_t *self)
{
    leave(self->execution);
    return ERR_OK;
}
