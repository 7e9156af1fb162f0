#pragma once
/* world.h -- nodes, a table and a network, simulated: the membership of each node with nothing real
 * around it. One seed, one history. Time is virtual milliseconds.
 *
 * The table answers after a delay, or never for who is cut off from it; links delay, lose, reorder
 * and part by direction; nodes die, stop for a while and come back as themselves, start anew.
 * After each step it is checked that nobody deems a member's partitions free that this member still
 * has a lease for. */

#include "cluster/membership.h"
#include "runtime/base/random.h"

enum { WORLD_NODES_MAX = 12000 };

typedef struct world world_t;

typedef struct world_options {
    uint64_t seed;
    uint64_t lease_ms;
    uint32_t delay_ms;     /* of a message, at most */
    uint32_t loss_percent; /* of messages */
    /* Each node's clock is wrong by up to so much, and goes wrong by up to so many per mille. */
    uint64_t skew_ms;
    uint32_t drift_per_mille;
    /* Who stops by itself says in the table that it is gone, where it reaches it
     * (members_say_gone). Without it, it is as if it had been killed in that moment. */
    bool says_gone;
} world_options_t;

world_t *world_new(const world_options_t *options);
/* So many nodes in one view, with links of up to 5 ms. */
world_t *world_whole(uint64_t seed, uint32_t count, uint64_t lease_ms);
void world_free(world_t *self);
void world_scope_end(world_t **self);
#define WORLD_SCOPED SCOPED(world_scope_end)

/* Returns its index. The address is its own, or that of `at` (an index) for a restart. */
uint32_t world_start(world_t *self);
uint32_t world_restart(world_t *self, uint32_t at);
void world_start_many(world_t *self, uint32_t count);
void world_kill(world_t *self, uint32_t index);
void world_pause(world_t *self, uint32_t index, bool is_paused); /* SIGSTOP */
void world_cut_table(world_t *self, uint32_t index, bool is_cut);
void world_cut_all_tables(world_t *self, bool is_cut);
void world_cut(world_t *self, uint32_t from, uint32_t to, bool is_cut); /* one direction */
/* Nodes below `first` on one side, the others on the other; `first` 0: together. */
void world_part(world_t *self, uint32_t first);
void world_set_delay(world_t *self, uint32_t index, uint32_t delay_ms); /* of one, at least */
/* Of its way to the table and back, each. */
void world_set_table_delay(world_t *self, uint32_t index, uint32_t delay_ms);
/* The database's clock is set, back or forth. */
void world_step_table_clock(world_t *self, int64_t by_ms);
/* Nothing is cut, paused or slow any more. */
void world_heal(world_t *self);
void world_leave(world_t *self, uint32_t index);       /* and drained at once */
void world_begin_leave(world_t *self, uint32_t index); /* then world_leave */

void world_run(world_t *self, uint64_t for_ms);
/* Until then, `is_done`, or false after `for_ms`. */
bool world_run_until(world_t *self, bool (*is_done)(world_t *self, void *context), void *context,
                     uint64_t for_ms);
/* All that run and are not paused are in the same view, and active in it, and nobody else is. */
bool world_is_whole(world_t *self, void *unused);
uint64_t world_now_ms(const world_t *self);
uint64_t world_clock_ms(const world_t *self, uint32_t index); /* the node's own */
/* What one that is dead had is given back: there may be thousands. */
void world_bury(world_t *self, uint32_t index);
uint32_t world_count(const world_t *self);
bool world_is_dead(const world_t *self, uint32_t index); /* killed, or stopped by itself */
bool world_is_paused(const world_t *self, uint32_t index);
bool world_is_cut(const world_t *self, uint32_t from, uint32_t to);
bool world_is_table_cut(const world_t *self, uint32_t index);
const membership_t *world_membership(const world_t *self, uint32_t index);
uint64_t world_node(const world_t *self, uint32_t index);
bool world_has_lease(const world_t *self, uint32_t index);
bool world_is_stopped(const world_t *self, uint32_t index);  /* by itself */
bool world_is_replaced(const world_t *self, uint32_t index); /* restarted since */
void world_print(const world_t *self);                       /* for a failing seed */
const view_t *world_table(const world_t *self);
uint64_t world_messages(const world_t *self); /* sent so far */
uint64_t world_table_uses(const world_t *self);
