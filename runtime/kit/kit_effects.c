#include "runtime/kit/kit.h"

#include "runtime/base/memory.h"

/* ---- noting ---- */

static kit_effect_t *note(kit_t *self, kit_effect_t effect)
{
    if (self->count == self->capacity) {
        size_t capacity = MAX((size_t)16, self->capacity * 2);
        kit_effect_t *effects = capacity > KIT_EFFECTS_MAX
                                    ? NULL
                                    : memory_resize(self->effects, capacity, sizeof *effects);
        if (effects == NULL) {
            buf_printf(&self->wrong, "an effect was lost: no memory, or over %d of them",
                       KIT_EFFECTS_MAX);
            return NULL;
        }
        self->effects = effects;
        self->capacity = capacity;
    }
    self->effects[self->count] = effect;
    return &self->effects[self->count++];
}

static const void *kept(kit_t *self, const schema_t *schema, const void *message)
{
    void *copy = arena_new(&self->arena, MAX(schema_deep_size(schema, message), (size_t)1));
    if (copy != NULL)
        schema_copy(schema, message, copy);
    return copy;
}

void kit_note_event(kit_t *self, const journal_event_t *event)
{
    const actor_kind_t *kind = self->options.kind;
    for (size_t i = 0; i < kind->applier_count; i++) {
        const schema_t *schema = kind->appliers[i].schema;
        if (!str_equal(str_from(schema->name), event->name))
            continue;
        void *message = arena_new(&self->arena, MAX(schema->size, (size_t)1));
        str_t payload = arena_str(&self->arena, event->payload); /* its strings borrow it */
        if (message != NULL && schema_decode(schema, payload, &self->arena, message) == ERR_OK)
            note(self, (kit_effect_t){.kind = KIT_EVENT, .schema = schema, .message = message});
    }
}

void kit_note_end(kit_t *self, kit_effect_kind_t kind, const char *reason)
{
    str_t text = arena_str(&self->arena, str_from(reason == NULL ? "" : reason));
    note(self, (kit_effect_t){.kind = kind, .text = text});
}

static void remember_ask(kit_t *self, reply_token_t token)
{
    kit_open_ask_t *ask = arena_new(&self->arena, sizeof *ask);
    if (ask == NULL)
        return; /* it runs into its deadline */
    ask->token = token;
    *self->asks_end = ask;
    self->asks_end = &ask->next;
}

static void keep_job(kit_t *self, job_t *job)
{
    job->next = NULL;
    *self->jobs_end = job;
    self->jobs_end = &job->next;
}

/* What it sends to itself also comes. */
static void pass_to_self(kit_t *self, const actor_t *actor, effect_t *effect)
{
    bool is_by_name = effect->to_kind != NULL &&
                      strcmp(effect->to_kind->name, self->options.kind->name) == 0 &&
                      str_equal(effect->to_key, self->options.key);
    if (is_by_name || (effect->to_kind == NULL && effect->to_ref == actor_bits(actor)))
        IGNORE_ERR(deliver(self->runtime, effect->to_kind, effect->to_key, effect->to_ref,
                           STEAL(effect->message)));
}

static err_t note_send(kit_t *self, const actor_t *actor, effect_t *effect)
{
    const message_t *message = effect->message;
    bool is_ask = message->reply_to.asker != 0;
    err_t err = self->send_result;
    if (err == ERR_OK || is_ask)
        note(self, (kit_effect_t){.kind = is_ask ? KIT_ASKED : KIT_SENT,
                                  .schema = message->schema,
                                  .message = kept(self, message->schema, message_body(message)),
                                  .to_kind = effect->to_kind == NULL ? NULL : effect->to_kind->name,
                                  .text = arena_str(&self->arena, effect->to_key),
                                  .ref = effect->to_ref});
    if (is_ask && err == ERR_OK)
        remember_ask(self, message->reply_to);
    else if (is_ask)
        deliver_reply(self->runtime,
                      reply_new(message->reply_to, err, NULL, NULL, (str_t){NULL, 0}));
    else if (err == ERR_OK)
        pass_to_self(self, actor, effect);
    message_free(STEAL(effect->message));
    return is_ask ? ERR_OK : err;
}

/* A child that does nothing, and lives and dies as its kind says. */
static void note_spawn(kit_t *self, uint64_t ref)
{
    actor_t *child = registry_slot(self->runtime->registry, ref);
    const actor_kind_t *kind = child->kind;
    kit_stranger_kind_t *idle = arena_new(&self->arena, sizeof *idle);
    note(self, (kit_effect_t){.kind = KIT_SPAWNED,
                              .to_kind = kind->name,
                              .text = arena_str(&self->arena, actor_key(child)),
                              .ref = ref});
    if (idle == NULL)
        return; /* it never begins */
    idle->kind = (actor_kind_t){.name = kind->name,
                                .is_temporary = kind->is_temporary,
                                .restarts_max = kind->restarts_max,
                                .restart_period_ms = kind->restart_period_ms};
    child->kind = &idle->kind;
    scheduler_ready(child);
}

static err_t take_effect(void *context, actor_t *actor, effect_t *effect)
{
    kit_t *self = context;
    const message_t *message = effect->message;
    switch (effect->kind) {
    case EFFECT_SEND:
        return note_send(self, actor, effect);
    case EFFECT_PUBLISH:
        note(self, (kit_effect_t){.kind = KIT_PUBLISHED,
                                  .schema = message->schema,
                                  .message = kept(self, message->schema, message_body(message)),
                                  .text = arena_str(&self->arena, message_text(message))});
        message_free(STEAL(effect->message));
        break;
    case EFFECT_SPAWN:
        note_spawn(self, effect->to_ref);
        break;
    case EFFECT_OFFLOAD:
        note(self, (kit_effect_t){.kind = KIT_OFFLOADED, .lane = effect->job->lane});
        keep_job(self, STEAL(effect->job));
        break;
    case EFFECT_REPLY:
    case EFFECT_STOP:
        break;
    }
    return ERR_OK;
}

static void take_timer(void *context, const actor_t *actor, const alarm_t *alarm, uint64_t delay_ms)
{
    kit_t *self = context;
    const schema_t *schema = alarm->message.schema;
    (void)actor;
    note(self, (kit_effect_t){.kind = KIT_ARMED,
                              .schema = schema,
                              .message = kept(self, schema, message_body(&alarm->message)),
                              .delay_ms = delay_ms,
                              .period_ms = alarm->period_ms});
}

static const actor_kind_t *stranger_named(void *context, const char *name)
{
    kit_t *self = context;
    for (kit_stranger_kind_t *it = self->strangers; it != NULL; it = it->next) {
        if (strcmp(it->kind.name, name) == 0)
            return &it->kind;
    }
    kit_stranger_kind_t *fresh = arena_new(&self->arena, sizeof *fresh);
    if (fresh == NULL)
        return NULL;
    fresh->kind.name = arena_str(&self->arena, str_from(name)).data;
    fresh->next = self->strangers;
    self->strangers = fresh;
    return fresh->kind.name == NULL ? NULL : &fresh->kind;
}

void kit_probe_init(kit_t *self)
{
    self->probe = (runtime_probe_t){self, take_effect, take_timer, stranger_named};
    self->asks = NULL;
    self->asks_end = &self->asks;
    self->jobs = NULL;
    self->jobs_end = &self->jobs;
}

void kit_drop_open(kit_t *self)
{
    while (self->jobs != NULL) {
        job_t *job = self->jobs;
        self->jobs = job->next;
        job_free(job);
    }
    self->asks = NULL;
}

/* ---- looking ---- */

static const char *const kind_names[] = {"emitted", "sent",      "asked",   "published", "armed",
                                         "spawned", "offloaded", "stopped", "failed"};

static const kit_effect_t *oldest(const kit_t *self)
{
    return self->taken == self->count ? NULL : &self->effects[self->taken];
}

static void say(buf_t *out, const kit_effect_t *effect)
{
    buf_printf(out, "it %s", kind_names[effect->kind]);
    if (effect->schema != NULL)
        buf_printf(out, " %s", effect->schema->name);
    if (effect->to_kind != NULL)
        buf_printf(out, effect->kind == KIT_SPAWNED ? " a %s" : " to %s", effect->to_kind);
    if (!str_is_empty(effect->text))
        buf_printf(out, " '%.*s'", STR_ARG(effect->text));
    if (effect->kind == KIT_ARMED)
        buf_printf(out, " in %llu ms, every %llu ms", (unsigned long long)effect->delay_ms,
                   (unsigned long long)effect->period_ms);
}

static bool is_wanted(const kit_effect_t *it, const kit_effect_t *want)
{
    bool is_to = want->to_kind == NULL
                     ? it->ref == want->ref || want->kind == KIT_SPAWNED
                     : it->to_kind != NULL && strcmp(it->to_kind, want->to_kind) == 0;
    return it->kind == want->kind && it->schema == want->schema && is_to &&
           str_equal(it->text, want->text) && it->delay_ms == want->delay_ms &&
           it->period_ms == want->period_ms && it->lane == want->lane;
}

static const kit_effect_t *take(kit_t *self, kit_effect_t want)
{
    const kit_effect_t *it = oldest(self);
    if (it != NULL && is_wanted(it, &want)) {
        self->taken++;
        return it;
    }
    buf_reset(&self->wrong);
    if (it == NULL)
        buf_printf(&self->wrong, "it did nothing more");
    else
        say(&self->wrong, it);
    buf_printf(&self->wrong, ", not: ");
    say(&self->wrong, &want);
    return NULL;
}

static const void *message_of(const kit_effect_t *effect)
{
    return effect == NULL ? NULL : effect->message;
}

const void *kit_take_event(kit_t *self, const schema_t *schema)
{
    return message_of(take(self, (kit_effect_t){.kind = KIT_EVENT, .schema = schema}));
}

static kit_effect_t sent(kit_effect_kind_t kind, address_t to, const schema_t *schema)
{
    return (kit_effect_t){
        .kind = kind, .schema = schema, .to_kind = to.kind, .text = to.key, .ref = to.ref.bits};
}

const void *kit_take_sent(kit_t *self, address_t to, const schema_t *schema)
{
    return message_of(take(self, sent(KIT_SENT, to, schema)));
}

const void *kit_take_asked(kit_t *self, address_t to, const schema_t *schema)
{
    return message_of(take(self, sent(KIT_ASKED, to, schema)));
}

const void *kit_take_published(kit_t *self, str_t topic, const schema_t *schema)
{
    return message_of(
        take(self, (kit_effect_t){.kind = KIT_PUBLISHED, .schema = schema, .text = topic}));
}

const void *kit_take_armed(kit_t *self, uint64_t delay_ms, uint64_t period_ms,
                           const schema_t *schema)
{
    return message_of(take(self, (kit_effect_t){.kind = KIT_ARMED,
                                                .schema = schema,
                                                .delay_ms = delay_ms,
                                                .period_ms = period_ms}));
}

bool kit_spawned(kit_t *self, const char *kind, str_t key, actor_ref_t *out_ref)
{
    const kit_effect_t *it =
        take(self, (kit_effect_t){.kind = KIT_SPAWNED, .to_kind = kind, .text = key});
    if (it != NULL && out_ref != NULL)
        *out_ref = (actor_ref_t){it->ref};
    return it != NULL;
}

bool kit_offloaded(kit_t *self, offload_lane_t lane)
{
    return take(self, (kit_effect_t){.kind = KIT_OFFLOADED, .lane = lane}) != NULL;
}

bool kit_stopped(kit_t *self)
{
    return take(self, (kit_effect_t){.kind = KIT_STOPPED}) != NULL;
}

bool kit_failed(kit_t *self, const char *reason)
{
    return take(self, (kit_effect_t){.kind = KIT_FAILED, .text = str_from(reason)}) != NULL;
}

bool kit_is_quiet(kit_t *self)
{
    const kit_effect_t *it = oldest(self);
    buf_reset(&self->wrong);
    if (it != NULL)
        say(&self->wrong, it);
    return it == NULL;
}

void kit_skip(kit_t *self)
{
    self->taken = self->count;
}

const char *kit_wrong(kit_t *self)
{
    return buf_terminated(&self->wrong);
}

/* ---- the world's answers ---- */

static bool answer_oldest(kit_t *self, err_t err, const schema_t *schema, const void *reply)
{
    kit_open_ask_t *ask = self->asks;
    if (ask == NULL)
        return false;
    self->asks = ask->next;
    if (self->asks == NULL)
        self->asks_end = &self->asks;
    deliver_reply(self->runtime, reply_new(ask->token, err, schema, reply, (str_t){NULL, 0}));
    kit_settle(self);
    return true;
}

bool kit_reply_message(kit_t *self, const schema_t *schema, const void *reply)
{
    return answer_oldest(self, ERR_OK, schema, reply);
}

bool kit_refuse(kit_t *self, err_t err)
{
    return answer_oldest(self, err, NULL, NULL);
}

static bool end_job(kit_t *self, bool is_run, err_t err)
{
    job_t *job = self->jobs;
    if (job == NULL)
        return false;
    self->jobs = job->next;
    if (self->jobs == NULL)
        self->jobs_end = &self->jobs;
    job->err = is_run ? job->actor_work(job->data, job->data_size) : err;
    offload_return(job);
    kit_settle(self);
    return true;
}

bool kit_run_job(kit_t *self)
{
    return end_job(self, true, ERR_OK);
}

bool kit_fail_job(kit_t *self, err_t err)
{
    return end_job(self, false, err);
}

void kit_set_send_result(kit_t *self, err_t err)
{
    self->send_result = err;
}
