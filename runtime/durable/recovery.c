#include "runtime/base/memory.h"
#include "runtime/durable/durable.h"
#include "runtime/durable/durable_forms.h"
#include "runtime/durable/outbox.h"
#include "runtime/kernel.h"

#include <stdio.h>

recovery_t *recovery_new(runtime_t *runtime, const actor_kind_t *kind, str_t key)
{
    recovery_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = runtime;
    self->kind = kind;
    self->rereads = atomic_load(&runtime->rereads);
    self->key = str_of(str_dup_terminated(key), key.size);
    self->state = memory_new(kind->state_size);
    self->durable = memory_new(sizeof(durable_t));
    if (self->durable != NULL)
        effect_queue_init(&self->durable->held);
    if (self->key.data == NULL || self->state == NULL || self->durable == NULL) {
        recovery_free(self);
        return NULL;
    }
    return self;
}

void recovery_free(recovery_t *self)
{
    if (self == NULL)
        return;
    if (self->state != NULL && self->kind->deinit != NULL)
        self->kind->deinit(self->state);
    memory_free(self->state);
    durable_free(self->durable);
    memory_free((void *)(uintptr_t)self->key.data); /* ours; str_t has no other way to say so */
    memory_free(self);
}

str_t durable_stream(const actor_kind_t *kind, str_t key, char room[JOURNAL_STREAM_SIZE_MAX + 1])
{
    int size = snprintf(room, JOURNAL_STREAM_SIZE_MAX + 1, "%s/%.*s", kind->name, STR_ARG(key));
    return str_of(room, (size_t)size);
}

/* ---- snapshot ---- */

err_t recovery_restore_state(recovery_t *self, str_t state)
{
    if (self->kind->restore != NULL)
        return self->kind->restore(self->state, state);
    if (self->kind->state_schema == NULL)
        return ERR_CORRUPT; /* a snapshot of a kind that takes none */
    /* Its strings borrow what they were read from: it lives in the arena of the activation. */
    arena_t *arena = &self->durable->arena;
    const char *copy = arena_dup(arena, state.data, state.size);
    if (copy == NULL && state.size > 0)
        return ERR_NO_MEMORY;
    return schema_decode(self->kind->state_schema, str_of(copy, state.size), arena, self->state);
}

static err_t restore(recovery_t *self, str_t stream, str_t encoded, uint64_t version)
{
    arena_t arena ARENA_SCOPED = {0};
    durable_snapshot_t snapshot;
    if (schema_decode(&durable_snapshot_schema, encoded, &arena, &snapshot) != ERR_OK)
        return ERR_CORRUPT;
    TRY(recovery_restore_state(self, snapshot.state));
    durable_t *durable = self->durable;
    durable->version = durable->snapshot_version = version;
    durable->position = snapshot.position;
    for (uint32_t i = 0; i < snapshot.commands.count; i++) {
        const durable_command_t *command = &snapshot.commands.items[i];
        seen_command_t at = {.position = command->position, .wall_ms = command->wall_ms};
        TRY(seen_commands_put(&durable->commands, command->id, command->result, &at));
    }
    return outbox_from_snapshot(&durable->outbox, self->runtime->journal, stream, &snapshot);
}

static err_t read_snapshot(recovery_t *self, str_t stream)
{
    buf_t encoded BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;
    journal_t *journal = self->runtime->journal;
    err_t err = journal->table->snapshot_get(journal, stream, &version, &encoded);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    return restore(self, stream, buf_str(&encoded), version);
}

/* ---- events ---- */

static const actor_applier_t *applier_named(const actor_kind_t *kind, str_t name)
{
    for (size_t i = 0; i < kind->applier_count; i++) {
        if (str_equal(str_from(kind->appliers[i].schema->name), name))
            return &kind->appliers[i];
    }
    return NULL;
}

static err_t apply(recovery_t *self, const journal_record_t *record)
{
    const actor_applier_t *applier = applier_named(self->kind, record->event.name);
    if (applier == NULL) {
        err_t err = outbox_replay(&self->durable->outbox, record);
        return err == ERR_NOT_FOUND ? ERR_NEWER : err;
    }
    arena_t arena ARENA_SCOPED = {0};
    void *event = arena_new(&arena, MAX(applier->schema->size, (size_t)1));
    if (event == NULL)
        return ERR_NO_MEMORY;
    if (schema_decode(applier->schema, record->event.payload, &arena, event) != ERR_OK)
        return ERR_CORRUPT;
    applier->apply(self->state, event, record->wall_ms);
    return ERR_OK;
}

static err_t visit(void *context, const journal_record_t *record)
{
    recovery_t *self = context;
    durable_t *durable = self->durable;
    if (record->version != durable->version + 1)
        return ERR_CORRUPT;
    TRY(apply(self, record));
    durable->version = record->version;
    durable->position = record->position;
    if (str_is_empty(record->command_id))
        return ERR_OK;
    seen_command_t at = {.position = record->position, .wall_ms = record->wall_ms};
    return seen_commands_put(&durable->commands, record->command_id, record->result, &at);
}

err_t recovery_run(recovery_t *self)
{
    char room[JOURNAL_STREAM_SIZE_MAX + 1];
    str_t stream = durable_stream(self->kind, self->key, room);
    journal_t *journal = self->runtime->journal;
    self->durable->epoch = journal_epoch(journal, stream);
    if (self->durable->epoch == 0)
        return ERR_UNAVAILABLE; /* another node's */
    TRY(read_snapshot(self, stream));
    TRY(journal->table->read(journal, stream, self->durable->version, visit, self));
    self->durable->durable_version = self->durable->version;
    return ERR_OK;
}

/* ---- taking a snapshot ---- */

void durable_encode_state(const actor_t *actor, buf_t *out)
{
    if (actor->kind->snapshot != NULL)
        actor->kind->snapshot(actor->state, out);
    else
        schema_encode(actor->kind->state_schema, actor->state, out);
}

void durable_snapshot(actor_t *actor)
{
    durable_t *durable = actor_peek(actor)->durable;
    buf_t state BUF_SCOPED = BUF_INIT;
    buf_t encoded BUF_SCOPED = BUF_INIT;
    durable_encode_state(actor, &state);

    durable_command_t *commands MEMORY_SCOPED =
        memory_new_array(DURABLE_COMMANDS_MAX, sizeof *commands);
    if (commands == NULL)
        return; /* the next one will do; events are all there */
    seen_commands_t *seen = &durable->commands;
    uint32_t first = seen->count < DURABLE_COMMANDS_MAX ? 0 : seen->next; /* oldest first */
    for (uint32_t i = 0; i < seen->count; i++) {
        const seen_command_t *command = &seen->ring[(first + i) % DURABLE_COMMANDS_MAX];
        commands[i] = (durable_command_t){
            .id = str_of(command->id, command->id_size),
            .result = str_of(command->id + command->id_size, command->result_size),
            .position = command->position,
            .wall_ms = command->wall_ms};
    }
    durable_snapshot_t snapshot = {.position = durable->position, .state = buf_str(&state)};
    snapshot.commands.items = commands;
    snapshot.commands.count = seen->count;
    arena_t arena ARENA_SCOPED = {0};
    if (outbox_to_snapshot(durable->outbox, &arena, &snapshot) != ERR_OK)
        return;
    schema_encode(&durable_snapshot_schema, &snapshot, &encoded);
    if (buf_status(&state) != ERR_OK || buf_status(&encoded) != ERR_OK)
        return;

    char room[JOURNAL_STREAM_SIZE_MAX + 1];
    journal_t *journal = actor_runtime(actor)->journal;
    journal->table->snapshot_put(journal, durable_stream(actor->kind, actor_key(actor), room),
                                 durable->version, buf_str(&encoded));
    durable->snapshot_version = durable->version;
}

bool durable_can_snapshot(const actor_kind_t *kind)
{
    return kind->snapshot != NULL || kind->state_schema != NULL;
}

bool durable_snapshot_is_due(const actor_t *actor, uint64_t events_min)
{
    const durable_t *durable = actor_peek(actor)->durable;
    return durable != NULL && durable_can_snapshot(actor->kind) &&
           actor->kind->snapshot_every > 0 &&
           durable->version - durable->snapshot_version >= events_min;
}
