#pragma once
/* simulation.h -- a runtime without threads, driven by a seed: one seed, one history.
 *
 * Build a runtime with is_simulated, simulation_clock and simulation_random. A step is a choice
 * among all that could happen next: an inbox, a ready actor's turn, an offload job, a source (a
 * journal's decision, a client), a planned call, and, where time is free, the next alarm. When
 * nothing is ready, virtual time jumps to the next alarm or planned call. Two ways to choose:
 *
 *  SIMULATION_RANDOM      every choice as likely as another.
 *  SIMULATION_PRIORITIES  everything that can step has a random priority and the highest goes
 *                         first; at `changes` (steps counted from 1) the one whose turn it is falls
 *                         below all others. With d changes chosen at random this finds a bug of
 *                         depth d + 1 with a probability that has a lower bound: Burckhardt,
 * Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding
 * Bugs, ASPLOS 2010 (PCT).
 *
 * Nothing hashes pointers or walks memory in address order, and a step allocates nothing of its
 * own: a test may make every allocation fail. Threads  One. */

#include "runtime/runtime.h"

API_BEGIN

typedef struct simulation simulation_t;

typedef enum simulation_strategy { SIMULATION_RANDOM, SIMULATION_PRIORITIES } simulation_strategy_t;

enum {
    SIMULATION_CHANGES_MAX = 64,
    SIMULATION_CHOICES_MAX = 1024,
    SIMULATION_QUEUE_MAX = 64 /* of each run queue the first so many are choices */
};

typedef struct simulation_options {
    uint64_t seed;
    simulation_strategy_t strategy;
    const uint64_t *changes; /* steps, ascending; copied */
    size_t change_count;     /* at most SIMULATION_CHANGES_MAX */
    /* An alarm may also ring, and so time pass, while other things are ready. */
    bool is_time_free;
    /* A turn handles a drawn number of messages, mostly one, instead of as many as it may. */
    bool is_turn_drawn;
    /* An offload job is three steps, in each of two threads a lane: it begins, its work runs, it
     * goes back. Else one. */
    bool is_work_split;
    /* One line a step, without its end of line; equal for equal seeds. NULL: none. */
    void (*trace)(void *context, str_t line);
    void *trace_context;
} simulation_options_t;

/* NO_MEMORY; LIMIT: too many changes. */
err_t simulation_open(const simulation_options_t *options, simulation_t **out_simulation);
/* Random choices, nothing else. */
err_t simulation_new(uint64_t seed, simulation_t **out_simulation);
void simulation_free(simulation_t *self);
ms_clock_t simulation_clock(simulation_t *self);
ms_random_t simulation_random(simulation_t *self);
void simulation_attach(simulation_t *self, runtime_t *runtime); /* several nodes may be attached */
void simulation_detach(
    simulation_t *self,
    runtime_t *runtime); /* a crash: it simply never runs again; then runtime_free */
/* A step. False: nothing is ready and no timer is armed. */
bool simulation_step(simulation_t *self);
/* Steps until nothing is ready; time stands still. */
void simulation_settle(simulation_t *self);
/* Steps until is_done says so, nothing is left, or steps_max. True: is_done. */
bool simulation_run(simulation_t *self, bool (*is_done)(void *context), void *context,
                    uint64_t steps_max);
uint64_t simulation_steps(const simulation_t *self);
void simulation_after(simulation_t *self, uint64_t delay_ms, void (*fn)(void *context),
                      void *context);
/* Something else that may have a next step, such as a journal whose appends are decided by hand:
 * chosen from as the rest is. */
void simulation_add_source(simulation_t *self, bool (*is_ready)(void *context),
                           void (*step)(void *context), void *context);
/* A hash over every step so far: equal for equal seeds. */
uint64_t simulation_fingerprint(const simulation_t *self);

API_END
