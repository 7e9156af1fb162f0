#pragma once
/* recorder_format.h -- the flight recorder's file: its form.
 *
 *     header | names | ring of scheduler 0 | ring of scheduler 1 | ... | ring of all other threads
 *
 * A ring is a head and `ring_records` records. Record n lies in slot n % ring_records and carries
 * the low half of n + 1 as its sequence, written last; `written` counts the records of a ring.
 *  1. A record whose sequence is not its place's was being written when the process died: it is
 *     torn, and counted.
 *  2. Of a file that is still written to, only records count that nobody can have overwritten while
 *     the file was read: the counts of written ones are read again after the records.
 *  3. Kinds, message types and reasons are names by number in one table that only grows; the file
 *     says all about itself, and the reader trusts none of it.
 *
 * A record holds no payload and no key, only the hash of kind and key (`other` of ACTIVATED).
 * */

#include "runtime/recorder.h"

#include <stdatomic.h>

enum {
    RECORDER_VERSION = 1,
    RECORDER_HEADER_SIZE = 4096,
    RECORDER_NAMES_MAX = 1024,
    RECORDER_NAME_SIZE = 64,
    RECORDER_RINGS_MAX = 65,
    RECORDER_RECORDS_MIN = 64,
    RECORDER_RECORDS_MAX = 1 << 20,
    RECORDER_RECORDS_DEFAULT = 1 << 15
};
#define RECORDER_MAGIC UINT64_C(0x3152454344524d53) /* "SMRDCER1", as little-endian bytes */

/* What is recorded. life: always; messages: only at that level.
 *  name, level, text, what `other` and the rest are */
#define RECORD_EVENT_LIST(X)                                                                       \
    X(NONE, LIFE, "none")                                                                          \
    X(ACTIVATED, LIFE, "activated") /* other: hash of kind and key */                              \
    X(PASSIVATED, LIFE, "passivated")                                                              \
    X(ENDED, LIFE, "ended")                                                                        \
    X(FAILED, LIFE, "failed") /* type: the reason */                                               \
    X(RESTARTED, LIFE, "restarted")                                                                \
    X(PARKED, LIFE, "parked")                                                                      \
    X(DEAD_LETTER, LIFE, "dead letter") /* other: the sender; detail: the dead_reason_t */         \
    X(UNDONE, LIFE, "append undone")    /* detail: the err_t */                                    \
    X(SLOW, LIFE, "slow")               /* a message that took over 10 ms */                       \
    X(TURN, MESSAGES, "turn")           /* wait: messages in it */                                 \
    X(HANDLED, MESSAGES, "handled")     /* other: the sender; id: of the message; wait */          \
    X(SENT, MESSAGES, "sent")           /* actor: the sender; other: a reference, or 0 and kind */ \
    X(TIMER, MESSAGES, "timer")                                                                    \
    X(DURABLE, MESSAGES, "durable")                                                                \
    X(STOLEN, MESSAGES, "stolen") /* other: the scheduler it came from */                          \
    X(SLEPT, MESSAGES, "slept")   /* its duration until the wake */                                \
    X(REQUEST, MESSAGES,                                                                           \
      "request") /* actor, other: its trace_id; kind, type: what; wait: status */                  \
    X(CARRIED, MESSAGES, "carried")   /* other: the node it goes to; id; wait: its span */         \
    X(RECEIVED, MESSAGES, "received") /* other: the node it came from; id; wait: its span there */

typedef enum record_event {
#define RECORD_ENUM(name, level, text) RECORD_##name,
    RECORD_EVENT_LIST(RECORD_ENUM)
#undef RECORD_ENUM
        RECORD_EVENTS
} record_event_t;

typedef struct recorder_record {
    uint64_t time_ns; /* monotonic; where there is a duration, its begin */
    uint64_t actor;   /* actor_ref bits; 0: none, or outside */
    uint64_t other;
    uint32_t sequence;
    uint32_t duration_ns; /* UINT32_MAX: that or longer */
    uint32_t id;          /* ties SENT and HANDLED; 0: none */
    uint32_t wait;        /* HANDLED: microseconds (1,024 ns) in the queue */
    uint32_t trace;       /* of a message: trace_number of what it all came from; 0: not known */
    uint16_t kind, type;  /* names; 0: none */
    uint8_t event, detail;
    uint8_t spare[6];
} recorder_record_t;

typedef struct recorder_name {
    uint8_t size;
    char text[RECORDER_NAME_SIZE - 1];
} recorder_name_t;

typedef struct recorder_header {
    uint64_t magic;
    uint32_t version, header_size, record_size, head_size;
    uint32_t ring_count, ring_records, name_max, name_size;
    uint64_t file_size;
    uint64_t begin_mono_ns;
    int64_t begin_wall_ms;
    uint64_t process;
    _Atomic uint32_t name_count;
    _Atomic uint32_t is_closed; /* the node ended in order */
} recorder_header_t;

/* Of a ring; what the thread is busy with outlives the process, too. */
typedef struct recorder_head {
    _Atomic uint64_t written;
    _Atomic uint64_t busy_with;     /* actor_ref bits; 0: nothing */
    _Atomic uint64_t busy_since_ns; /* of the turn */
    _Atomic uint32_t busy_names;    /* kind << 16 | message type, at level messages */
    uint32_t spare[9];
} recorder_head_t;

_Static_assert(sizeof(recorder_record_t) == 56 && sizeof(recorder_head_t) == 64, "on disk");
_Static_assert(sizeof(recorder_header_t) <= RECORDER_HEADER_SIZE, "on disk");

/* ---- of a recording ---- */

const recorder_header_t *recording_header(const recording_t *self);
/* "" for 0 and for numbers that have no name. */
str_t recording_name(const recording_t *self, uint32_t name);
const recorder_head_t *recording_head(const recording_t *self, uint32_t ring);
int64_t recording_wall_us(const recording_t *self, uint64_t time_ns);
const char *record_event_text(uint32_t event);
recorder_level_t record_event_level(uint32_t event);
