#pragma once
/* kernel.h -- the runtime as its own modules see it: the object, delivery, answers, counters. */

#include "runtime/life/activation.h"
#include "runtime/life/registry.h"
#include "runtime/mail/dead_letters.h"
#include "runtime/runtime.h"
#include "runtime/schedule/governor.h"
#include "runtime/schedule/offload.h"
#include "runtime/schedule/scheduler.h"
#include "runtime/topic_router.h"

enum {
    KINDS_MAX = 128,
    ASK_TIMEOUT_DEFAULT_MS = 5000,
    RESTARTS_MAX_DEFAULT = 5,
    RESTART_PERIOD_DEFAULT_MS = 10000,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 30000
};

/* Of outbox_stats_t. */
typedef struct outbox_counters {
    _Atomic uint64_t sent, attempts, delivered, refused, died, taken, duplicates;
} outbox_counters_t;

typedef struct runtime_counters {
    _Atomic uint64_t sleeps, wakes, sleeps_refused, sleeps_lost;
    _Atomic uint64_t passivations, failures, restarts, dead_letters, appends_in_flight;
    outbox_counters_t outbox;
    _Atomic uint64_t sent, handled; /* by threads that are no scheduler's */
} runtime_counters_t;

typedef struct inside inside_t;

/* Actors hold too much (runtime/memory/pressure.h). */
typedef struct pressure {
    uint64_t max;            /* bytes; 0: none */
    _Atomic bool is_walking; /* or will walk again */
    _Atomic uint32_t pause_ms;
    _Atomic uint64_t logged_ms;
    _Atomic uint64_t asked; /* to leave, ever */
} pressure_t;

/* Who shares short work (runtime/schedule/help.h). */
typedef struct help {
    _Atomic uint64_t due_ns; /* when the governor is stepped; UINT64_MAX: somebody does, or never */
    _Atomic uint32_t limit;  /* 0: none */
} help_t;

struct runtime {
    _Atomic uint32_t watching; /* inside.h (inside): what is looked at; 0: nothing */
    inside_t *inside;
    ms_clock_t clock;
    ms_random_t random;
    const ms_log_t *log;
    journal_t *journal;
    _Atomic uint64_t rereads; /* of what the journal has (durable/reread.c) */
    bool is_simulated, is_started;
    pool_backing_t pool_backing;
    uint32_t pool_count;           /* schedulers there will be */
    _Atomic bool is_draining;      /* nothing is taken from outside any more */
    _Atomic bool is_ending;        /* nothing is started any more */
    _Atomic bool is_stopping;      /* threads end */
    actor_kind_t kinds[KINDS_MAX]; /* as registered */
    _Atomic(const actor_kind_t *) current[KINDS_MAX];
    _Atomic uint32_t kind_count; /* grows when the kind is complete */
    _Atomic bool has_versions;   /* a kind was replaced, or is about to be */
    struct plugins *plugins;
    const struct runtime_probe *probe; /* NULL: nobody looks */
    uint32_t scheduler_count;
    scheduler_t *schedulers;
    help_t help;
    governor_t governor;             /* of who swapped help.due_ns */
    _Atomic uint32_t sleepers;       /* schedulers */
    _Atomic uint32_t next_scheduler; /* for who has none of its own */
    registry_t *registry;
    const actor_chunks_t *chunks; /* the registry's, for actor_at */
    offload_t *offload;
    topic_index_t *topics;
    topic_router_t topic_router; /* none: all topics are of this node */
    dead_letters_t *dead_letters;
    struct remote *remote; /* NULL: there are no other nodes */
    struct names *names;
    struct groups *groups;
    runtime_counters_t counters;
    state_store_t *state_store; /* NULL: no kind hibernates */
    pressure_t pressure;
    _Atomic uint64_t charged; /* to actors, by threads without a scheduler */
    struct crashes *crashes;
    _Atomic uint64_t bond_ids; /* the last one given out */
    /* At the end there may be no memory to tell every actor by a message of its own: from the first
     * that was missed on this one goes from slot to slot; `sender` is the next. */
    message_t stop_rest;
};

static inline void count_one(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A counter that only its own thread adds to. */
static inline void count_own_by(_Atomic uint64_t *counter, uint64_t count)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + count, memory_order_relaxed);
}

static inline void count_own(_Atomic uint64_t *counter)
{
    count_own_by(counter, 1);
}

/* A message of a user lane came to be; see dead_letters.h for the sum that it is part of. */
static inline void count_sent(runtime_t *self)
{
    scheduler_t *here = scheduler_current();
    if (LIKELY(here != NULL && here->runtime == self))
        count_own(&here->counters.sent);
    else
        count_one(&self->counters.sent);
}

static inline void count_handled(runtime_t *self)
{
    scheduler_t *here = scheduler_current();
    if (LIKELY(here != NULL && here->runtime == self))
        count_own(&here->counters.handled);
    else
        count_one(&self->counters.handled);
}

/* Before start, or with plugins.lock held. As runtime_register. */
err_t runtime_add_kind(runtime_t *self, const actor_kind_t *kind, void *service);
/* Why a kind can't be placed as it says (placed_t), after "the actor kind NAME "; NULL: it can. */
const char *kind_placement_problem(const actor_kind_t *kind);
/* The same of all that can be wrong with a kind here but its name. */
const char *runtime_kind_problem(const runtime_t *self, const actor_kind_t *kind);
/* Another version, from now on the current one: it has the name of the one before, by pointer. */
void runtime_set_kind(runtime_t *self, const actor_kind_t *version);
/* The current version of a kind that may be an older one, or its author's own table. */
const actor_kind_t *runtime_newest(const runtime_t *self, const actor_kind_t *kind);
uint32_t runtime_kind_count(const runtime_t *self);
/* Whoever has `stop_rest`: hands it to the next actor that is there. */
void runtime_stop_next(runtime_t *self);
/* A thread that waits for actors: a millisecond, or, simulated, a round of everything; then nobody
 * else does anything, and waiting is limited in rounds, not in time. */
enum { RUNTIME_SIMULATED_ROUNDS_MAX = 1000 };
void runtime_wait_a_moment(runtime_t *self);
/* By a name: to who has it now. */
address_t address_resolve(const runtime_t *self, address_t to);
/* The current version. NULL: no such kind. */
const actor_kind_t *runtime_kind(const runtime_t *self, const char *name);
const actor_kind_t *runtime_kind_named(const runtime_t *self, str_t name);
/* A reply schema of any registered kind, by its name. */
const schema_t *runtime_reply_schema(const runtime_t *self, str_t name);

/* Takes the message, whatever happens; on an error who asked is answered. kind NULL: to ref. */
err_t deliver(runtime_t *self, const actor_kind_t *kind, str_t key, uint64_t ref,
              message_t *message);
/* What deliver does with one that could not be handed over: counts it, tells who asked, takes it.
 * Returns what the sender is told. */
err_t undelivered(runtime_t *self, const actor_kind_t *kind, str_t key, uint64_t ref,
                  message_t *message, err_t err);
/* Why what could not be handed over could not. */
dead_reason_t dead_reason_of(err_t err, bool is_addressed);
/* An envelope of the system lane. False: the actor is gone, the message still the caller's. */
bool deliver_system(runtime_t *self, uint64_t ref, message_t *message);

/* An answer, ready for deliver_reply. NULL: no memory, or nobody asked. */
message_t *reply_new(reply_token_t token, err_t err, const schema_t *schema, const void *body,
                     str_t text);
/* Takes it (NULL does nothing). */
void deliver_reply(runtime_t *self, message_t *reply);
/* Frees a message that was sent and will not be handled; who asked gets err. */
void reject(runtime_t *self, message_t *message, err_t err, dead_reason_t reason,
            const dead_receiver_t *receiver);
/* The same, and who asked is told that. */
void reject_saying(runtime_t *self, message_t *message, err_t err, dead_reason_t reason,
                   const dead_receiver_t *receiver, str_t text);
/* As reject, by the actor whose mailbox it came from. */
void reject_by(const actor_t *actor, message_t *message, err_t err, dead_reason_t reason);
/* Counts what an actor got and will not handle; the message stays the caller's. */
void dead_letter_by(const actor_t *actor, const message_t *message, dead_reason_t reason);

#define EDGE_TAG (UINT64_C(1) << 63)
void edge_take(scheduler_t *scheduler, message_t *reply);
void edge_expire(scheduler_t *scheduler);
