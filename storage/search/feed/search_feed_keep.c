#include "storage/search/feed/search_feed_parts.h"

/* ---- updates ---- */

enum {
    BATCH_SIZE_MAX = 8 << 20, /* bytes of one update's documents: lyrics are the most of it */
    TRIM_EVERY = 4096,        /* notes */
    LAST_TRIES = 4096,        /* updates of an index that nobody reads yet */
};

static const uint64_t DAY_MS = 86400000;

void search_feed_moved(search_feed_t *self, search_position_t position)
{
    atomic_store(&self->sequence, position.position);
    atomic_store(&self->generation, position.generation);
    if (position.generation != 0)
        waiters_reach(&self->waiters, position.position, ERR_OK);
}

static catalog_mark_t mark_of(search_position_t position)
{
    return (catalog_mark_t){position.generation, position.position};
}

/* The documents of a batch of notes; they live in the arena of the reading. */
typedef struct batch {
    search_change_t *changes;
    size_t count;
    search_position_t position; /* with all of them */
    bool is_behind;
} batch_t;

static err_t add_change(catalog_read_t *read, search_lyrics_folder_t *lyrics, batch_t *batch,
                        const catalog_change_t *note)
{
    search_change_t *change = &batch->changes[batch->count];
    *change = (search_change_t){.document = {.kind = note->kind, .id = note->id}};
    err_t err = search_document_of(read, lyrics, note->kind, note->id, &change->document);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    change->is_removal = err == ERR_NOT_FOUND;
    batch->count++;
    batch->position.position = note->sequence;
    return ERR_OK;
}

static err_t collect(catalog_read_t *read, search_lyrics_folder_t *lyrics, search_position_t from,
                     batch_t *out_batch)
{
    _Static_assert((int)CATALOG_CHANGES_MAX <= (int)SEARCH_UPDATE_MAX, "notes fit in an update");
    catalog_changes_t notes;
    catalog_mark_t mark;
    batch_t batch = {.position = from};
    TRY(catalog_mark(read, &mark));
    TRY(catalog_changes(read, mark_of(from), &notes));
    batch.changes = arena_new_array(read->arena, notes.count + 1, sizeof *batch.changes);
    if (batch.changes == NULL)
        return ERR_NO_MEMORY;
    size_t limit = read->arena->size + BATCH_SIZE_MAX;
    while (batch.count < notes.count && read->arena->size < limit)
        TRY(add_change(read, lyrics, &batch, &notes.items[batch.count]));
    batch.is_behind = notes.has_more || batch.count < notes.count;
    if (!batch.is_behind)
        batch.position.position = mark.sequence;
    *out_batch = batch;
    return ERR_OK;
}

/* Of one that was built: what can't be read for the moment is not taken for another catalog's. */
static err_t position_of(search_index_t *index, search_position_t *out_position)
{
    search_index_stats_t stats;
    search_position_t position = search_index_position(index);
    if (position.generation == 0) {
        TRY(search_index_stats(index, &stats)); /* says why */
        return ERR_UNAVAILABLE;
    }
    *out_position = position;
    return ERR_OK;
}

static bool is_past(const search_feed_t *self, const search_index_stats_t *stats)
{
    return stats->delta + SEARCH_UPDATE_MAX > self->options.delta_full;
}

static bool is_full(const search_feed_t *self, search_index_t *index)
{
    search_index_stats_t stats;
    return search_index_stats(index, &stats) == ERR_OK && is_past(self, &stats);
}

/* How far a step came. */
typedef struct stepped {
    search_position_t position;
    bool is_behind;
} stepped_t;

/* One update of an index, whichever. */
static err_t step(search_feed_t *self, search_index_t *index, stepped_t *out_stepped)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    search_lyrics_folder_t lyrics = {.blobs = self->options.lyrics};
    batch_t batch;
    search_position_t from;
    TRY(position_of(index, &from));
    TRY(catalog_read_begin(self->options.catalog, &arena, &read));
    TRY(collect(&read, &lyrics, from, &batch));
    if (batch.position.position != from.position)
        TRY(search_index_update(index, batch.changes, batch.count, batch.position));
    atomic_fetch_add(&self->counts.updates, batch.count > 0);
    atomic_fetch_add(&self->counts.updated_documents, batch.count);
    atomic_fetch_add(&self->counts.lyrics_missed, lyrics.missed);
    *out_stepped = (stepped_t){batch.position, batch.is_behind};
    return ERR_OK;
}

/* What the index has, nobody needs any more; but a build goes on from where it began. */
static void trim(search_feed_t *self, bool is_behind)
{
    bool has_more = true;
    catalog_mark_t mark = {atomic_load(&self->generation), atomic_load(&self->sequence)};
    if (atomic_load(&self->is_building) || mark.sequence == self->trimmed ||
        (is_behind && mark.sequence - self->trimmed < TRIM_EVERY))
        return;
    while (has_more)
        if (catalog_trim(self->options.catalog, mark, &has_more) != ERR_OK)
            return; /* the next time, or never: the catalog is another one */
    self->trimmed = mark.sequence;
}

/* With `updating` held. */
static err_t update(search_feed_t *self, bool *out_is_behind)
{
    stepped_t stepped;
    if (!search_feed_is_ready(self) || atomic_load(&self->is_damaged) || is_full(self, self->index))
        return ERR_OK; /* what is built instead has it all */
    err_t err = step(self, self->index, &stepped);
    if (err == ERR_STALE) {
        atomic_store(&self->is_stale, true);
        waiters_reach(&self->waiters, UINT64_MAX, ERR_STALE);
        return ERR_OK;
    }
    if (err == ERR_CORRUPT)
        search_feed_found_damage(self);
    TRY(err);
    search_feed_moved(self, stepped.position);
    trim(self, stepped.is_behind);
    *out_is_behind = stepped.is_behind;
    return ERR_OK;
}

err_t search_feed_update(search_feed_t *self, bool *out_is_behind)
{
    *out_is_behind = false;
    pthread_mutex_lock(&self->updating);
    err_t err = update(self, out_is_behind);
    pthread_mutex_unlock(&self->updating);
    return err;
}

/* ---- what it wants ---- */

/* A large index may have more of it: an import would have it built for each delta_max documents. */
static uint64_t delta_wanted(const search_feed_t *self, const search_index_stats_t *stats)
{
    enum { SHARE = 20, MOST = SEARCH_DELTA_FULL / 4 * 3 };
    uint64_t documents = 0;
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        documents += stats->documents[kind];
    return MAX(self->options.delta_max, MIN(documents / SHARE, (uint64_t)MOST));
}

static search_want_t wants_of_index(search_feed_t *self)
{
    search_index_stats_t stats;
    if (search_index_stats(self->index, &stats) != ERR_OK)
        return SEARCH_WANT_DAMAGED;
    uint64_t now_ms = (uint64_t)clock_wall_ms(&self->options.clock);
    bool is_old =
        now_ms > stats.built_at_ms && now_ms - stats.built_at_ms > SEARCH_RANKS_DAYS_MAX * DAY_MS;
    if (stats.delta >= delta_wanted(self, &stats) || is_past(self, &stats))
        return SEARCH_WANT_DELTA;
    return is_old && stats.delta > 0 ? SEARCH_WANT_RANKS : SEARCH_WANT_NOTHING;
}

search_want_t search_feed_wants(search_feed_t *self)
{
    if (!search_feed_is_ready(self))
        return atomic_load(&self->first_want);
    if (atomic_load(&self->is_damaged))
        return SEARCH_WANT_DAMAGED;
    return atomic_load(&self->is_stale) ? SEARCH_WANT_CATALOG : wants_of_index(self);
}

/* ---- building ---- */

static err_t build_files(search_feed_t *self, const atomic_bool *is_stopped)
{
    search_documents_t documents SEARCH_DOCUMENTS_SCOPED = {0};
    catalog_mark_t mark;
    uint64_t expected;
    TRY(search_documents_begin(&documents, self->options.catalog, self->options.lyrics, &mark));
    TRY(search_documents_count(&documents, &expected));
    search_build_options_t options = {
        .source = {.context = &documents, .next = search_documents_next, .expected = expected},
        .position = {mark.generation, mark.sequence},
        .now_ms = (uint64_t)clock_wall_ms(&self->options.clock),
        .is_stopped = is_stopped,
        .done = &self->done,
        .total = &self->total,
        .boot_id = self->options.boot_id,
        .map_size = self->options.map_size};
    TRY(search_build(buf_terminated(&self->path_new), &options));
    atomic_fetch_add(&self->counts.lyrics_missed, documents.lyrics.missed);
    return ERR_OK;
}

/* Until it has all, or can take no more. LIMIT: so many steps were not enough. */
static err_t catch_up(search_feed_t *self, search_index_t *index, size_t steps,
                      const atomic_bool *is_stopped)
{
    stepped_t stepped = {.is_behind = true};
    for (size_t i = 0; stepped.is_behind && i < steps && !is_full(self, index); i++) {
        if (atomic_load(is_stopped))
            return ERR_CANCELLED;
        TRY(step(self, index, &stepped));
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
    TRY(position_of(fresh, &to));
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
    TRY(position_of(*fresh, &position));
    bool is_other = position.generation != atomic_load(&self->generation);
    TRY(search_index_swap(self->index, STEAL(*fresh)));
    atomic_fetch_add(&self->counts.builds, 1); /* first: what is damaged is the one before */
    atomic_store(&self->is_damaged, false);
    atomic_store(&self->is_stale, false);
    self->trimmed = 0;
    search_feed_moved(self, position);
    err_t err = catch_up(self, self->index, SEARCH_FEED_LAST_UPDATES, is_stopped);
    if (position_of(self->index, &position) == ERR_OK)
        search_feed_moved(self, position);
    if (is_other)
        waiters_reach(&self->waiters, UINT64_MAX, err == ERR_OK ? ERR_OK : ERR_STALE);
    return ERR_OK;
}

static err_t build(search_feed_t *self, const atomic_bool *is_stopped)
{
    search_index_t *fresh SEARCH_INDEX_SCOPED = NULL;
    const search_index_options_t options = {buf_terminated(&self->path_new), self->options.map_size,
                                            self->options.boot_id};
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

err_t search_feed_build(search_feed_t *self, const atomic_bool *is_stopped)
{
    err_t err = ERR_STALE;
    uint64_t begun_ms = clock_mono_ms(&self->options.clock);
    if (atomic_exchange(&self->is_building, true))
        return ERR_BUSY;
    for (int i = 0; err == ERR_STALE && i < SEARCH_FEED_TRIES; i++) {
        atomic_store(&self->done, 0);
        atomic_store(&self->total, 0);
        err = build(self, is_stopped);
    }
    if (err == ERR_OK)
        atomic_store(&self->counts.build_ms, clock_mono_ms(&self->options.clock) - begun_ms);
    atomic_store(&self->is_building, false);
    return err;
}
