#pragma once
/* inside.h (inside) -- what the runtime's modules call so that somebody can look in: the flight
 * recorder, the live trace, the histograms.
 *
 * `runtime->watching` says what is on. What happens with every message asks inside_is_watching, one
 * branch that is not taken while nobody looks; what happens seldom (a life's events) calls in, and
 * looks there. Nothing here waits, allocates on a path that repeats, or fails: what can't be noted
 * is not, and what is lost is counted.
 *
 * Threads  inside_handle, inside_turn_*: a scheduler in a turn; the rest any. */

#include "runtime/context.h"
#include "runtime/inside.h"
#include "runtime/inside/recorder_format.h"

enum {
    INSIDE_LIFE = 1,      /* the recorder */
    INSIDE_MESSAGES = 2,  /* the recorder, every message */
    INSIDE_TRACE = 4,     /* somebody reads a live trace */
    INSIDE_LATENCIES = 8, /* the histograms, every message */
    INSIDE_SAMPLED = 16,  /* the recorder, the messages of traces that ask for it */
    INSIDE_EACH_MESSAGE = INSIDE_MESSAGES | INSIDE_TRACE | INSIDE_LATENCIES | INSIDE_SAMPLED
};

err_t inside_new(runtime_t *runtime, const runtime_options_t *options, inside_t **out_inside);
void inside_free(inside_t *self);

/* Who sees that it is watched sees the tables that were made for it.
 * Compiled with MS_INSIDE_BLIND nobody can look: what bench_inside compares with. */
static inline bool inside_watches(const runtime_t *runtime, uint32_t what)
{
#ifdef MS_INSIDE_BLIND
    (void)runtime, (void)what;
    return false;
#endif
    return (atomic_load_explicit(&runtime->watching, memory_order_acquire) & what) != 0;
}

static inline bool inside_is_watching(const runtime_t *runtime)
{
    return UNLIKELY(inside_watches(runtime, INSIDE_EACH_MESSAGE));
}

/* When a message was queued: 1,024 ns each; it wraps after 73 minutes. Never 0. */
static inline uint32_t inside_stamp(uint64_t now_ns)
{
    return (uint32_t)(now_ns >> 10) | 1;
}

static inline uint64_t inside_since_ns(uint32_t stamp, uint64_t now_ns)
{
    uint32_t passed = (uint32_t)(now_ns >> 10) - stamp;
    return stamp == 0 || (int32_t)passed < 0 ? 0 : (uint64_t)passed << 10;
}

/* ---- every message: only when inside_is_watching ---- */

/* Runs handle(ctx, message), which takes the message. */
void inside_handle(context_t *ctx, message_t *message,
                   void (*handle)(context_t *ctx, message_t *message));
/* Before it is handed over. kind NULL: to ref. */
void inside_sent(runtime_t *runtime, const actor_kind_t *kind, uint64_t ref, message_t *message);
/* It goes to another node (its span is returned, 0 where nobody notes it), or came from one. */
uint32_t inside_carried(runtime_t *runtime, const message_t *message, uint64_t node);
void inside_received(runtime_t *runtime, const message_t *message, uint64_t node, uint32_t span);

/* ---- traces: message_t.trace, and what is at hand on this thread ---- */

/* What this thread sends now belongs to that; 0: to nothing that is known, or this is none of the
 * runtime's threads. */
uint32_t inside_trace(const runtime_t *runtime);
/* Returns what was at hand. */
uint32_t inside_swap_trace(runtime_t *runtime, uint32_t trace);
/* What is held back belongs to what is at hand now, not to what is when it goes out. */
void inside_belongs(const runtime_t *runtime, message_t *message);

void inside_stolen(scheduler_t *scheduler, const actor_t *actor, uint32_t from);
void inside_slept(scheduler_t *scheduler, uint64_t begin_ns, uint64_t end_ns);

/* What it takes, with its slot; any thread that has it pinned. */
uint64_t inside_actor_bytes(const actor_t *actor);

/* ---- turns: what a thread is busy with outlives a kill ---- */
static inline void inside_turn_begin(const context_t *ctx)
{
    recorder_head_t *head = ctx->scheduler->recorder_head;
    if (head == NULL)
        return;
    atomic_store_explicit(&head->busy_since_ns, ctx->now_ns, memory_order_relaxed);
    atomic_store_explicit(&head->busy_with, ctx->bits, memory_order_relaxed);
}

void inside_turned(const context_t *ctx, uint64_t begin_ns, uint64_t messages);
static inline void inside_turn_end(const context_t *ctx, uint64_t begin_ns, uint64_t messages)
{
    recorder_head_t *head = ctx->scheduler->recorder_head;
    if (head == NULL)
        return;
    atomic_store_explicit(&head->busy_with, 0, memory_order_relaxed);
    if (UNLIKELY(inside_watches(ctx->runtime, INSIDE_MESSAGES)))
        inside_turned(ctx, begin_ns, messages);
}

/* ---- a life's events ---- */
void inside_life(const actor_t *actor, record_event_t event);
void inside_failed(const actor_t *actor, const char *reason);
void inside_undone(const actor_t *actor, err_t err);
void inside_slow(runtime_t *runtime, const scheduler_step_t *step, uint64_t now_ns,
                 uint64_t took_ns);
/* message NULL: there was no memory for one. */
void inside_dead_letter(runtime_t *runtime, const message_t *message, dead_reason_t reason,
                        const dead_receiver_t *receiver);
