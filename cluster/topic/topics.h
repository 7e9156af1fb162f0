#pragma once
/* topics.h -- publish and subscribe between nodes: a node's part in it, a state machine without
 * I/O.
 *
 * A topic has a home: the owner of its partition, which is that of the actor whose name it begins
 * with ("user/7/tracks": of user/7), so mostly the node where it is published. Who publishes
 * elsewhere forwards to the home, numbered until it is acknowledged. The home numbers what it
 * publishes and sends one copy to each node that listens; there it goes to those who subscribed.
 *
 * - Of each topic and listening node the home has a cursor, and at most TOPIC_WINDOW posts that are
 *   not acknowledged. Who is slower than that gets the newest, marked as one before which some are
 *   missing: nothing is queued for a slow node.
 * - Posts of one home arrive in its order, each once; what a link lost is sent again.
 * - A node hears of a topic first, again, or with some missing: those who subscribed are told
 *   (topics_sink_t.gap) and ask whoever publishes for the state.
 *
 * What must hold, so that nobody misses something for good:
 *   1. Who becomes a listener is told of the gap after the home has its cursor: what it asks then
 *      is answered with all that was published before, or comes as a post.
 *   2. Who published in the last TOPIC_RECENT_MS, at home or by forwarding, when it learns that the
 *      home has moved, tells the new home that something may be missing, and that tells all. So a
 *      publish by an old view reaches those who went by a newer one before it.
 *   3. A home that learns that it is none any more forgets the cursors (and says so, which may be
 *      lost); it never forgets one otherwise but of a node that is dead or has left. Who learns of
 *      another home, or has skipped a view, asks again, and only a home that knows the asker's view
 *      answers. So who is answered has a cursor until it learns of a view in which it has none.
 *   4. When a node is gone for certain, what was published there of others' topics and not
 *      forwarded yet is gone with it: those who hear of such topics are told. (What only its own
 * actor publishes has another home then.)
 *   5. Lives are never used twice: a cursor of an older life is none.
 *   6. Asks are numbered. Who leaves takes back all until then, and an answer counts that is to
 *      none of those; so nothing that was overtaken takes a cursor away, or makes one believed in.
 *   7. A cursor goes forward only by what its node has seen.
 *   8. What was published in an older view than something before it at this home is late: its
 *      author may have moved (tests/models/topic_cursor.pml searches 3, 6 and 7).
 *
 * Ownership  Copies what it keeps; borrows the placement. Threads  One at a time; the sink is
 * called within calls and calls nothing of this. */

#include "cluster/placement.h"
#include "cluster/topic/topic_wire.h"

enum {
    TOPIC_WINDOW = 64,                /* posts to one node that are not acknowledged */
    TOPIC_KEPT_BYTES_MAX = 256 << 10, /* of one topic, but for its newest post */
    TOPIC_ACK_EVERY = 16,             /* posts; fewer at the next tick */
    TOPIC_RETRY_MS = 250,
    TOPIC_NACK_MS = 20,     /* at least, between two requests to send again */
    TOPIC_LINGER_MS = 1000, /* subscribed to for so long after the last one has left */
    TOPIC_RECENT_MS = 120000,
    TOPICS_MAX = 1 << 20,
    TOPICS_BYTES_MAX = 64 << 20, /* of posts that are kept; past it a topic keeps its newest only */
};

typedef struct topics topics_t;

/* Why those who subscribed should ask for the state. */
typedef enum topic_gap_why {
    TOPIC_GAP_START,  /* from now on all is heard */
    TOPIC_GAP_MISSED, /* something may be missing */
    TOPIC_GAP_LATE,   /* nothing is, but what came last may be older than what was answered, or
                         published elsewhere, meanwhile */
} topic_gap_why_t;

typedef struct topics_sink {
    void *context;
    /* May be lost. Borrowed. */
    void (*send)(void *context, uint64_t node, const topic_frame_t *frame);
    /* To those who subscribed here. */
    void (*deliver)(void *context, str_t topic, str_t post);
    void (*gap)(void *context, str_t topic, topic_gap_why_t why);
    /* Whether others publish it than the actor that it is named after. NULL: any topic may be. */
    bool (*is_shared)(void *context, str_t topic);
} topics_sink_t;

typedef struct topics_stats {
    uint64_t topics, bytes;             /* now */
    uint64_t posted, repeated, skipped; /* to nodes: posts, again, as a newest in place of others */
    uint64_t forwarded, received;       /* to homes; posts of others, each once */
    uint64_t gaps;                      /* told here */
    uint64_t lost;                      /* for want of memory or room: told as gaps */
    uint64_t unknown;                   /* posts that could not be read here: told as gaps */
    uint64_t waiting; /* topics of which something is to be forwarded: none before a node ends */
} topics_stats_t;

/* NO_MEMORY */
err_t topics_new(uint64_t node, const topics_sink_t *sink, topics_t **out_topics);
void topics_free(topics_t *self);
void topics_scope_end(topics_t **self);
#define TOPICS_SCOPED SCOPED(topics_scope_end)

/* A new view, or other nodes. `nodes`: all that may still serve, ascending, copied: the live, and
 * the dead until others may serve what was theirs (membership_is_free). `placement` is borrowed
 * until the next call. An older version than the last one's does nothing. NO_MEMORY: as before. */
err_t topics_place(topics_t *self, const placement_t *placement, const uint64_t *nodes,
                   uint32_t count, uint64_t now_ms);
/* Whether somebody subscribes here. LIMIT: a longer name than TOPIC_NAME_MAX, TOPICS_MAX; NO_MEMORY
 */
err_t topics_hear(topics_t *self, str_t topic, bool is_heard, uint64_t now_ms);

/* Where it is to be delivered: who is the home does so itself. */
bool topics_is_home(const topics_t *self, str_t topic);
/* Whether others are to hear of it: at home, whether any listen. */
bool topics_is_heard_elsewhere(const topics_t *self, str_t topic);
/* Published here. Empty: what could not be had; those who listen are told of a gap. */
void topics_publish(topics_t *self, str_t topic, str_t post, uint64_t now_ms);

/* From another node. */
void topics_receive(topics_t *self, uint64_t from, const topic_frame_t *frame, uint64_t now_ms);
/* About every 50 ms. */
void topics_tick(topics_t *self, uint64_t now_ms);
void topics_stats(const topics_t *self, topics_stats_t *out_stats);

/* Of the partition of its first two segments, or of all of it where it has fewer. */
uint32_t topic_partition(str_t topic);
