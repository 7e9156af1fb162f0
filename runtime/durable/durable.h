#pragma once
/* durable.h -- what a durable actor has beyond its state: its place in its stream, appends in
 * flight, effects held until they are durable, and the commands it has answered.
 *
 * Invariants
 *  1. version == durable_version + events of the appends in flight + events of the call at hand.
 *  2. An effect with seq n is carried out when append n, and so every one before it, is durable;
 *     in the order in which the actor asked for it.
 *  3. The first append that is refused taints all that follow: their effects are dropped, who asked
 *     gets the first error, and nothing new is decided until the state was rebuilt. What only says
 *     how the journal is doing (CONFLICT, STALE, CANCELLED, INTERNAL) they get as UNAVAILABLE:
 *     nothing was written, and the same may be asked for again.
 *  4. An unknown outcome answers nobody before the stream was read again.
 *  5. A snapshot is taken only while nothing is in flight.
 *
 * A handler that refuses after it emitted, or a callback that fails, leaves a state that nobody may
 * build upon: it is rebuilt in the same way, without an append.
 *
 * Threads  The actor's; append_done any; recovery_run the offload pool's, on an object of its own.
 */

#include "runtime/base/arena.h"
#include "runtime/base/clock.h"
#include "runtime/durable/effect.h"
#include "runtime/journal.h"
#include "runtime/mail/message.h"

enum {
    DURABLE_APPENDS_MAX = 64,           /* in flight; then the user lane pauses */
    DURABLE_APPENDS_SIZE_MAX = 1 << 20, /* bytes, likewise */
    DURABLE_COMMANDS_MAX = 256,         /* command ids remembered */
    DURABLE_COMMAND_KEPT_MS = 24 * 3600 * 1000,
    DURABLE_LATER_MAX = 256,          /* commands with an id that are answered later */
    DURABLE_LATER_ANSWER_MAX = 16384, /* bytes of such an answer; one of more is not kept */
    DURABLE_LATER_KEPT_MS = 60000     /* behind their deadline */
};

typedef struct actor actor_t;

/* A command that changed the state, and what it was answered (a durable_result, encoded). */
typedef struct seen_command {
    char *id; /* owned, with the result behind it */
    uint32_t id_size, result_size;
    uint64_t position; /* 0: not durable yet */
    uint64_t seq;
    int64_t wall_ms;
} seen_command_t;

typedef struct seen_commands {
    seen_command_t *ring; /* made with the first one */
    uint32_t count, next;
} seen_commands_t;

/* A command that is answered later: its id, until it is. Not durable: a crash ends it unanswered.
 */
typedef struct later_command {
    reply_token_t token;
    char *id; /* owned */
    uint32_t id_size;
    uint64_t until_ns; /* nobody waits for it any more, and it does not hold up a retry */
} later_command_t;

typedef struct later_commands {
    later_command_t *items;
    uint32_t count;
} later_commands_t;

void later_commands_deinit(later_commands_t *self);
/* LIMIT: DURABLE_LATER_MAX; NO_MEMORY. Then a retry finds nothing of it. */
err_t later_commands_put(later_commands_t *self, str_t id, const later_command_t *at);
bool later_commands_has(later_commands_t *self, str_t id, uint64_t now_ns);
/* It is answered: appends its id, and forgets it. False: it is not one of these. */
bool later_commands_take(later_commands_t *self, reply_token_t token, buf_t *out_id);

void seen_commands_deinit(seen_commands_t *self);
err_t seen_commands_put(seen_commands_t *self, str_t id, str_t result, const seen_command_t *at);
seen_command_t *seen_commands_find(const seen_commands_t *self, str_t id);
/* The id says when it was made (a UUID of version 7, RFC 9562), and that was longer ago than
 * DURABLE_COMMAND_KEPT_MS: whether it was carried out is not known any more. */
bool command_id_is_stale(str_t id, const ms_clock_t *clock);

typedef struct append append_t;
struct append {
    message_t message; /* MESSAGE_APPENDED, when it is done */
    append_t *next;
    runtime_t *runtime;
    uint64_t actor;
    uint64_t seq, last_version;
    size_t size;
    bool is_done;
    err_t err;
    uint64_t position;
};

typedef struct durable {
    uint64_t version, durable_version, snapshot_version;
    uint64_t position; /* of durable_version; 0: not known */
    uint64_t epoch;    /* of its partition, before the stream was read */
    uint64_t seq;      /* of the newest append */
    append_t *appends, **appends_end;
    uint32_t append_count;
    size_t append_size;
    effect_queue_t held;
    seen_commands_t commands;
    later_commands_t later;
    struct outbox *outbox; /* NULL: none so far; outbox.h */
    err_t refused;         /* what ended the first append that failed; ERR_OK: none */
    append_t *unknown;     /* the first whose outcome is not known, and what followed it */
    arena_t arena;         /* what a state read by schema borrows */
} durable_t;

/* Events emitted by the call at hand. */
typedef struct emitted {
    buf_t payloads;
    struct emitted_event {
        const schema_t *schema;
        size_t begin, end;
    } * events;
    size_t count, capacity;
    buf_t answered_id, answer; /* of a command that this call answers, which came in another */
} emitted_t;

void durable_free(durable_t *self);
bool durable_is_paused(const durable_t *self);
/* Whether an effect of this call must wait: something is in flight or was emitted by it. */
bool durable_must_hold(const actor_t *actor, const emitted_t *emitted);
/* Holds one that nobody can take back, with its seq. Without memory who asked gets NO_MEMORY; of an
 * answer TIMEOUT, for its append may well become durable: what it came to is unknown. A stop is
 * begun at once then. */
void durable_hold(actor_t *actor, effect_t *effect);

err_t durable_emit(actor_t *actor, emitted_t *emitted, const schema_t *schema, const void *event,
                   int64_t wall_ms);
/* The same of an event that is the runtime's own: nothing is applied. LIMIT, NO_MEMORY. */
err_t durable_note(actor_t *actor, emitted_t *emitted, const schema_t *schema, const void *event);
/* Sends what was emitted to the journal. result: empty, or what the command is answered. An error
 * means that nothing was sent. */
err_t durable_append(actor_t *actor, emitted_t *emitted, int64_t wall_ms, str_t command_id,
                     str_t result);
/* An append came back. Carries out or drops what waited for it. */
void durable_appended(actor_t *actor, append_t *append);
/* The state may not be built upon: an append was refused, or nobody knows. */
bool durable_is_tainted(const durable_t *self);
/* Nothing is in flight and the actor ends. Who waits for what is held gets TIMEOUT where an outcome
 * is not known, for nobody will look, else UNAVAILABLE. */
void durable_give_up(actor_t *actor);
/* Drops what is held, from seq on; those who asked get err. */
void durable_drop_held(actor_t *actor, uint64_t seq, err_t err);
void durable_snapshot(actor_t *actor);
bool durable_snapshot_is_due(const actor_t *actor, uint64_t events_min);

/* The answer of a command, to be stored beside its events, and back. */
void durable_result_encode(err_t err, str_t text, const schema_t *schema, const void *message,
                           buf_t *out);
/* Answers with no more than err, once all that is in flight is durable. */
void durable_acknowledge(actor_t *actor, reply_token_t token, err_t err);
/* Sends the stored answer of a command that is asked again. */
void durable_answer_again(actor_t *actor, const seen_command_t *command, reply_token_t token);

/* ---- recovery: everything in an object of its own, taken over by the actor at its end ---- */
typedef struct recovery {
    runtime_t *runtime;
    const actor_kind_t *kind;
    str_t key; /* owned */
    void *state;
    durable_t *durable;
    uint64_t rereads; /* of the runtime, when it began */
} recovery_t;

/* KIND/KEY. */
str_t durable_stream(const actor_kind_t *kind, str_t key, char room[JOURNAL_STREAM_SIZE_MAX + 1]);

recovery_t *recovery_new(runtime_t *runtime, const actor_kind_t *kind, str_t key);
void recovery_free(recovery_t *self);
/* Snapshot, then the events after it. NEWER: an event that this program does not know. */
err_t recovery_run(recovery_t *self);
/* A state from its snapshot's bytes, into a recovery that has none yet. */
err_t recovery_restore_state(recovery_t *self, str_t state);
/* The state as a snapshot has it. */
void durable_encode_state(const actor_t *actor, buf_t *out);
bool durable_can_snapshot(const actor_kind_t *kind);
/* After a rebuild: what of the appends whose outcome was unknown is durable is carried out, the
 * rest dropped. One that came of a command is known by the command's id, any other by its version.
 */
void durable_settle(actor_t *actor, durable_t *fresh);
