#include "storage/search/asking/search_asker.h"

#include "runtime/base/memory.h"

/* A round of one scheduler's loop: what is left of it for questions. */
typedef struct search_round {
    uv_prepare_t prepare; /* a round ends where the loop looks for what came */
    bool is_watched, is_begun;
    uint64_t began_ns, work_left;
    search_ask_t *away; /* asks of this scheduler that the pool has */
} search_round_t;

typedef struct search_counters {
    _Atomic uint64_t here, offloaded, cut, refused, cancelled, held_ns_max;
} search_counters_t;

struct search_asker {
    search_asker_options_t options;
    ms_clock_t clock;
    uint32_t scheduler_count;
    _Atomic uint32_t waiting;
    search_counters_t counters;
    search_round_t rounds[]; /* by scheduler */
};

err_t search_asker_new(const search_asker_options_t *options, search_asker_t **out_asker)
{
    uint32_t count = runtime_scheduler_count(options->runtime);
    search_asker_t *self = memory_new(sizeof *self + count * sizeof self->rounds[0]);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->scheduler_count = count;
    self->options = *options;
    self->clock = clock_system();
    if (options->work_inline == 0)
        self->options.work_inline = SEARCH_WORK_INLINE;
    if (options->inline_ms == 0)
        self->options.inline_ms = SEARCH_INLINE_MS;
    if (options->waiting_max == 0)
        self->options.waiting_max = SEARCH_WAITING_MAX;
    *out_asker = self;
    return ERR_OK;
}

/* What is still away comes back no more. */
void search_asker_free(search_asker_t *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->scheduler_count; i++)
        for (search_ask_t *ask = self->rounds[i].away; ask != NULL; ask = ask->next)
            arena_deinit(&ask->own);
    memory_free(self);
}

void search_asker_scope_end(search_asker_t **self)
{
    search_asker_free(*self);
}

/* ---- rounds ---- */

static void round_ended(uv_prepare_t *prepare)
{
    CONTAINER_OF(prepare, search_round_t, prepare)->is_begun = false;
}

/* The loop closes its handles when it ends. */
static void watch(search_asker_t *self, search_round_t *round, uint32_t scheduler)
{
    uv_prepare_init(runtime_loop(self->options.runtime, scheduler), &round->prepare);
    uv_prepare_start(&round->prepare, round_ended);
    uv_unref((uv_handle_t *)&round->prepare);
    round->is_watched = true;
}

static search_round_t *round_of(search_asker_t *self, edge_t *edge)
{
    search_round_t *round = &self->rounds[edge_scheduler(edge)];
    if (!round->is_watched)
        watch(self, round, edge_scheduler(edge));
    if (!round->is_begun) {
        round->is_begun = true;
        round->began_ns = clock_mono_ns(&self->clock);
        round->work_left = self->options.work_inline;
    }
    return round;
}

static uint64_t end_of(const search_asker_t *self, const search_round_t *round)
{
    return round->began_ns + (uint64_t)self->options.inline_ms * 1000000;
}

static void note_held(search_asker_t *self, const search_round_t *round)
{
    uint64_t held_ns = clock_mono_ns(&self->clock) - round->began_ns;
    uint64_t most = atomic_load(&self->counters.held_ns_max);
    while (held_ns > most &&
           !atomic_compare_exchange_weak(&self->counters.held_ns_max, &most, held_ns))
        ;
}

/* ---- here ---- */

static void count_cut(search_asker_t *self, bool is_cut)
{
    atomic_fetch_add(&self->counters.cut, is_cut ? 1 : 0);
}

static void answered(search_asker_t *self, search_part_t *part, err_t err)
{
    part->err = err;
    part->is_answered = true;
    count_cut(self, err == ERR_OK && part->found.is_cut);
}

static void names_answered(search_asker_t *self, search_names_part_t *names, err_t err)
{
    names->err = err;
    names->is_answered = true;
    count_cut(self, err == ERR_OK && names->found.is_cut);
}

static bool has_room(const search_asker_t *self)
{
    return atomic_load(&self->waiting) < self->options.waiting_max;
}

/* What is left of a round; 0 when its time is over. */
static uint64_t work_left(const search_asker_t *self, search_round_t *round)
{
    if (round->work_left > 0 && clock_mono_ns(&self->clock) >= end_of(self, round))
        round->work_left = 0;
    return round->work_left;
}

static void spend(search_asker_t *self, search_round_t *round, uint64_t work)
{
    round->work_left -= MIN(work, round->work_left);
    note_held(self, round);
}

static void count_here(search_asker_t *self, bool is_refused)
{
    atomic_fetch_add(&self->counters.here, 1);
    atomic_fetch_add(&self->counters.refused, is_refused ? 1 : 0);
}

/* False: it needs more than is left of the round. Where the pool has no room, it is answered with
 * what there is. */
static bool ask_here(search_asker_t *self, search_ask_t *ask, search_part_t *part)
{
    search_round_t *round = round_of(self, ask->edge);
    search_request_t request = part->request;
    bool may_give_up = has_room(self);
    if (work_left(self, round) == 0)
        return false;
    request.work_max = round->work_left;
    request.gives_up = may_give_up;
    request.until_ns = end_of(self, round);
    request.clock = self->clock;
    err_t err = search_feed_ask(self->options.feed, ask->arena, &request, &part->found);
    bool gives_up = err == ERR_LIMIT && may_give_up;
    spend(self, round, err == ERR_OK ? part->found.work : gives_up ? request.work_max : 0);
    if (gives_up)
        return false;
    answered(self, part, err);
    count_here(self, !may_give_up && err == ERR_OK && part->found.is_cut);
    return true;
}

/* The same of names, which are cut rather than given up. */
static bool ask_names_here(search_asker_t *self, search_ask_t *ask)
{
    search_round_t *round = round_of(self, ask->edge);
    search_names_part_t *names = &ask->names;
    name_index_query_t query = names->query;
    if (work_left(self, round) == 0)
        return false;
    query.work_max = MIN(round->work_left, (uint64_t)NAME_INDEX_WORK_MAX);
    err_t err = name_index_find(self->options.names, ask->arena, &query, &names->found);
    bool is_cut = err == ERR_OK && names->found.is_cut && query.work_max < NAME_INDEX_WORK_MAX;
    spend(self, round, err == ERR_OK ? names->found.work : 0);
    if (is_cut && has_room(self))
        return false;
    names_answered(self, names, err);
    count_here(self, is_cut);
    return true;
}

/* ---- elsewhere ---- */

static void count_away(search_asker_t *self, err_t err, _Atomic uint64_t *counter)
{
    atomic_fetch_add(err == ERR_CANCELLED ? &self->counters.cancelled : counter, 1);
}

static void work_part(search_asker_t *self, search_ask_t *ask, search_part_t *part)
{
    search_request_t request = part->request;
    request.work_max = SEARCH_WORK_MAX;
    request.is_stopped = &ask->is_stopped;
    answered(self, part, search_feed_ask(self->options.feed, &ask->own, &request, &part->found));
    count_away(self, part->err, &self->counters.offloaded);
}

static void work_names(search_asker_t *self, search_ask_t *ask)
{
    name_index_query_t query = ask->names.query;
    query.is_stopped = &ask->is_stopped;
    err_t err = name_index_find(self->options.names, &ask->own, &query, &ask->names.found);
    names_answered(self, &ask->names, atomic_load(&ask->is_stopped) ? ERR_CANCELLED : err);
    count_away(self, ask->names.err, &self->counters.offloaded);
}

static bool wants_names(const search_ask_t *ask)
{
    return ask->names.is_wanted && !ask->names.is_answered;
}

static err_t work(void *data)
{
    search_ask_t *ask = data;
    for (uint32_t i = 0; i < ask->count; i++)
        if (!ask->parts[i].is_answered)
            work_part(ask->asker, ask, &ask->parts[i]);
    if (wants_names(ask))
        work_names(ask->asker, ask);
    return ERR_OK;
}

/* What was not answered there has the error. */
static void refuse(search_asker_t *self, search_ask_t *ask, err_t err)
{
    for (uint32_t i = 0; i < ask->count; i++) {
        if (ask->parts[i].is_answered)
            continue;
        answered(self, &ask->parts[i], err);
        count_away(self, err, &self->counters.refused);
    }
    if (!wants_names(ask))
        return;
    names_answered(self, &ask->names, err);
    count_away(self, err, &self->counters.refused);
}

static void link_away(search_ask_t *ask)
{
    search_round_t *round = &ask->asker->rounds[edge_scheduler(ask->edge)];
    ask->next = round->away;
    if (ask->next != NULL)
        ask->next->previous = ask;
    round->away = ask;
}

static void unlink_away(search_ask_t *ask)
{
    search_round_t *round = &ask->asker->rounds[edge_scheduler(ask->edge)];
    *(ask->previous == NULL ? &round->away : &ask->previous->next) = ask->next;
    if (ask->next != NULL)
        ask->next->previous = ask->previous;
}

static void worked(void *data, err_t err)
{
    search_ask_t *ask = data;
    ask->ticket = 0;
    unlink_away(ask);
    arena_take(ask->arena, &ask->own);
    if (err != ERR_OK)
        refuse(ask->asker, ask, err);
    atomic_fetch_sub(&ask->asker->waiting, 1);
    if (ask->is_posting)
        ask->is_back = true;
    else
        ask->then(ask->context);
}

/* True: it could not be posted, and is answered. */
static bool post(search_asker_t *self, search_ask_t *ask)
{
    const offload_options_t options = {.lane = OFFLOAD_COMPUTE, .priority = OFFLOAD_LOW};
    if (atomic_fetch_add(&self->waiting, 1) >= self->options.waiting_max) {
        atomic_fetch_sub(&self->waiting, 1);
        refuse(self, ask, ERR_BUSY);
        return true;
    }
    ask->asker = self;
    link_away(ask);
    ask->is_posting = true;
    uint64_t ticket = edge_offload_with(ask->edge, &options, work, worked, ask);
    ask->is_posting = false;
    if (!ask->is_back)
        ask->ticket = ticket;
    return ask->is_back;
}

/* ---- asking ---- */

bool search_asker_ask(search_asker_t *self, search_ask_t *ask)
{
    bool is_answered = true;
    for (uint32_t i = 0; i < ask->count; i++)
        if (!ask_here(self, ask, &ask->parts[i]))
            is_answered = false;
    if (ask->names.is_wanted && !ask_names_here(self, ask))
        is_answered = false;
    return is_answered || post(self, ask);
}

void search_asker_cancel(search_ask_t *ask)
{
    if (ask->ticket == 0)
        return;
    atomic_store(&ask->is_stopped, true);
    edge_offload_cancel(ask->edge, ask->ticket);
}

void search_asker_stats(search_asker_t *self, search_asker_stats_t *out_stats)
{
    *out_stats = (search_asker_stats_t){.here = atomic_load(&self->counters.here),
                                        .offloaded = atomic_load(&self->counters.offloaded),
                                        .cut = atomic_load(&self->counters.cut),
                                        .refused = atomic_load(&self->counters.refused),
                                        .cancelled = atomic_load(&self->counters.cancelled),
                                        .held_ns_max = atomic_load(&self->counters.held_ns_max),
                                        .waiting = atomic_load(&self->waiting)};
}
