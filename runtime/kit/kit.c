#include "runtime/kit/kit.h"

#include "runtime/base/memory.h"
#include "runtime/kernel.h"
#include "runtime/kit/probe.h"

/* Virtual time begins here, so that 0 stays "none". */
#define KIT_START_NS (UINT64_C(3600) * 1000000000)
#define KIT_START_WALL_MS INT64_C(1767225600000)

/* Refused by every kind: it is there to start one. */
static const schema_t begin_schema = {.name = "kit_begin", .role = SCHEMA_COMMAND};
static const actor_kind_t stranger_kind = {.name = "kit_stranger"};

/* ---- the world: clock, journal ---- */

static uint64_t mono_ns(void *context)
{
    const kit_t *self = context;
    return self->now_ns;
}

static int64_t wall_ms(void *context)
{
    const kit_t *self = context;
    return KIT_START_WALL_MS + (int64_t)((self->now_ns - KIT_START_NS) / 1000000);
}

/* Where it reads: a rehearsal reads what is really there, and writes nowhere. */
static journal_t *source(journal_t *journal)
{
    kit_t *self = CONTAINER_OF(journal, kit_t, journal);
    return self->source != NULL ? self->source : journal_memory_journal(self->memory);
}

static journal_t *inner(journal_t *journal)
{
    kit_t *self = CONTAINER_OF(journal, kit_t, journal);
    return journal_memory_journal(self->memory);
}

static void journal_append(journal_t *journal, const journal_append_t *append)
{
    kit_t *self = CONTAINER_OF(journal, kit_t, journal);
    for (size_t i = 0; i < append->event_count; i++)
        kit_note_event(self, &append->events[i]);
    inner(journal)->table->append(inner(journal), append);
}

static err_t journal_read(journal_t *journal, str_t stream, uint64_t after, journal_visit_fn visit,
                          void *context)
{
    return source(journal)->table->read(source(journal), stream, after, visit, context);
}

static void journal_snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    inner(journal)->table->snapshot_put(inner(journal), stream, version, state);
}

static err_t journal_snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version,
                                  buf_t *out)
{
    return source(journal)->table->snapshot_get(source(journal), stream, out_version, out);
}

static err_t journal_feed(journal_t *journal, uint64_t after, size_t count_max,
                          journal_visit_fn visit, void *context)
{
    return inner(journal)->table->feed(inner(journal), after, count_max, visit, context);
}

static uint64_t journal_head(journal_t *journal)
{
    return inner(journal)->table->head(inner(journal));
}

static const journal_table_t journal_table = {.append = journal_append,
                                              .read = journal_read,
                                              .snapshot_put = journal_snapshot_put,
                                              .snapshot_get = journal_snapshot_get,
                                              .feed = journal_feed,
                                              .head = journal_head};

/* ---- running what is ready ---- */

static scheduler_t *scheduler_of(const kit_t *self)
{
    return &self->runtime->schedulers[0];
}

static bool is_subject(const kit_t *self, const actor_t *actor)
{
    return actor->is_virtual && strcmp(actor->kind->name, self->options.kind->name) == 0 &&
           str_equal(actor_key(actor), self->options.key);
}

static actor_t *subject(kit_t *self)
{
    const actor_kind_t *kind = runtime_kind(self->runtime, self->options.kind->name);
    uint64_t bits = registry_find(self->runtime->registry, kind, self->options.key);
    return bits == 0 ? NULL : registry_slot(self->runtime->registry, bits);
}

static void turn_of_subject(kit_t *self, actor_t *actor)
{
    uint32_t incarnation = actor->incarnation;
    scheduler_turn(scheduler_of(self), actor);
    if (actor->phase == ACTOR_FREE)
        kit_note_end(self, KIT_STOPPED, NULL);
    else if (actor->incarnation != incarnation)
        kit_note_end(self, KIT_FAILED, actor_peek(actor)->reason);
}

static bool step(kit_t *self)
{
    scheduler_t *scheduler = scheduler_of(self);
    if (scheduler_take_inbox(scheduler, UINT32_MAX) || scheduler_fire_alarms(scheduler) ||
        offload_step(self->runtime->offload, 0)) /* only recoveries come so far */
        return true;
    actor_t *actor = scheduler_pop(scheduler);
    if (actor == NULL)
        return false;
    if (is_subject(self, actor))
        turn_of_subject(self, actor);
    else
        scheduler_turn(scheduler, actor);
    return true;
}

void kit_settle(kit_t *self)
{
    scheduler_t *before = scheduler_current();
    scheduler_set_current(scheduler_of(self));
    while (step(self))
        ;
    scheduler_set_current(before);
}

/* ---- beginning and end ---- */

static err_t start(kit_t *self)
{
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = {mono_ns, wall_ms, self},
                                 .random = random_seeded(&self->random),
                                 .journal = &self->journal,
                                 .is_simulated = true};
    TRY(runtime_new(&options, &self->runtime));
    actor_kind_t kind = *self->options.kind;
    kind.hibernates = false; /* there is nowhere to sleep, and no time to fall asleep */
    TRY(runtime_register(self->runtime, &kind, self->options.service));
    kit_probe_init(self);
    self->runtime->probe = &self->probe;
    TRY(runtime_start(self->runtime));
    self->begun = kit_ask_message(self, STR(""), &begin_schema, "");
    return ERR_OK;
}

static err_t init(kit_t *self, const kit_options_t *options)
{
    self->options = *options;
    self->options.key = arena_str(&self->arena, options->key);
    self->random.state = options->seed;
    self->now_ns = KIT_START_NS;
    self->journal.table = &journal_table;
    if (self->options.key.data == NULL)
        return ERR_NO_MEMORY;
    TRY(journal_memory_new(false, &self->memory));
    return start(self);
}

kit_t *kit_open_with(const kit_options_t *options)
{
    kit_t *self = memory_new(sizeof *self);
    if (self != NULL && init(self, options) != ERR_OK) {
        kit_close(self);
        return NULL;
    }
    return self;
}

kit_t *kit_open(const actor_kind_t *kind, str_t key)
{
    return kit_open_with(&(kit_options_t){.kind = kind, .key = key});
}

err_t kit_rehearse(const kit_options_t *options, journal_t *source)
{
    kit_t *kit KIT_SCOPED = memory_new(sizeof *kit);
    if (kit == NULL)
        return ERR_NO_MEMORY;
    kit->source = source;
    TRY(init(kit, options));
    if (!kit->begun->is_there)
        return ERR_TIMEOUT;
    /* It got so far as to have no handler for what nobody has one for. */
    return kit->begun->err == ERR_UNSUPPORTED ? ERR_OK : kit->begun->err;
}

void kit_close(kit_t *self)
{
    if (self == NULL)
        return;
    kit_drop_open(self);
    runtime_free(self->runtime);
    journal_memory_free(self->memory);
    buf_deinit(&self->wrong);
    arena_deinit(&self->arena);
    memory_free(self->effects);
    memory_free(self);
}

void kit_scope_end(kit_t **self)
{
    kit_close(*self);
}

void kit_restart(kit_t *self)
{
    kit_drop_open(self);
    runtime_free(STEAL(self->runtime));
    if (start(self) != ERR_OK)
        buf_printf(&self->wrong, "no memory to start again");
}

/* ---- telling ---- */

static void answered(void *context, const answer_t *answer)
{
    kit_open_answer_t *open = context;
    kit_answer_t *out = &open->answer;
    arena_t *arena = &open->kit->arena;
    out->is_there = true;
    out->err = answer->err;
    out->text = arena_str(arena, answer->text);
    out->schema = answer->schema;
    if (answer->err != ERR_OK || answer->schema == NULL)
        return;
    void *copy =
        arena_new(arena, MAX(schema_deep_size(answer->schema, answer->message), (size_t)1));
    if (copy != NULL)
        schema_copy(answer->schema, answer->message, copy);
    out->message = copy;
}

const kit_answer_t *kit_ask_message(kit_t *self, str_t command_id, const schema_t *schema,
                                    const void *message)
{
    static const kit_answer_t no_memory = {.is_there = true, .err = ERR_NO_MEMORY};
    kit_open_answer_t *open = arena_new(&self->arena, sizeof *open);
    if (open == NULL)
        return &no_memory;
    open->kit = self;
    scheduler_t *before = scheduler_current();
    scheduler_set_current(scheduler_of(self));
    edge_ask_message(runtime_edge(self->runtime, 0),
                     address_of(self->options.kind->name, self->options.key), KIT_PATIENCE_MS,
                     command_id, answered, open, schema, message);
    scheduler_set_current(before);
    kit_settle(self);
    return &open->answer;
}

const void *kit_answer_message(const kit_answer_t *answer, const schema_t *schema)
{
    bool is_it = answer->is_there && answer->err == ERR_OK && answer->schema == schema;
    return is_it ? answer->message : NULL;
}

void kit_tell_message(kit_t *self, const schema_t *schema, const void *message)
{
    address_t to = address_of(self->options.kind->name, self->options.key);
    err_t err = runtime_send_message(self->runtime, to, schema, message);
    if (err != ERR_OK)
        buf_printf(&self->wrong, "%s was not told: %s", schema->name, err_text(err));
    kit_settle(self);
}

void kit_publish_message(kit_t *self, str_t topic, const schema_t *schema, const void *message)
{
    runtime_publish_message(self->runtime, topic, schema, message);
    kit_settle(self);
}

/* ---- the world's part ---- */

actor_ref_t kit_stranger(kit_t *self)
{
    actor_t *actor = NULL;
    if (registry_spawn(self->runtime->registry, &stranger_kind, STR(""), 0, &actor) != ERR_OK)
        return (actor_ref_t){0};
    actor_ref_t ref = {actor_bits(actor)};
    scheduler_ready(actor);
    kit_settle(self);
    return ref;
}

static void tell_system(kit_t *self, actor_ref_t ref, message_kind_t kind)
{
    message_t *message = message_new(kind, NULL, NULL, (str_t){NULL, 0}, (str_t){NULL, 0});
    if (message != NULL && !deliver_system(self->runtime, ref.bits, message))
        message_free(message);
    kit_settle(self);
}

void kit_end(kit_t *self, actor_ref_t ref)
{
    tell_system(self, ref, MESSAGE_STOP);
}

void kit_kill(kit_t *self, actor_ref_t ref)
{
    tell_system(self, ref, MESSAGE_KILL);
}

void kit_pass(kit_t *self, uint64_t ms)
{
    uint64_t end_ns = self->now_ns + ms * 1000000, next_ns = 0;
    kit_settle(self);
    while (wheel_next_ns(&scheduler_of(self)->wheel, &next_ns) && next_ns <= end_ns &&
           self->now_ns < end_ns) {
        /* A wheel may want to be looked at before anything is due. */
        self->now_ns = MAX(self->now_ns, next_ns);
        kit_settle(self);
    }
    self->now_ns = end_ns;
    kit_settle(self);
}

journal_memory_t *kit_journal(kit_t *self)
{
    return self->memory;
}

const void *kit_state(kit_t *self)
{
    const actor_t *actor = subject(self);
    return actor == NULL ? NULL : actor->state;
}
