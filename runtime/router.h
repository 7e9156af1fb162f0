#pragma once
/* router.h -- a runtime among others: where virtual actors are, and how what is for another node
 * gets there and comes from there. The runtime knows no cluster: who builds one (node/cluster)
 * gives it a number, a way to send bytes, and says of each partition who has it.
 *
 * A node is the number of one start of one process, never used again. A reference to another node's
 * actor has a *seat* in it, the small number that this process gave to that node; on the wire it is
 * (node, bits). Seats are never given to another node.
 *
 * (kind, key) is placed as its kind says (actor_kind_t.placement). By key: on whoever has the
 * partition that the name KIND/KEY hashes to. To have it here, there, nobody, or to hold what comes
 * for it, is one entry of a table: looked up for each message, under the registry's lock once more
 * before an activation begins, so that after a change of an entry no activation begins that the
 * change forbids. By load: on one of those nodes that runtime_set_loads named, each message by
 * itself. Else: on the node where it is sent.
 *
 * What crosses over: sends, asks with the time that is left, answers, refusals with their text,
 * command ids, call chains, durable messages (outbox.h), monitors, links, exits, kills, the trace,
 * names and groups that have a '/' in their name, streams. Not: timers, children. Order is kept
 * for each pair of actors, but not across a move of one of them. What can't be sent is a dead
 * letter
 * ("unreachable") and, where somebody asked, a refusal: BUSY (the other's bound) or UNAVAILABLE.
 *
 * A node that is lost (runtime_node_lost): asks that wait for it end with UNAVAILABLE (whether they
 * were carried out is not known), monitors and links of its actors fire with "node lost". It may be
 * heard of again: then nothing is left of before.
 *
 * Threads  As each says; "any" includes threads that are not the runtime's. */

#include "runtime/base/partition.h"
#include "runtime/runtime.h"

API_BEGIN

enum {
    ROUTER_SEATS_MAX = 65000,           /* nodes that one process ever hears of */
    ROUTER_MESSAGE_SIZE_MAX = 64 << 20, /* one message, in bytes of its wire form */
    ROUTER_ENVELOPE_SIZE_MAX = 4096,
    ROUTER_ASKS_MAX = 1 << 20, /* under way from here, all nodes together; then LIMIT */
    ROUTER_BONDS_MAX = 1 << 20,
    ROUTER_NAMES_MAX = 1 << 18, /* names and memberships that one node tells the others */
    ROUTER_HOPS_MAX = 8,        /* a message for a partition that moved is passed on so often */
    ROUTER_LOADS_MAX = 1024,    /* nodes that take what is PLACED_BY_LOAD */
    ROUTER_LOAD_MAX = 1000,     /* per mille */
    ROUTER_LOAD_STEP = 50       /* within one step two nodes are as busy as each other */
};

/* Where a partition is, beside the number of a node. */
#define ROUTER_NOBODY UINT64_C(0) /* refused: UNAVAILABLE */
#define ROUTER_HELD UINT64_MAX    /* waits in the holder; see router_holder_t */

/* Writes one message, appending to `out` and nothing else: into what is sent, under a lock. Quick;
 * calls nothing of the runtime nor of the router. An error is the sender's result. May be called
 * once more: what it wrote before was thrown away. */
typedef err_t (*router_fill_fn)(void *what, buf_t *out);

typedef struct router_table {
    /* Any thread, never waits. Appends one message to what goes to this node, in the order of the
     * calls; `fill` is called before this returns. is_owed: an answer or a signal, of
     * which there are no more than were asked for: not refused for the bound. What was taken (OK)
     * arrives whole and in order, or both sides call runtime_node_lost.
     * BUSY: so much waits for this node already; UNAVAILABLE: no such node, or it can't be reached;
     * LIMIT: larger than ROUTER_MESSAGE_SIZE_MAX; NO_MEMORY; or what `fill` returned. On an error
     * nothing was sent. What is owed is not lost by BUSY or NO_MEMORY: the runtime keeps it, and
     * runtime_tend_peers sends it. */
    err_t (*send)(void *context, uint64_t node, bool is_owed, router_fill_fn fill, void *what);
    /* Any thread, for each message to what is placed by key: whether there is a lease right now, by
     * the clock. A process that was stopped may hear of old requests before anybody of its own has
     * told it (runtime_set_serving) that its time is over. NULL: that alone says so. */
    bool (*has_lease)(void *context);
} router_table_t;

typedef struct router {
    const router_table_t *table;
    void *context; /* borrowed; outlives the runtime's threads */
} router_t;

/* Before start, once: this runtime is `node` (not 0). All partitions are nobody's, and there is no
 * lease. Without this everything is here. INVALID, CONFLICT (it has joined), NO_MEMORY. */
err_t runtime_join(runtime_t *self, uint64_t node, const router_t *router);
uint64_t runtime_node(const runtime_t *self); /* 0: it has not joined */

/* One message as another node's `fill` wrote it. One thread at a time for each node; not from
 * within a `send`. `message` is borrowed until this returns. INVALID: it is not understood, and was
 * counted; all else that may go wrong is told to its sender. */
err_t runtime_receive(runtime_t *self, uint64_t from, str_t message);

/* Any thread: nothing that waits for this node will come any more. Call it when the node is dead,
 * and on both sides when anything between two nodes was lost. */
void runtime_node_lost(runtime_t *self, uint64_t node);

/* Any thread: whether this node answers at the moment; it may again. While it does not, asks are
 * refused with UNAVAILABLE, those that wait for it (whether they were carried out is not known),
 * and each new one at once. All else waits for it. Of each node true until it is said. */
void runtime_set_reachable(runtime_t *self, uint64_t node, bool is_reachable);

/* ---- places; any thread ---- */

/* From when this returns no activation begins that this forbids; one that runs goes on until it is
 * vacated (runtime/remote/vacate.h). owner: a node, ROUTER_NOBODY, ROUTER_HELD. LIMIT: no seat is
 * left; NO_MEMORY. */
err_t runtime_place(runtime_t *self, uint32_t partition, uint64_t owner);
uint64_t runtime_placed(const runtime_t *self, uint32_t partition);
/* Whether what is placed by key may be served here: a lease, or none (then: UNAVAILABLE). */
void runtime_set_serving(runtime_t *self, bool is_serving);
/* Goes with each message to a partition; see router_holder_t. */
void runtime_set_view(runtime_t *self, uint64_t version);
uint64_t runtime_view(const runtime_t *self);

/* These nodes take what is PLACED_BY_LOAD, this one only where it is among them, and so busy is
 * each. For each message two of them that answer are drawn, and the less busy one is taken; where
 * there is none, or it can't be sent there, this node. Any thread, one at a time, each second or
 * so. None at the start. LIMIT: more than ROUTER_LOADS_MAX, or no seat is left; NO_MEMORY; then
 * they are those that were. */
typedef struct router_load {
    uint64_t node;
    uint32_t per_mille; /* of what it can do; above ROUTER_LOAD_MAX is ROUTER_LOAD_MAX */
} router_load_t;
err_t runtime_set_loads(runtime_t *self, const router_load_t *loads, uint32_t count);
/* Whether a kind that is registered is placed so: else nobody needs to know. Any thread. */
bool runtime_places_by_load(const runtime_t *self);

typedef struct located {
    uint64_t node;      /* ROUTER_NOBODY, ROUTER_HELD */
    uint32_t partition; /* PARTITION_COUNT: it is not placed by one */
} located_t;
/* Where a message to it would go now; by load: this node, though each may go elsewhere. NOT_FOUND:
 * no such kind. */
err_t runtime_locate(const runtime_t *self, str_t kind, str_t key, located_t *out);

/* ---- references ---- */

uint64_t runtime_node_of(const runtime_t *self, actor_ref_t ref); /* its own for one of its own */
/* As the owner knows it. */
uint64_t runtime_bits_of(actor_ref_t ref);
/* What this process calls it. bits 0: no seat is left, or no memory. */
actor_ref_t runtime_ref(runtime_t *self, uint64_t node, uint64_t bits);
/* The actor of this name on that node, for edges; of a kind of which each node has its own
 * (PLACED_NEAR). LIMIT: no seat is left; NO_MEMORY. */
err_t runtime_address_at(runtime_t *self, uint64_t node, const char *kind, str_t key,
                         address_t *out);

/* ---- names and groups of all nodes: those with a '/' in the name (docs/decisions/0033) ---- */

/* These are all the others that live, and this node keeps what they say of their actors' names and
 * groups: of who is not among them nothing any more. As soon as a view says so, before
 * runtime_node_lost of who is gone. NO_MEMORY: those it was are left; say it again. */
err_t runtime_set_peers(runtime_t *self, const uint64_t *nodes, uint32_t count);
/* Now and then (every 100 ms): what could not be sent, or was not answered, is tried again. Where
 * something that must arrive could not be read for want of memory, both nodes are told here that
 * they are lost to each other. */
void runtime_tend_peers(runtime_t *self);

/* ---- what others hang on to it; set before start ---- */

/* Holds messages to partitions that are HELD, and hears of who is behind. Any thread. */
typedef struct router_held router_held_t; /* one message; runtime/remote/remote.h */
typedef struct router_holder {
    void *context;
    /* Takes it when it returns OK: later one of the functions of remote.h that take it, exactly
     * once. STALE: the place has changed, look again; BUSY, ...: its sender gets that. */
    err_t (*hold)(void *context, uint32_t partition, router_held_t *held);
    /* A message came that was sent by another view than this node's. */
    void (*view)(void *context, uint64_t from, uint64_t version);
} router_holder_t;
void runtime_set_holder(runtime_t *self, const router_holder_t *holder);

/* Bytes of other parts of the runtime or of who built it, in order with messages. */
typedef enum router_channel {
    ROUTER_TOPICS,
    ROUTER_NAMES, /* the runtime's own: runtime_set_peers */
    ROUTER_MOVES,
    ROUTER_CHANNELS
} router_channel_t;
typedef void (*router_hear_fn)(void *context, uint64_t from, str_t bytes);
void runtime_hear(runtime_t *self, router_channel_t channel, router_hear_fn hear, void *context);
/* Hears of each runtime_node_lost, after the runtime itself. */
void runtime_hear_lost(runtime_t *self, void (*lost)(void *context, uint64_t node), void *context);
/* As router_table_t.send, not owed. */
err_t runtime_tell(runtime_t *self, uint64_t node, router_channel_t channel, router_fill_fn fill,
                   void *what);
/* A schema by its name, of what any registered kind hears or answers, or that was added: what comes
 * from another node is decoded by it. NULL: none. */
const schema_t *runtime_schema(const runtime_t *self, str_t name);
err_t runtime_add_schema(runtime_t *self, const schema_t *schema);

/* ---- looking; any thread ---- */

typedef struct router_stats {
    uint64_t sent, received;       /* messages, answers and signals */
    uint64_t passed_on, held;      /* for partitions that had moved, or were on the way */
    uint64_t by_load;              /* sent to another node because it is less busy */
    uint64_t unreachable, refused; /* could not be sent: no way, or the other's bound */
    uint64_t invalid;              /* came and was not understood */
    uint64_t not_served;           /* came for a partition without a lease, or nobody's */
    uint64_t asks_open, asks_lost; /* ended by runtime_node_lost */
    uint64_t bonds, bonds_lost;
    uint64_t nodes_lost;
    uint64_t names, names_refused; /* names and members of other nodes; past a bound of this one */
} router_stats_t;
void runtime_router_stats(const runtime_t *self, router_stats_t *out);

API_END
