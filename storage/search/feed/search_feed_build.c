#include "storage/search/feed/search_feed_parts.h"

enum { LAST_TRIES = 4096 /* updates of an index that nobody reads yet */ };

static err_t begin(search_feed_t *self, search_documents_t *documents, catalog_mark_t *out_mark,
                   uint64_t *out_expected)
{
    TRY(search_documents_begin(documents, self->options.catalog, self->options.lyrics, out_mark));
    return search_documents_count(documents, out_expected);
}

static err_t build_from(search_feed_t *self, search_documents_t *documents,
                        const atomic_bool *is_stopped)
{
    catalog_mark_t mark;
    uint64_t expected;
    err_t err = begin(self, documents, &mark, &expected);
    documents->is_damaged = err == ERR_CORRUPT; /* else next may say so */
    if (err != ERR_OK)
        return err;
    search_build_options_t options = {
        .source = {.context = documents, .next = search_documents_next, .expected = expected},
        .position = {mark.generation, mark.sequence},
        .now_ms = (uint64_t)clock_wall_ms(&self->options.clock),
        .is_stopped = is_stopped,
        .done = &self->done,
        .total = &self->total,
        .map_size = self->options.map_size};
    return search_build(buf_terminated(&self->path_new), &options);
}

static err_t build_files(search_feed_t *self, const atomic_bool *is_stopped)
{
    search_documents_t documents SEARCH_DOCUMENTS_SCOPED = {0};
    err_t err = build_from(self, &documents, is_stopped);
    search_feed_count_reading(self, &documents.reading);
    if (err == ERR_CORRUPT && documents.is_damaged)
        search_feed_source_damaged(self);
    return err;
}

static bool is_full(const search_feed_t *self, search_index_t *index)
{
    search_index_stats_t stats;
    return search_index_stats(index, &stats) == ERR_OK && search_feed_is_past(self, &stats);
}

/* Until it has all, or can take no more. LIMIT: so many steps were not enough. */
static err_t catch_up(search_feed_t *self, search_index_t *index, size_t steps,
                      const atomic_bool *is_stopped)
{
    search_stepped_t stepped = {.is_behind = true};
    for (size_t i = 0; stepped.is_behind && i < steps && !is_full(self, index); i++) {
        if (atomic_load(is_stopped))
            return ERR_CANCELLED;
        TRY(search_feed_step(self, index, &stepped));
    }
    return stepped.is_behind ? ERR_LIMIT : ERR_OK;
}

/* While nobody else updates. It need not have all: an import may note more than can be caught up
 * with. But questions never go back: LIMIT, if the one before has more. */
static err_t catch_up_with_old(search_feed_t *self, search_index_t *fresh,
                               const atomic_bool *is_stopped)
{
    search_position_t to;
    err_t err = catch_up(self, fresh, SEARCH_FEED_LAST_UPDATES, is_stopped);
    if (err != ERR_LIMIT)
        return err;
    TRY(search_feed_position_of(fresh, &to));
    bool is_before = to.generation == atomic_load(&self->generation) &&
                     to.position < atomic_load(&self->sequence);
    return is_before ? ERR_LIMIT : ERR_OK;
}

/* Who waits for what another catalog's index was to have finds it here. What fails once it is in
 * place is no failure of the build: the next update goes on. */
static err_t take_over(search_feed_t *self, search_index_t **fresh, const atomic_bool *is_stopped)
{
    search_position_t position;
    TRY(catch_up_with_old(self, *fresh, is_stopped));
    TRY(search_feed_position_of(*fresh, &position));
    bool is_other = position.generation != atomic_load(&self->generation);
    TRY(search_index_swap(self->index, STEAL(*fresh)));
    atomic_fetch_add(&self->counts.builds, 1); /* first: what is damaged is the one before */
    atomic_store(&self->is_damaged, false);
    atomic_store(&self->is_stale, false);
    self->trimmed = 0;
    search_feed_look(self);
    search_feed_moved(self, position);
    err_t err = catch_up(self, self->index, SEARCH_FEED_LAST_UPDATES, is_stopped);
    search_feed_look(self);
    if (search_feed_position_of(self->index, &position) == ERR_OK)
        search_feed_moved(self, position);
    if (is_other)
        waiters_reach(&self->waiters, UINT64_MAX, err == ERR_OK ? ERR_OK : ERR_STALE);
    return ERR_OK;
}

static err_t build(search_feed_t *self, const atomic_bool *is_stopped)
{
    search_index_t *fresh SEARCH_INDEX_SCOPED = NULL;
    const search_index_options_t options = {buf_terminated(&self->path_new),
                                            self->options.map_size};
    TRY(build_files(self, is_stopped));
    TRY(search_index_open(&options, &fresh));
    err_t err = catch_up(self, fresh, LAST_TRIES, is_stopped);
    if (err != ERR_OK && err != ERR_LIMIT)
        return err;
    pthread_mutex_lock(&self->updating);
    err = take_over(self, &fresh, is_stopped);
    pthread_mutex_unlock(&self->updating);
    return err;
}

void search_feed_plan(search_feed_t *self)
{
    atomic_store(&self->done, 0);
    atomic_store(&self->total, 0);
}

err_t search_feed_build(search_feed_t *self, const atomic_bool *is_stopped)
{
    err_t err = ERR_STALE;
    uint64_t begun_ms = clock_mono_ms(&self->options.clock);
    if (atomic_exchange(&self->is_building, true))
        return ERR_BUSY;
    for (int i = 0; err == ERR_STALE && i < SEARCH_FEED_TRIES; i++) {
        search_feed_plan(self);
        err = build(self, is_stopped);
    }
    if (err == ERR_OK)
        atomic_store(&self->counts.build_ms, clock_mono_ms(&self->options.clock) - begun_ms);
    atomic_store(&self->is_building, false);
    return err;
}
