#pragma once
/* offload.h -- threads for work that blocks: three lanes, each with its own threads and bound.
 *
 * Ownership  A job carries the envelope in which it comes back, so bringing back a result needs no
 * memory. Threads  offload_submit any. */

#include "runtime/mail/message.h"
#include "runtime/runtime.h"

typedef struct job job_t;
struct job {
    message_t message; /* MESSAGE_JOB or MESSAGE_RECOVERED, when it is done */
    job_t *next;
    runtime_t *runtime;
    offload_lane_t lane;
    err_t err;

    /* For whom: an actor, or an edge. */
    uint64_t actor;
    uint32_t edge_scheduler;
    offload_work_fn actor_work;
    offload_then_fn actor_then;
    void *data; /* an actor's: owned */
    size_t data_size;
    err_t (*edge_work)(void *data);
    void (*edge_then)(void *data, err_t err);
    struct recovery *recovery;       /* owned */
    struct hibernation *hibernation; /* owned */
};

typedef struct offload offload_t;

void job_free(job_t *self);
err_t offload_new(const runtime_options_t *options, offload_t **out_offload);
/* Waits for what runs; what is queued is freed. */
void offload_free(offload_t *self);
/* BUSY: the lane is full; the job is still the caller's. */
err_t offload_submit(offload_t *self, job_t *job);
uint64_t offload_queued(offload_t *self, offload_lane_t lane);
/* Queued or running, all lanes. */
uint64_t offload_open(offload_t *self);
/* For simulation: runs one queued job of the chosen lane here. False: none. */
bool offload_step(offload_t *self, uint64_t choice);
/* Gives a finished job back to who asked. */
void offload_return(job_t *job);
