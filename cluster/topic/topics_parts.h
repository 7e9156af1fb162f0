#pragma once
/* topics_parts.h -- what the files of topics share: a topic and its three parts.
 *
 * hearing   where those who subscribe here hear it from     topics_hearing.c
 * home      who listens, while this node is its home        topics_home.c
 * forward   what was published here, to be told the home    topics_forward.c
 *
 * A topic is there while one of its parts is, or it was published lately. It is `busy` while a part
 * waits for something that may not come: then each tick looks at it. */

#include "cluster/topic/topics.h"

typedef struct topic topic_t;

/* ---- posts (topics_posts.c): a queue of them, ascending by number ---- */

typedef struct post {
    uint64_t number;
    char *data; /* owned; NULL: none */
    size_t size;
    uint32_t flags; /* TOPIC_FLAG_... */
    uint64_t view;  /* of a forward: in which it was published */
} post_t;

typedef struct posts {
    post_t *items; /* a ring of `room`, at most TOPIC_WINDOW */
    uint32_t first, count, room;
    size_t size; /* bytes of all */
} posts_t;

/* Makes room by dropping the oldest, as the bounds want it (*out_dropped: how many), then appends a
 * copy. `total` counts bytes of all topics. NO_MEMORY: nothing was appended. */
err_t posts_push(posts_t *self, uint64_t number, str_t post, size_t *total, uint32_t *out_dropped);
void posts_drop_until(posts_t *self, uint64_t number, size_t *total);
post_t *posts_at(const posts_t *self, uint32_t index);
/* The one of this number, or NULL. */
post_t *posts_find(const posts_t *self, uint64_t number);
post_t *posts_newest(const posts_t *self);
void posts_deinit(posts_t *self, size_t *total);

/* ---- a topic ---- */

typedef struct hearing {
    bool is_wanted;           /* somebody subscribes */
    bool is_live;             /* `source` has a cursor of this node */
    bool was_live;            /* ever */
    bool is_unsure;           /* whether it still is */
    bool has_waited;          /* for a home */
    uint64_t left_ms;         /* when the last one left */
    uint64_t asked, asked_ms; /* whom to have one, until it answers; when it was asked last */
    uint64_t asks;            /* from this number of them on an answer counts */
    uint64_t source, life, seen, acked;
} hearing_t;

typedef struct listener {
    uint64_t node, ask /* its newest */, acked, sent, top /* ever sent */;
    uint64_t moved_ms; /* when it last acknowledged more */
} listener_t;

typedef struct publisher {
    uint64_t node, number;
} publisher_t;

typedef struct home {
    uint64_t life, number;
    posts_t posts;
    listener_t *listeners;
    uint32_t listener_count, listener_room;
    publisher_t *publishers;
    uint32_t publisher_count, publisher_room;
} home_t;

typedef struct forward {
    uint64_t number, sent, top /* ever sent */;
    uint64_t series;             /* of one home: an answer to another's does not count */
    uint64_t moved_ms, again_ms; /* when more was acknowledged; when all was sent again */
    bool is_missed;              /* something could not be kept: said with the next */
    posts_t posts;
} forward_t;

struct topic {
    topic_t *next; /* in its bucket */
    topic_t *busy_next;
    topic_t *older, *newer; /* of those published lately */
    bool is_busy, is_recent;
    uint32_t partition;
    uint64_t owner; /* the home's node; PLACEMENT_NONE */
    uint64_t published_ms;
    uint64_t published_view; /* at this home: the newest view in which something of it was */
    hearing_t hearing;
    home_t *home;
    forward_t *forward;
    str_t name; /* behind it */
};

struct topics {
    uint64_t node, version, lives, asks;
    uint64_t forwards; /* the highest number of a forward that is freed: they go on behind it */
    topics_sink_t sink;
    const placement_t *placement; /* NULL: none yet */
    uint64_t *nodes;
    uint32_t node_count;
    topic_t **buckets;
    size_t bucket_count, count;
    topic_t *busy;
    topic_t *oldest, *newest; /* published lately */
    size_t bytes;
    topics_stats_t stats;
};

/* A new view. */
typedef struct placing {
    bool has_skipped; /* a view */
    bool has_lost;    /* a node */
    uint64_t now_ms;
} placing_t;

/* NULL: not there. */
topic_t *topics_find(const topics_t *self, str_t name);
bool topics_is_member(const topics_t *self, uint64_t node);
/* The next tick looks at it. */
void topics_mark_busy(topics_t *self, topic_t *topic);
void topics_mark_recent(topics_t *self, topic_t *topic, uint64_t now_ms);
void topics_send(topics_t *self, uint64_t node, const topic_t *topic, topic_frame_t frame);
/* To those who subscribe here, if any: a post with what its flags say. */
void topics_deliver(topics_t *self, const topic_t *topic, str_t post, uint32_t flags);
void topics_tell_gap(topics_t *self, const topic_t *topic, topic_gap_why_t why);
/* Room for one more item in *items. NO_MEMORY */
err_t topics_grow(void **items, uint32_t count, uint32_t *room, size_t item_size);

/* Asks, acknowledges, leaves, as is due; true: it waits for something. */
bool hearing_step(topics_t *self, topic_t *topic, uint64_t now_ms);
void hearing_live(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame);
void hearing_post(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                  uint64_t now_ms);
void hearing_ended(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame);
/* After a new view. is_other: the home is another, or may have been in between. */
void hearing_placed(topics_t *self, topic_t *topic, bool is_other, placing_t placing);

/* Where the home is this node. The post goes to the others; here it is delivered by the caller. */
void home_publish(topics_t *self, topic_t *topic, str_t post, uint32_t flags, uint64_t now_ms);
/* Something that was published in this view comes to this home: TOPIC_FLAG_LATE where what was
 * published in a newer one has come before it, as where its author moved while it was under way. */
uint32_t home_flags_of(topic_t *topic, uint64_t view);
/* Only the word that something is missing. */
void home_publish_missed(topics_t *self, topic_t *topic, uint64_t now_ms);
void home_subscribed(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                     uint64_t now_ms);
void home_unsubscribed(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame);
void home_acked(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                uint64_t now_ms);
void home_forwarded(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                    uint64_t now_ms);
bool home_step(topics_t *self, topic_t *topic, uint64_t now_ms);
/* Without those that are dead. */
void home_keep_members(topics_t *self, topic_t *topic, uint64_t now_ms);
/* Another node is the home now. */
void home_end(topics_t *self, topic_t *topic);
void home_free(topics_t *self, topic_t *topic);

void forward_push(topics_t *self, topic_t *topic, str_t post, uint64_t now_ms);
/* The home is another: all that waits again. is_recent: of what was published here before, too,
 * something may be missing there. */
void forward_placed(topics_t *self, topic_t *topic, bool is_recent, uint64_t now_ms);
void forward_acked(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                   uint64_t now_ms);
bool forward_step(topics_t *self, topic_t *topic, uint64_t now_ms);
void forward_free(topics_t *self, topic_t *topic);
