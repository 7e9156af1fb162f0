#include "node/search/search_keeper.h"

#include "runtime/base/json.h"

static uv_loop_t *loop_of(const search_keeper_t *self)
{
    return runtime_loop(edge_runtime(self->edge), edge_scheduler(self->edge));
}

/* ---- building beside ---- */

static err_t build(void *data)
{
    search_keeper_t *self = data;
    return search_feed_build(self->feed, &self->is_stopped);
}

static void look_in(search_keeper_t *self, uint64_t ms);
static void run(search_keeper_t *self);

static void say_built(const search_keeper_t *self, err_t err)
{
    search_feed_stats_t stats;
    search_feed_stats(self->feed, &stats);
    const uint64_t *documents = stats.index.documents;
    if (err == ERR_OK)
        log_info(self->log, "search", "the search index was built in %llu ms: %llu documents",
                 (unsigned long long)stats.build_ms,
                 (unsigned long long)(documents[SEARCH_TRACK] + documents[SEARCH_ALBUM] +
                                      documents[SEARCH_ARTIST]));
    else if (err != ERR_CANCELLED)
        log_error(self->log, "search",
                  "the search index could not be built, the one before stays: %s", err_text(err));
}

/* What can't be built now can't be built in a moment: the disk is full, say. */
static void plan_again(search_keeper_t *self, err_t err)
{
    uint64_t longer = MIN(self->pause_ms * 2, (uint64_t)SEARCH_KEEPER_AGAIN_MS_MAX);
    self->pause_ms = err == ERR_OK ? 0 : MAX(longer, self->again_ms);
    self->again_at_ms = err == ERR_OK ? 0 : uv_now(loop_of(self)) + self->pause_ms;
}

/* What the last job met, when it met any. */
static void tell_source_damage(search_keeper_t *self)
{
    search_feed_stats_t stats;
    search_feed_stats(self->feed, &stats);
    if (stats.source_damages == self->told_damages)
        return;
    self->told_damages = stats.source_damages;
    if (stats.damaged_id != 0)
        log_error(self->log, "search",
                  "the catalog is damaged: the record of %s %llu can't be read, search does not "
                  "find it until `musicstream storage rebuild local-catalog`",
                  SEARCH_KIND_NAMES[stats.damaged_kind], (unsigned long long)stats.damaged_id);
    else
        log_error(self->log, "search",
                  "the catalog is damaged: what changed in it can't be read; `musicstream storage "
                  "rebuild local-catalog` makes it anew");
    if (self->source_damaged != NULL && !self->is_damage_told)
        self->source_damaged(self->source);
    self->is_damage_told = true;
}

static void built(void *data, err_t err)
{
    search_keeper_t *self = data;
    atomic_store(&self->build_err, (int)err);
    atomic_store(&self->is_building, false);
    atomic_fetch_add(&self->ended, 1);
    say_built(self, err);
    plan_again(self, err);
    tell_source_damage(self);
    search_keeper_moved(self);
}

err_t search_keeper_rebuild(search_keeper_t *self, search_want_t want)
{
    if (atomic_load(&self->is_stopped))
        return ERR_CANCELLED;
    if (atomic_exchange(&self->is_building, true))
        return ERR_BUSY;
    self->want = want;
    self->told_percent = 0;
    search_feed_plan(self->feed);
    log_info(self->log, "search", "the search index is built: %s", search_want_text(want));
    edge_offload(self->edge, OFFLOAD_FILE, build, built, self);
    look_in(self, SEARCH_KEEPER_LOOK_MS);
    return ERR_OK;
}

static void tell_progress(search_keeper_t *self)
{
    uint32_t percent = search_keeper_percent(self) / 10 * 10;
    if (percent <= self->told_percent || percent == 100)
        return;
    self->told_percent = percent;
    log_info(self->log, "search", "the search index is built: %u %%", percent);
}

/* ---- what it wants ---- */

/* 0: a build may begin. */
static uint64_t pause_left(const search_keeper_t *self)
{
    uint64_t now_ms = uv_now(loop_of(self));
    return self->again_at_ms > now_ms ? self->again_at_ms - now_ms : 0;
}

/* Returns when to look again. */
static uint64_t look(search_keeper_t *self)
{
    if (atomic_load(&self->is_building)) {
        tell_progress(self);
        return SEARCH_KEEPER_LOOK_MS;
    }
    search_want_t want = search_feed_wants(self->feed);
    if (want == SEARCH_WANT_NOTHING)
        return SEARCH_KEEPER_IDLE_MS;
    if (pause_left(self) > 0)
        return pause_left(self);
    /* Of another catalog that is being filled the old index says more: ids are the same. */
    bool is_of_source = want == SEARCH_WANT_CATALOG || !search_feed_is_ready(self->feed);
    if (is_of_source && !self->is_source_ready(self->source))
        return SEARCH_KEEPER_LOOK_MS;
    if (want == SEARCH_WANT_DAMAGED)
        log_error(self->log, "search",
                  "the search index is damaged: what is asked of it may be "
                  "UNAVAILABLE until it is built");
    IGNORE_ERR(search_keeper_rebuild(self, want));
    return SEARCH_KEEPER_LOOK_MS;
}

static void looked(uv_timer_t *timer)
{
    search_keeper_t *self = timer->data;
    if (atomic_load(&self->is_stopped))
        return;
    if (self->is_dirty && !self->is_updating)
        run(self); /* after one that failed */
    look_in(self, look(self));
}

static void look_in(search_keeper_t *self, uint64_t ms)
{
    uv_timer_start(&self->timer, looked, ms, 0);
}

search_state_t search_keeper_state(search_keeper_t *self)
{
    /* First: a build that ends in between has left one. */
    bool is_building = atomic_load(&self->is_building);
    if (!search_feed_is_ready(self->feed))
        return is_building ? SEARCH_STATE_BUILDING : SEARCH_STATE_WAITING;
    if (is_building)
        return SEARCH_STATE_REBUILDING;
    search_want_t want = search_feed_wants(self->feed);
    bool is_good = want == SEARCH_WANT_NOTHING || want == SEARCH_WANT_RANKS;
    return is_good ? SEARCH_STATE_READY : SEARCH_STATE_OUTDATED;
}

uint32_t search_keeper_percent(search_keeper_t *self)
{
    if (atomic_load(&self->is_building))
        return search_feed_percent(self->feed);
    return search_feed_is_ready(self->feed) ? 100 : 0;
}

/* ---- updates ---- */

static err_t update(void *data)
{
    search_keeper_t *self = data;
    return search_feed_update(self->feed, &self->is_behind);
}

static void updated(void *data, err_t err)
{
    search_keeper_t *self = data;
    self->is_updating = false;
    tell_source_damage(self);
    if (err != ERR_OK && err != ERR_CORRUPT) /* that one is built anew */
        log_error(self->log, "search", "the search index can't follow the catalog: %s",
                  err_text(err));
    if (atomic_load(&self->is_stopped))
        return;
    if ((self->is_dirty || self->is_behind) && err == ERR_OK)
        run(self); /* a step a job: others wait for the lane, too */
    self->is_dirty |= err != ERR_OK && err != ERR_CORRUPT;
    look_in(self, err == ERR_OK ? 0 : self->again_ms);
}

static void run(search_keeper_t *self)
{
    self->is_updating = true;
    self->is_dirty = false;
    edge_offload(self->edge, OFFLOAD_FILE, update, updated, self);
}

static void wake(void *context)
{
    search_keeper_t *self = context;
    atomic_store(&self->is_woken, false);
    self->is_dirty = true;
    if (!self->is_updating && !atomic_load(&self->is_stopped))
        run(self);
}

void search_keeper_moved(void *context)
{
    search_keeper_t *self = context;
    if (self->edge == NULL || atomic_load(&self->is_stopped))
        return;
    if (!atomic_exchange(&self->is_woken, true) && edge_post(self->edge, wake, self) != ERR_OK)
        atomic_store(&self->is_woken, false); /* the next one tries again */
}

/* ---- life ---- */

void search_keeper_start(search_keeper_t *self)
{
    uv_timer_init(loop_of(self), &self->timer);
    self->timer.data = self;
    if (self->again_ms == 0)
        self->again_ms = SEARCH_KEEPER_AGAIN_MS;
    search_feed_on_damage(self->feed, search_keeper_moved, self);
    search_keeper_moved(self);
}

void search_keeper_stop(search_keeper_t *self)
{
    atomic_store(&self->is_stopped, true);
    search_feed_cancel_all(self->feed);
    uv_close((uv_handle_t *)&self->timer, NULL);
}
