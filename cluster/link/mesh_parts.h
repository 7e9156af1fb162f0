#pragma once
/* mesh_parts.h -- inside of the links: what mesh.c (peers, the functions of link.h) and
 * mesh_thread.c, mesh_lane.c (the thread) share.
 *
 * Whoever has something for the thread puts the peer on the `ready` stack; the thread takes all of
 * it at once. A peer stays on the thread's `active` list as long as it has a time at which it is to
 * be looked at again. A pass of the thread: what is ready, what came, then a step of each active
 * peer; it sleeps when none of that did anything.
 *
 * Announce sleep, look again, then sleep; push, then look for the announcement (mesh_wake pairs
 * with the thread's sleep). Broken: a message waits for a timer. */

#include "cluster/link/inbound.h"
#include "cluster/link/spin.h"
#include "cluster/link/wire.h"

typedef enum lane_state {
    LANE_CLOSED,
    LANE_CONNECTING,
    LANE_GREETING,
    LANE_UP,
} lane_state_t;

typedef struct lane lane_t;
struct lane {
    outbound_t out;
    inbound_t in;
    link_lane_t lane;
    mesh_link_t *link;
    /* The thread's: */
    lane_state_t state;
    void *dealer;
    int fd;
    uint64_t since_ns;  /* of the state; of GREETING: the newest HELLO */
    uint64_t opened_ns; /* the dealer */
    uint32_t redial_ms; /* after that, when it does not come up; 0: never dialled */
    bool has_news;      /* to be heard: its descriptor said so, or a pass had no time for all */
    /* Since when something waits for the other side, and nothing has come back; 0: nothing waits.
     */
    atomic_uint_least64_t quiet_ns;
    uint64_t number; /* of the newest HELLO */
    bool has_route;  /* the other side's connection to us is known */
    uint32_t route;
    lane_t *route_next;
};

struct mesh_link {
    atomic_uint refs;
    mesh_t *mesh; /* counted */
    uint64_t node;
    lane_t lanes[LINK_LANES];
    mesh_link_t *ready_next;
    atomic_bool is_ready, is_up, is_removed;
    atomic_uint_least64_t breaks, round_us;
    link_peer_t peer;      /* its address under the mesh's lock; the rest never changes */
    atomic_bool has_moved; /* to another address */
    /* The thread's: */
    mesh_link_t *active_next;
    bool is_active, is_ended;
    bool is_broken; /* a lane that was up is not any more, or is again */
    uint64_t due_ns;
};

enum { ROUTES = 4096 /* buckets */ };

struct mesh {
    atomic_uint refs;
    mesh_options_t options; /* complete; `listen` is not kept */
    link_handler_t handlers[LINK_TYPES];
    wire_t wire;
    pthread_t thread;
    int wake_fd, poll_fd;
    _Atomic(mesh_link_t *) ready;
    atomic_bool is_asleep, is_stopping, is_over;
    atomic_uint_least64_t stop_at_ns;
    atomic_uint_least64_t strangers, unproved, garbage, lost, wakes, spins, spun_ns;

    pthread_mutex_t lock; /* the table, and each peer's address */
    mesh_link_t **links;  /* ascending by node, one reference each */
    size_t link_count;

    /* The thread's: */
    mesh_link_t *active;
    lane_t *routes[ROUTES];
    spin_t spin;
    /* A socket is looked at when its descriptor says so, and, until it was read to its end, after
     * each send on it, which takes the news from the descriptor. */
    bool has_router_news, has_zap_news;
    bool was_idle; /* the pass before did nothing */
};

/* ---- mesh.c ---- */

void mesh_unref(mesh_t *self);
mesh_link_t *mesh_link_ref(mesh_link_t *link);
/* Puts it on the ready stack and wakes the thread, if it sleeps. Any thread. */
void mesh_ready(mesh_link_t *link);
void mesh_wake(mesh_t *self);
/* When the thread has ended: what was put there too late. */
void mesh_drop_ready(mesh_t *self);

/* ---- mesh_thread.c ---- */

void *mesh_main(void *mesh);
void mesh_activate(mesh_link_t *link);

/* ---- mesh_lane.c: a peer's part of a pass ---- */

/* Connects, greets, sends, acknowledges; when to look again. */
uint64_t mesh_step(mesh_link_t *link, uint64_t now_ns);
/* Closes it, and tells what is lost. */
void mesh_close_link(mesh_link_t *link);
/* What came for the ROUTER; false: nothing. is_first: one frame only, so that what answers it goes
 * before it is looked whether more came. */
bool mesh_receive(mesh_t *self, bool is_first, uint64_t now_ns);
/* Acknowledges all of it, before the end. */
void mesh_last_acks(mesh_link_t *link, uint64_t now_ns);
