#pragma once
/* actor.h -- what an actor's author uses. docs/writing-an-actor.md is the walk through it.
 *
 * An actor is a kind (a table of functions and a policy), a state, and a mailbox. Its handlers run
 * to completion, one at a time; nothing else touches its state. It is named by a virtual address
 * (kind, key), always valid: the first message activates it, idleness passivates it. A durable kind
 * changes its state only by events: emit() applies an event at once and appends it to the journal
 * when the turn ends; all that the actor does from there on (replies, sends, publishes, jobs) is
 * held until the append is durable. If the append is refused the state is rebuilt from the journal
 * and the asker gets the error.
 *
 * Ownership  A handler borrows its message for the call, and context_arena() until it returns.
 * Sends copy. Threads    A context is valid only inside a handler, on its thread. Errors     A
 * handler that returns an error refuses the command: the asker gets that error; nothing it emitted
 * in this call is kept. A bug: actor_fail; the supervisor restarts the actor. */

#include "runtime/base/arena.h"
#include "runtime/base/schema.h"

API_BEGIN

typedef struct context context_t;
typedef struct runtime runtime_t;
typedef struct actor_kind actor_kind_t;

/* One activation: slot and generation. 0: nobody. A message to an old generation is a dead letter,
 * never misdelivered. */
typedef struct actor_ref {
    uint64_t bits;
} actor_ref_t;

/* Where to send: a virtual actor (kind and key), or, where kind is NULL, exactly one activation. */
typedef struct address {
    const char *kind;
    str_t key;
    actor_ref_t ref;
} address_t;

enum { ACTOR_KEY_SIZE_MAX = 200, ACTOR_CALL_DEPTH_MAX = 16 };

static inline address_t address_of(const char *kind, str_t key)
{
    return (address_t){kind, key, {0}};
}

static inline address_t address_of_ref(actor_ref_t ref)
{
    return (address_t){NULL, {NULL, 0}, ref};
}

/* ---- inside a handler ---- */

actor_ref_t context_self(const context_t *ctx);
str_t context_key(const context_t *ctx);
void *context_service(const context_t *ctx); /* what actor_kind_t.service was registered with:
                                                shared, read-only tables */
runtime_t *context_runtime(const context_t *ctx);
arena_t *context_arena(context_t *ctx); /* scratch, until the handler returns */
int64_t context_wall_ms(const context_t *ctx);
uint64_t context_mono_ms(const context_t *ctx);
uint64_t context_random_u64(context_t *ctx);
uint64_t context_version(
    const context_t *ctx); /* of a durable actor's stream, with what this turn emitted */
str_t context_command_id(const context_t *ctx); /* of the command being handled; empty: none */
bool context_is_replay(const context_t *ctx); /* in `start`, after a state came from the journal */

/* Emits an event of a durable kind: applied now, durable before anybody can see it. */
#define emit(ctx, event, ...)                                                                      \
    actor_emit((ctx), &event##_schema, &__extension__(event##_t){__VA_ARGS__})
void actor_emit(context_t *ctx, const schema_t *schema, const void *event);

/* Answers the command at hand (the second answer is a dead letter). Returns what to end a handler
 * with: ERR_OK, or NO_MEMORY, and then the command is refused with it rather than answered with
 * nothing. */
#define actor_reply(ctx, reply, ...)                                                               \
    actor_reply_message((ctx), &reply##_schema, &__extension__(reply##_t){__VA_ARGS__})
err_t actor_reply_message(context_t *ctx, const schema_t *schema, const void *reply);
/* Refuses it with a sentence for people (copied); the handler returns what this returns. */
err_t actor_refuse(context_t *ctx, err_t err, const char *format, ...) PRINTF_LIKE(3, 4);

/* To answer later: keep the token (a value), answer once. A token not answered by its deadline
 * times out by itself. */
typedef struct reply_token {
    uint64_t asker, correlation;
} reply_token_t;
reply_token_t actor_reply_later(context_t *ctx);
#define actor_reply_to(ctx, token, reply, ...)                                                     \
    actor_reply_to_message((ctx), (token), ERR_OK, &reply##_schema,                                \
                           &__extension__(reply##_t){__VA_ARGS__})
#define actor_refuse_to(ctx, token, err) actor_reply_to_message((ctx), (token), (err), NULL, NULL)
void actor_reply_to_message(context_t *ctx, reply_token_t token, err_t err, const schema_t *schema,
                            const void *reply);

/* Sends without expecting an answer. BUSY: the receiver's mailbox is full; NOT_FOUND: no such kind
 * or activation. */
#define actor_send(ctx, to, command, ...)                                                          \
    actor_send_message((ctx), (to), &command##_schema, &__extension__(command##_t){__VA_ARGS__})
err_t actor_send_to_ref(context_t *ctx, actor_ref_t to, const schema_t *schema,
                        const void *message);
err_t actor_send_to(context_t *ctx, address_t to, const schema_t *schema, const void *message);
static inline err_t actor_send_message(context_t *ctx, address_t to, const schema_t *schema,
                                       const void *message)
{
    return to.kind == NULL ? actor_send_to_ref(ctx, to.ref, schema, message)
                           : actor_send_to(ctx, to, schema, message);
}

/* Sends to a durable actor by its kind and key, so that it gets there once, whatever crashes
 * (outbox.h): in the append of what this call emits. Only of a durable kind. LIMIT: the outbox is
 * full: the handler returns it, and the command is refused; INVALID: not an address of that form,
 * or its own; NOT_FOUND: no such kind; UNSUPPORTED: it is not durable, or does not hear this
 * command; NO_MEMORY. */
#define actor_send_durably(ctx, to, command, ...)                                                  \
    actor_send_durably_message((ctx), (to), &command##_schema,                                     \
                               &__extension__(command##_t){__VA_ARGS__})
err_t actor_send_durably_message(context_t *ctx, address_t to, const schema_t *schema,
                                 const void *message);

/* What an ask came to. `schema` and `message` are of the reply when err is ERR_OK; borrowed for the
 * continuation. `text` is the refusal's sentence, or empty. */
typedef struct answer {
    err_t err;
    const schema_t *schema;
    const void *message;
    str_t text;
    uint64_t position; /* of the journal, of a durable command; else 0 */
} answer_t;

/* Runs in the asking actor, in a turn of its own, so the state may have changed in between. */
typedef void (*actor_then_fn)(void *self, context_t *ctx, const answer_t *answer, void *data,
                              size_t data_size);

/* Asks; `then` runs exactly once: with the answer, a refusal, TIMEOUT at the deadline, NOT_FOUND,
 * BUSY, LIMIT where the chain of asks is deeper than ACTOR_CALL_DEPTH_MAX, CONFLICT for a call
 * cycle (actor_kind_t.awaits); not at all when this
 * actor fails or ends before. timeout_ms 0: 5 s. `data` is copied. An answer of ERR_OK without a
 * schema is a handler's that returned ERR_OK and replied nothing. */
#define actor_ask(ctx, to, timeout_ms, then, data, data_size, command, ...)                        \
    actor_ask_message((ctx), (to), (timeout_ms), (then), (data), (data_size), &command##_schema,   \
                      &__extension__(command##_t){__VA_ARGS__})
void actor_ask_message(context_t *ctx, address_t to, uint64_t timeout_ms, actor_then_fn then,
                       const void *data, size_t data_size, const schema_t *schema,
                       const void *message);

/* The answer as this reply; NULL: it is an error, or another reply. Use it where the answer may
 * come from a plugin, which has tables of its own, maybe of another version: then what it returns
 * lies in the arena. */
#define answer_as(answer, reply, arena)                                                            \
    ((const reply##_t *)answer_view((answer), &reply##_schema, (arena)))
const void *answer_view(const answer_t *answer, const schema_t *schema, arena_t *arena);

/* Asks many at once, each with a copy of the message. `then` runs exactly once: with an answer for
 * each, in the order of the addresses, as soon as all have come, or `needed` good ones, or so many
 * bad ones that those can't come any more; at the deadline with what there is. Of those that are
 * missing err is TIMEOUT, or CANCELLED where enough had come before the deadline. One place in the
 * table, one deadline; at most ASK_MANY_MAX. */
enum { ASK_MANY_MAX = 4096 };
typedef void (*actor_then_many_fn)(void *self, context_t *ctx, const answer_t *answers,
                                   uint32_t count, void *data, size_t data_size);
typedef struct ask_many {
    const address_t *to;
    uint32_t count;
    uint32_t needed;     /* 0: all */
    uint64_t timeout_ms; /* 0: 5 s */
    actor_then_many_fn then;
    const void *data; /* copied */
    size_t data_size;
} ask_many_t;
#define actor_ask_many(ctx, addresses, address_count, wait_ms, then_fn, then_data, then_data_size, \
                       command, ...)                                                               \
    actor_ask_many_message((ctx),                                                                  \
                           &(ask_many_t){.to = (addresses),                                        \
                                         .count = (address_count),                                 \
                                         .timeout_ms = (wait_ms),                                  \
                                         .then = (then_fn),                                        \
                                         .data = (then_data),                                      \
                                         .data_size = (then_data_size)},                           \
                           &command##_schema, &__extension__(command##_t){__VA_ARGS__})
void actor_ask_many_message(context_t *ctx, const ask_many_t *many, const schema_t *schema,
                            const void *message);

/* Publishes to the topic's subscribers; fire and forget. A topic with a '/' in its name is that of
 * all nodes, any other one of this node (topic_router.h). */
#define actor_publish(ctx, topic, event, ...)                                                      \
    actor_publish_message((ctx), (topic), &event##_schema, &__extension__(event##_t){__VA_ARGS__})
void actor_publish_message(context_t *ctx, str_t topic, const schema_t *schema,
                           const void *message);
/* Receives a topic's messages in the ON(...) handlers of this actor, until it stops. Twice is once.
 * LIMIT: the name is too long, or this actor has subscribed to 256. */
err_t actor_subscribe(context_t *ctx, str_t topic);

/* Timers send a message to this actor, at their time or a fraction of a millisecond later, never
 * before. A delay counts from the end of the handler at the latest (who starts a thousand timers
 * does not look at the clock for each). period_ms 0: once. A period is counted from when the time
 * before was due, so it does not drift; times that passed while the actor was busy are left out.
 * Once it is cancelled a timer sends nothing more; cancelling a spent one does nothing. An
 * actor with a timer armed, or subscribed to a topic, is not passivated. Timers and subscriptions
 * end with the state they belong to: at a restart, and when it is rebuilt; then `start` runs again.
 */
typedef struct actor_timer {
    uint64_t bits;
} actor_timer_t;
#define actor_timer_start(ctx, delay_ms, period_ms, command, ...)                                  \
    actor_timer_start_message((ctx), (delay_ms), (period_ms), &command##_schema,                   \
                              &__extension__(command##_t){__VA_ARGS__})
actor_timer_t actor_timer_start_message(context_t *ctx, uint64_t delay_ms, uint64_t period_ms,
                                        const schema_t *schema, const void *message);
void actor_timer_cancel(context_t *ctx, actor_timer_t timer);

/* Work that blocks, on the offload pool. `work` runs there with `data` (copied, size bytes) and
 * touches nothing of the actor; `then` runs in the actor with the same data, changed by work, and
 * its result, once. BUSY: the lane is full; CANCELLED, TIMEOUT (see the options): it did not run.
 * When the actor fails or ends its queued jobs are cancelled. */
typedef enum offload_lane {
    OFFLOAD_FILE,
    OFFLOAD_COMPUTE,
    OFFLOAD_PASSWORD,
    OFFLOAD_LANES
} offload_lane_t;
typedef err_t (*offload_work_fn)(void *data, size_t data_size);
typedef void (*offload_then_fn)(void *self, context_t *ctx, err_t err, void *data,
                                size_t data_size);
typedef struct offload_ticket {
    uint64_t bits;
} offload_ticket_t;
offload_ticket_t actor_offload(context_t *ctx, offload_lane_t lane, offload_work_fn work,
                               offload_then_fn then, const void *data, size_t data_size);

/* Within a lane HIGH goes before NORMAL before LOW; but NORMAL is overtaken by at most 64 later
 * jobs, LOW by 512. */
typedef enum offload_priority { OFFLOAD_NORMAL, OFFLOAD_HIGH, OFFLOAD_LOW } offload_priority_t;
typedef struct offload_options {
    offload_lane_t lane;
    offload_priority_t priority;
    uint32_t wait_ms_max; /* it begins within, or not at all: TIMEOUT; 0: whenever */
} offload_options_t;
offload_ticket_t actor_offload_with(context_t *ctx, const offload_options_t *options,
                                    offload_work_fn work, offload_then_fn then, const void *data,
                                    size_t data_size);
/* A queued job leaves its lane at once (`then` gets CANCELLED); one that runs goes on, unless its
 * work looks, and `then` gets what it returned. Does nothing for one that is done. */
void actor_offload_cancel(context_t *ctx, offload_ticket_t ticket);
/* For an actor's work function, with the data that it was given. */
bool offload_is_cancelled(const void *data);
/* `then` runs, without work, once the lane has room (others may be faster to take it). BUSY: 1024
 * wait for that. */
offload_ticket_t actor_offload_when_room(context_t *ctx, offload_lane_t lane, offload_then_fn then,
                                         const void *data, size_t data_size);

/* Asks for one actor_readable when the descriptor (a pipe, a socket, inotify; not a file) can be
 * read, or was closed by its other side. Read until nothing is left, then ask again; it may come
 * once for nothing. The descriptor stays the actor's: it is non-blocking, and one that it closes is
 * not waited for. LIMIT: 65,536; UNSUPPORTED: a simulation, which has no descriptors; NO_MEMORY; or
 * why the descriptor can't be waited for. */
err_t actor_wait_readable(context_t *ctx, int fd);
typedef struct actor_readable {
    uint32_t fd;
} actor_readable_t;
extern const schema_t actor_readable_schema;

/* Memory that belongs to the state: zeroed, charged to this actor, and freed with the state (at the
 * end, a failure, a restart, a rebuild), so a state may just point to it. NULL: past the kind's
 * memory_max, or no memory; the second form fails the actor then. Blocks may be freed before;
 * actor_arena is for lists that only grow (NULL: no memory; its own functions say NULL past the
 * maximum). Not in an applier, which has no context: a durable state that points somewhere has a
 * `deinit`. */
void *actor_memory_new(context_t *ctx, size_t size);
void *actor_memory_new_or_fail(context_t *ctx, size_t size);
void actor_memory_free(context_t *ctx, void *memory);
arena_t *actor_arena(context_t *ctx);

/* Starts an anonymous child under this actor; if it dies abnormally it is restarted by the kind's
 * policy. */
err_t actor_spawn(context_t *ctx, const actor_kind_t *kind, str_t key, actor_ref_t *out_ref);
/* As actor_spawn, and linked to it from the beginning; not restarted when it dies. */
err_t actor_spawn_linked(context_t *ctx, const actor_kind_t *kind, str_t key, actor_ref_t *out_ref);

/* `actor_down` (below) arrives after all that the watched one sent: once, when it ends or fails,
 * also when it is started again after that (a reference stays good through restarts; watch it
 * again). NOT_FOUND comes as a down at once. Monitors of one actor are apart from each other: each
 * has its down. By address: the activation of this moment, none is started for it.
 *
 * Of a durable actor, too, a monitor or a link holds from here on, ahead of messages that wait for
 * its journal: one that waited could miss an end. What is done to others, actor_exit and
 * actor_kill, waits. When the state is rebuilt its monitors are gone (`start` runs again), its
 * links stay. */
typedef struct actor_monitor {
    uint64_t bits;
} actor_monitor_t;
actor_monitor_t actor_monitor(context_t *ctx, actor_ref_t ref);
actor_monitor_t actor_monitor_at(context_t *ctx, address_t to);
/* From here on its down is not delivered, whatever is under way. */
void actor_demonitor(context_t *ctx, actor_monitor_t monitor);

/* Links this actor and the other: when one of them fails, so does the other ("linked to KIND:
 * reason"); a normal end leaves it alone. A kind that `.traps_exits` lives on and gets every end as
 * an `actor_exit`, after all that the dead one sent. A pair is linked once, whoever asked; who is
 * not there ends with "not found". A link does not survive a restart. By address: the activation of
 * this moment, whose reference comes back (0: none; an exit says so; of a key that is placed on
 * another node it says to link its reference, which an answer can carry). */
void actor_link(context_t *ctx, actor_ref_t ref);
actor_ref_t actor_link_at(context_t *ctx, address_t to);
/* From here on no exit of that link is delivered, whatever is under way. */
void actor_unlink(context_t *ctx, actor_ref_t ref);
/* Makes the other fail with this reason, unless it traps exits; "normal" does nothing to it. Comes
 * after what was sent before. NOT_FOUND, NO_MEMORY. */
err_t actor_exit(context_t *ctx, actor_ref_t ref, const char *reason);
/* Makes it fail now, before what waits in its mailbox, also when it traps exits: "killed". */
err_t actor_kill(context_t *ctx, actor_ref_t ref);
/* Ends this actor after the handler: normal, no restart; its mailbox's leftovers go back to the
 * registry. */
void actor_stop(context_t *ctx);
/* Ends this actor here and now, from any depth of a handler: cleanup attributes run, the supervisor
 * decides. The reason is copied. "shutdown", or what begins so, is an end on purpose: a transient
 * child stays down. */
NORETURN void actor_fail(context_t *ctx, const char *reason);

/* Puts the command at hand aside, unanswered; the handler returns what this returns. BUSY: as many
 * are stashed as the mailbox holds; NO_MEMORY. Only before an answer or an event. A deadline runs
 * on meanwhile. */
err_t actor_stash(context_t *ctx);
/* All that was put aside is handled next, in its order, before newer messages. When the actor
 * fails, is rebuilt or ends this happens by itself: the next incarnation, or activation, handles
 * it. */
void actor_unstash_all(context_t *ctx);

/* From the next message on another table of handlers, declared in ACTOR_BEHAVIOURS; until
 * actor_unbecome, or until the state goes (a failure, a rebuild). An actor in a behaviour, or with
 * a stash, is not passivated. */
#define actor_become(ctx, behaviour) actor_become_behaviour((ctx), &behaviour##_behaviour)
typedef struct actor_behaviour actor_behaviour_t;
void actor_become_behaviour(context_t *ctx, const actor_behaviour_t *behaviour);
void actor_unbecome(context_t *ctx); /* the kind's own handlers again */

/* ---- names and groups; both end with the state they belong to, and keep an actor awake ----
 *
 * One with a '/' in its name is of all nodes (router.h), any other of this node. What other nodes
 * have is known here a moment later, and not any more when that node is lost. */

/* This actor is found by a name of its own: runtime_whereis, address_named. OK where it has it
 * already. CONFLICT: another has it; LIMIT: the name is too long, or this actor has 16. Where two
 * nodes gave a name before they heard of each other it is the lower one's, and the other actor gets
 * an exit, "name lost" (docs/decisions/0033). */
err_t actor_register(context_t *ctx, str_t name);
err_t actor_unregister(context_t *ctx, str_t name);          /* NOT_FOUND: it is not this actor's */
actor_ref_t runtime_whereis(runtime_t *runtime, str_t name); /* any thread; bits 0: nobody */
/* Who has the name when the message is sent. */
extern const char address_named_kind[];
static inline address_t address_named(str_t name)
{
    return (address_t){address_named_kind, name, {0}};
}

/* A group is made by its first member and gone with its last. LIMIT: the name is too long, the
 * group is full, or this actor is in 64. Joining twice is joining once. */
err_t actor_join(context_t *ctx, str_t group);
err_t actor_leave(context_t *ctx, str_t group); /* NOT_FOUND */
/* Writes at most max of its members (NULL, 0: none) and says how many it has; from then on each
 * change comes as a group_changed. A full mailbox misses it (a dead letter). LIMIT: 256 watch. */
err_t actor_watch_group(context_t *ctx, str_t group, actor_ref_t *out_members, uint32_t max,
                        uint32_t *out_count);
err_t actor_unwatch_group(context_t *ctx, str_t group);
/* Any thread: how many there are; at most max are written. */
uint32_t runtime_group_members(runtime_t *runtime, str_t group, actor_ref_t *out, uint32_t max);
typedef enum group_pick {
    GROUP_NEXT,  /* one after the other */
    GROUP_RANDOM /* any */
} group_pick_t;
actor_ref_t runtime_group_pick(runtime_t *runtime, str_t group, group_pick_t pick); /* 0: empty */
/* Sends to one member; NOT_FOUND: there is none. */
#define actor_send_one(ctx, group, pick, command, ...)                                             \
    actor_send_one_message((ctx), (group), (pick), &command##_schema,                              \
                           &__extension__(command##_t){__VA_ARGS__})
err_t actor_send_one_message(context_t *ctx, str_t group, group_pick_t pick, const schema_t *schema,
                             const void *message);
/* Sends to all of them; out_count (may be NULL): how many took it. NOT_FOUND: there is none. */
#define actor_send_all(ctx, group, out_count, command, ...)                                        \
    actor_send_all_message((ctx), (group), &command##_schema,                                      \
                           &__extension__(command##_t){__VA_ARGS__}, (out_count))
err_t actor_send_all_message(context_t *ctx, str_t group, const schema_t *schema,
                             const void *message, uint32_t *out_count);
/* Sent to who watches a group. */
typedef struct group_changed {
    str_t group;
    uint64_t ref_bits;
    bool has_joined; /* else it left, or its state went */
} group_changed_t;
extern const schema_t group_changed_schema;

/* ---- declaring a kind: see actor_kind.h ---- */

/* What becomes of a message for a full mailbox. The last two are done by the receiver at its next
 * turn; until then it holds up to twice its bound, and refuses what is more. */
typedef enum overflow {
    OVERFLOW_REJECT,      /* BUSY to the sender, and who asked */
    OVERFLOW_DROP_NEWEST, /* without a word to the sender; who asked gets BUSY */
    OVERFLOW_DROP_OLDEST, /* who asked gets BUSY */
    OVERFLOW_COALESCE     /* of those with one schema and key only the newest is handled, the rest
                             keeps its order; who asked an older one gets STALE. Then as
                             OVERFLOW_DROP_OLDEST */
} overflow_t;

typedef struct actor_handler {
    const schema_t *schema;
    err_t (*handle)(void *self, context_t *ctx, const void *message);
} actor_handler_t;

/* A named table of handlers that an actor may take for its kind's (actor_become), and what becomes
 * of messages that are not in it. Downs and exits are always heard, by the kind where not here. */
typedef enum behaviour_otherwise {
    BEHAVIOUR_INHERIT, /* the kind's own handler */
    BEHAVIOUR_STASH,   /* it waits for actor_unstash_all; BUSY where the stash is full */
    BEHAVIOUR_REFUSE   /* UNSUPPORTED */
} behaviour_otherwise_t;
struct actor_behaviour {
    const char *name;
    const actor_handler_t *handlers;
    size_t handler_count;
    behaviour_otherwise_t otherwise;
};

typedef struct actor_applier {
    const schema_t *schema;
    void (*apply)(void *self, const void *event, int64_t wall_ms);
} actor_applier_t;

/* A continuation that has a name: open asks that end in it go on in the next version of the kind,
 * in its continuation of that name. Others are waited for before a kind is replaced (plugin.h). */
typedef struct actor_continuation {
    const char *name;
    actor_then_fn then;
    size_t data_size; /* of its data, which must stay what it is; 0: not compared */
} actor_continuation_t;
#define CONTINUATION(function, data_size)                                                          \
    {                                                                                              \
#function, function, data_size                                                             \
    }

/* Where its virtual actors are, of several nodes (router.h; docs/decisions/0038). NEAR and BY_LOAD
 * are not for durable kinds, BY_KEY and BY_LOAD not for those that hibernate: such a kind is
 * refused when it is registered (INVALID, and the log says why). */
typedef enum placed {
    PLACED_USUALLY, /* a durable kind by key, others near */
    PLACED_NEAR,    /* where it is asked from, such as the node that a user is connected to: each
                       node has its own of every key */
    PLACED_BY_KEY,  /* one in the system for each key, spread over the nodes by their weights */
    PLACED_BY_LOAD  /* without a state that matters: each message by itself goes to a node that is
                       not busy, so two of one sender may overtake each other. A monitor or link by
                       address looks here only: take the reference from an answer */
} placed_t;

struct actor_kind {
    const char *name;
    size_t state_size;
    const actor_handler_t *handlers;
    size_t handler_count;
    const actor_behaviour_t *const *behaviours; /* see actor_kind.h */
    size_t behaviour_count;
    const actor_applier_t *appliers; /* a kind with appliers is durable */
    size_t applier_count;
    const schema_t *const *replies; /* what its commands are answered: to give a retry the first
                                       answer after a restart */
    size_t reply_count;
    const schema_t *state_schema; /* NULL: the two functions below, or not snapshotted. Only for a
                                     state that frees nothing: its strings live as long as it */

    /* Optional. */
    err_t (*start)(void *self, context_t *ctx); /* after the state was recovered; may not emit */
    void (*stop)(
        void *self,
        context_t *ctx); /* before the memory goes; on passivation too, not after a failure */
    void (*deinit)(void *self); /* frees what the state owns; always runs */
    void (*snapshot)(const void *self, buf_t *out);
    err_t (*restore)(void *self, str_t snapshot);
    /* When the kind is replaced while it runs (plugin.h): `upgrade` completes a state that was
     * taken over from another version, with nothing but the state, and may refuse the replacement;
     * `replaced` is the first call of the new version, where it may send and arm. `start` does not
     * run again. */
    err_t (*upgrade)(void *self);
    void (*replaced)(void *self, context_t *ctx);
    const actor_continuation_t *continuations;
    size_t continuation_count;

    placed_t placement;
    uint32_t mailbox_max; /* 0: 1024 */
    overflow_t overflow;
    /* While it has asked and waits for the answer, its user messages wait, too: handlers of its
     * kind see no other's changes between an ask and its `then`. An ask that would come back to
     * it by a chain of asks gets CONFLICT at once. Without this asks interleave, and cycles are
     * no error. */
    bool awaits;
    /* Of OVERFLOW_COALESCE: a message's key, borrowed from it; data NULL: it is not coalesced.
     * NULL: the field marked KEY in its .def line. */
    str_t (*coalesce_key)(const schema_t *schema, const void *message);
    uint32_t idle_ms; /* passivated after; 0: never */
    /* Not durable, not placed by key, and needs state_schema or snapshot and restore: idle for
     * idle_ms it sleeps in the runtime's state store, and its next message wakes it. */
    bool hibernates;
    size_t memory_max;                        /* bytes of state and actor_memory_new; 0: 64 MiB */
    uint32_t snapshot_every;                  /* events; 0: never */
    bool is_pinned;                           /* stays on the scheduler that started it */
    bool is_temporary;                        /* a child that is not restarted */
    uint32_t remembers;                       /* so many messages, by name, for a crash report; 0:
                                                 after the first failure, 8; 16 at most */
    bool traps_exits;                         /* exits come as an actor_exit */
    uint32_t restarts_max, restart_period_ms; /* 0: 5 within 10,000 ms, with back-off; then parked
                                                 (virtual) or given up */
    void *service;                            /* context_service; set when the kind is registered */
};

/* Sent to who monitors. */
typedef struct actor_down {
    uint64_t ref_bits;
    str_t reason; /* "normal", "failed: ...", "killed", "shutdown...", "not found" */
    uint64_t monitor_bits;
} actor_down_t;
extern const schema_t actor_down_schema;

/* Sent to who is linked and traps exits. */
typedef struct actor_exit {
    uint64_t ref_bits;    /* who ended, or who called actor_exit */
    str_t reason;         /* as above, or what actor_exit said */
    str_t kind;           /* its kind; empty where nobody was found */
    bool is_link;         /* false: by actor_exit */
    uint64_t link_ids[2]; /* the runtime's */
} actor_exit_t;
extern const schema_t actor_exit_schema;

API_END
