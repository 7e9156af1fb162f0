#pragma once
/* act.h -- the explorer's actors: one set of handlers under many policies. They do what they are
 * told step by step and write into the ledger what the oracles must know. */

#include "runtime/actor.h"
#include "tests/sim/explore/ledger.h"

#define DEF_FILE "tests/sim/explore/actors/act.def"
#include "runtime/base/schema_declare.h"

/* What a kind is registered with. */
typedef struct act_service {
    ledger_t *ledger;
    uint32_t first_target; /* ACT_CHILD: of an anonymous child */
    bool is_durable, is_trapping;
    const actor_kind_t *child;
} act_service_t;

enum { ACT_CHILD = 1000, ACT_EDGE = 1 << 20, ACT_REF = 1 << 21, ACT_NAME = 1 << 22 };

/* Of a durable kind; others are copies with their own name and policy and without appliers. */
extern const actor_kind_t act_kind;

/* Makes of a copy of act_kind its other version: the same, in other tables, for states of its own.
 * `room` holds its handlers. */
enum { ACT_HANDLERS_MAX = 24 };
void act_make_other_version(actor_kind_t *kind, actor_handler_t room[static ACT_HANDLERS_MAX]);

/* An answer that came: the right one, or an error. */
void act_check_answer(ledger_t *ledger, const answer_t *answer, uint64_t id);

/* Where a target's messages go. `room` holds its key. */
address_t act_address(uint32_t target, char room[static 12]);
