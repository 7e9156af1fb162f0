#include "gateway/graphql/resolve/facts.h"

#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/graph.h"
#include "runtime/base/memory.h"

typedef struct waiting {
    struct waiting *next;
    graphql_field_t *field;
    uint64_t track_id;
    fact_t fact;
} waiting_t;

struct facts {
    waiting_t *first, **last; /* waiting for the next round */
};

/* One question that is out; it keeps its graph. */
typedef struct batch {
    graph_t *graph;
    waiting_t *first;
} batch_t;

static err_t complete(const waiting_t *waiting, const user_track_facts_t *facts)
{
    switch (waiting->fact) {
    case FACT_FAVOURITE:
        return graphql_return_bool(waiting->field, facts->is_favourite);
    case FACT_RATING:
        return facts->rating == 0 ? graphql_return_null(waiting->field)
                                  : graphql_return_int(waiting->field, facts->rating);
    case FACT_PLAYS:
        return graphql_return_int(waiting->field, facts->play_count);
    }
    return graphql_return_null(waiting->field);
}

static void batch_answered(void *context, const answer_t *answer)
{
    batch_t *self = context;
    const user_facts_t *facts = answer->err == ERR_OK ? answer->message : NULL;
    uint32_t index = 0;
    for (waiting_t *waiting = self->first, *next; waiting != NULL; waiting = next, index++) {
        next = waiting->next;
        err_t err = answer->err;
        if (facts != NULL && index < facts->tracks.count)
            err = complete(waiting, &facts->tracks.items[index]);
        else
            err = graphql_return_error(waiting->field, err == ERR_OK ? ERR_INTERNAL : err, NULL);
        IGNORE_ERR(err); /* an answered field takes no other */
        memory_free(waiting);
    }
    graph_unref(self->graph);
    memory_free(self);
}

static void give_up(waiting_t *waiting)
{
    for (waiting_t *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        IGNORE_ERR(graphql_return_error(waiting->field, ERR_NO_MEMORY, NULL)); /* always OK */
        memory_free(waiting);
    }
}

/* Sends one batch from the front of the list; the rest stays. */
static void ask_batch(graph_t *graph, waiting_t **list)
{
    uint64_t ids[USER_PAGE_MAX];
    uint32_t count = 0;
    batch_t *batch = memory_new(sizeof *batch);
    if (batch == NULL) {
        give_up(STEAL(*list));
        return;
    }
    *batch = (batch_t){graph_ref(graph), *list};
    waiting_t **at = list;
    for (; *at != NULL && count < USER_PAGE_MAX; at = &(*at)->next)
        ids[count++] = (*at)->track_id;
    *list = STEAL(*at);
    edge_ask(graph->home->edge, address_of(USER_KIND, graph_user_id(graph)), ASK_TIMEOUT_MS,
             (str_t){0}, batch_answered, batch, user_get_track_facts, .track_ids = {ids, count});
}

static void flush(void *context)
{
    graph_t *graph = context;
    facts_t *self = graph->facts;
    waiting_t *list = STEAL(self->first);
    self->last = &self->first;
    while (list != NULL)
        ask_batch(graph, &list);
    graph_unref(graph);
}

err_t facts_return(graphql_field_t *field, uint64_t track_id, fact_t fact)
{
    graph_t *graph = graph_of(field);
    if (graph->facts == NULL) {
        graph->facts = memory_new(sizeof *graph->facts);
        if (graph->facts == NULL)
            return ERR_NO_MEMORY;
        graph->facts->last = &graph->facts->first;
    }
    facts_t *self = graph->facts;
    waiting_t *waiting = memory_new(sizeof *waiting);
    if (waiting == NULL)
        return ERR_NO_MEMORY;
    *waiting = (waiting_t){NULL, field, track_id, fact};
    if (self->first == NULL) {
        err_t err = edge_post(graph->home->edge, flush, graph);
        if (err != ERR_OK) {
            memory_free(waiting);
            return err;
        }
        graph_ref(graph);
    }
    *self->last = waiting;
    self->last = &waiting->next;
    return graphql_pending(field);
}

void facts_free(facts_t *self)
{
    memory_free(self);
}
