#pragma once
/* remote.h -- the runtime's side of runtime/router.h: what stands here for other nodes.
 *
 * deliver() gives a message away here when its reference has a seat, or its kind is placed by key
 * or by load.
 * It goes out in carry.c, comes in in receive.c; what waits for its answer is in crossings.h.
 *
 * Invariants
 *  1. Of a monitor or a link across nodes each side has what it tells its own actor, ready to go
 *     (crossing_t.prepared), from before the request leaves until the end passes through.
 *  2. An activation of a placed name begins only where its partition's place says "here", looked at
 *     under its registry shard's lock; runtime_place passes through all of these locks.
 *  3. A message that went to another node is counted as handled here, and as sent there.
 *
 * Threads  Any. */

#include "runtime/kernel.h"
#include "runtime/remote/crossings.h"
#include "runtime/remote/directory.h"
#include "runtime/remote/loads.h"
#include "runtime/remote/owed.h"
#include "runtime/remote/ref.h"
#include "runtime/remote/schemas.h"
#include "runtime/remote/seats.h"
#include "runtime/router.h"
#include "runtime/stream.h"

/* Of a partition: a seat, or one of these. */
enum { PLACE_HERE = 0, PLACE_NOBODY = 0xfffe, PLACE_HELD = 0xffff };
_Static_assert((int)ROUTER_SEATS_MAX < (int)PLACE_NOBODY, "a place has its bits");

typedef struct remote_counters {
    _Atomic uint64_t sent, received, passed_on, held, by_load, unreachable, refused, invalid,
        not_served, asks_lost, bonds_lost, nodes_lost;
} remote_counters_t;

enum { REMOTE_LOST_HEARERS_MAX = 8 };

typedef struct remote {
    runtime_t *runtime;
    uint64_t node;
    router_t router;
    _Atomic uint64_t view;
    _Atomic bool is_serving;
    _Atomic uint64_t in_flight; /* messages that are held */
    /* Activations that are closed and whose leftovers are not yet where they belong: while it is
     * not 0 a partition is not empty. */
    _Atomic uint64_t leaving;
    _Atomic uint64_t ask_ids;
    seats_t seats;
    crossings_t asks, bonds;
    owed_t owed;
    seat_bits_t broken, parted, deaf; /* lost.c */
    directory_t directory;
    schemas_t schemas;
    router_holder_t holder;
    struct {
        router_hear_fn hear;
        void *context;
    } channels[ROUTER_CHANNELS];
    struct {
        void (*lost)(void *context, uint64_t node);
        void *context;
    } lost[REMOTE_LOST_HEARERS_MAX];
    size_t lost_count;
    remote_counters_t counters;
    seat_bits_t unreachable;
    loads_t loads;
    _Atomic uint16_t places[PARTITION_COUNT];
} remote_t;

void remote_free(remote_t *self);
/* What is placed here may be served now. */
bool remote_may_serve(const remote_t *self);

/* ---- for who delivers; each takes the message, whatever happens ---- */

/* To (kind, key), wherever it is. */
err_t remote_deliver(runtime_t *runtime, const actor_kind_t *kind, str_t key, message_t *message);
/* To (kind, key) on that node. */
err_t remote_deliver_at(runtime_t *runtime, uint32_t seat, const actor_kind_t *kind, str_t key,
                        message_t *message);
/* As it came, whatever the kind says: what another node chose this one for goes no further. */
err_t remote_serve_here(runtime_t *runtime, const actor_kind_t *kind, str_t key,
                        message_t *message);
/* To a reference with a seat. */
err_t remote_deliver_to_ref(runtime_t *runtime, uint64_t ref, message_t *message);
/* An answer whose asker has a seat. */
void remote_deliver_reply(runtime_t *runtime, message_t *reply);

/* ---- placement ---- */

static inline bool kind_is_placed(const actor_kind_t *kind)
{
    return kind->placement == PLACED_BY_KEY ||
           (kind->placement == PLACED_USUALLY && kind->applier_count > 0);
}
uint32_t remote_partition(const actor_kind_t *kind, str_t key);
/* NULL: it is not placed, or there are no other nodes. */
const _Atomic uint16_t *remote_place_of(const runtime_t *runtime, const actor_kind_t *kind,
                                        str_t key);
/* The seat of who has it; 0: it is here, or nobody's, or held. */
uint32_t remote_seat_of(const runtime_t *runtime, const actor_kind_t *kind, str_t key);
/* A reference of another node, as it is called here. bits 0: no seat is left. */
uint64_t remote_ref(remote_t *self, uint32_t from, uint64_t node, uint64_t bits);

/* ---- messages that are held (router_holder_t) ---- */

struct router_held {
    router_held_t *next; /* the holder's to use */
    const actor_kind_t *kind;
    message_t *message;
    uint32_t partition, hops;
    bool is_travelling; /* sent on by who had the partition before: ahead of all others */
    bool is_leftover;   /* of an activation here that came to rest: likewise */
    uint64_t until_ns;  /* the holder's to use */
    uint8_t key_size;
    char key[ACTOR_KEY_SIZE_MAX];
};
uint64_t router_held_deadline_ns(const router_held_t *held); /* 0: none */
size_t router_held_size(const router_held_t *held);
/* Each takes it; who asked is told what goes wrong. */
/* By the place of this moment: it may be held again. */
void remote_release(runtime_t *runtime, router_held_t *held);
/* Here, whatever the place says. */
void remote_serve(runtime_t *runtime, router_held_t *held);
/* To this node, whatever the place says; is_marked: as travelling. */
void remote_travel(runtime_t *runtime, router_held_t *held, uint64_t node, bool is_marked);

void remote_refuse(runtime_t *runtime, router_held_t *held, err_t err);
/* What an activation left that may not be followed by another one here. Takes the message. */
void remote_leftover(runtime_t *runtime, const actor_kind_t *kind, str_t key, message_t *message);

/* ---- between the parts of this folder ---- */

typedef struct remote_way {
    uint32_t seat;
    const actor_kind_t *kind; /* NULL: to ref */
    str_t key;
    uint64_t ref;
    uint32_t hops;
    bool is_travelling;
} remote_way_t;

/* How a message to a name came to be here. */
typedef struct remote_journey {
    uint32_t hops;
    bool is_travelling, is_leftover;
} remote_journey_t;
/* Takes the message, whatever happens. */
err_t remote_carry(remote_t *self, const remote_way_t *way, message_t *message);
/* Of a command. Takes it where this is OK; else it is as it was. */
err_t remote_offer(remote_t *self, const remote_way_t *way, message_t *message);
err_t remote_route(remote_t *self, const actor_kind_t *kind, str_t key, remote_journey_t journey,
                   message_t *message);
/* Counts it and tells who asked; takes it. Returns err. */
err_t remote_unreachable(remote_t *self, const dead_receiver_t *receiver, message_t *message,
                         err_t err);
/* What waits in `owed`, once more. NO_MEMORY: it stays. */
err_t remote_carry_owed(remote_t *self, message_t *message);
/* To the local end of a monitor across nodes; `whom` 0: as it was asked for. */
void remote_tell_down(remote_t *self, const crossing_t *crossing, uint64_t whom, str_t reason);
void remote_send_demonitor(remote_t *self, uint64_t target, uint64_t id, uint64_t sender);
/* Something that must arrive is lost for want of memory: this node and the other are lost to each
 * other, as soon as it can be said (remote_tend). */
void remote_break(remote_t *self, uint32_t seat);
void remote_tend(remote_t *self);
/* Says so to a node that has parted from this one; until then nothing else goes there. */
void remote_part(remote_t *self, uint32_t seat);

/* ---- streams (streams.c) ---- */

struct remote_envelope;

/* Of a stream's message that leaves: fills in what says so. A begin has its end ready from here on,
 * until its producer watches who took it, or it has ended. LIMIT, NO_MEMORY, CONFLICT. */
err_t remote_stream_leaves(remote_t *self, uint32_t seat, const message_t *message,
                           struct remote_envelope *envelope);
/* It is taken, or over. */
void remote_stream_settled(remote_t *self, uint64_t stream);
/* Nodes were lost since this begin came from one. */
bool remote_has_lost(const runtime_t *runtime, const stream_begin_t *begin);

err_t remote_send(remote_t *self, uint32_t seat, bool is_owed, router_fill_fn fill, void *what);
uint64_t remote_node_of_seat(const remote_t *self, uint32_t seat); /* its own for 0 */
bool remote_is_reachable(const remote_t *self, uint32_t seat);
