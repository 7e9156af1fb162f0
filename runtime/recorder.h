#pragma once
/* recorder.h -- reading what the flight recorder wrote, also after the process was killed.
 *
 * The runtime keeps its last events in a ring a scheduler, in a memory-mapped file
 * (runtime_options_t.recorder_path). It holds no payload and no key of an actor, only the hash of
 * kind and key. A record that was being written when the process died is torn: left out, and
 * counted. Of a file that is still written to, only records count that nobody can have overwritten
 * while it was read. The file says all about itself, and the reader trusts none of it.
 *
 * Ownership  A recording owns a copy of the file.
 * Threads    One thread a recording.
 * Errors     With a sentence in `problem`. */

#include "runtime/base/buf.h"
#include "runtime/base/json.h"

API_BEGIN

enum { RECORDING_SIZE_MAX = 512 * 1024 * 1024 };

typedef enum recorder_level { RECORDER_OFF, RECORDER_LIFE, RECORDER_MESSAGES } recorder_level_t;

typedef struct recording recording_t;

typedef struct recording_event {
    const struct recorder_record *record; /* recorder_format.h (inside) */
    uint32_t ring;                        /* the scheduler; the last one: all other threads */
} recording_event_t;

/* What is wanted; all zero: everything. */
typedef struct recording_filter {
    uint64_t last_ns;  /* before the newest record; 0: all */
    const char *kind;  /* NULL: any */
    const char *type;  /* NULL: any; a message type, or a part of a reason */
    const char *event; /* NULL: any; as in RECORD_EVENT_LIST */
    str_t key;         /* with kind; empty: any */
    uint64_t actor;    /* actor_ref bits, as the actor or the other; 0: any */
    uint32_t trace;    /* 0: any */
    size_t max;        /* the newest so many; 0: all */
} recording_filter_t;

/* Reads a file, or the newest of a folder (recorder.ring, else recorder.1.ring).
 *   NOT_FOUND, FORBIDDEN, IO
 *   INVALID   not a recorder's file
 *   NEWER     of a newer version
 *   CORRUPT   it is cut short, or says of itself what can't be
 *   LIMIT     larger than RECORDING_SIZE_MAX
 *   NO_MEMORY */
err_t recording_open(const char *path, buf_t *problem, recording_t **out_recording);
/* From bytes; `heads`: the count of written records of each ring as seen after the bytes were read,
 * NULL: nobody wrote meanwhile. */
err_t recording_parse(str_t bytes, const uint64_t *heads, buf_t *problem,
                      recording_t **out_recording);
void recording_free(recording_t *self);
void recording_scope_end(recording_t **self);
#define RECORDING_SCOPED SCOPED(recording_scope_end)

uint64_t recording_torn(const recording_t *self);

/* The events that pass, oldest first; borrowed until the next call. NO_MEMORY. */
err_t recording_select(recording_t *self, const recording_filter_t *filter,
                       const recording_event_t **out_events, size_t *out_count);

/* A table for people: the file, what the threads were busy with, the events. */
void recording_print(recording_t *self, const recording_event_t *events, size_t count, buf_t *out);
/* One JSON object a line. */
void recording_print_json(recording_t *self, const recording_event_t *events, size_t count,
                          buf_t *out);
/* Trace Event Format (chrome://tracing, Perfetto): turns and messages as complete events, a message
 * from its sender to its receiver as a flow. Times never go back; every flow has both its ends. */
err_t recording_print_chrome(recording_t *self, const recording_event_t *events, size_t count,
                             buf_t *out);

/* "17.3": slot and generation. */
void record_actor_text(uint64_t actor, buf_t *out);

API_END
