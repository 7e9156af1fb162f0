#pragma once
/* stage.h -- a simulated runtime for tests of actors: one thread, virtual time, one seed one
 * history. What was sent is handled, dead or on its way, checked at the end.
 *
 * Threads  One. */

#include "runtime/simulation.h"
#include "tests/support/check.h"

typedef struct stage {
    simulation_t *simulation;
    runtime_t *runtime;
    uint64_t skipped_ns;
    void (*before_free)(const struct stage *self); /* NULL, or looks at what is drained */
} stage_t;

/* What an ask came to; lies still until it did. */
typedef struct stage_answer {
    bool is_there;
    uint32_t count; /* how often it was answered: once */
    err_t err;
    char schema[64], text[128];
    uint64_t value; /* the first eight bytes of the reply */
} stage_answer_t;

typedef struct stage_options {
    uint64_t seed;
    uint32_t scheduler_count; /* 0: 2 */
    const actor_kind_t *const *kinds;
    size_t kind_count;
    void *service;
    uint32_t offload_queue_max[OFFLOAD_LANES];
    state_store_t *state_store;
    uint64_t memory_max;
} stage_options_t;

void stage_begin(stage_t *self, const stage_options_t *options);
/* Drains and frees it. Everything must come to its end, and the sum of messages be right. */
void stage_end(stage_t *self);
/* Steps until nothing is ready; time stands still. */
void stage_settle(stage_t *self);
/* This much time passes, with all that happens in it. */
void stage_pass(stage_t *self, uint64_t ms);
/* The clock moves on by itself: nobody has had a turn meanwhile, no alarm has rung. */
void stage_skip(stage_t *self, uint64_t ms);
/* Sent == handled + dead + in flight, now. */
void stage_check_sum(const stage_t *self);
uint64_t stage_dead(const stage_t *self, dead_reason_t reason);

/* Asks without waiting; time is up after timeout_ms (0: 5 s). */
#define stage_ask(stage, answer, to, timeout_ms, command, ...)                                     \
    stage_ask_message((stage), (answer), (to), (timeout_ms), &command##_schema,                    \
                      &(command##_t){__VA_ARGS__})
void stage_ask_message(stage_t *self, stage_answer_t *answer, address_t to, uint64_t timeout_ms,
                       const schema_t *schema, const void *message);
/* Asks and steps until the answer is there. */
#define stage_asked(stage, to, command, ...)                                                       \
    stage_asked_message((stage), (to), &command##_schema, &(command##_t){__VA_ARGS__})
stage_answer_t stage_asked_message(stage_t *self, address_t to, const schema_t *schema,
                                   const void *message);
/* Fills a mailbox, before its actor has had a turn. Returns how many were taken. */
#define stage_send(stage, to, command, ...)                                                        \
    runtime_send((stage)->runtime, (to), command, __VA_ARGS__)
