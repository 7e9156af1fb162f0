#include "runtime/supervisor.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/life/supervision.h"

#define DEF_FILE "runtime/supervisor.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "runtime/supervisor.def"
#define ACTOR_STATE supervisor_t
#include "runtime/actor_kind.h"

/* ---- what it is asked ---- */

static bool is_simple(const supervisor_t *self)
{
    return self->spec->strategy == SUPERVISOR_SIMPLE;
}

static err_t start_simple(supervisor_t *self, context_t *ctx, str_t key)
{
    if (self->count >= SUPERVISOR_SIMPLE_MAX)
        return ERR_LIMIT;
    child_spec_t spec = self->spec->children[0];
    spec.key = key;
    child_t *child = child_new(self, &spec, true);
    if (child == NULL)
        return ERR_NO_MEMORY;
    err_t err = child_spawn(ctx, self, child, true);
    if (err != ERR_OK)
        child_remove(self, child);
    else
        child->asker = actor_reply_later(ctx);
    return err;
}

ON(supervisor_start_child)
{
    if (is_simple(self))
        return start_simple(self, ctx, command->key);
    char id[SUPERVISOR_ID_SIZE_MAX];
    if (str_is_empty(command->id) || command->id.size >= sizeof id ||
        command->restart > CHILD_TEMPORARY)
        return ERR_INVALID;
    if (child_named(self, command->id) != NULL)
        return ERR_CONFLICT;
    if (self->count >= SUPERVISOR_CHILDREN_MAX)
        return ERR_LIMIT;
    snprintf(id, sizeof id, "%.*s", STR_ARG(command->id));
    child_spec_t spec = {.id = id,
                         .kind = runtime_kind_named(ctx->runtime, command->kind),
                         .key = command->key,
                         .restart = (child_restart_t)command->restart,
                         .shutdown_ms = command->shutdown_ms,
                         .is_significant = command->is_significant};
    if (spec.kind == NULL)
        return ERR_NOT_FOUND;
    if (spec.is_significant &&
        (spec.restart == CHILD_PERMANENT || self->spec->auto_shutdown == SUPERVISOR_NEVER))
        return ERR_INVALID;
    child_t *child = child_new(self, &spec, true);
    if (child == NULL)
        return ERR_NO_MEMORY;
    self->asker = actor_reply_later(ctx);
    self->is_new = true;
    arrange_one(ctx, self, GOAL_ADD, child);
    return ERR_OK;
}

static child_t *child_meant(const supervisor_t *self, str_t id, uint64_t ref)
{
    if (!is_simple(self))
        return child_named(self, id);
    const id_value_t *value = ref == 0 ? NULL : id_map_at(&self->by_ref, ref);
    return value == NULL ? NULL : value->pointer;
}

ON(supervisor_stop_child)
{
    child_t *child = child_meant(self, command->id, command->ref_bits);
    if (child == NULL)
        return ERR_NOT_FOUND;
    self->asker = actor_reply_later(ctx);
    arrange_one(ctx, self, GOAL_REMOVE, child);
    return ERR_OK;
}

ON(supervisor_restart_child)
{
    child_t *child = is_simple(self) ? NULL : child_named(self, command->id);
    if (child == NULL)
        return ERR_NOT_FOUND;
    if (child->state != CHILD_OFF)
        return ERR_CONFLICT;
    self->asker = actor_reply_later(ctx);
    self->is_new = false;
    arrange_one(ctx, self, GOAL_ADD, child);
    return ERR_OK;
}

ON(supervisor_delete_child)
{
    child_t *child = is_simple(self) ? NULL : child_named(self, command->id);
    if (child == NULL)
        return ERR_NOT_FOUND;
    if (child->state != CHILD_OFF)
        return ERR_CONFLICT;
    child_remove(self, child);
    return actor_reply(ctx, supervisor_done);
}

static str_t state_text(const child_t *child)
{
    static const char *const names[] = {"off", "starting", "up", "down", "stopping"};
    /* A restart for which nobody waits is not told of. */
    bool is_up = child->state == CHILD_STARTING && child->tie != NULL &&
                 atomic_load(&child->tie->starts) != child->tie->starts_seen;
    return str_from(names[is_up ? CHILD_UP : child->state]);
}

ON(supervisor_which)
{
    uint32_t count = self->count > command->skip ? self->count - command->skip : 0;
    count = MIN(count, (uint32_t)SUPERVISOR_WHICH_MAX);
    supervisor_row_t *rows = arena_new(context_arena(ctx), (count + 1) * sizeof *rows);
    if (rows == NULL)
        return ERR_NO_MEMORY;
    const child_t *child = self->first;
    for (uint32_t i = 0; i < command->skip && child != NULL; i++)
        child = child->next;
    for (uint32_t i = 0; i < count; i++, child = child->next) {
        ASSERT(child != NULL);
        bool is_supervisor = child_is_supervisor(child);
        rows[i] = (supervisor_row_t){
            .id = str_from(child->spec.id),
            .kind = str_from(is_supervisor ? supervisor_kind.name : child->spec.kind->name),
            .ref_bits = child->tie == NULL ? 0 : child->tie->child,
            .state = state_text(child),
            .restarts = child->restarts,
            .is_supervisor = is_supervisor};
    }
    return actor_reply(ctx, supervisor_children, .children = {rows, count}, .total = self->count);
}

ON(supervisor_count)
{
    supervisor_counts_t counts = {.active = self->active, .restarts = self->restarts};
    for (const child_t *child = self->first; child != NULL && !is_simple(self); child = child->next)
        counts.supervisors += child_is_supervisor(child);
    bool is_of_supervisors = is_simple(self) && self->spec->children[0].supervisor != NULL;
    if (is_of_supervisors)
        counts.supervisors = self->count;
    counts.specs = is_simple(self) ? 1 : self->count;
    counts.workers = self->count - counts.supervisors;
    return actor_reply_message(ctx, &supervisor_counts_schema, &counts);
}

/* ---- its life ---- */

static err_t kick(const context_t *ctx)
{
    message_t *message = message_new(MESSAGE_ARRANGE, NULL, NULL, STR(""), STR(""));
    if (message == NULL)
        return ERR_NO_MEMORY;
    if (!deliver_system(ctx->runtime, actor_bits(ctx->actor), message))
        message_free(message);
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    supervisor_t *self = state;
    const tie_t *tie = actor_tie(ctx->actor);
    ASSERT(tie != NULL); /* supervisor_start and children.c spawn it tied, and nobody else */
    self->spec = tie->spec;
    self->runtime = ctx->runtime;
    const supervisor_spec_t *spec = self->spec;
    uint32_t intensity = spec->intensity == 0 ? SUPERVISOR_INTENSITY_DEFAULT : spec->intensity;
    uint32_t period_ms = spec->period_ms == 0 ? SUPERVISOR_PERIOD_DEFAULT_MS : spec->period_ms;
    self->restarts_max = spec->never_restarts ? 0 : intensity;
    self->period_ns = (uint64_t)period_ms * 1000000;
    TRY(children_from_spec(self));
    TRY(kick(ctx));
    arrange_begin(ctx, self);
    return ERR_OK;
}

/* Killed, it does not wait: they are told to go, and go by themselves. */
static void drop_child(supervisor_t *self, child_t *child)
{
    bool is_running = !atomic_load(&self->runtime->is_stopping);
    if (child->tie != NULL) {
        child->tie->owner = NULL;
        if (is_running)
            tie_wish(child->tie, TIE_END_NOW);
        tie_unref(STEAL(child->tie));
    }
    child_remove(self, child);
}

static void deinit(void *state)
{
    supervisor_t *self = state;
    while (self->first != NULL)
        drop_child(self, self->first);
    alarm_cancel(&self->deadline);
    id_map_deinit(&self->by_ref);
    intensity_deinit(&self->intensity);
}

ACTOR_KIND(supervisor, .start = start, .deinit = deinit, .is_temporary = true);

/* ---- starting one ---- */

static err_t check_spec(const supervisor_spec_t *spec, uint32_t depth);

static err_t check_child(const supervisor_spec_t *spec, size_t index, uint32_t depth)
{
    const child_spec_t *child = &spec->children[index];
    bool is_one = (child->kind == NULL) != (child->supervisor == NULL);
    bool may_be_significant =
        child->restart != CHILD_PERMANENT && spec->auto_shutdown != SUPERVISOR_NEVER;
    if (!is_one || child->id == NULL || child->id[0] == '\0' ||
        strlen(child->id) >= SUPERVISOR_ID_SIZE_MAX || child->key.size > ACTOR_KEY_SIZE_MAX ||
        (child->is_significant && !may_be_significant))
        return ERR_INVALID;
    for (size_t i = 0; i < index; i++) {
        if (strcmp(spec->children[i].id, child->id) == 0)
            return ERR_INVALID;
    }
    return child->supervisor == NULL ? ERR_OK : check_spec(child->supervisor, depth + 1);
}

static err_t check_spec(const supervisor_spec_t *spec, uint32_t depth)
{
    bool is_simple_wrong = spec->strategy == SUPERVISOR_SIMPLE && spec->child_count != 1;
    if (depth > SUPERVISOR_DEPTH_MAX || spec->child_count > SUPERVISOR_CHILDREN_MAX ||
        spec->intensity > SUPERVISOR_INTENSITY_MAX)
        return ERR_LIMIT;
    if (is_simple_wrong || spec->name == NULL || strlen(spec->name) > ACTOR_KEY_SIZE_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < spec->child_count; i++)
        TRY(check_child(spec, i, depth));
    return ERR_OK;
}

err_t supervisor_start(runtime_t *runtime, const supervisor_spec_t *spec, actor_ref_t *out_ref)
{
    TRY(check_spec(spec, 1));
    tie_t *tie = tie_new(runtime, spec->name, spec);
    if (tie == NULL)
        return ERR_NO_MEMORY;
    actor_t *actor = NULL;
    err_t err =
        registry_spawn_tied(runtime->registry, &supervisor_kind, str_from(spec->name), tie, &actor);
    if (err == ERR_OK) {
        *out_ref = (actor_ref_t){tie->child};
        scheduler_ready(actor);
    }
    tie_unref(tie);
    return err;
}
