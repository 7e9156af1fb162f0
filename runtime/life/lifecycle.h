#pragma once
/* lifecycle.h -- an actor's way through its phases: start, recover, crash, restart, park, end.
 *
 * Supervision is one_for_one, each actor against its own intensity: up to restarts_max failures
 * within restart_period_ms it is started again (a virtual one with its next message, a child after
 * a back-off with jitter); past that a virtual one is parked with a back-off that doubles, and its
 * askers get UNAVAILABLE; a child is given up. Monitors are told of every crash and of the end.
 *
 * Threads  The owner of the actor. */

#include "runtime/context.h"

/* STARTING: makes the state, or asks for it. */
void lifecycle_start(context_t *ctx);
/* The state is there. */
void lifecycle_run(context_t *ctx);
/* It can't be had. */
void lifecycle_start_failed(context_t *ctx, err_t err);
/* What waits gets err, up to the first signal. */
void lifecycle_refuse_waiting(context_t *ctx, err_t err);
/* Nothing is left; its next message starts it again. */
void lifecycle_lie_dormant(context_t *ctx);
/* False: no memory. */
bool lifecycle_arm_restart(context_t *ctx, uint64_t delay_ms);
/* The state becomes what was kept (durable/away.h); what depends on it begins anew. */
void lifecycle_restore(context_t *ctx, str_t kept);
/* The call at hand failed, or the state may not be built upon. */
void lifecycle_crash(context_t *ctx, const char *reason);
/* From outside, whatever it is doing. */
void lifecycle_kill(context_t *ctx);
void lifecycle_rebuild(context_t *ctx);
/* The journal may have lost what its state was made from. */
void lifecycle_reread(context_t *ctx);
void lifecycle_end(context_t *ctx);
/* Called when an append came back or the phase changed: goes on if nothing is in flight. */
void lifecycle_settle(context_t *ctx);
void lifecycle_idle(context_t *ctx);
/* It runs another version of its kind from now on. */
void lifecycle_replaced(context_t *ctx);
void lifecycle_restart(context_t *ctx);
/* Nothing is awaited by, or of, an actor that runs. */
bool lifecycle_may_leave(const context_t *ctx);
/* Leaves the table while nobody has sent to it; the rest can take its time. Counts that it did. */
bool lifecycle_leave(context_t *ctx, _Atomic uint64_t *counter);
/* It does not: until it has idled for as long again. */
void lifecycle_stay(context_t *ctx);
/* Memory is short: leaves at once if it has done nothing since. */
void lifecycle_give_way(context_t *ctx, uint32_t active_ms);
/* 0: now. */
void lifecycle_restart_after(context_t *ctx, uint32_t delay_ms);
/* ENDED: tries to give the slot back. True: it is gone. */
bool lifecycle_bury(context_t *ctx);
