#pragma once
/* directory.h -- names and group members of all nodes: those with a '/' in the name. Each node says
 * of its own actors who has which name and is in which group, and keeps what the others say, so to
 * look one up asks nobody (docs/decisions/0033).
 *
 * Who listens begins: it says hello with a session's number, and is told all that there is, then
 * each change, in order. What is of another session is left; where something is missing, or the
 * node was lost, all that was heard of it is forgotten, and a new session begins. What can't be
 * sent is sent by a later tick: there is no queue, but a place in the list of what is said. Who is
 * so far behind that an end which it must hear of is forgotten is told all again.
 *
 * A name that two nodes gave at once belongs to the lower of them as soon as they hear of each
 * other; the other's actor gets an exit, "name lost".
 *
 * Invariants
 *  1. What is said of one node is heard in the order in which it was said, from an empty beginning.
 *  2. What is said lies in what it is of (a name's entry, a group's bond): to say and to take back
 *     needs no memory.
 *  3. Locks are taken in this order: hearing, a stripe of names or groups, saying, the router's.
 *
 * Threads  Any. */

#include "runtime/life/id_map.h"
#include "runtime/router.h"

#include <stdatomic.h>
#include <uv.h>

typedef enum directory_what {
    DIRECTORY_NAME = 1,
    DIRECTORY_MEMBER,
    DIRECTORY_GONE /* of that number */
} directory_what_t;

typedef enum directory_frame_what {
    DIRECTORY_HELLO = 1,
    DIRECTORY_CHANGES,
    DIRECTORY_BEACON /* so far a session is: who has heard less says hello again */
} directory_frame_what_t;

enum {
    DIRECTORY_CHANGES_MAX = 128,    /* in a frame */
    DIRECTORY_GONE_MAX = 4096,      /* ends that are remembered for who is behind */
    DIRECTORY_HELLO_TICKS_MAX = 64, /* until the next hello where none was answered */
    DIRECTORY_BEACON_TICKS = 50     /* one of the others is told */
};

/* One name, or one member of one group; of this node, or heard. */
typedef struct directory_entry directory_entry_t;
struct directory_entry {
    directory_entry_t *before, *after; /* by number; of what is said */
    directory_what_t what;
    uint64_t number; /* its node's; 0: it is not said */
    uint64_t ref;
    str_t name; /* borrowed */
};

/* Who is told. */
typedef struct directory_teller {
    uint64_t node, session; /* 0: it has not asked */
    uint64_t position;
    bool is_open;            /* it was told something of this session */
    directory_entry_t *next; /* to be told; NULL: none */
    uint64_t next_gone;
} directory_teller_t;

/* Who is listened to. */
typedef struct directory_listener {
    uint64_t node, session, position;
    bool is_open;         /* it has answered */
    uint32_t wait, ticks; /* for its answer */
    id_map_t heard;       /* entries by their number */
} directory_listener_t;

typedef struct directory {
    struct remote *remote;
    /* What is said. */
    uv_mutex_t saying;
    directory_entry_t *first, *last;
    uint64_t last_number;
    uint32_t said_count;
    directory_teller_t *tellers;
    uint32_t teller_count, ticks;
    uint64_t gone_count; /* ever */
    struct {
        uint64_t at, number; /* `at`: where it stands among the numbers of what is said */
    } gone[DIRECTORY_GONE_MAX];
    /* What is heard. */
    uv_mutex_t hearing;
    directory_listener_t *listeners;
    uint32_t listener_count;
    _Atomic uint64_t heard, refused;
} directory_t;

void directory_init(directory_t *self, struct remote *remote);
void directory_deinit(directory_t *self);

/* It is of all nodes. */
static inline bool directory_has(const runtime_t *runtime, str_t name)
{
    return runtime_node(runtime) != 0 && str_find(name, '/') < name.size;
}

/* ---- saying; under the lock of the name's stripe ---- */

/* `what`, `ref` and `name` are there, and stay until it is taken back. LIMIT: ROUTER_NAMES_MAX. */
err_t directory_say(directory_t *self, directory_entry_t *entry);
/* Nothing, where it is not said. */
void directory_take_back(directory_t *self, directory_entry_t *entry);

/* ---- from the router ---- */

/* INVALID: not understood. */
err_t directory_receive(directory_t *self, uint64_t from, str_t bytes);
void directory_lost(directory_t *self, uint64_t node);

/* ---- between the parts ---- */

/* A router_fill_fn of a directory_frame_t. */
err_t directory_fill(void *frame, buf_t *out);
err_t directory_tellers_set(directory_t *self, const uint64_t *nodes, uint32_t count);
void directory_told_hello(directory_t *self, uint64_t from, uint64_t session);
void directory_tellers_tick(directory_t *self);
