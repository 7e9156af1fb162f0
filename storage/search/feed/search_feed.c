#include "storage/search/feed/search_feed.h"

#include "runtime/base/memory.h"
#include "storage/search/feed/search_feed_parts.h"

const char *search_want_text(search_want_t want)
{
    static const char *const texts[] = {
#define SEARCH_WANT_ROW(name, text) [SEARCH_WANT_##name] = text,
        SEARCH_WANT_LIST(SEARCH_WANT_ROW)
#undef SEARCH_WANT_ROW
    };
    return texts[want];
}

/* ---- life ---- */

/* One that can't be read is thrown away, for an empty one. */
static err_t open_index(search_feed_t *self)
{
    const char *path = buf_terminated(&self->path);
    const search_index_options_t options = {path, self->options.map_size};
    TRY(search_swap_settle(path));
    err_t err = search_index_open(&options, &self->index);
    /* NEWER and INTERNAL: LMDB's own words about bytes that it did not write. */
    if (err != ERR_STALE && err != ERR_CORRUPT && err != ERR_NEWER && err != ERR_INTERNAL)
        return err;
    atomic_store(&self->first_want, err == ERR_STALE ? SEARCH_WANT_FORMAT : SEARCH_WANT_DAMAGED);
    TRY(search_index_remove(path));
    return search_index_open(&options, &self->index);
}

err_t search_feed_open(const search_feed_options_t *options, search_feed_t **out_feed)
{
    search_feed_t *self SEARCH_FEED_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->updating, NULL);
    pthread_mutex_init(&self->looking, NULL);
    waiters_init(&self->waiters, SEARCH_FEED_WAITERS_MAX);
    self->options = *options;
    if (self->options.delta_max == 0)
        self->options.delta_max = SEARCH_DELTA_MAX;
    if (self->options.delta_full == 0)
        self->options.delta_full = SEARCH_DELTA_FULL;
    atomic_store(&self->first_want, SEARCH_WANT_FIRST);
    buf_append(&self->path, str_from(options->path));
    buf_printf(&self->path_new, "%s.new", options->path);
    (void)buf_terminated(&self->path);
    (void)buf_terminated(&self->path_new);
    TRY(buf_status(&self->path));
    TRY(buf_status(&self->path_new));
    TRY(open_index(self));
    search_feed_look(self);
    search_feed_moved(self, search_index_position(self->index));
    *out_feed = STEAL(self);
    return ERR_OK;
}

void search_feed_close(search_feed_t *self)
{
    if (self == NULL)
        return;
    waiters_deinit(&self->waiters);
    search_index_close(self->index);
    pthread_mutex_destroy(&self->updating);
    pthread_mutex_destroy(&self->looking);
    buf_deinit(&self->path);
    buf_deinit(&self->path_new);
    memory_free(self);
}

void search_feed_scope_end(search_feed_t **self)
{
    search_feed_close(*self);
}

void search_feed_on_damage(search_feed_t *self, void (*wanted)(void *context), void *context)
{
    self->wanted = wanted;
    self->wanted_context = context;
}

bool search_feed_is_ready(search_feed_t *self)
{
    return atomic_load(&self->generation) != 0;
}

search_index_t *search_feed_index(search_feed_t *self)
{
    return search_feed_is_ready(self) ? self->index : NULL;
}

void search_feed_found_damage(search_feed_t *self)
{
    if (atomic_exchange(&self->is_damaged, true))
        return;
    atomic_fetch_add(&self->counts.damages, 1);
    if (self->wanted != NULL)
        self->wanted(self->wanted_context);
}

/* ---- waiting ---- */

static err_t target(search_feed_t *self, uint64_t generation, uint64_t *out_sequence)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_mark_t mark;
    TRY(catalog_read_begin(self->options.catalog, &arena, &read));
    TRY(catalog_mark(&read, &mark));
    *out_sequence = mark.sequence;
    return mark.generation == generation ? ERR_OK : ERR_STALE;
}

/* It takes no updates: only a build brings what is waited for. */
static bool wants_another(search_feed_t *self)
{
    return atomic_load(&self->is_stale) || atomic_load(&self->is_outdated);
}

err_t search_feed_wait(search_feed_t *self, search_then_fn then, void *context,
                       uint64_t *out_ticket)
{
    uint64_t sequence = 0, generation = atomic_load(&self->generation);
    if (generation == 0)
        return ERR_UNAVAILABLE;
    if (wants_another(self))
        return ERR_STALE;
    TRY(target(self, generation, &sequence));
    TRY(waiters_add(&self->waiters, sequence, then, context, out_ticket));
    /* An update that ended in between did not see it: look again. */
    waiters_reach(&self->waiters, atomic_load(&self->sequence), ERR_OK);
    /* Nor did a swap, to another catalog's numbers, which may never come to this one. */
    bool is_other = atomic_load(&self->generation) != generation || wants_another(self);
    return is_other && waiters_cancel(&self->waiters, *out_ticket) ? ERR_STALE : ERR_OK;
}

void search_feed_cancel_all(search_feed_t *self)
{
    waiters_reach(&self->waiters, UINT64_MAX, ERR_CANCELLED);
}

bool search_feed_cancel(search_feed_t *self, uint64_t ticket)
{
    return waiters_cancel(&self->waiters, ticket);
}

err_t search_feed_behind(search_feed_t *self, uint64_t *out_changes)
{
    uint64_t there, has = atomic_load(&self->sequence); /* first: what it has is there */
    uint64_t generation = atomic_load(&self->generation);
    if (generation == 0)
        return ERR_UNAVAILABLE;
    TRY(target(self, generation, &there));
    *out_changes = there - MIN(has, there);
    return ERR_OK;
}

/* ---- looking ---- */

void search_feed_look(search_feed_t *self)
{
    search_index_stats_t stats;
    err_t err = search_index_stats(self->index, &stats);
    if (err == ERR_CORRUPT)
        search_feed_found_damage(self);
    if (err != ERR_OK)
        return; /* what was seen before is not far from it */
    atomic_store(&self->is_outdated, stats.is_outdated);
    pthread_mutex_lock(&self->looking);
    self->seen = stats;
    pthread_mutex_unlock(&self->looking);
}

search_index_stats_t search_feed_seen(search_feed_t *self)
{
    pthread_mutex_lock(&self->looking);
    search_index_stats_t stats = self->seen;
    pthread_mutex_unlock(&self->looking);
    return stats;
}

static void count_damage(search_feed_t *self, uint64_t count, search_kind_t kind, uint64_t id)
{
    pthread_mutex_lock(&self->looking);
    self->source_damages += count;
    self->damaged_kind = kind;
    self->damaged_id = id;
    pthread_mutex_unlock(&self->looking);
}

void search_feed_count_reading(search_feed_t *self, const search_reading_t *reading)
{
    atomic_fetch_add(&self->counts.lyrics_missed, reading->missed);
    if (reading->damaged > 0)
        count_damage(self, reading->damaged, reading->damaged_kind, reading->damaged_id);
}

void search_feed_source_damaged(search_feed_t *self)
{
    count_damage(self, 1, SEARCH_TRACK, 0);
}

static uint64_t ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : MIN(part * 100 / whole, (uint64_t)100);
}

uint32_t search_feed_percent(search_feed_t *self)
{
    return (uint32_t)ratio(atomic_load(&self->done), atomic_load(&self->total));
}

void search_feed_stats(search_feed_t *self, search_feed_stats_t *out_stats)
{
    search_feed_counts_t *counts = &self->counts;
    search_feed_stats_t stats = {.is_building = atomic_load(&self->is_building),
                                 .is_ready = search_feed_is_ready(self),
                                 .built_documents = atomic_load(&self->done),
                                 .expected_documents = atomic_load(&self->total),
                                 .builds = atomic_load(&counts->builds),
                                 .build_ms = atomic_load(&counts->build_ms),
                                 .updates = atomic_load(&counts->updates),
                                 .updated_documents = atomic_load(&counts->updated_documents),
                                 .lyrics_missed = atomic_load(&counts->lyrics_missed),
                                 .damages = atomic_load(&counts->damages),
                                 .questions = atomic_load(&counts->questions),
                                 .cut = atomic_load(&counts->cut),
                                 .work = atomic_load(&counts->work)};
    for (int i = 0; i < SEARCH_STAGE_COUNT; i++)
        stats.by_stage[i] = atomic_load(&counts->by_stage[i]);
    pthread_mutex_lock(&self->looking);
    stats.index = self->seen;
    stats.source_damages = self->source_damages;
    stats.damaged_kind = self->damaged_kind;
    stats.damaged_id = self->damaged_id;
    pthread_mutex_unlock(&self->looking);
    *out_stats = stats;
}
