/* graph_gather.c -- one question to many actors, for a field that shows who answers. */

#include "gateway/graphql/resolve/graph.h"
#include "runtime/base/memory.h"

typedef struct gather {
    graph_t *graph;
    graphql_field_t *field;
    const graph_gather_t *what;
    uint32_t waiting, found;
    const void **answers; /* in the field's arena, as `what` is */
} gather_t;

static void finish(gather_t *self)
{
    err_t err = graphql_is_cancelled(self->field)
                    ? ERR_CANCELLED
                    : self->what->then(self->field, self->answers, self->found);
    if (err != ERR_OK)
        IGNORE_ERR(graphql_return_error(self->field, err, NULL)); /* always OK */
    graph_unref(self->graph);
    memory_free(self);
}

static void one_gathered(void *context, const answer_t *answer)
{
    gather_t *self = context;
    const void *copy =
        answer->err == ERR_OK ? graph_keep(self->field, answer->schema, answer->message) : NULL;
    if (copy != NULL)
        self->answers[self->found++] = copy;
    if (--self->waiting == 0)
        finish(self);
}

err_t graph_gather(graphql_field_t *field, const graph_gather_t *what, const str_t *keys,
                   uint32_t count)
{
    graph_t *graph = graph_of(field);
    arena_t *arena = graphql_arena(field);
    gather_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    *self = (gather_t){.graph = graph_ref(graph), .field = field, .waiting = count + 1};
    self->what = arena_dup(arena, what, sizeof *what);
    self->answers = arena_new_array(arena, count, sizeof *self->answers);
    if (self->what == NULL || self->answers == NULL) {
        graph_unref(graph);
        memory_free(self);
        return ERR_NO_MEMORY;
    }
    /* One is for this function: answers may come at once. */
    for (uint32_t i = 0; i < count; i++)
        edge_ask_message(graph->home->edge, address_of(what->kind, keys[i]), ASK_TIMEOUT_MS,
                         (str_t){0}, one_gathered, self, what->schema, what->question);
    if (--self->waiting == 0)
        finish(self);
    return ERR_OK;
}
