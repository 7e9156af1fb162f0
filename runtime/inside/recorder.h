#pragma once
/* recorder.h (inside) -- writing the flight recorder: a file in memory, a ring a scheduler.
 *
 * A scheduler writes its own ring with plain stores, no lock and no call into the system; the other
 * threads share one ring under a lock that no scheduler takes. A name that a thread meets for the
 * first time is put into the table under a lock (it holds it for a copy of 64 bytes); from then on
 * the thread finds it in a table of its own.
 *
 * The file is allocated and touched whole when it is opened: a full disk can't end the process, and
 * the writes fault no block in. A dirty page that the kernel writes back may make the next write to
 * it wait for the disk: a folder in memory (tmpfs) has no such pause.
 *
 * Threads  The ring's own thread; the ring recorder_outside any, between recorder_lock and
 * recorder_unlock, which do nothing for the others. */

#include "runtime/inside/recorder_format.h"

typedef struct recorder recorder_t;

typedef struct recorder_options {
    const char *path; /* the file; one that is there becomes path with ".1" before its ending */
    uint32_t scheduler_count;
    uint32_t ring_records; /* a power of two; 0: RECORDER_RECORDS_DEFAULT */
    uint64_t mono_ns;
    int64_t wall_ms;
} recorder_options_t;

/* FULL, IO, FORBIDDEN, NO_MEMORY; INVALID: ring_records. */
err_t recorder_open(const recorder_options_t *options, recorder_t **out_recorder);
/* In order: says so in the file. */
void recorder_close(recorder_t *self);

uint32_t recorder_outside(const recorder_t *self); /* the ring of the other threads */
void recorder_lock(recorder_t *self, uint32_t ring);
void recorder_unlock(recorder_t *self, uint32_t ring);
/* The number of a name that lies at `key` for ever (a kind, a schema). 0: the table is full. */
uint16_t recorder_name(recorder_t *self, uint32_t ring, const void *key, const char *name);
/* Of a text that does not. */
uint16_t recorder_text(recorder_t *self, uint32_t ring, str_t text);
/* All but the sequence is the caller's. */
void recorder_write(recorder_t *self, uint32_t ring, recorder_record_t record);
/* Where the ring's thread says what it is busy with. */
recorder_head_t *recorder_head(const recorder_t *self, uint32_t ring);
void recorder_busy_names(recorder_t *self, uint32_t ring, uint32_t kind, uint32_t type);
