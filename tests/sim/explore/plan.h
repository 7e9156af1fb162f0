#pragma once
/* plan.h -- all that a run of the explorer depends on, as a value: it is made from a seed, written
 * and read as text, and shrunk by taking things out.
 *
 * One line an item; `#` begins a comment:
 *
 *     scenario everything
 *     seed 17                       what the scheduler and the program draw from
 *     strategy priorities           or random
 *     change 55                     a step at which the highest priority falls
 *     fault allocation 204 0        the 204th allocation fails
 *     fault append 3 2              the 3rd append ends as append_faults[2] in bad_journal.c says
 *     fault reads 100 40            the journal cannot be read from step 100 for 40 steps
 *     fault away 50 10              the journal is away from step 50 for 80 steps (bad_journal.h)
 *     fault crash 300 2             the node stops at step 300 and is started again; of appends
 *                                   under way up to 2 are written, and nobody was told
 *     fault slow 90 20              the journal decides nothing from step 90 for 160 steps
 *     fault reorder 90 20           streams are answered newest first from step 90 for 160 steps
 *     fault replace 90 7            all kinds are replaced from step 90 on; given up 7 * 16 later
 *     jobs split                    an offload job is three steps; else one
 *     states at hand                read within the turn (journal.h); else in the pool
 *     command 5 ask 4 emit:0:1:0 send:9:0:1 fail:0:0:0
 *
 * A command: its id, how it is given (ask, send, or pause: so many ms), to whom (world.h), and
 * steps as op:target:number:count; `count` of a send, an ask or a timer is how many of the
 * following steps go along with it.
 *
 * Ownership  A value without pointers: copied by assignment. */

#include "runtime/base/buf.h"
#include "runtime/simulation.h"

enum { PLAN_COMMANDS_MAX = 128, PLAN_STEPS_MAX = 6, PLAN_FAULTS_MAX = 32, PLAN_CHANGES_MAX = 16 };

#define ACT_OPS(X)                                                                                 \
    X(reply)                                                                                       \
    X(emit)                                                                                        \
    X(send)                                                                                        \
    X(send_ref)                                                                                    \
    X(ask)                                                                                         \
    X(refuse)                                                                                      \
    X(fail)                                                                                        \
    X(stop)                                                                                        \
    X(spawn)                                                                                       \
    X(tell_child)                                                                                  \
    X(monitor)                                                                                     \
    X(timer)                                                                                       \
    X(cancel)                                                                                      \
    X(subscribe)                                                                                   \
    X(publish)                                                                                     \
    X(offload)                                                                                     \
    X(silence)                                                                                     \
    X(late)                                                                                        \
    X(demonitor)                                                                                   \
    X(link)                                                                                        \
    X(unlink)                                                                                      \
    X(exit)                                                                                        \
    X(kill)                                                                                        \
    X(spawn_linked)                                                                                \
    X(stash)                                                                                       \
    X(unstash)                                                                                     \
    X(become)                                                                                      \
    X(ask_many)                                                                                    \
    X(register)                                                                                    \
    X(unregister)                                                                                  \
    X(send_name)                                                                                   \
    X(join)                                                                                        \
    X(leave)                                                                                       \
    X(watch_group)                                                                                 \
    X(send_one)                                                                                    \
    X(send_all)                                                                                    \
    X(work)                                                                                        \
    X(cancel_work)                                                                                 \
    X(await_room)                                                                                  \
    X(flow)                                                                                        \
    X(flow_end)                                                                                    \
    X(flow_stop)                                                                                   \
    X(post)                                                                                        \
    X(wrong) /* answers with another's id: no scenario draws it, tests of the explorer do */
typedef enum act_op {
#define X(name) ACT_##name,
    ACT_OPS(X)
#undef X
        ACT_OP_COUNT
} act_op_t;
enum { ACT_OPS_DRAWN = ACT_wrong };

typedef struct plan_step {
    uint32_t op, target, number, count;
} plan_step_t;

typedef enum plan_means { MEANS_ASK, MEANS_SEND, MEANS_PAUSE, MEANS_COUNT } plan_means_t;

typedef struct plan_command {
    uint32_t id;
    plan_means_t means;
    uint32_t target; /* of a pause: ms */
    uint32_t step_count;
    plan_step_t steps[PLAN_STEPS_MAX];
} plan_command_t;

typedef enum plan_fault_kind {
    FAULT_ALLOCATION,
    FAULT_APPEND,
    FAULT_READS,
    FAULT_CRASH,
    FAULT_AWAY,
    FAULT_REPLACE,
    FAULT_SLOW,
    FAULT_REORDER,
    FAULT_COUNT
} plan_fault_kind_t;

typedef struct plan_fault {
    plan_fault_kind_t kind;
    uint32_t at, detail;
} plan_fault_t;

typedef struct plan {
    char scenario[32];
    uint64_t seed;
    simulation_strategy_t strategy;
    bool is_work_split, is_at_hand;
    uint32_t command_count, fault_count, change_count;
    plan_command_t commands[PLAN_COMMANDS_MAX];
    plan_fault_t faults[PLAN_FAULTS_MAX];
    uint64_t changes[PLAN_CHANGES_MAX]; /* ascending */
} plan_t;

/* The names of all scenarios; NULL after the last. */
const char *plan_scenario(size_t index);

/* scenario NULL: one that the seed chooses. change_count: of priorities; 0: random choices;
 * PLAN_CHANGES_DRAWN: as the seed says. False: no such scenario. */
enum { PLAN_CHANGES_DRAWN = UINT32_MAX >> 1 };
bool plan_make(uint64_t seed, const char *scenario, uint32_t change_count, plan_t *out_plan);
void plan_write(const plan_t *self, buf_t *out);
/* INVALID: a line that is none, or too many. */
err_t plan_read(str_t text, plan_t *out_plan);
