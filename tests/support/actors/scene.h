#pragma once
/* scene.h -- a simulated runtime for tests of actors: one thread, virtual time, one seed one
 * history. What was sent is handled, dead or on its way, checked at the end.
 *
 * Threads  One. */

#include "runtime/router.h"
#include "runtime/simulation.h"
#include "tests/support/check.h"

typedef struct scene {
    simulation_t *simulation;
    runtime_t *runtime;
    uint64_t skipped_ns;
    void (*before_free)(const struct scene *self); /* NULL, or looks at what is drained */
} scene_t;

/* What an ask came to; lies still until it did. */
typedef struct scene_answer {
    bool is_there;
    uint32_t count; /* how often it was answered: once */
    err_t err;
    char schema[64], text[128];
    uint64_t value; /* the first eight bytes of the reply */
} scene_answer_t;

typedef struct scene_kind {
    const actor_kind_t *kind;
    void *service;
} scene_kind_t;

typedef struct scene_options {
    uint64_t seed;
    uint32_t scheduler_count; /* 0: 2 */
    const actor_kind_t *const *kinds;
    size_t kind_count;
    void *service;
    const scene_kind_t *each; /* kinds with services of their own */
    size_t each_count;
    journal_t *journal;
    const char *recorder_path;
    bool is_heap_only;
    uint32_t offload_queue_max[OFFLOAD_LANES];
    state_store_t *state_store;
    uint64_t memory_max;
    const router_t *router; /* it is node 1 of several, and has all partitions; NULL: it is alone */
} scene_options_t;

void scene_begin(scene_t *self, const scene_options_t *options);
/* Drains and frees it. Everything must come to its end, and the sum of messages be right. */
void scene_end(scene_t *self);
/* Steps until nothing is ready; time stands still. */
void scene_settle(scene_t *self);
/* This much time passes, with all that happens in it. */
void scene_pass(scene_t *self, uint64_t ms);
/* The clock moves on by itself: nobody has had a turn meanwhile, no alarm has rung. */
void scene_skip(scene_t *self, uint64_t ms);
/* Sent == handled + dead + in flight, now. */
void scene_check_sum(const scene_t *self);
uint64_t scene_dead(const scene_t *self, dead_reason_t reason);

/* Asks without waiting; time is up after timeout_ms (0: 5 s). */
#define scene_ask(scene, answer, to, timeout_ms, command, ...)                                     \
    scene_ask_message((scene), (answer), (to), (timeout_ms), &command##_schema,                    \
                      &(command##_t){__VA_ARGS__})
void scene_ask_message(scene_t *self, scene_answer_t *answer, address_t to, uint64_t timeout_ms,
                       const schema_t *schema, const void *message);
/* Asks and steps until the answer is there. */
#define scene_asked(scene, to, command, ...)                                                       \
    scene_asked_message((scene), (to), &command##_schema, &(command##_t){__VA_ARGS__})
scene_answer_t scene_asked_message(scene_t *self, address_t to, const schema_t *schema,
                                   const void *message);
/* Fills a mailbox, before its actor has had a turn. Returns how many were taken. */
#define scene_send(scene, to, command, ...)                                                        \
    runtime_send((scene)->runtime, (to), command, __VA_ARGS__)
