#pragma once
/* simulation.h -- a runtime without threads, driven by a seed: one seed, one history.
 *
 * Build a runtime with is_simulated, simulation_clock and simulation_random. simulation_run then
 * takes one step at a time: a seeded choice among the ready actors, offload jobs and journal
 * completions; when nothing is ready, virtual time jumps to the next timer. Nothing hashes pointers
 * or walks memory in address order. Threads  One. */

#include "runtime/runtime.h"

typedef struct simulation simulation_t;

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
void simulation_after(simulation_t *self, uint64_t delay_ms, void (*fn)(void *context),
                      void *context);
/* Something else that may have a next step, such as a journal whose appends are decided by hand:
 * chosen from as the rest is. */
void simulation_add_source(simulation_t *self, bool (*is_ready)(void *context),
                           void (*step)(void *context), void *context);
/* A hash over every step so far: equal for equal seeds. */
uint64_t simulation_fingerprint(const simulation_t *self);
