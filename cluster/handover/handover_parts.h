#pragma once
/* handover_parts.h -- what handover.c (views, drains), handover_fence.c (rows, claims) and
 * handover_next.c (what is to be done) share. */

#include "cluster/handover/handover.h"

typedef enum cell_state {
    CELL_AWAY,     /* another's, as far as is known */
    CELL_READING,  /* its row is to be read */
    CELL_WAITING,  /* placed here; its row says another owner */
    CELL_CLAIMING, /* placed here; nobody serves it */
    CELL_OWNED,
    CELL_DRAINING, /* to `peer` */
    CELL_STATES
} cell_state_t;

/* One partition. */
typedef struct cell {
    uint64_t owner, epoch; /* its row in the fence, as read last */
    uint64_t gone;         /* up to this epoch it serves as none of them, for ever */
    uint64_t peer;         /* OWNED: who wants it; DRAINING: who gets it */
    uint64_t asker, asked; /* who is owed a RELEASED, of which epoch */
    uint64_t away;         /* AWAY: who has it, as far as is known; or held until that is known */
    uint64_t routed;       /* as was told last */
    cell_state_t state;
    uint8_t owes;                 /* messages, by bit of their kind */
    bool is_passing;              /* WAITING: its owner serves on; what comes goes there */
    bool is_held;                 /* WAITING: its owner drains it, or is dead */
    bool is_told;                 /* OWNED, is_wanted: SERVING was sent */
    bool is_wanted;               /* OWNED */
    bool is_vacating, is_vacated; /* DRAINING: was told; is done */
    bool is_acked;                /* DRAINING: the peer forwards nothing any more */
    bool is_travelling;           /* the next route carries what the old owner had */
    bool is_doubted;              /* OWNED, DRAINING: its row is to be looked at again */
    bool is_lost;                 /* DRAINING: its row says otherwise */
    bool is_asked;                /* part of what the fence was asked */
    bool is_listed;               /* among the touched */
} cell_t;

/* A member that is not dead. */
typedef struct peer {
    uint64_t node, taken; /* the newest version that it has */
    uint64_t told;        /* that it routes by */
    bool is_live;
} peer_t;

struct handover {
    handover_options_t options;
    const placement_t *placement; /* NULL: none yet */
    uint64_t version, taken_ms, now_ms;
    bool is_leaving, is_switched; /* it routes by the view */
    bool is_taken_owed, is_view_owed, is_late_counted;
    uint32_t peer_count;
    peer_t *peers; /* ascending by node */

    cell_t cells[PARTITION_COUNT];
    uint32_t state_counts[CELL_STATES];
    uint32_t wanted_count, untold_count, doubted_count, drain_cursor;
    uint32_t touched_count; /* cells with something to be done */
    uint16_t touched[PARTITION_COUNT];
    uint64_t retry_ms;
    handover_counts_t counts;

    /* the fence */
    handover_effect_kind_t asked_kind;
    bool is_asking;
    uint64_t fence_ms;      /* not before */
    uint64_t fence_version; /* rows are not read before the view has it */
    size_t asked_count;
    handover_item_t asked[PARTITION_COUNT];

    handover_item_t batch[HANDOVER_BATCH_MAX];
};

/* handover.c */
/* Nothing of it is here any more. */
void handover_leave_cell(handover_t *self, uint32_t partition);
/* It is served here, and somebody else's: its actors rest, then it is as its row says. */
void handover_lose_cell(handover_t *self, uint32_t partition);
void handover_set_state(handover_t *self, uint32_t partition, cell_state_t state);
void handover_owe(handover_t *self, uint32_t partition, handover_message_kind_t kind);
void handover_touch(handover_t *self, uint32_t partition);
uint64_t handover_target(const handover_t *self, uint32_t partition);
const peer_t *handover_peer(const handover_t *self, uint64_t node); /* NULL: dead, or unknown */
bool handover_is_live(const handover_t *self, uint64_t node);

/* handover_fence.c */
/* Whether a question is to be put to the fence. */
bool handover_ask_fence(handover_t *self, handover_effect_t *out);
void handover_set_doubted(handover_t *self, uint32_t partition, bool is_doubted);
/* What was known of its row is of a server that another one has replaced. */
void handover_forget_row(handover_t *self, uint32_t partition);
void handover_claim_free(handover_t *self, uint64_t now_ms);
