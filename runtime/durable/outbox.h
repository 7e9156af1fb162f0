#pragma once
/* outbox.h -- what a durable actor has under way to others, and which of others' messages it took
 * (runtime/outbox.h says what for).
 *
 * Invariants
 *  1. All of it follows from the stream: outbox_replay of its outbox events, or a snapshot and the
 *     events behind it, gives the same. What is not in the stream (attempts, refusals, back-off)
 *     may be lost at any moment.
 *  2. Of a lane (the messages to one receiver, in order) only the first is under way.
 *  3. A message is sent only when its outbox_sent is durable: before, as a held effect.
 *  4. Changed in a call, it is undone with the call's events: the durable_t that holds it is made
 *     anew. A call whose events are dropped without that (context_t.has_kept) does not change it.
 *
 * Threads  The actor's owner; what replays, an object of its own. */

#include "runtime/durable/durable_forms.h"
#include "runtime/journal.h"
#include "runtime/outbox.h"

typedef struct context context_t;
typedef struct actor actor_t;
typedef struct message message_t;
typedef struct durable durable_t;

/* A message, with its strings behind it. */
typedef struct letter {
    struct letter *next;
    uint64_t number, written; /* the version of its outbox_sent; of one that was revived: another */
    str_t kind, key, name, body;
    bool is_personal;
    uint32_t trace;    /* of what it was sent in */
    bool is_elsewhere; /* personal, of another subject: not in snapshots */
    err_t dead;
    size_t size; /* what it counts for */
} letter_t;

typedef struct letter_lane {
    struct letter_lane *next;
    letter_t *first, **end;
    uint32_t refusals, tries; /* of the first; tries: in a row without an answer that counts */
    uint64_t attempt;         /* under way; 0: none */
    uint64_t due_ms;          /* not before; monotonic */
    bool is_lost;             /* an attempt whose outcome went with the state before */
    bool is_rebuilt;          /* its actor went on meanwhile */
} letter_lane_t;

typedef struct known_sender {
    char *stream; /* owned */
    uint32_t stream_size;
    uint64_t number;
    int64_t wall_ms;
} known_sender_t;

typedef struct outbox {
    letter_lane_t *lanes;
    letter_t *dead;
    uint32_t waiting_count, dead_count;
    size_t size;
    known_sender_t *senders; /* by name */
    uint32_t sender_count, sender_capacity;
    actor_timer_t timer;
    uint64_t timer_due_ms; /* 0: none */
} outbox_t;

void outbox_free(outbox_t *self); /* NULL is fine */

/* ---- the stream ---- */

/* An event of the outbox into it. NOT_FOUND: it is none; CORRUPT; NO_MEMORY. */
err_t outbox_replay(outbox_t **self, const journal_record_t *record);
/* Into a snapshot, in the arena. NO_MEMORY. */
err_t outbox_to_snapshot(const outbox_t *self, arena_t *arena, durable_snapshot_t *snapshot);
/* Letters that the snapshot has no body of are read from the journal. */
err_t outbox_from_snapshot(outbox_t **self, journal_t *journal, str_t stream,
                           const durable_snapshot_t *snapshot);

/* What the state before knew of attempts, where the message is still there. Without its asks
 * nothing is under way. */
void outbox_inherit(const outbox_t *self, const outbox_t *before, bool has_asks);

/* ---- letters ---- */

/* LIMIT: OUTBOX_LETTERS_MAX, OUTBOX_SIZE_MAX; NO_MEMORY. */
err_t outbox_add(outbox_t *self, uint64_t number, uint64_t written, const outbox_sent_t *sent);
err_t outbox_room(const outbox_t *self, const outbox_sent_t *sent);
/* The lane whose first it is; NULL: none. */
letter_lane_t *outbox_lane_of(const outbox_t *self, uint64_t number);
letter_t *outbox_dead_letter(const outbox_t *self, uint64_t number);
/* Waiting or dead: gone. False: there is none. */
bool outbox_remove(outbox_t *self, uint64_t number);
/* From its lane to the dead; and back, behind its lane, under another number: its receiver may have
 * taken higher ones since. NOT_FOUND, NO_MEMORY. */
void outbox_die(outbox_t *self, uint64_t number, err_t err);
err_t outbox_revive(outbox_t *self, uint64_t number, uint64_t as);
static inline uint32_t outbox_count(const outbox_t *self)
{
    return self == NULL ? 0 : self->waiting_count + self->dead_count;
}

/* ---- senders ---- */

/* The newest number taken of it; 0: none. */
uint64_t outbox_taken_of(const outbox_t *self, str_t sender);
/* Where there is no place in that of the one not heard of for longest. NO_MEMORY. */
err_t outbox_take_of(outbox_t *self, str_t sender, uint64_t number, int64_t wall_ms);
/* There is one, or one that was not heard of for long enough. */
bool outbox_has_place(const outbox_t *self, str_t sender, int64_t wall_ms);

/* ---- in an actor ---- */

/* Made where there is none. NULL: no memory. */
[[nodiscard]] outbox_t *outbox_of(actor_t *actor);

/* Sends what is due. Inside a call. */
void outbox_pump(context_t *ctx);
/* The state runs: nothing that the one before had under way is known. */
bool outbox_is_to_begin(const actor_t *actor);
void outbox_begin(context_t *ctx);
/* The continuation of what was sent. */
void outbox_answered(void *state, context_t *ctx, const answer_t *answer, void *data,
                     size_t data_size);
/* How many of its asks are the outbox's. */
uint32_t outbox_open_asks(const actor_t *actor);

typedef struct actor_handler actor_handler_t;
/* Of what every durable actor hears. NULL: not one of these. */
const actor_handler_t *outbox_handler(const actor_t *actor, const schema_t *schema);

/* The receiver, before its handler (a numbered message): OK: to be handled, or *out_is_known, and
 * to be acknowledged once all before is durable; else it is refused. */
err_t outbox_may_take(context_t *ctx, const message_t *message, bool *out_is_known);
/* After its handler: into the append of what was emitted. */
err_t outbox_take(context_t *ctx);
