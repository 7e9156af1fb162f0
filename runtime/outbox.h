#pragma once
/* outbox.h -- messages that get there: from a durable actor to another, in the append of what the
 * sender decided.
 *
 * actor_send_durably puts a message into the sender's stream, beside its events. Once that is
 * durable the message is sent, and sent again after a back-off, until the receiver has it: until
 * its handler returned ERR_OK and what came of it is durable. A crash of either, or of the node,
 * changes nothing of that. The receiver handles it once: it keeps, with its events, the newest
 * number of each sender, drops what it has seen, and says again that it has it. Of one sender and
 * one receiver only the oldest is under way, so order is kept. A number is the message's version
 * in the sender's stream.
 *
 * A message that is refused OUTBOX_REFUSALS_MAX times (INVALID, NOT_FOUND, ..., or its handler
 * failed: not BUSY, UNAVAILABLE, TIMEOUT and other errors that pass, for which it waits as long as
 * it takes) becomes a dead letter: it is kept, listed, and not sent, and those behind it go on. Who
 * operates the node has it sent again, or drops it.
 *
 * Bounds: a sender keeps OUTBOX_LETTERS_MAX messages, dead ones among them, and OUTBOX_SIZE_MAX
 * bytes; past that actor_send_durably is refused with LIMIT, and a handler that returns this is. A
 * receiver knows OUTBOX_SENDERS_MAX senders: a new one past that takes the place of one that it has
 * not heard of for OUTBOX_SENDER_KEPT_MS (a day: long after that has heard that its message was
 * taken), or waits (BUSY).
 *
 * A reply that the handler makes goes nowhere. One that answers later has taken the message when it
 * returns. Erased: a message whose subject is erased is not sent any more.
 *
 * Threads  As each says. */

#include "runtime/runtime.h"

API_BEGIN

enum {
    OUTBOX_LETTERS_MAX = 1024,
    OUTBOX_SIZE_MAX = 1 << 20, /* bytes of names, keys and bodies */
    OUTBOX_SENDERS_MAX = 8192,
    OUTBOX_REFUSALS_MAX = 20,
    OUTBOX_ANSWER_MS = 10000,
    OUTBOX_RETRY_FIRST_MS = 100,
    OUTBOX_RETRY_MAX_MS = 30000,
    OUTBOX_DESCRIBED_MAX = 1000
};
#define OUTBOX_SENDER_KEPT_MS (INT64_C(24) * 3600 * 1000)

/* Wakes up to count_max senders with messages that wait, in the order of their streams' names, from
 * the one behind *after on; *after becomes the last one's (empty: that was all). Call it page by
 * page after runtime_start, and now and then: who failed while it had something to send is found
 * again. Any thread that may wait for the disk. Errors: the journal's; UNSUPPORTED: it keeps no
 * index. */
err_t runtime_wake_senders(runtime_t *self, buf_t *after, size_t count_max);

/* A message that waits, or is dead. */
typedef struct outbox_letter {
    str_t stream; /* the sender's: KIND/KEY */
    uint64_t number;
    str_t kind, key; /* the receiver */
    str_t name;      /* of the command */
    err_t dead;      /* why it was refused last; ERR_OK: it waits */
} outbox_letter_t;
typedef err_t (*outbox_visit_fn)(void *context, const outbox_letter_t *letter);
/* All of them, read from the journal: senders are not woken. Any thread that may wait for the disk.
 */
err_t outbox_list(journal_t *journal, outbox_visit_fn visit, void *context);

/* {"letters": [{"stream", "number", "kind", "key", "type", "reason"}], "dead", "waiting", and the
 * numbers of outbox_stats_t, "is_complete": false where the journal could not be read}: the first
 * OUTBOX_DESCRIBED_MAX dead letters. Any thread that may wait for the disk. */
void outbox_describe(runtime_t *runtime, json_t *json);

/* Sent to a sender, they do that with its dead letter of this number (NOT_FOUND: it has none). */
typedef struct outbox_retry outbox_retry_t;
typedef struct outbox_drop outbox_drop_t;
extern const schema_t outbox_retry_schema, outbox_drop_schema;
/* From an edge: `then` hears what it came to. INVALID: no stream of a durable kind. */
err_t outbox_settle(edge_t *edge, str_t stream, uint64_t number, bool is_retry, edge_then_fn then,
                    void *context);

/* The event that a message is in its sender's stream: what seals events seals it, too. */
extern const schema_t outbox_sent_schema;

typedef struct outbox_stats {
    uint64_t sent; /* put into an outbox */
    uint64_t attempts, delivered, refused, died, taken, duplicates;
} outbox_stats_t;
void outbox_stats(const runtime_t *runtime, outbox_stats_t *out_stats);

API_END
