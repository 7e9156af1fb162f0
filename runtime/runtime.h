#pragma once
/* runtime.h -- one node's actor runtime: schedulers, offload pool, registry. Built by node/main.c
 * and by tests.
 *
 * Life: runtime_new, runtime_register for every kind, runtime_start, ..., runtime_drain,
 * runtime_free. Ownership  The runtime borrows journal, log and clock; they outlive it. Threads
 * Functions say where they may be called; "any" includes threads that are not the runtime's. */

#include "runtime/actor.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/random.h"
#include "runtime/journal.h"
#include "runtime/state_store.h"

#include <uv.h>

API_BEGIN

typedef struct runtime_options {
    uint32_t scheduler_count;                  /* 0: one a core */
    uint32_t offload_threads[OFFLOAD_LANES];   /* 0: file 4, compute 1, password 1 */
    uint32_t offload_queue_max[OFFLOAD_LANES]; /* 0: 4096, 256, 32 */
    ms_clock_t clock;                          /* all zero: the machine's */
    ms_random_t random;                        /* all zero: the kernel's */
    const ms_log_t *log;
    journal_t *journal;         /* NULL: no durable kinds */
    state_store_t *state_store; /* NULL: no kinds that hibernate; borrowed */
    uint64_t memory_max; /* bytes of actors (runtime_stats_t.actor_bytes), past which those that
                            idled longest leave; 0: none */
    bool is_simulated;   /* no threads: simulation.h drives it */
    const char *recorder_path; /* the flight recorder's file (recorder.h); NULL: none */
    uint32_t recorder_records; /* a scheduler, a power of two; 0: RECORDER_RECORDS_DEFAULT */
    bool is_heap_only; /* every block from malloc, for tools that watch it; else from pools, but
                          under AddressSanitizer */
} runtime_options_t;

err_t runtime_new(const runtime_options_t *options, runtime_t **out_runtime);
void runtime_free(runtime_t *self); /* after drain, or never started */

/* Before start. CONFLICT: the name is taken. The kind is copied; `service` is what context_service
 * returns. */
err_t runtime_register(runtime_t *self, const actor_kind_t *kind, void *service);
err_t runtime_start(runtime_t *self);
/* Any thread that is not the runtime's: stops taking messages from outside, lets actors finish what
 * is queued and appended, runs their stop functions, then joins the threads. TIMEOUT: not empty by
 * then; it is stopped all the same. */
err_t runtime_drain(runtime_t *self, uint64_t timeout_ms);

/* From any thread: the journal may have lost what was durable (journal_table_t.history). Every
 * durable actor that runs reads its state again before it does anything else, as after an append
 * that was refused; who comes to life meanwhile reads what is there now. NO_MEMORY: some were not
 * told; call it again. */
err_t runtime_reread(runtime_t *self);

uint32_t runtime_scheduler_count(const runtime_t *self);
const ms_clock_t *runtime_clock(const runtime_t *self);
const ms_log_t *runtime_log(const runtime_t *self);
const ms_random_t *runtime_random(const runtime_t *self);

/* From any thread, without an answer. BUSY, NOT_FOUND. */
#define runtime_send(runtime, to, command, ...)                                                    \
    runtime_send_message((runtime), (to), &command##_schema,                                       \
                         &__extension__(command##_t){__VA_ARGS__})
err_t runtime_send_message(runtime_t *self, address_t to, const schema_t *schema,
                           const void *message);
/* From any thread: publishes to a topic; with a '/' in its name to that of all nodes
 * (topic_router.h). */
#define runtime_publish(runtime, topic, event, ...)                                                \
    runtime_publish_message((runtime), (topic), &event##_schema,                                   \
                            &__extension__(event##_t){__VA_ARGS__})
void runtime_publish_message(runtime_t *self, str_t topic, const schema_t *schema,
                             const void *message);

/* ---- edges: code that lives in a scheduler's loop but is no actor (sockets, the command line)
 * ----
 *
 * An edge is bound to one scheduler. Everything of it is called on that scheduler's thread only,
 * from loop callbacks. */
typedef struct edge edge_t;

/* The libuv loop of a scheduler. Handles may be made on it before runtime_start, or from its own
 * thread. */
uv_loop_t *runtime_loop(runtime_t *self, uint32_t scheduler);
edge_t *runtime_edge(runtime_t *self,
                     uint32_t scheduler); /* one a scheduler; lives as long as the runtime */
/* Any thread: runs fn(context) on the scheduler's thread soon. */
err_t edge_post(edge_t *self, void (*fn)(void *context), void *context);
runtime_t *edge_runtime(edge_t *self);
uint32_t edge_scheduler(const edge_t *self);

typedef void (*edge_then_fn)(void *context, const answer_t *answer);
/* As actor_ask. Returns a ticket for edge_cancel. command_id: empty, or what makes a retry find the
 * first answer. */
#define edge_ask(edge, to, timeout_ms, command_id, then, context, command, ...)                    \
    edge_ask_message((edge), (to), (timeout_ms), (command_id), (then), (context),                  \
                     &command##_schema, &__extension__(command##_t){__VA_ARGS__})
uint64_t edge_ask_message(edge_t *self, address_t to, uint64_t timeout_ms, str_t command_id,
                          edge_then_fn then, void *context, const schema_t *schema,
                          const void *message);
/* `then` will not run any more. */
void edge_cancel(edge_t *self, uint64_t ticket);

typedef struct edge_subscription edge_subscription_t;
typedef void (*edge_message_fn)(void *context, str_t topic, const schema_t *schema,
                                const void *message);
/* Every message published to the topic from now on. Order is kept per publisher. NULL: no memory.
 */
edge_subscription_t *edge_subscribe(edge_t *self, str_t topic, edge_message_fn fn, void *context);
void edge_unsubscribe(edge_subscription_t **subscription); /* also inside its fn */

/* `work` on the offload pool, `then` back on the edge's thread. BUSY comes through `then`. data is
 * borrowed throughout. */
void edge_offload(edge_t *self, offload_lane_t lane, err_t (*work)(void *data),
                  void (*then)(void *data, err_t err), void *data);
/* With options; work NULL: `then` when the lane has room. Returns a ticket for edge_offload_cancel,
 * which is as actor_offload_cancel; a work function that may be cancelled while it runs looks at a
 * flag of its own in its data. */
uint64_t edge_offload_with(edge_t *self, const offload_options_t *options,
                           err_t (*work)(void *data), void (*then)(void *data, err_t err),
                           void *data);
void edge_offload_cancel(edge_t *self, uint64_t ticket);
bool runtime_offload_has_room(runtime_t *self, offload_lane_t lane); /* any thread */

/* ---- dead letters: messages that nobody handled. Each is counted by the kind of its receiver and
 * by why, the last 64 are remembered, and all of them are published to DEAD_LETTERS_TOPIC while
 * somebody listens (at most 1000 a second). Who asked gets an error besides. ---- */
#define DEAD_REASON_LIST(X)                                                                        \
    X(GONE, "gone")                 /* the receiver, or the incarnation it was meant for */        \
    X(NO_KIND, "no such kind")      /* or name */                                                  \
    X(NO_HANDLER, "no handler")     /* the kind, as it behaves now, does not hear it */            \
    X(FULL, "full")                 /* the bound of the mailbox or the stash */                    \
    X(SUPERSEDED, "superseded")     /* OVERFLOW_COALESCE: a newer one has its key */               \
    X(EXPIRED, "expired")           /* its deadline passed before it was handled */                \
    X(LATE_REPLY, "late reply")     /* its ask was answered, timed out or cancelled */             \
    X(SECOND_REPLY, "second reply") /* the command had been answered */                            \
    X(CALL_CYCLE, "call cycle")     /* it came back to one that awaits the end of its chain */     \
    X(DRAINING, "draining")         /* the runtime ends */                                         \
    X(PARKED, "parked")             /* the receiver failed too often */                            \
    X(NOT_STARTED, "not started")   /* the receiver's state could not be had */                    \
    X(UNDONE, "undone")             /* decided on events that were then refused */                 \
    X(UNREACHABLE, "unreachable")   /* another node's, and there is no way, or no room on it */    \
    X(NOT_SERVED, "not served")     /* its partition is nobody's, or this node has no lease */     \
    X(LIMIT, "limit")               /* no room for one more activation, or its key is too long */  \
    X(NO_MEMORY, "no memory")
typedef enum dead_reason {
#define DEAD_REASON_ENUM(name, text) DEAD_##name,
    DEAD_REASON_LIST(DEAD_REASON_ENUM)
#undef DEAD_REASON_ENUM
        DEAD_REASONS
} dead_reason_t;
const char *dead_reason_name(dead_reason_t reason);

/* What is published; key and type are names that the program's authors chose, key is data. */
#define DEAD_LETTERS_TOPIC "runtime.dead_letters"
typedef struct dead_letter {
    str_t reason, type, kind, key;
    uint64_t receiver, sender; /* actor_ref bits, where known */
} dead_letter_t;
extern const schema_t dead_letter_schema;

/* ---- looking in (any thread; a consistent-enough copy, for people and metrics) ---- */
typedef struct runtime_stats {
    uint64_t actors, messages, turns, activations, passivations, failures, restarts, late_replies;
    uint64_t sent, handled, dead_letters; /* commands and downs: what is in none is on its way */
    uint64_t refused;                     /* dead: a mailbox was full, or no memory */
    uint64_t expired;                     /* dead: past the deadline */
    uint64_t stolen, appends_in_flight;
    uint64_t slow_turns; /* over 10 ms */
    uint64_t offload_queued[OFFLOAD_LANES];
    uint64_t offload_refused[OFFLOAD_LANES]; /* the lane was full */
    uint64_t offload_cancelled[OFFLOAD_LANES], offload_expired[OFFLOAD_LANES];
    uint64_t sleeps, wakes;  /* into the state store, and out of it */
    uint64_t sleeps_refused; /* what could not be stored (or forgotten) stayed awake */
    uint64_t sleeps_lost;    /* what could not be read began anew */
    uint64_t pressed;        /* asked to leave, past memory_max */
    uint64_t actor_bytes;    /* charged to actors, with their slots */
    uint64_t pool_bytes;     /* of the pools that messages, timers and states come from */
} runtime_stats_t;
void runtime_stats(runtime_t *self, runtime_stats_t *out_stats);
/* The supervision tree and every actor's counters, as JSON. */
void runtime_describe(runtime_t *self, json_t *json);
/* Who was started by whom: {"children": [{"kind", "key", "ref", "id", "is_up", "restarts",
 * "strategy", "children"}], "by_name": [{"kind", "count"}], "left_out"}; and as lines for people.
 * At most 10,000 actors, the rest is counted. */
void runtime_describe_tree(runtime_t *self, json_t *json);
void runtime_tree_text(runtime_t *self, buf_t *out);
/* The last 64 failures, the newest first: {"count", "last": [{"kind", "key", "ref", "parent",
 * "reason", "ago_ms", "handling", "incarnation", "up_ms", "failures", "queue", "links", "monitors",
 * "watchers", "children", "decision", "delay_ms", "last": [{"type", "before_ms"}]}]}. */
void runtime_crashes(runtime_t *self, json_t *json);
/* {"count", "kinds": [{"kind", REASON: count...}], "last": [{"type", "reason", "kind", "key",
 * "receiver", "sender", "age_ms"}]}, the newest first. */
void runtime_dead_letters(runtime_t *self, json_t *json);
/* Calls `each` for every pair of them that is not 0: at most DEAD_REASONS times 192 kinds
 * ("(others)" among them, and "(unknown)" where the receiver's kind is not known). */
void runtime_dead_letters_each(runtime_t *self,
                               void (*each)(void *context, const char *kind, dead_reason_t reason,
                                            uint64_t count),
                               void *context);

API_END
