#pragma once
/* journal.h -- what the runtime needs of a journal: a table of functions that storage fills in.
 *
 * A journal is an ordered log per stream (one stream an entity, named KIND/KEY) and one feed over
 * all streams. Versions of a stream count its events from 1; 0 is a stream that does not exist yet.
 * A position is totally ordered over all streams, opaque, and not dense. The feed skips nothing and
 * keeps each stream's order.
 *
 * An append is all or nothing and ends in exactly one of three ways, told to `done` on a thread of
 * the journal's choosing: ERR_OK           durable: it survives SIGKILL and, where the disk keeps
 * its promises, a power cut any other        refused: nothing was written. CONFLICT:
 * expected_version is not the stream's version; FULL: no space; UNAVAILABLE: closed or failed;
 * CORRUPT; NO_MEMORY; LIMIT: larger than JOURNAL_APPEND_SIZE_MAX ERR_TIMEOUT      unknown: it may
 * or may not be there; read the stream again before answering anybody
 *
 * Ownership  An append copies what it is given before it returns. What read and feed hand to a
 * visitor is borrowed for the call. Threads    append: any, never blocks. read, snapshot_get and
 * feed: any, may touch the disk; no transaction outlives the call. */

#include "runtime/base/buf.h"

#include <string.h>

API_BEGIN

enum {
    JOURNAL_APPEND_SIZE_MAX = 4 * 1024 * 1024,
    JOURNAL_EVENTS_MAX = 1024, /* in one append */
    JOURNAL_STREAM_SIZE_MAX = 255
};

typedef struct journal_event {
    str_t name;    /* the schema's: "playlist_track_added" */
    str_t payload; /* its wire form */
} journal_event_t;

typedef struct journal_record {
    str_t stream;
    uint64_t version;  /* of the stream, with this event */
    uint64_t position; /* in the feed */
    int64_t wall_ms;   /* when it was decided */
    journal_event_t event;
    str_t command_id; /* empty: none */
    str_t result;     /* what the command was answered, at the last event of its append */
} journal_record_t;

/* err: how it ended. version and position: of its last event, when ERR_OK. */
typedef void (*journal_done_fn)(void *context, err_t err, uint64_t version, uint64_t position);

typedef struct journal_append {
    str_t stream;
    uint64_t expected_version;
    uint64_t epoch; /* journal_epoch, of before the stream was read */
    int64_t wall_ms;
    const journal_event_t *events;
    size_t event_count;
    str_t command_id, result;
    journal_done_fn done;
    void *done_context;
} journal_append_t;

/* Return anything but ERR_OK to stop; that is what the caller gets. */
typedef err_t (*journal_visit_fn)(void *context, const journal_record_t *record);

/* Return anything but ERR_OK to stop; that is what the caller gets. */
typedef err_t (*journal_stream_fn)(void *context, str_t stream);

/* A message that waits for another actor is an event of its sender's stream (runtime/outbox.h). So
 * that senders are found without reading every stream, a journal keeps, with each append, whether
 * something waits in it: as the newest of these two events says. */
#define JOURNAL_OUTBOX_SENT "outbox_sent"
#define JOURNAL_OUTBOX_EMPTIED "outbox_emptied"
typedef enum journal_waiting {
    JOURNAL_WAITING_AS_BEFORE,
    JOURNAL_WAITING,
    JOURNAL_WAITING_NO_MORE
} journal_waiting_t;
static inline journal_waiting_t journal_waiting_after(str_t event)
{
    if (event.size == sizeof JOURNAL_OUTBOX_SENT - 1 &&
        memcmp(event.data, JOURNAL_OUTBOX_SENT, event.size) == 0)
        return JOURNAL_WAITING;
    if (event.size == sizeof JOURNAL_OUTBOX_EMPTIED - 1 &&
        memcmp(event.data, JOURNAL_OUTBOX_EMPTIED, event.size) == 0)
        return JOURNAL_WAITING_NO_MORE;
    return JOURNAL_WAITING_AS_BEFORE;
}

typedef struct journal journal_t;
typedef struct journal_table {
    void (*append)(journal_t *self, const journal_append_t *append);
    /* Events of a stream after `after_version`, oldest first. */
    err_t (*read)(journal_t *self, str_t stream, uint64_t after_version, journal_visit_fn visit,
                  void *context);
    /* A snapshot replaces an older one of its stream and is written when there is time for it. */
    void (*snapshot_put)(journal_t *self, str_t stream, uint64_t version, str_t state);
    /* NOT_FOUND: none. Appends the state to *out. */
    err_t (*snapshot_get)(journal_t *self, str_t stream, uint64_t *out_version, buf_t *out);
    /* Up to count_max events after a position, oldest first. */
    err_t (*feed)(journal_t *self, uint64_t after_position, size_t count_max,
                  journal_visit_fn visit, void *context);
    /* The newest durable position. */
    uint64_t (*head)(journal_t *self);
    /* Takes no appends now, and can't be relied on to read: what is written meanwhile is refused
     * before it is decided (durable/away.h). NULL: never. Any thread, at once. */
    bool (*is_away)(journal_t *self);
    /* The fence (ARCHITECTURE §5): the epoch at which this node may append to the stream now; 0: it
     * may not. To be asked before the stream is read, and named in what is appended upon that:
     * another node may have had it since. NULL: it is always 1. Any thread, at once. */
    uint64_t (*epoch)(journal_t *self, str_t stream);
    /* Up to count_max streams in which messages wait, whose names come after `after`, in the order
     * of their bytes. NULL: it does not know. */
    err_t (*waiting)(journal_t *self, str_t after, size_t count_max, journal_stream_fn visit,
                     void *context);
    /* Whether reading the stream's snapshot and what follows it is a look at a few pages that lie
     * in memory, or nearly so, and waits for nobody: the runtime then does it within a turn. False
     * when in doubt; at once, any thread. NULL: never. */
    bool (*is_at_hand)(journal_t *self, str_t stream);
    /* A number that changes when what was durable may be lost: another server took the place of
     * the one that was written to. Then `count` tells who keeps what the feed said whether it still
     * says so: it may say less, never anything else. NULL: that never happens. Any thread, at once.
     */
    uint64_t (*history)(journal_t *self);
    /* How many events lie at positions up to this one. NULL where history is. */
    err_t (*count)(journal_t *self, uint64_t position, uint64_t *out_count);
} journal_table_t;

struct journal {
    const journal_table_t *table;
};

static inline uint64_t journal_epoch(journal_t *self, str_t stream)
{
    return self->table->epoch == NULL ? 1 : self->table->epoch(self, stream);
}

API_END
