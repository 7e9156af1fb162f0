#pragma once
/* moving_parts.h -- what moving.c (nodes, links, the fence) and moving_load.c (what clients ask,
 * and the runtime that serves it) share. */

#include "tests/support/cluster/moving.h"

enum { HOPS_MAX = 8, HOT_EVERY = PARTITION_COUNT / MOVING_HOT };

typedef enum ask_end { ASK_OPEN, ASK_ACCEPTED, ASK_REFUSED, ASK_EXPIRED } ask_end_t;

typedef struct ask {
    uint64_t sent_ms, ended_ms;
    uint32_t number; /* of its client and partition */
    uint16_t client, partition;
    uint8_t hops, end;
    bool is_accepted;
} ask_t;

typedef struct queue { /* of indexes of asks */
    uint32_t *items;
    size_t first, count, room;
} queue_t;

/* A handler has run; what it appends is under way. */
typedef struct append {
    uint64_t at_ms, epoch;
    uint32_t ask;
    bool is_used;
} append_t;

enum { APPENDS_MAX = 8 }; /* of one partition on one node at a time */

/* One hot partition on one node. */
typedef struct desk {
    queue_t mailbox, travelled, held;
    append_t appends[APPENDS_MAX];
} desk_t;

typedef struct vacating {
    uint64_t at_ms;
    size_t count;
    uint32_t *partitions;
} vacating_t;

enum { VACATINGS_MAX = HANDOVER_WAVE_MAX };

typedef enum post_kind { POST_HANDOVER, POST_ASK, POST_FENCE, POST_ROWS } post_kind_t;

typedef struct post {
    uint64_t at_ms, order;
    post_kind_t kind;
    uint32_t from, to;
    bool is_travelling, is_away;
    uint32_t ask;
    uint64_t version;
    handover_effect_t effect; /* with items of its own */
    handover_item_t *items;
} post_t;

typedef struct mover {
    handover_t *handover;
    struct moving *moving;
    uint32_t index;
    uint64_t ticked_ms, handover_version;
    uint64_t routes[PARTITION_COUNT], epochs[PARTITION_COUNT];
    desk_t desks[MOVING_HOT];
    size_t vacating_count;
    vacating_t vacatings[VACATINGS_MAX];
    size_t held;
    size_t waiting_count, waiting_room; /* came while it was paused: in sockets */
    post_t *waiting;
} mover_t;

struct moving {
    moving_options_t options;
    world_t *world;
    random_seed_t seed;
    ms_random_t random;
    uint64_t now_ms, orders;
    mover_t *movers[MOVING_NODES_MAX];
    uint64_t last_ms[MOVING_NODES_MAX][MOVING_NODES_MAX]; /* of what was posted from, to */
    bool is_draining[MOVING_NODES_MAX];
    handover_item_t rows[PARTITION_COUNT];
    placement_t *placements[4096]; /* by version */
    size_t post_count, post_room;
    post_t *posts; /* a heap */

    size_t ask_count, ask_room, marked;
    ask_t *asks;
    size_t expired_until;
    uint32_t numbers[MOVING_NODES_MAX][MOVING_HOT], accepted[MOVING_NODES_MAX][MOVING_HOT];
    uint64_t mark_ms, fenced, disordered;
};

/* moving.c */
void moving_post(moving_t *self, post_t post);
/* The delay of a message, and where it lies behind those before it; false: it is lost. */
bool moving_send(moving_t *self, post_t post);
uint32_t moving_index(const moving_t *self, uint64_t node);
bool moving_runs(const moving_t *self, uint32_t index);

/* moving_load.c */
void load_route(mover_t *self, uint32_t partition, uint64_t epoch, uint64_t to, bool is_travelling);
void load_vacate(mover_t *self, const handover_item_t *items, size_t count);
void load_arrive(mover_t *self, uint32_t ask, bool is_travelling);
void load_step(mover_t *self);
void load_append(mover_t *self); /* also of a node that is stopped: its database works on */
void load_clients(moving_t *self);
void load_expire(moving_t *self);
void load_deinit(mover_t *self);
