#include "runtime/code/replace.h"
#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/code/hold.h"
#include "runtime/kit/kit.h"

#include <stdio.h>

/* ---- what can be seen beforehand ---- */

static const actor_kind_t *kind_named(const plugin_t *plugin, const char *name)
{
    for (size_t i = 0; i < plugin->kind_count; i++) {
        if (strcmp(plugin->kinds[i]->name, name) == 0)
            return plugin->kinds[i];
    }
    return NULL;
}

static bool can_be_written(const actor_kind_t *kind)
{
    return kind->state_size == 0 || kind->applier_count > 0 || kind->state_schema != NULL ||
           kind->snapshot != NULL;
}

static bool can_be_read(const actor_kind_t *kind)
{
    return kind->state_size == 0 || kind->applier_count > 0 || kind->state_schema != NULL ||
           kind->restore != NULL;
}

static err_t check_pair(replacing_t *self, const actor_kind_t *old, const actor_kind_t *fresh)
{
    const char *why = NULL;
    if (fresh == NULL)
        why = "is not in it, and its actors would have no code: keep it, if only to end them";
    else if ((old->applier_count > 0) != (fresh->applier_count > 0))
        why = "is durable in one version only: give the new one another name";
    else if (!can_be_written(old) || !can_be_read(fresh))
        why = "has a state that is not described: give it .state_schema, or .snapshot and .restore";
    else if (old->placement != fresh->placement)
        why = "is placed otherwise in the new version: give that one another name";
    else if (runtime_kind_problem(self->runtime, fresh) != NULL)
        why = runtime_kind_problem(self->runtime, fresh);
    else if (old->is_pinned != fresh->is_pinned)
        why = "is pinned in one version only: give the new one another name";
    if (why == NULL)
        return ERR_OK;
    buf_printf(self->problem, "%s can't replace plugin '%s': the actor kind '%s' %s", self->path,
               self->loaded->plugin->name, old->name, why);
    return ERR_CONFLICT;
}

static err_t check_new_kinds(replacing_t *self)
{
    size_t new_count = 0;
    for (size_t i = 0; i < self->plugin->kind_count; i++) {
        const actor_kind_t *kind = self->plugin->kinds[i];
        if (kind_named(self->loaded->plugin, kind->name) != NULL)
            continue;
        new_count++;
        if (runtime_kind(self->runtime, kind->name) != NULL) {
            buf_printf(self->problem,
                       "%s brings an actor kind '%s', and another has that name: rename it",
                       self->path, kind->name);
            return ERR_CONFLICT;
        }
        const char *why = runtime_kind_problem(self->runtime, kind);
        if (why != NULL) {
            buf_printf(self->problem, "%s brings an actor kind '%s' that %s", self->path,
                       kind->name, why);
            return ERR_INVALID;
        }
    }
    if (runtime_kind_count(self->runtime) + new_count <= KINDS_MAX)
        return ERR_OK;
    buf_printf(self->problem, "%s brings too many actor kinds: at most %d", self->path, KINDS_MAX);
    return ERR_LIMIT;
}

static err_t check_plugin(replacing_t *self)
{
    const plugin_t *old = self->loaded->plugin;
    if (strcmp(self->plugin->name, old->name) != 0) {
        buf_printf(self->problem, "%s is the plugin '%s', not '%s'", self->path, self->plugin->name,
                   old->name);
        return ERR_CONFLICT;
    }
    for (size_t i = 0; i < old->kind_count; i++)
        TRY(check_pair(self, old->kinds[i], kind_named(self->plugin, old->kinds[i]->name)));
    return check_new_kinds(self);
}

/* The new versions under the old names, not yet published. They stay: who is held looks at them. */
static err_t make_versions(replacing_t *self)
{
    const plugin_t *old = self->loaded->plugin;
    for (size_t i = 0; i < old->kind_count; i++) {
        const actor_kind_t *running = runtime_kind(self->runtime, old->kinds[i]->name);
        kind_version_t *version = memory_new(sizeof *version);
        if (version == NULL)
            return ERR_NO_MEMORY;
        const actor_kind_t *fresh = kind_named(self->plugin, running->name);
        ASSERT(fresh != NULL); /* check_plugin */
        version->kind = *fresh;
        version->kind.name = running->name;
        version->kind.service = running->service;
        plugins_keep(self->plugins, version);
        self->replacement->pairs[self->replacement->pair_count++] =
            (kind_pair_t){running, &version->kind};
    }
    return ERR_OK;
}

/* ---- bringing them to rest ---- */

typedef struct ask_to_hold {
    replacement_t *replacement;
    err_t err;
} ask_to_hold_t;

static void ask_to_hold(void *context, actor_t *actor)
{
    ask_to_hold_t *self = context;
    if (replacement_pair(self->replacement, actor_kind(actor)) == NULL)
        return;
    hold_t *hold = replacement_add(self->replacement, actor_bits(actor));
    if (hold == NULL)
        self->err = ERR_NO_MEMORY;
    else if (!deliver_system(self->replacement->runtime, hold->actor, &hold->asked))
        hold_message_free(&hold->asked);
}

bool replacing_is_at_rest(replacing_t *self)
{
    uv_mutex_lock(&self->replacement->lock);
    bool is_done = self->replacement->asked_count == 0;
    uv_mutex_unlock(&self->replacement->lock);
    return is_done;
}

static err_t say_who_did_not_rest(replacing_t *self)
{
    uint32_t count = 0;
    const char *what = NULL;
    uv_mutex_lock(&self->replacement->lock);
    for (hold_t *hold = self->replacement->holds; hold != NULL; hold = hold->next) {
        if (hold->state != HOLD_ASKED)
            continue;
        count++;
        if (what == NULL)
            what = hold->waits_for;
    }
    uv_mutex_unlock(&self->replacement->lock);
    buf_printf(self->problem,
               "%u actors of plugin '%s' did not come to rest in time: one waits for %s; the old "
               "version goes on",
               count, self->loaded->plugin->name, what == NULL ? "its turn" : what);
    return ERR_TIMEOUT;
}

static err_t bring_to_rest(replacing_t *self, uint64_t deadline_ms)
{
    ms_clock_t clock = clock_system();
    for (uint32_t rounds = 0; !replacing_is_at_rest(self); rounds++) {
        bool is_late = self->runtime->is_simulated ? rounds >= RUNTIME_SIMULATED_ROUNDS_MAX
                                                   : clock_mono_ms(&clock) >= deadline_ms;
        if (is_late)
            return say_who_did_not_rest(self);
        runtime_wait_a_moment(self->runtime);
    }
    return ERR_OK;
}

/* ---- from one state to the other ---- */

static void encode_state(const actor_kind_t *kind, const void *state, buf_t *out)
{
    if (kind->snapshot != NULL)
        kind->snapshot(state, out);
    else if (kind->state_schema != NULL)
        schema_encode(kind->state_schema, state, out);
}

static err_t decode_state(const actor_kind_t *kind, str_t encoded, hold_t *hold)
{
    hold->fresh = memory_new(kind->state_size);
    const char *copy = arena_dup(&hold->arena, encoded.data, encoded.size);
    if (hold->fresh == NULL || copy == NULL)
        return ERR_NO_MEMORY;
    if (kind->state_size == 0)
        return ERR_OK;
    str_t kept = str_of(copy, encoded.size); /* its strings borrow it */
    return kind->restore != NULL
               ? kind->restore(hold->fresh, kept)
               : schema_decode(kind->state_schema, kept, &hold->arena, hold->fresh);
}

static void recovery_drop(recovery_t **recovery)
{
    recovery_free(*recovery);
}

/* A durable kind without a snapshot: its events, through the new version's appliers. */
static err_t read_again(runtime_t *runtime, const actor_kind_t *kind, hold_t *hold)
{
    recovery_t *recovery SCOPED(recovery_drop) = recovery_new(runtime, kind, actor_key(hold->held));
    if (recovery == NULL)
        return ERR_NO_MEMORY;
    TRY(recovery_run(recovery));
    if (recovery->durable->version != actor_peek(hold->held)->durable->version)
        return ERR_CORRUPT; /* the journal and the actor don't agree */
    hold->fresh = STEAL(recovery->state);
    hold->arena = STEAL(recovery->durable->arena);
    return ERR_OK;
}

static err_t make_fresh(runtime_t *runtime, const actor_kind_t *old, const actor_kind_t *kind,
                        hold_t *hold)
{
    bool has_form = old->snapshot != NULL || old->state_schema != NULL;
    bool can_read = kind->restore != NULL || kind->state_schema != NULL;
    hold->kind = kind;
    if (kind->applier_count > 0 && !(has_form && can_read)) {
        TRY(read_again(runtime, kind, hold));
    } else {
        buf_t encoded BUF_SCOPED = BUF_INIT;
        encode_state(old, hold->held->state, &encoded);
        TRY(buf_status(&encoded));
        TRY(decode_state(kind, buf_str(&encoded), hold));
    }
    return kind->upgrade == NULL ? ERR_OK : kind->upgrade(hold->fresh);
}

static err_t convert(replacing_t *self, hold_t *hold)
{
    const actor_kind_t *old = hold->held->kind;
    const kind_pair_t *pair = replacement_pair(self->replacement, old);
    err_t err = make_fresh(self->runtime, old, pair->fresh, hold);
    if (err != ERR_OK)
        buf_printf(self->problem,
                   "version %s of plugin '%s' does not take over the state of an actor of kind "
                   "'%s': %s; version %s goes on",
                   self->plugin->version, self->plugin->name, old->name, err_text(err),
                   self->loaded->plugin->version);
    return err;
}

/* The canary: an actor of the kind starts anew in a room of its own, before anybody changes. */
static err_t rehearse(replacing_t *self, const hold_t *hold)
{
    const actor_kind_t *kind = hold->kind;
    kit_options_t options = {
        .kind = kind, .key = actor_key(hold->held), .service = kind->service, .seed = 1};
    journal_t *source = kind->applier_count > 0 ? self->runtime->journal : NULL;
    err_t err = kit_rehearse(&options, source);
    if (err != ERR_OK)
        buf_printf(self->problem,
                   "in version %s of plugin '%s' an actor of kind '%s' does not start: %s; version "
                   "%s goes on",
                   self->plugin->version, self->plugin->name, kind->name, err_text(err),
                   self->loaded->plugin->version);
    return err;
}

static bool has_state(replacing_t *self, const hold_t *hold)
{
    uv_mutex_lock(&self->replacement->lock);
    bool is_held = hold->state == HOLD_HELD;
    uv_mutex_unlock(&self->replacement->lock);
    return is_held;
}

/* Those that are started meanwhile have no state: the list only grows at its head. */
static err_t convert_all(replacing_t *self)
{
    uv_mutex_lock(&self->replacement->lock);
    hold_t *hold = self->replacement->holds;
    uv_mutex_unlock(&self->replacement->lock);
    bool is_rehearsed[PLUGIN_KINDS_MAX] = {false};
    for (; hold != NULL; hold = hold->next) {
        if (!has_state(self, hold))
            continue;
        TRY(convert(self, hold));
        const kind_pair_t *pair = replacement_pair(self->replacement, hold->held->kind);
        size_t at = (size_t)(pair - self->replacement->pairs);
        if (!is_rehearsed[at])
            TRY(rehearse(self, hold));
        is_rehearsed[at] = true;
    }
    return ERR_OK;
}

/* ---- the end ---- */

static void publish(replacing_t *self)
{
    runtime_t *runtime = self->runtime;
    const plugin_t *old = self->loaded->plugin;
    for (uint32_t i = 0; i < self->replacement->pair_count; i++)
        runtime_set_kind(runtime, self->replacement->pairs[i].fresh);
    for (size_t i = 0; i < self->plugin->kind_count; i++) {
        const actor_kind_t *kind = self->plugin->kinds[i];
        if (kind_named(old, kind->name) == NULL) {
            err_t err = runtime_add_kind(runtime, kind, self->loaded->service);
            ASSERT(err == ERR_OK); /* was checked, and nobody else may: is_replacing */
        }
    }
    self->replacement->is_committed = true;
    self->loaded->plugin = self->plugin;
    self->loaded->replacement_count++;
}

static void resume_all(replacing_t *self)
{
    for (hold_t *hold = self->replacement->holds; hold != NULL; hold = hold->next) {
        atomic_fetch_add(&self->replacement->refs, 1);
        if (!deliver_system(self->runtime, hold->actor, &hold->resumed))
            hold_message_free(&hold->resumed);
    }
}

/* From here on who is started finds the outcome, and nobody joins the holds any more. */
static void conclude(replacing_t *self, bool is_done)
{
    uv_mutex_lock(&self->plugins->lock);
    if (is_done)
        publish(self);
    self->plugins->replacement = NULL;
    atomic_store(&self->plugins->is_holding, false);
    uv_mutex_unlock(&self->plugins->lock);
    for (hold_t *hold = self->replacement->holds; hold != NULL && !is_done; hold = hold->next)
        hold_forget_fresh(hold);
    resume_all(self);
}

err_t replacing_begin(replacing_t *self)
{
    TRY(check_plugin(self));
    self->replacement = replacement_new(self->runtime);
    if (self->replacement == NULL)
        return ERR_NO_MEMORY;
    err_t err = make_versions(self);
    if (err != ERR_OK) {
        replacement_unref(STEAL(self->replacement));
        return err;
    }
    uv_mutex_lock(&self->plugins->lock);
    self->plugins->replacement = self->replacement;
    uv_mutex_unlock(&self->plugins->lock);
    /* Before the walk. Pairs with lifecycle_start: what is started either sees this, or was open
     * before and is found by the walk. */
    atomic_store(&self->plugins->is_holding, true);
    atomic_store(&self->runtime->has_versions, true);
    ask_to_hold_t ask = {self->replacement, ERR_OK};
    registry_each(self->runtime->registry, ask_to_hold, &ask);
    return ask.err == ERR_OK ? ERR_OK : replacing_end(self, ask.err);
}

err_t replacing_end(replacing_t *self, err_t err)
{
    if (err == ERR_OK)
        err = convert_all(self);
    conclude(self, err == ERR_OK);
    replacement_unref(STEAL(self->replacement));
    return err;
}

static err_t replace(replacing_t *self, uint64_t deadline_ms)
{
    object_t object;
    TRY(plugin_open(self->path, self->problem, &object, &self->plugin));
    err_t err = check_plugin(self);
    if (err != ERR_OK) {
        object_discard(&object);
        return err;
    }
    /* Its code runs from here on: it stays, whatever comes of it. */
    self->plugins->replacement_count++;
    TRY(plugin_start(self->runtime, self->plugin, self->path, self->problem));
    TRY(replacing_begin(self));
    return replacing_end(self, bring_to_rest(self, deadline_ms));
}

static err_t begin(replacing_t *self, const char *name)
{
    plugins_t *plugins = self->plugins;
    self->loaded = plugins_find(plugins, name);
    if (self->loaded == NULL) {
        buf_printf(self->problem, "there is no plugin '%s': load it with --plugin at the start",
                   name);
        return ERR_NOT_FOUND;
    }
    if (plugins->is_replacing) {
        buf_printf(self->problem, "a plugin is being replaced: try again when that is done");
        return ERR_BUSY;
    }
    if (plugins->replacement_count == PLUGIN_REPLACEMENTS_MAX) {
        buf_printf(self->problem,
                   "plugins were replaced %d times, and what was replaced stays in memory: restart "
                   "the node with the new plugin",
                   PLUGIN_REPLACEMENTS_MAX);
        return ERR_LIMIT;
    }
    plugins->is_replacing = true;
    return ERR_OK;
}

static void log_outcome(const replacing_t *self, err_t err)
{
    const ms_log_t *log = self->runtime->log;
    if (log != NULL && err == ERR_OK)
        log_info(log, "runtime", "plugin %s runs version %s now", self->plugin->name,
                 self->plugin->version);
    else if (log != NULL)
        log_warning(log, "runtime", "a plugin was not replaced: %.*s",
                    STR_ARG(buf_str(self->problem)));
}

err_t runtime_replace_plugin(runtime_t *self, const char *name, const char *path,
                             uint64_t timeout_ms, buf_t *problem)
{
    ASSERT(scheduler_current() == NULL);
    ms_clock_t clock = clock_system();
    uint64_t deadline_ms = clock_mono_ms(&clock) + timeout_ms;
    replacing_t attempt = {
        .runtime = self, .plugins = self->plugins, .path = path, .problem = problem};
    uv_mutex_lock(&self->plugins->lock);
    err_t err = begin(&attempt, name);
    uv_mutex_unlock(&self->plugins->lock);
    if (err != ERR_OK)
        return err;
    err = replace(&attempt, deadline_ms);
    if (err != ERR_OK && problem->size == 0)
        buf_printf(problem, "plugin '%s' is not replaced: %s", name, err_text(err));
    log_outcome(&attempt, err);
    uv_mutex_lock(&self->plugins->lock);
    self->plugins->is_replacing = false;
    uv_mutex_unlock(&self->plugins->lock);
    return err;
}
