#pragma once
/* ledger.h -- what a run owes: every message its handling, every ask its answer, every monitor its
 * down, every state its end. The first thing that does not hold is kept as the run's failure.
 *
 * Memory comes from libc, so that injected faults never hit the ledger. */

#include "runtime/base/attributes.h"
#include "runtime/base/str.h"

#include <stdio.h>

typedef enum oracle {
    ORACLE_NONE,
    ORACLE_ONCE,    /* a message was handled twice, or one that nobody sent */
    ORACLE_ORDER,   /* a pair's order was broken */
    ORACLE_LOSS,    /* a message is neither handled nor counted */
    ORACLE_ANSWER,  /* an ask was not answered exactly once, or with another's answer */
    ORACLE_DOWN,    /* a monitor had no down, or two */
    ORACLE_TIMER,   /* a timer outlived its state */
    ORACLE_JOURNAL, /* what was acknowledged is not there, or what was refused is */
    ORACLE_END,     /* the run does not come to rest, the node does not drain, or a child stays */
    ORACLE_FAILURE, /* an actor failed that nothing made fail */
    ORACLE_LEAK,    /* actors, states or memory are left */
    ORACLE_CROWD,   /* a name or a group is not of whom it was given to */
    ORACLE_JOB,     /* a job ran twice, or after it was cancelled, or ended as it did not */
    ORACLE_STREAM,  /* a stream has a gap, is over its window, or stands still */
    ORACLE_POST,    /* what was sent durably was not taken once, in the order of its sender */
    ORACLE_VERSION, /* a state was touched by code of another version */
    ORACLE_CRASH,   /* the process died: for whoever runs it in one of its own */
    ORACLE_COUNT
} oracle_t;

typedef struct ledger_message {
    uint32_t from, to;
    bool is_asked, is_handled, is_excused;
    bool is_stashed, is_unordered; /* it may come after later ones */
} ledger_message_t;

typedef enum debt_kind {
    DEBT_ASK,
    DEBT_JOB,
    DEBT_DOWN,
    DEBT_EXIT,
    DEBT_CHILD /* its end, after its parent's */
} debt_kind_t;
typedef struct ledger_debt {
    debt_kind_t kind;
    uint64_t serial;  /* the state that waits */
    uint64_t message; /* of an ask: the id */
    uint64_t ref;     /* of a down or an exit: whose */
    uint64_t monitor; /* of a down */
    uint32_t paid;
    bool is_excused;
    bool is_durable;   /* of a child: its parent's state is rebuilt without its end */
    bool is_cancelled; /* by demonitor or unlink: from then on it may not come */
} ledger_debt_t;

typedef struct ledger_state {
    uint64_t ref;
    bool is_over;
} ledger_state_t;

typedef struct ledger_event {
    uint64_t id;
    uint32_t number;
} ledger_event_t;

typedef struct ledger_news {
    uint64_t serial, id;
} ledger_news_t;

enum { LEDGER_PAIRS = 4096 };

typedef struct ledger {
    FILE *trace;
    oracle_t oracle;
    char failure[256];
    ledger_message_t *messages; /* by id - 1 */
    uint64_t message_count, message_capacity;
    ledger_debt_t *debts;
    uint64_t debt_count, debt_capacity;
    ledger_state_t *states; /* by serial - 1 */
    uint64_t state_count, state_capacity;
    ledger_news_t *news; /* who heard what */
    uint64_t news_count, news_capacity, published;
    struct {
        uint64_t pair, last;
    } pairs[LEDGER_PAIRS];
    uint64_t letters;    /* sent durably, or tried to */
    bool has_forgiven;   /* a crash of the node: what was in flight is gone */
    bool is_rehearsing;  /* states begin and end in a room of their own: none of ours */
    struct crowd *crowd; /* what it is made of further; the world's */
    struct jobs *jobs;
    struct flows *flows;
} ledger_t;

void ledger_deinit(ledger_t *self);
/* Keeps the first. */
void ledger_fail(ledger_t *self, oracle_t oracle, const char *format, ...) PRINTF_LIKE(3, 4);
void ledger_trace(ledger_t *self, const char *format, ...) PRINTF_LIKE(2, 3);
const char *oracle_name(oracle_t oracle);

/* The id that the message carries. */
uint64_t ledger_send(ledger_t *self, uint32_t from, uint32_t to, bool is_asked);
/* It could not be made: nobody will handle it. */
void ledger_excuse(ledger_t *self, uint64_t id);
void ledger_handle(ledger_t *self, uint64_t id);

uint64_t ledger_owe(ledger_t *self, debt_kind_t kind, uint64_t serial, uint64_t detail);
void ledger_pay(ledger_t *self, uint64_t debt);
/* A debt_kind of DEBT_DOWN or DEBT_EXIT arrived at a state. */
void ledger_down(ledger_t *self, uint64_t serial, uint64_t ref, uint64_t monitor);
/* A state linked itself to `ref`; one that traps exits waits for its exit from now on. */
void ledger_link(ledger_t *self, uint64_t serial, uint64_t ref, bool is_trapping);
void ledger_exit(ledger_t *self, uint64_t serial, uint64_t ref);
/* The newest that this state waits for: whose it is, and which monitor. False: none. */
bool ledger_cancel(ledger_t *self, debt_kind_t kind, uint64_t serial, uint64_t *out_detail);

/* A state spawned `ref`. */
void ledger_child(ledger_t *self, uint64_t serial, uint64_t ref, bool is_durable);
/* The id that a publish carries; and a state hears it. */
uint64_t ledger_publish(ledger_t *self);
void ledger_hear(ledger_t *self, uint64_t serial, uint64_t id);

uint64_t ledger_begin(ledger_t *self, uint64_t ref);
void ledger_end(ledger_t *self, uint64_t serial);
/* It ended in one version of its kind, and goes on in the next. */
void ledger_resume(ledger_t *self, uint64_t serial);
bool ledger_is_over(const ledger_t *self, uint64_t serial);
/* The reference of a state that began, chosen by number; 0: none yet. */
uint64_t ledger_ref(const ledger_t *self, uint64_t number);

/* The node crashed: what is open will never be settled. */
void ledger_forgive(ledger_t *self);
/* At rest: `lost` messages were counted by the runtime; `missing` are gone beside the ledger's own.
 */
void ledger_settle(ledger_t *self, uint64_t lost, uint64_t missing, bool has_memory);
/* Room for one more behind *count: for the books that belong to a ledger. */
void *ledger_grown(void *items, uint64_t count, uint64_t *capacity, size_t size);
