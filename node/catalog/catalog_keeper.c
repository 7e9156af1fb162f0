#include "node/catalog/catalog_keeper.h"

#include "runtime/base/json.h"
#include "storage/catalog/catalog_plays.h"

/* ---- how far it is ---- */

static uint64_t head_of(const catalog_keeper_t *self)
{
    return self->build.journal->table->head(self->build.journal);
}

/* Positions are not dense in every journal: about so much. */
static uint32_t percent_of(const catalog_progress_t *progress, uint64_t to)
{
    uint64_t from = atomic_load(&progress->from), at = atomic_load(&progress->at);
    if (from == 0 || at <= from)
        return 0;
    return at >= to ? 100 : (uint32_t)((double)(at - from) * 100 / (double)(to - from));
}

static void note(const catalog_keeper_t *self, catalog_progress_t *progress, uint64_t position,
                 uint64_t to)
{
    if (atomic_load(&progress->from) == 0)
        atomic_store(&progress->from, position);
    atomic_store(&progress->at, position);
    uint32_t percent = percent_of(progress, to) / 10 * 10;
    if (percent <= atomic_load(&progress->told_percent) || percent == 100)
        return;
    atomic_store(&progress->told_percent, percent);
    log_info(self->log, "catalog", "the catalog is built from the journal: %u %%", percent);
}

static void restart(catalog_progress_t *progress)
{
    atomic_store(&progress->from, 0);
    atomic_store(&progress->at, 0);
    atomic_store(&progress->told_percent, 0);
}

/* The plays of who was erased are in the sums until they are made anew. */
static bool wants_recount(const catalog_keeper_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    bool wants = false;
    return catalog_read_begin(self->build.catalog, &arena, &read) == ERR_OK &&
           catalog_wants_recount(&read, &wants) == ERR_OK && wants;
}

static void recount(void *context)
{
    catalog_keeper_t *self = context;
    if (!self->is_again_due && catalog_keeper_rebuild(self) == ERR_OK)
        log_info(self->log, "catalog", "a listener was erased: plays are counted anew");
}

static void stepped_first(void *context, uint64_t position)
{
    catalog_keeper_t *self = context;
    if (atomic_load(&self->first.at) < self->whole_at)
        note(self, &self->first, position, self->whole_at);
    if (self->moved != NULL)
        self->moved(self->moved_context);
    if (!atomic_load(&self->is_building) && wants_recount(self))
        IGNORE_ERR(edge_post(self->edge, recount, self)); /* the next step looks again */
}

static void stepped_anew(void *context, uint64_t position)
{
    catalog_keeper_t *self = context;
    note(self, &self->anew, position, head_of(self));
}

bool catalog_keeper_is_ready(const catalog_keeper_t *self)
{
    const projection_t *projection = self->build.projection;
    return projection_is_outdated(projection) || projection_position(projection) >= self->whole_at;
}

uint32_t catalog_keeper_percent(const catalog_keeper_t *self)
{
    if (atomic_load(&self->is_building))
        return percent_of(&self->anew, head_of(self));
    return catalog_keeper_is_ready(self) ? 100 : percent_of(&self->first, self->whole_at);
}

void catalog_keeper_describe(const catalog_keeper_t *self, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_bool(&json, "is_building", atomic_load(&self->is_building));
    json_key_bool(&json, "is_ready", catalog_keeper_is_ready(self));
    json_key_u64(&json, "percent", catalog_keeper_percent(self));
    json_key_u64(&json, "builds", atomic_load(&self->builds));
    json_key_str(&json, "err", str_from(err_name((err_t)atomic_load(&self->build_err))));
    json_object_end(&json);
}

static void append_gauge(buf_t *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP musicstream_%s %s\n# TYPE musicstream_%s gauge\nmusicstream_%s ", name,
               help, name, name);
    buf_append_u64(out, value);
    buf_append_char(out, '\n');
}

void catalog_keeper_append_metrics(const catalog_keeper_t *self, buf_t *out)
{
    append_gauge(out, "catalog_is_building", "1: the catalog is built anew beside the one read.",
                 atomic_load(&self->is_building));
    append_gauge(out, "catalog_built_percent",
                 "Of the journal, in the catalog that is being built.",
                 catalog_keeper_percent(self));
}

/* ---- building beside ---- */

static err_t build(void *data)
{
    catalog_keeper_t *self = data;
    return catalog_build(&self->build);
}

static void build_again(uv_timer_t *timer)
{
    catalog_keeper_t *self = timer->data;
    self->is_again_due = false;
    IGNORE_ERR(catalog_keeper_rebuild(self)); /* BUSY: somebody asked for it meanwhile */
}

/* One that is to replace an outdated one, or to forget a listener whose key was still there. */
static bool is_needed(const catalog_keeper_t *self, err_t err)
{
    return (err != ERR_OK && projection_is_outdated(self->build.projection)) || wants_recount(self);
}

/* A recount that was in vain is tried ever more rarely: an erasure that could not be ended keeps
 * its key, and with it the plays, until somebody ends it. */
static void plan_again(catalog_keeper_t *self, err_t err)
{
    if (atomic_load(&self->is_stopped) || !is_needed(self, err)) {
        self->pause_ms = 0;
        return;
    }
    uint64_t longer = MIN(self->pause_ms * 2, (uint64_t)CATALOG_AGAIN_MS_MAX);
    self->pause_ms = err == ERR_OK ? MAX(longer, self->again_ms) : self->again_ms;
    self->is_again_due = true;
    uv_timer_start(&self->again, build_again, self->pause_ms, 0);
}

static void built(void *data, err_t err)
{
    catalog_keeper_t *self = data;
    atomic_store(&self->build_err, (int)err);
    atomic_store(&self->is_building, false);
    atomic_fetch_add(&self->builds, 1);
    if (err == ERR_OK)
        log_info(self->log, "catalog", "the catalog was built anew");
    else if (err != ERR_CANCELLED)
        log_error(self->log, "catalog",
                  "the catalog could not be built anew, the old one stays: %s", err_text(err));
    plan_again(self, err);
    follow_wake(&self->follow); /* what came while nobody could step */
    if (self->moved != NULL)
        self->moved(self->moved_context); /* it may be another catalog now */
}

err_t catalog_keeper_rebuild(catalog_keeper_t *self)
{
    if (atomic_load(&self->is_stopped))
        return ERR_CANCELLED;
    if (atomic_exchange(&self->is_building, true))
        return ERR_BUSY;
    restart(&self->anew);
    edge_offload(self->edge, OFFLOAD_FILE, build, built, self);
    return ERR_OK;
}

/* ---- life ---- */

err_t catalog_keeper_start(catalog_keeper_t *self)
{
    bool is_outdated = projection_is_outdated(self->build.projection);
    uv_timer_init(runtime_loop(edge_runtime(self->edge), edge_scheduler(self->edge)), &self->again);
    self->again.data = self;
    if (self->again_ms == 0)
        self->again_ms = CATALOG_AGAIN_MS;
    self->build.is_stopped = &self->is_stopped;
    self->build.stepped = stepped_anew;
    self->build.context = self;
    self->follow = (follow_t){.projection = self->build.projection,
                              .hooks = self->hooks,
                              .edge = self->edge,
                              .log = self->log,
                              .is_stopped = &self->is_stopped,
                              .stepped = stepped_first,
                              .context = self};
    if (is_outdated)
        log_info(self->log, "catalog",
                 "the catalog is of an older version: it is read until a new one is built");
    if (is_outdated || self->has_unfinished)
        TRY(catalog_keeper_rebuild(self));
    return follow_start(&self->follow);
}

void catalog_keeper_stop(catalog_keeper_t *self)
{
    atomic_store(&self->is_stopped, true);
    follow_stop(&self->follow);
    uv_close((uv_handle_t *)&self->again, NULL);
}
