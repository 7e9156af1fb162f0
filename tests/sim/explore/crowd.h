#pragma once
/* crowd.h -- who has which name and who is in which group, kept beside the runtime: of a name one
 * living state at most, in a group exactly the living that joined it, and each who watches one sees
 * every change once.
 *
 * Memory comes from libc. */

#include "runtime/actor.h"
#include "tests/sim/explore/ledger.h"

enum { CROWD_NAMES = 4, CROWD_GROUPS = 3, CROWD_MEMBERS_MAX = 256 };

typedef struct crowd_member {
    uint64_t serial;
    uint32_t group;
    bool has_left;
} crowd_member_t;

/* What was sent to a group: by whom it may be heard, once. */
typedef struct crowd_call {
    uint64_t first, count; /* in `listeners` */
} crowd_call_t;
typedef struct crowd_listener {
    uint64_t ref;
    bool has_heard;
} crowd_listener_t;

/* What a state that watches a group knows of it. */
typedef struct crowd_view {
    uint64_t serial;
    uint32_t group, count;
    uint64_t refs[CROWD_MEMBERS_MAX];
} crowd_view_t;

typedef struct crowd {
    ledger_t *ledger;
    uint64_t holders[CROWD_NAMES]; /* serials; 0: nobody */
    crowd_member_t *members;
    uint64_t member_count, member_capacity;
    crowd_call_t *calls;
    uint64_t call_count, call_capacity;
    crowd_listener_t *listeners;
    uint64_t listener_count, listener_capacity;
    crowd_view_t *views;
    uint64_t view_count, view_capacity;
    uint64_t sent, heard;
} crowd_t;

void crowd_deinit(crowd_t *self);
str_t crowd_name(uint32_t name);
str_t crowd_group(uint32_t group);

/* What the calls of actor.h returned to this state. */
void crowd_registered(crowd_t *self, uint64_t serial, uint32_t name, err_t err);
void crowd_unregistered(crowd_t *self, uint64_t serial, uint32_t name, err_t err);
void crowd_joined(crowd_t *self, uint64_t serial, uint32_t group, err_t err);
void crowd_left(crowd_t *self, uint64_t serial, uint32_t group, err_t err);
void crowd_watched(crowd_t *self, uint64_t serial, uint32_t group, const actor_ref_t *members,
                   uint32_t count);
/* is_sure: no message was ever lost, so it saw each change. */
void crowd_changed(crowd_t *self, uint64_t serial, const group_changed_t *change, bool is_sure);

/* The id that a message to a group carries; then what became of sending it. */
uint64_t crowd_call(crowd_t *self, uint32_t group);
void crowd_sent(crowd_t *self, uint64_t call, uint32_t count, err_t err);
void crowd_heard(crowd_t *self, uint64_t call, uint64_t ref);

/* Between two steps: the runtime says the same. */
void crowd_check(crowd_t *self, runtime_t *runtime);
/* At rest. */
void crowd_settle(crowd_t *self, bool is_sure);
/* The node crashed. */
void crowd_forgive(crowd_t *self);
static inline uint64_t crowd_missing(const crowd_t *self)
{
    return self->sent - self->heard;
}
