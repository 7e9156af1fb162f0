#include "gateway/graphql/resolve/graph.h"

#include "gateway/graphql/resolve/facts.h"
#include "gateway/own_writes.h"
#include "runtime/base/memory.h"

graph_t *graph_new(home_t *home, const token_claims_t *claims)
{
    graph_t *self = memory_new(sizeof *self);
    if (self != NULL)
        *self = (graph_t){.home = home, .claims = *claims, .references = 1};
    return self;
}

graph_t *graph_ref(graph_t *self)
{
    self->references++;
    return self;
}

void graph_unref(graph_t *self)
{
    if (self == NULL || --self->references > 0)
        return;
    facts_free(self->facts);
    memory_free(self);
}

/* ---- asking ---- */

typedef struct question {
    graph_t *graph;
    graphql_field_t *field;
    graph_then_fn then;
    bool is_null_without; /* what is NOT_FOUND is null */
    bool is_to_find;      /* then search has to find what the answer tells of */
    answer_t answer;      /* that waits for that, its message in the field's arena */
} question_t;

static void complete(question_t *self, const answer_t *answer)
{
    graphql_field_t *field = self->field;
    graph_t *graph = self->graph;
    graph_then_fn then = self->then;
    bool is_null = self->is_null_without && answer->err == ERR_NOT_FOUND;
    err_t err = answer->err;
    if (is_null || graphql_is_cancelled(field)) {
        /* In the second case nobody looks, but the field has to be completed. */
        IGNORE_ERR(graphql_return_null(field));
    } else if (err != ERR_OK) {
        char *text = str_is_empty(answer->text) ? NULL : str_dup_terminated(answer->text);
        IGNORE_ERR(graphql_return_error(field, err, text)); /* it always returns OK */
        memory_free(text);
    } else if ((err = then(field, answer)) != ERR_OK) {
        IGNORE_ERR(graphql_return_error(field, err, NULL));
    }
    memory_free(self);
    graph_unref(graph);
}

static void is_found(void *context)
{
    question_t *self = context;
    complete(self, &self->answer);
}

static void answered(void *context, const answer_t *answer)
{
    question_t *self = context;
    const home_t *home = self->graph->home;
    bool is_waited_for =
        self->is_to_find && answer->err == ERR_OK && !graphql_is_cancelled(self->field);
    const void *copy =
        is_waited_for ? graph_keep(self->field, answer->schema, answer->message) : NULL;
    if (copy == NULL) { /* or no memory: it is done all the same */
        complete(self, answer);
        return;
    }
    self->answer = (answer_t){.schema = answer->schema, .message = copy};
    own_writes_wait(runtime_loop(home->api->runtime, edge_scheduler(home->edge)),
                    home->api->names_projection, answer->position, OWN_WRITES_WAIT_MS, is_found,
                    self);
}

static err_t question_new(graphql_field_t *field, graph_then_fn then, question_t **out_question)
{
    question_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    *self = (question_t){.graph = graph_ref(graph_of(field)), .field = field, .then = then};
    *out_question = self;
    return ERR_OK;
}

static err_t ask_with_id(graphql_field_t *field, address_t to, question_t *question,
                         const schema_t *schema, const void *message)
{
    edge_t *edge = graph_of(field)->home->edge;
    str_t command_id = graphql_arg_str(field, "commandId");
    /* Pending first: a refused ask may be answered before it returns. */
    err_t err = graphql_is_pending(field) ? ERR_OK : graphql_pending(field);
    edge_ask_message(edge, to, ASK_TIMEOUT_MS, command_id, answered, question, schema, message);
    return err;
}

err_t graph_ask_message(graphql_field_t *field, address_t to, graph_then_fn then,
                        const schema_t *schema, const void *message)
{
    question_t *question;
    TRY(question_new(field, then, &question));
    return ask_with_id(field, to, question, schema, message);
}

err_t graph_ask_to_find_message(graphql_field_t *field, address_t to, graph_then_fn then,
                                const schema_t *schema, const void *message)
{
    question_t *question;
    TRY(question_new(field, then, &question));
    question->is_to_find = true;
    return ask_with_id(field, to, question, schema, message);
}

err_t graph_ask_or_null_message(graphql_field_t *field, address_t to, graph_then_fn then,
                                const schema_t *schema, const void *message)
{
    question_t *question;
    TRY(question_new(field, then, &question));
    question->is_null_without = true;
    err_t err = graphql_pending(field);
    edge_ask_message(graph_of(field)->home->edge, to, ASK_TIMEOUT_MS, (str_t){0}, answered,
                     question, schema, message);
    return err;
}

err_t graph_ask_again_message(graphql_field_t *field, address_t to, graph_then_fn then,
                              const schema_t *schema, const void *message)
{
    question_t *question;
    TRY(question_new(field, then, &question));
    edge_ask_message(graph_of(field)->home->edge, to, ASK_TIMEOUT_MS, (str_t){0}, answered,
                     question, schema, message);
    return ERR_OK;
}

/* ---- long work ---- */

typedef struct slices {
    graph_t *graph;
    graphql_field_t *field;
    size_t next, count;
    graph_step_fn step;
    err_t (*then)(graphql_field_t *field, void *data);
    void *data;
} slices_t;

static void run_slice(void *context)
{
    slices_t *self = context;
    graph_t *graph = self->graph;
    size_t begin = self->next, end = MIN(begin + GRAPH_SLICE, self->count);
    err_t err = graphql_is_cancelled(self->field) ? ERR_CANCELLED
                                                  : self->step(self->field, self->data, begin, end);
    self->next = end;
    if (err == ERR_OK && end < self->count) {
        err = edge_post(graph->home->edge, run_slice, self);
        if (err == ERR_OK)
            return;
    }
    if (err == ERR_OK)
        err = self->then(self->field, self->data);
    if (err != ERR_OK)
        IGNORE_ERR(graphql_return_error(self->field, err, NULL)); /* always OK */
    memory_free(self);
    graph_unref(graph);
}

err_t graph_in_slices(graphql_field_t *field, size_t count, graph_step_fn step,
                      err_t (*then)(graphql_field_t *field, void *data), void *data)
{
    if (count <= GRAPH_SLICE) {
        TRY(step(field, data, 0, count));
        return then(field, data);
    }
    graph_t *graph = graph_of(field);
    slices_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    *self = (slices_t){graph, field, 0, count, step, then, data};
    err_t err = edge_post(graph->home->edge, run_slice, self);
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    graph_ref(graph);
    return graphql_pending(field);
}

graph_page_t *graph_new_page(graphql_field_t *field, size_t count, bool has_next,
                             uint64_t total_count)
{
    graph_page_t *page = arena_new(graphql_arena(field), sizeof *page);
    graph_edge_t *edges = arena_new_array(graphql_arena(field), count, sizeof *edges);
    if (page == NULL || edges == NULL)
        return NULL;
    *page = (graph_page_t){.edges = edges,
                           .has_next = has_next,
                           .has_previous = !str_is_empty(graphql_arg_str(field, "after")),
                           .total_count = total_count};
    return page;
}

void graph_add_edge(graphql_field_t *field, graph_page_t *page, uint64_t number, const void *node)
{
    page->edges[page->count++] = (graph_edge_t){
        arena_printf(graphql_arena(field), "%llu", (unsigned long long)number), node, NULL};
}

const void *graph_keep(graphql_field_t *field, const schema_t *schema, const void *value)
{
    void *room = arena_new(graphql_arena(field), schema_deep_size(schema, value));
    if (room != NULL)
        schema_copy(schema, value, room);
    return room;
}

str_t graph_keep_str(graphql_field_t *field, str_t text)
{
    return arena_str(graphql_arena(field), text);
}

/* ---- ids ---- */

err_t graph_return_id(graphql_field_t *field, const char *prefix, uint64_t id)
{
    return graphql_return_str(
        field, arena_printf(graphql_arena(field), "%s%llu", prefix, (unsigned long long)id));
}

err_t graph_text_id(str_t text, const char *prefix, str_t *out_id)
{
    str_t start = str_from(prefix);
    if (!str_starts_with(text, start) || text.size == start.size ||
        text.size > start.size + ACTOR_KEY_SIZE_MAX)
        return ERR_NOT_FOUND;
    *out_id = str_slice(text, start.size, text.size);
    return ERR_OK;
}

err_t graph_id(str_t text, const char *prefix, uint64_t *out_id)
{
    str_t digits;
    TRY(graph_text_id(text, prefix, &digits));
    return str_to_u64(digits, out_id) == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
}

err_t graph_arg_id(graphql_field_t *field, const char *name, const char *prefix, uint64_t *out_id)
{
    return graph_id(graphql_arg_str(field, name), prefix, out_id);
}

err_t graph_return_time(graphql_field_t *field, int64_t wall_ms)
{
    char text[ISO_TIME_SIZE];
    if (wall_ms == 0)
        return graphql_return_null(field);
    clock_iso(wall_ms, text);
    return graphql_return_str(field, str_from(text));
}

err_t graph_return_text_or_null(graphql_field_t *field, str_t text)
{
    return str_is_empty(text) ? graphql_return_null(field) : graphql_return_str(field, text);
}

err_t graph_arg_first(graphql_field_t *field, uint32_t *out_first)
{
    int64_t first = graphql_arg_int(field, "first", 0);
    if (first < 1 || first > CATALOG_PAGE_MAX)
        return ERR_INVALID;
    *out_first = (uint32_t)first;
    return ERR_OK;
}

/* ---- the engine ---- */

err_t graph_engine_new(str_t sdl, buf_t *out_problems, graphql_engine_t **out_engine)
{
    const graph_rows_t parts[] = {
        resolve_pages(),         resolve_catalog(),        resolve_track(),
        resolve_library(),       resolve_user(),           resolve_playlist(),
        resolve_session(),       resolve_playlist_edits(), resolve_session_edits(),
        resolve_subscriptions(), resolve_lyrics(),         resolve_settings(),
        resolve_search(),        resolve_found(),          resolve_recent(),
        resolve_highlights(),    resolve_follows(),        resolve_rooms(),
        resolve_activities(),
    };
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        count += parts[i].count;
    graphql_resolver_t *rows MEMORY_SCOPED = memory_new_array(count, sizeof *rows);
    if (rows == NULL)
        return ERR_NO_MEMORY;
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        memcpy(rows + at, parts[i].rows, parts[i].count * sizeof *rows);
        at += parts[i].count;
    }
    graphql_engine_options_t options = {.sdl = sdl, .resolvers = rows, .resolver_count = count};
    return graphql_engine_new(&options, out_problems, out_engine);
}
