#include "storage/search/feed/search_feed_parts.h"

/* ---- updates ---- */

enum {
    BATCH_SIZE_MAX = 8 << 20, /* bytes of one update's documents: lyrics are the most of it */
    TRIM_EVERY = 4096,        /* notes */
};

static const uint64_t HOUR_MS = 3600000;

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

static err_t add_change(catalog_read_t *read, search_reading_t *reading, batch_t *batch,
                        const catalog_change_t *note)
{
    search_change_t *change = &batch->changes[batch->count];
    *change = (search_change_t){.document = {.kind = note->kind, .id = note->id}};
    err_t err = search_document_of(read, reading, note->kind, note->id, &change->document);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    change->is_removal = err == ERR_NOT_FOUND;
    batch->count++;
    batch->position.position = note->sequence;
    return ERR_OK;
}

static err_t collect(catalog_read_t *read, search_reading_t *reading, search_position_t from,
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
        TRY(add_change(read, reading, &batch, &notes.items[batch.count]));
    batch.is_behind = notes.has_more || batch.count < notes.count;
    if (!batch.is_behind)
        batch.position.position = mark.sequence;
    *out_batch = batch;
    return ERR_OK;
}

err_t search_feed_position_of(search_index_t *index, search_position_t *out_position)
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

bool search_feed_is_past(const search_feed_t *self, const search_index_stats_t *stats)
{
    return stats->delta + SEARCH_UPDATE_MAX > self->options.delta_full;
}

/* The documents of the next notes, as the catalog has them now. What it can't tell ends with a
 * build, which needs none of these notes. */
static err_t read_notes(search_feed_t *self, arena_t *arena, search_position_t from,
                        catalog_read_t *read, batch_t *out_batch)
{
    search_reading_t reading = {.blobs = self->options.lyrics};
    err_t err = catalog_read_begin(self->options.catalog, arena, read);
    if (err == ERR_OK)
        err = collect(read, &reading, from, out_batch);
    search_feed_count_reading(self, &reading);
    if (err != ERR_CORRUPT)
        return err;
    search_feed_source_damaged(self);
    return ERR_STALE;
}

err_t search_feed_step(search_feed_t *self, search_index_t *index, search_stepped_t *out_stepped)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0}; /* the documents borrow its map */
    batch_t batch = {.count = 0};
    search_position_t from;
    TRY(search_feed_position_of(index, &from));
    TRY(read_notes(self, &arena, from, &read, &batch));
    if (batch.position.position != from.position)
        TRY(search_index_update(index, batch.changes, batch.count, batch.position));
    atomic_fetch_add(&self->counts.updates, batch.count > 0);
    atomic_fetch_add(&self->counts.updated_documents, batch.count);
    *out_stepped = (search_stepped_t){batch.position, batch.is_behind};
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

static bool takes_nothing(search_feed_t *self)
{
    search_index_stats_t seen = search_feed_seen(self);
    return !search_feed_is_ready(self) || atomic_load(&self->is_damaged) ||
           atomic_load(&self->is_stale) || atomic_load(&self->is_outdated) ||
           search_feed_is_past(self, &seen);
}

/* With `updating` held. */
static err_t update(search_feed_t *self, bool *out_is_behind)
{
    search_stepped_t stepped;
    if (takes_nothing(self))
        return ERR_OK; /* what is built instead has it all */
    err_t err = search_feed_step(self, self->index, &stepped);
    if (err == ERR_STALE) {
        atomic_store(&self->is_stale, true);
        waiters_reach(&self->waiters, UINT64_MAX, ERR_STALE);
        return ERR_OK;
    }
    if (err == ERR_CORRUPT)
        search_feed_found_damage(self);
    TRY(err);
    if (stepped.position.position != atomic_load(&self->sequence))
        search_feed_look(self);
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
    const uint64_t old_ms = SEARCH_RANKS_HOURS_MAX * HOUR_MS;
    search_index_stats_t stats = search_feed_seen(self);
    uint64_t now_ms = (uint64_t)clock_wall_ms(&self->options.clock);
    if (stats.is_outdated)
        return SEARCH_WANT_RANKING;
    if (stats.delta >= delta_wanted(self, &stats) || search_feed_is_past(self, &stats))
        return SEARCH_WANT_DELTA;
    bool is_old = now_ms > stats.built_at_ms && now_ms - stats.built_at_ms > old_ms;
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
