#pragma once
/* offload.h -- threads for work that blocks: three lanes, each with its own threads and bound.
 *
 * Who is cancelled while it waits comes back at once with CANCELLED; one that runs is marked, and
 * its work may look. A queued job whose time is over comes back with TIMEOUT when its turn comes,
 * or when its place is needed.
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
    offload_priority_t priority;
    err_t err;
    uint64_t ticket;   /* 0: nobody can cancel it */
    uint64_t rank;     /* in its queue; see job_queue.h */
    uint64_t until_ns; /* it begins before that, or not at all; 0: none */
    bool is_for_room;  /* no work: comes back when the lane has room */
    bool is_late;
    _Atomic bool is_cancelled;

    /* For whom: an actor, or an edge. */
    uint64_t actor;
    uint32_t edge_scheduler;
    offload_work_fn actor_work;
    offload_then_fn actor_then;
    void *data; /* an actor's: behind the job; an edge's: borrowed */
    size_t data_size;
    err_t (*edge_work)(void *data);
    void (*edge_then)(void *data, err_t err);
    struct recovery *recovery;       /* owned */
    struct hibernation *hibernation; /* owned */
} __attribute__((aligned(16)));      /* as what lies behind it */

typedef struct offload offload_t;

/* With a copy of the data behind it. NULL: no memory. */
[[nodiscard]] job_t *job_new(const void *data, size_t data_size);
void job_free(job_t *self);
err_t offload_new(runtime_t *runtime, const runtime_options_t *options, offload_t **out_offload);
/* Waits for what runs; what is queued is freed. */
void offload_free(offload_t *self);
/* By which it can be cancelled. */
uint64_t offload_ticket(offload_t *self, job_t *job);
/* False: it neither waits nor runs. */
bool offload_cancel(offload_t *self, uint64_t ticket);
/* All of this actor's: the queued ones are freed. */
void offload_cancel_actor(offload_t *self, uint64_t actor);
bool offload_has_room(offload_t *self, offload_lane_t lane);
void offload_stats(offload_t *self, runtime_stats_t *stats);
/* BUSY: the lane is full; CANCELLED: before it came; the job is still the caller's. */
err_t offload_submit(offload_t *self, job_t *job);
uint64_t offload_queued(offload_t *self, offload_lane_t lane);
/* Queued or running, all lanes. */
uint64_t offload_open(offload_t *self);
/* For simulation: carries out one job of the chosen lane, or another, here: one that has begun, or
 * a queued one. False: none. */
bool offload_step(offload_t *self, uint64_t choice);
/* The same in steps, between which anything may happen, as if each lane had so many threads: one is
 * taken (one that is too late goes back at once); its work runs; it goes back. */
enum { OFFLOAD_SIMULATED_THREADS = 2 };
bool offload_may_begin(offload_t *self, offload_lane_t lane);
void offload_begin(offload_t *self, offload_lane_t lane);
bool offload_has_begun(const offload_t *self, offload_lane_t lane, uint32_t thread);
void offload_go_on(offload_t *self, offload_lane_t lane, uint32_t thread);
/* Gives a finished job back to who asked. */
void offload_return(job_t *job);
