#pragma once
/* supervision.h -- a supervisor from the inside: its children, and the sequence it is in.
 *
 * It decides one thing after the other. While it starts or stops children (ACTOR_ARRANGING) its
 * user lane is closed, and what goes down meanwhile waits in `failed`. A sequence is a goal, a step
 * (stopping, then perhaps starting), and the child whose turn it is; each is waited for before the
 * next. Only starts and deadlines of a sequence are waited for: a restart one_for_one is an order
 * and no more.
 *
 * Threads  The supervisor's turn. */

#include "runtime/life/id_map.h"
#include "runtime/life/tie.h"

typedef enum child_state {
    CHILD_OFF,      /* no actor */
    CHILD_STARTING, /* told to run */
    CHILD_UP,
    CHILD_DOWN,    /* waits for what is decided */
    CHILD_STOPPING /* told to stop */
} child_state_t;

struct child {
    child_t *previous, *next; /* in start order */
    child_t *failed_next;
    bool is_failed_queued;
    child_spec_t spec;
    char *text; /* owned: id and key of a spec that came in a command */
    tie_t *tie; /* NULL: CHILD_OFF */
    child_state_t state;
    bool is_restarting; /* a start that fails now is one more failure */
    uint8_t kills;
    uint32_t restarts, streak;
    uint64_t streak_since_ns;
    reply_token_t asker; /* of a simple one's start */
};

typedef enum arrange_goal {
    GOAL_NONE,
    GOAL_BEGIN,   /* all start */
    GOAL_RESTART, /* from `from` on: stop, then start */
    GOAL_ADD,     /* one starts, for `asker` */
    GOAL_REMOVE,  /* one stops, for `asker` */
    GOAL_END,     /* all stop; then it ends */
    GOAL_FAIL     /* all stop; then it fails with `reason` */
} arrange_goal_t;

typedef struct supervisor {
    const supervisor_spec_t *spec;
    runtime_t *runtime;
    child_t *first, *last;
    uint32_t count, active;
    id_map_t by_ref; /* of a simple one */

    intensity_t intensity; /* of its restarts */
    uint32_t restarts_max;
    uint64_t period_ns, restarts;

    arrange_goal_t goal;
    bool is_stop_step, is_waiting;
    child_t *at, *from; /* whose turn it is; the first that is meant, NULL: all */
    bool is_new;        /* GOAL_ADD of a child that was not there */
    uint32_t leaving;   /* let go and not ended yet */
    alarm_t *deadline;
    uint8_t end_kills;
    reply_token_t asker;
    child_t *failed_first, **failed_end;
    char reason[ACTOR_REASON_SIZE];
} supervisor_t;

extern const actor_kind_t supervisor_kind;

/* ---- children.c ---- */
err_t children_from_spec(supervisor_t *self);
/* A copy with its own text where is_owned. NULL: no memory. */
[[nodiscard]] child_t *child_new(supervisor_t *self, const child_spec_t *spec, bool is_owned);
void child_remove(supervisor_t *self, child_t *child);
child_t *child_named(const supervisor_t *self, str_t id);
bool child_is_supervisor(const child_t *child);
/* A new actor for it; it runs when this returns. */
err_t child_spawn(context_t *ctx, supervisor_t *self, child_t *child, bool is_awaited);
/* Down: started again in its slot. */
void child_run(child_t *child, bool is_awaited, uint32_t delay_ms);
/* It shall go; nobody decides for it any more. */
void child_let_go(supervisor_t *self, child_t *child);
/* It has gone, or is given up. */
void child_gone(supervisor_t *self, child_t *child);
uint32_t child_shutdown_ms(const child_t *child);
/* False: one too many within the period. */
bool supervisor_may_restart(supervisor_t *self, uint64_t now_ns);
uint32_t child_backoff_ms(context_t *ctx, const supervisor_t *self, child_t *child);

/* ---- arrange.c ---- */
void arrange_begin(context_t *ctx, supervisor_t *self);
void arrange_one(context_t *ctx, supervisor_t *self, arrange_goal_t goal, child_t *child);
/* The kick after its start. */
void supervision_step(context_t *ctx);
void supervision_noticed(context_t *ctx, message_t *notice);
void supervision_alarm(context_t *ctx, alarm_t *alarm);
/* The actor shall stop: a start under way is not waited for. Nothing where it is no supervisor. */
void supervision_interrupt(context_t *ctx);
/* True: it has children to stop first, and ends after that. */
bool supervision_must_wait(context_t *ctx);
