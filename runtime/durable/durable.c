#include "runtime/durable/durable.h"

#include "runtime/base/memory.h"
#include "runtime/durable/durable_forms.h"
#include "runtime/durable/outbox.h"
#include "runtime/inside/inside.h"
#include "runtime/kernel.h"

void durable_free(durable_t *self)
{
    if (self == NULL)
        return;
    while (self->appends != NULL) {
        append_t *append = self->appends;
        self->appends = append->next;
        memory_free(append);
    }
    while (self->unknown != NULL) {
        append_t *append = self->unknown;
        self->unknown = append->next;
        memory_free(append);
    }
    effect_queue_deinit(&self->held);
    seen_commands_deinit(&self->commands);
    later_commands_deinit(&self->later);
    outbox_free(self->outbox);
    arena_deinit(&self->arena);
    memory_free(self);
}

bool durable_is_paused(const durable_t *self)
{
    return self->append_count >= DURABLE_APPENDS_MAX ||
           self->append_size >= DURABLE_APPENDS_SIZE_MAX;
}

bool durable_must_hold(const actor_t *actor, const emitted_t *emitted)
{
    const durable_t *durable = actor_peek(actor)->durable;
    return durable != NULL && (durable->append_count > 0 || emitted->count > 0);
}

void durable_hold(actor_t *actor, effect_t *effect)
{
    if (effect_queue_push(&actor_peek(actor)->durable->held, effect) == ERR_OK)
        return;
    if (effect->kind == EFFECT_STOP)
        IGNORE_ERR(effect_run(actor, effect, 0)); /* its end waits for what is under way, too */
    else
        effect_drop(actor, effect, effect->kind == EFFECT_REPLY ? ERR_TIMEOUT : ERR_NO_MEMORY);
}

/* ---- emitting ---- */

static const actor_applier_t *applier_of(const actor_kind_t *kind, const schema_t *schema)
{
    for (size_t i = 0; i < kind->applier_count; i++) {
        if (kind->appliers[i].schema == schema)
            return &kind->appliers[i];
    }
    return NULL;
}

static err_t remember(emitted_t *self, const schema_t *schema, const void *event)
{
    if (self->count == JOURNAL_EVENTS_MAX)
        return ERR_LIMIT;
    if (self->count == self->capacity) {
        size_t capacity = MAX((size_t)8, self->capacity * 2);
        struct emitted_event *events = memory_resize(self->events, capacity, sizeof *events);
        if (events == NULL)
            return ERR_NO_MEMORY;
        self->events = events;
        self->capacity = capacity;
    }
    size_t begin = self->payloads.size;
    schema_encode(schema, event, &self->payloads);
    TRY(buf_status(&self->payloads));
    self->events[self->count++] = (struct emitted_event){schema, begin, self->payloads.size};
    return ERR_OK;
}

err_t durable_emit(actor_t *actor, emitted_t *emitted, const schema_t *schema, const void *event,
                   int64_t wall_ms)
{
    const actor_applier_t *applier = applier_of(actor->kind, schema);
    if (applier == NULL || actor_peek(actor)->durable == NULL)
        return ERR_UNSUPPORTED;
    TRY(remember(emitted, schema, event));
    actor_peek(actor)->durable->version++;
    applier->apply(actor->state, event, wall_ms);
    return ERR_OK;
}

err_t durable_note(actor_t *actor, emitted_t *emitted, const schema_t *schema, const void *event)
{
    if (actor_peek(actor)->durable == NULL)
        return ERR_UNSUPPORTED;
    TRY(remember(emitted, schema, event));
    actor_peek(actor)->durable->version++;
    return ERR_OK;
}

/* ---- appending ---- */

/* On a thread of the journal's choosing. The actor is there: it waits for this. */
static void append_done(void *context, err_t err, uint64_t version, uint64_t position)
{
    append_t *append = context;
    (void)version;
    append->err = err;
    append->position = position;
    runtime_t *runtime = append->runtime;
    /* Refused only when the runtime was freed around it, and then nobody is left to tell. */
    (void)deliver_system(runtime, append->actor, &append->message);
    atomic_fetch_sub(&runtime->counters.appends_in_flight, 1);
}

static void submit(actor_t *actor, append_t *append, const journal_append_t *request)
{
    durable_t *durable = actor_peek(actor)->durable;
    if (durable->appends == NULL)
        durable->appends_end = &durable->appends;
    *durable->appends_end = append;
    durable->appends_end = &append->next;
    durable->append_count++;
    durable->append_size += append->size;
    atomic_fetch_add(&actor_runtime(actor)->counters.appends_in_flight, 1);
    journal_t *journal = actor_runtime(actor)->journal;
    journal->table->append(journal, request);
}

err_t durable_append(actor_t *actor, emitted_t *emitted, int64_t wall_ms, str_t command_id,
                     str_t result)
{
    durable_t *durable = actor_peek(actor)->durable;
    if (emitted->payloads.size + result.size > JOURNAL_APPEND_SIZE_MAX)
        return ERR_LIMIT;
    journal_event_t *events MEMORY_SCOPED = memory_new_array(emitted->count, sizeof *events);
    append_t *append = memory_new(sizeof *append);
    if (events == NULL || append == NULL) {
        memory_free(append);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < emitted->count; i++) {
        struct emitted_event *event = &emitted->events[i];
        events[i] = (journal_event_t){
            str_from(event->schema->name),
            str_of(emitted->payloads.data + event->begin, event->end - event->begin)};
    }

    durable->seq++;
    append->message.kind = MESSAGE_APPENDED;
    append->runtime = actor_runtime(actor);
    append->actor = actor_bits(actor);
    append->seq = durable->seq;
    append->last_version = durable->version;
    append->size = emitted->payloads.size;
    seen_command_t at = {.seq = durable->seq, .wall_ms = wall_ms};
    if (!str_is_empty(command_id) &&
        seen_commands_put(&durable->commands, command_id, result, &at) != ERR_OK) {
        memory_free(append);
        return ERR_NO_MEMORY;
    }

    char stream[JOURNAL_STREAM_SIZE_MAX + 1];
    submit(actor, append,
           &(journal_append_t){.stream = durable_stream(actor->kind, actor_key(actor), stream),
                               .expected_version = durable->version - emitted->count,
                               .epoch = durable->epoch,
                               .wall_ms = wall_ms,
                               .events = events,
                               .event_count = emitted->count,
                               .command_id = command_id,
                               .result = result,
                               .done = append_done,
                               .done_context = append});
    return ERR_OK;
}

/* ---- outcomes ---- */

static void note_position(seen_commands_t *self, uint64_t seq, uint64_t position)
{
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->ring[i].seq == seq)
            self->ring[i].position = position;
    }
}

static void keep_unknown(durable_t *durable, append_t *append)
{
    append->next = durable->unknown;
    durable->unknown = append;
}

/* What those are told whose append was refused. Of how the journal is doing they know nothing: a
 * stream that is at another version, a statement that failed with others, or for a reason that the
 * store can't name, wrote nothing, and the state is read again before anything is decided on it. */
static err_t refusal_of(err_t err)
{
    bool is_of_the_journal =
        err == ERR_CONFLICT || err == ERR_STALE || err == ERR_CANCELLED || err == ERR_INTERNAL;
    return is_of_the_journal ? ERR_UNAVAILABLE : err;
}

static void outcome(actor_t *actor, append_t *append)
{
    durable_t *durable = actor_peek(actor)->durable;
    if (durable->unknown != NULL || append->err == ERR_TIMEOUT) {
        keep_unknown(durable, append); /* also what came after: the stream itself will tell */
        return;
    }
    if (append->err != ERR_OK)
        inside_undone(actor, append->err);
    else
        inside_life(actor, RECORD_DURABLE);
    if (append->err != ERR_OK && durable->refused == ERR_OK) {
        durable->refused = append->err;
        durable_drop_held(actor, append->seq, refusal_of(append->err));
    }
    if (durable->refused == ERR_OK) {
        durable->durable_version = append->last_version;
        durable->position = append->position;
        note_position(&durable->commands, append->seq, append->position);
        effect_queue_run(&durable->held, actor, append->seq, append->position);
    }
    memory_free(append);
}

void durable_appended(actor_t *actor, append_t *done)
{
    durable_t *durable = actor_peek(actor)->durable;
    done->is_done = true;
    /* Outcomes count in the order of the stream, whatever order they are told in. */
    while (durable->appends != NULL && durable->appends->is_done) {
        append_t *append = durable->appends;
        durable->appends = append->next;
        durable->append_count--;
        durable->append_size -= append->size;
        outcome(actor, append);
    }
}

bool durable_is_tainted(const durable_t *self)
{
    return self->refused != ERR_OK || self->unknown != NULL;
}

void durable_drop_held(actor_t *actor, uint64_t seq, err_t err)
{
    effect_queue_drop(&actor_peek(actor)->durable->held, actor, seq, err);
}

/* The stream has as many events, and where a command made them, that command. */
static bool has_landed(const durable_t *old, const append_t *append, const durable_t *fresh)
{
    if (append->last_version > fresh->version)
        return false;
    for (uint32_t i = 0; i < old->commands.count; i++) {
        const seen_command_t *command = &old->commands.ring[i];
        if (command->seq == append->seq)
            return seen_commands_find(&fresh->commands, str_of(command->id, command->id_size)) !=
                   NULL;
    }
    return true;
}

void durable_settle(actor_t *actor, durable_t *fresh)
{
    durable_t *old = actor_peek(actor)->durable;
    uint64_t landed_seq = 0;
    while (old->unknown != NULL) {
        append_t *append = old->unknown;
        old->unknown = append->next;
        if (has_landed(old, append, fresh))
            landed_seq = MAX(landed_seq, append->seq);
        memory_free(append);
    }
    fresh->seq = old->seq;
    fresh->later = old->later; /* its asks go on, too */
    old->later = (later_commands_t){0};
    outbox_inherit(fresh->outbox, old->outbox, true);
    actor_extra_there(actor)->durable = fresh;
    effect_queue_run(&old->held, actor, landed_seq, fresh->position);
    effect_queue_drop(&old->held, actor, 0, ERR_UNAVAILABLE);
    durable_free(old);
}

void durable_give_up(actor_t *actor)
{
    const durable_t *durable = actor_peek(actor)->durable;
    /* An actor that ends is no fault of who asked: what is known not to be durable may be asked for
     * again. */
    durable_drop_held(actor, 0, durable->unknown != NULL ? ERR_TIMEOUT : ERR_UNAVAILABLE);
}

/* ---- answers of commands ---- */

void durable_result_encode(err_t err, str_t text, const schema_t *schema, const void *message,
                           buf_t *out)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    if (schema != NULL)
        schema_encode(schema, message, &payload);
    durable_result_t result = {.err = (uint32_t)err,
                               .text = text,
                               .schema = schema == NULL ? (str_t){NULL, 0} : str_from(schema->name),
                               .payload = buf_str(&payload)};
    schema_encode(&durable_result_schema, &result, out);
}

static message_t *reply_from(runtime_t *runtime, str_t encoded, reply_token_t token)
{
    arena_t arena ARENA_SCOPED = {0};
    durable_result_t result;
    str_t no_text = {NULL, 0};
    if (schema_decode(&durable_result_schema, encoded, &arena, &result) != ERR_OK)
        return reply_new(token, ERR_STALE, NULL, NULL, no_text);
    if (str_is_empty(result.schema))
        return reply_new(token, ERR_OK, NULL, NULL, result.text);

    const schema_t *schema = runtime_reply_schema(runtime, result.schema);
    void *body = schema == NULL ? NULL : arena_new(&arena, MAX(schema->size, (size_t)1));
    if (body == NULL || schema_decode(schema, result.payload, &arena, body) != ERR_OK)
        return reply_new(token, ERR_STALE, NULL, NULL, no_text);
    return reply_new(token, ERR_OK, schema, body, result.text);
}

static void answer_behind(actor_t *actor, message_t *reply)
{
    durable_t *durable = actor_peek(actor)->durable;
    effect_t effect = {.kind = EFFECT_REPLY, .message = reply, .seq = durable->seq};
    if (durable->append_count > 0)
        durable_hold(actor, &effect);
    else
        IGNORE_ERR(effect_run(actor, &effect, durable->position)); /* an answer */
}

void durable_acknowledge(actor_t *actor, reply_token_t token, err_t err)
{
    message_t *reply = reply_new(token, err, NULL, NULL, (str_t){NULL, 0});
    if (reply != NULL)
        answer_behind(actor, reply);
}

void durable_answer_again(actor_t *actor, const seen_command_t *command, reply_token_t token)
{
    str_t encoded = str_of(command->id + command->id_size, command->result_size);
    /* Without a result it is being answered later, or that answer is not known any more. */
    message_t *reply = command->result_size == 0
                           ? reply_new(token, ERR_STALE, NULL, NULL, (str_t){NULL, 0})
                           : reply_from(actor_runtime(actor), encoded, token);
    if (reply == NULL)
        return;
    reply->position = command->position;
    answer_behind(actor, reply);
}
