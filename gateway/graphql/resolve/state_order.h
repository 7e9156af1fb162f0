#pragma once
/* state_order.h -- a feed of states that never goes back.
 *
 * States come of two: what is published, and answers to the question for the state. Of a publisher
 * that moves to another node they may overtake each other (runtime/topic_router.h). So what is
 * older than what was told is not told; the state is asked for. An answer to a question that was
 * asked after the last state was told is the truth, whatever its version: who answers has all that
 * was published, but where a database lost it in a fail-over (docs/operating.md, Regions).
 *
 * Threads  One. */

#include <stdbool.h>
#include <stdint.h>

typedef struct state_order {
    uint64_t told;     /* the version that was told last; 0: none, or they have none */
    bool is_overtaken; /* something was told since the state was asked for */
} state_order_t;

typedef enum state_verdict { STATE_TELL, STATE_ASK } state_verdict_t;

/* The state is asked for now. */
void state_order_asked(state_order_t *self);
state_verdict_t state_order_published(state_order_t *self, uint64_t version);
state_verdict_t state_order_answered(state_order_t *self, uint64_t version);
