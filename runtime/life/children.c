#include "runtime/base/memory.h"
#include "runtime/life/supervision.h"

/* ---- the list ---- */

static void append(supervisor_t *self, child_t *child)
{
    child->previous = self->last;
    if (self->last == NULL)
        self->first = child;
    else
        self->last->next = child;
    self->last = child;
    self->count++;
}

/* Its id and key, in one block. */
static bool own_text(child_t *child)
{
    size_t id_size = strlen(child->spec.id) + 1;
    child->text = memory_new(id_size + child->spec.key.size);
    if (child->text == NULL)
        return false;
    memcpy(child->text, child->spec.id, id_size);
    if (child->spec.key.size > 0)
        memcpy(child->text + id_size, child->spec.key.data, child->spec.key.size);
    child->spec.id = child->text;
    child->spec.key.data = child->text + id_size;
    return true;
}

child_t *child_new(supervisor_t *self, const child_spec_t *spec, bool is_owned)
{
    child_t *child = memory_new(sizeof *child);
    if (child == NULL)
        return NULL;
    child->spec = *spec;
    if (is_owned && !own_text(child)) {
        memory_free(child);
        return NULL;
    }
    append(self, child);
    return child;
}

static void forget_failed(supervisor_t *self, const child_t *child)
{
    for (child_t **at = &self->failed_first; *at != NULL; at = &(*at)->failed_next) {
        if (*at != child)
            continue;
        *at = child->failed_next;
        if (child->failed_next == NULL)
            self->failed_end = at;
        return;
    }
}

void child_remove(supervisor_t *self, child_t *child)
{
    if (child->is_failed_queued)
        forget_failed(self, child);
    if (self->from == child)
        self->from = child->next;
    *(child->previous == NULL ? &self->first : &child->previous->next) = child->next;
    *(child->next == NULL ? &self->last : &child->next->previous) = child->previous;
    self->count--;
    memory_free(child->text);
    memory_free(child);
}

child_t *child_named(const supervisor_t *self, str_t id)
{
    child_t *child = self->first;
    while (child != NULL && !str_equal(str_from(child->spec.id), id))
        child = child->next;
    return child;
}

err_t children_from_spec(supervisor_t *self)
{
    const supervisor_spec_t *spec = self->spec;
    bool is_simple = spec->strategy == SUPERVISOR_SIMPLE;
    for (size_t i = 0; !is_simple && i < spec->child_count; i++) {
        if (child_new(self, &spec->children[i], false) == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

bool child_is_supervisor(const child_t *child)
{
    return child->spec.supervisor != NULL;
}

uint32_t child_shutdown_ms(const child_t *child)
{
    enum { SHUTDOWN_DEFAULT_MS = 5000 };
    if (child->spec.shutdown_ms != 0)
        return child->spec.shutdown_ms;
    return child_is_supervisor(child) ? CHILD_SHUTDOWN_INFINITE : (uint32_t)SHUTDOWN_DEFAULT_MS;
}

/* ---- starting and letting go ---- */

static const actor_kind_t *kind_of(const runtime_t *runtime, const child_t *child)
{
    if (child_is_supervisor(child))
        return &supervisor_kind;
    const actor_kind_t *registered = runtime_kind(runtime, child->spec.kind->name);
    return registered == NULL ? child->spec.kind : registered;
}

static err_t spawn(context_t *ctx, child_t *child, tie_t *tie)
{
    bool is_supervisor = child_is_supervisor(child);
    str_t key = is_supervisor ? str_from(child->spec.supervisor->name) : child->spec.key;
    actor_t *actor = NULL;
    TRY(registry_spawn_tied(ctx->runtime->registry, kind_of(ctx->runtime, child), key, tie,
                            &actor));
    child->tie = tie;
    child->state = CHILD_STARTING;
    scheduler_ready(actor);
    return ERR_OK;
}

err_t child_spawn(context_t *ctx, supervisor_t *self, child_t *child, bool is_awaited)
{
    tie_t *tie = tie_new(ctx->runtime, child->spec.id, child->spec.supervisor);
    if (tie == NULL)
        return ERR_NO_MEMORY;
    tie->owner = child;
    tie->supervisor = actor_bits(ctx->actor);
    tie->supervisor_incarnation = ctx->actor->incarnation;
    atomic_init(&tie->is_awaited, is_awaited);
    err_t err = spawn(ctx, child, tie);
    if (err != ERR_OK) {
        tie->owner = NULL;
        tie_unref(tie);
        return err;
    }
    self->active++;
    if (self->spec->strategy == SUPERVISOR_SIMPLE)
        err = id_map_put(&self->by_ref, tie->child, (id_value_t){.pointer = child});
    if (err != ERR_OK)
        child_let_go(self, child);
    return err;
}

void child_run(child_t *child, bool is_awaited, uint32_t delay_ms)
{
    child->state = CHILD_STARTING;
    atomic_store(&child->tie->is_awaited, is_awaited);
    atomic_store(&child->tie->delay_ms, delay_ms);
    tie_wish(child->tie, TIE_RUN);
}

static tie_t *untie(supervisor_t *self, child_t *child)
{
    tie_t *tie = STEAL(child->tie);
    id_value_t value;
    if (self->spec->strategy == SUPERVISOR_SIMPLE)
        (void)id_map_take(&self->by_ref, tie->child, &value);
    if (child->state != CHILD_OFF)
        self->active--;
    child->state = CHILD_OFF;
    child->is_restarting = false;
    child->kills = 0;
    tie->owner = NULL;
    return tie;
}

void child_let_go(supervisor_t *self, child_t *child)
{
    tie_t *tie = untie(self, child);
    if (!atomic_load(&tie->is_ended)) { /* if it does so now, it rings after this */
        tie->is_leaving = true;
        self->leaving++;
        tie_wish(tie, TIE_END);
    }
    tie_unref(tie);
}

void child_gone(supervisor_t *self, child_t *child)
{
    tie_unref(untie(self, child));
}

/* ---- how often ---- */

bool supervisor_may_restart(supervisor_t *self, uint64_t now_ns)
{
    bool may = intensity_add(&self->intensity, self->restarts_max, self->period_ns, now_ns);
    self->restarts += may;
    return may;
}

uint32_t child_backoff_ms(context_t *ctx, const supervisor_t *self, child_t *child)
{
    uint32_t first_ms = self->spec->backoff_first_ms;
    if (first_ms == 0)
        return 0;
    if (ctx->now_ns - child->streak_since_ns > self->period_ns)
        child->streak = 0;
    child->streak_since_ns = ctx->now_ns;
    uint64_t most_ms = MAX(self->spec->backoff_max_ms, first_ms);
    uint64_t full_ms = MIN((uint64_t)first_ms << MIN(child->streak, 31U), most_ms);
    child->streak++;
    return (uint32_t)(full_ms / 2 + random_below(&ctx->runtime->random, full_ms / 2 + 1));
}
