#pragma once
/* topic_world.h -- nodes with their part of the topics each, simulated: links that delay, lose,
 * reorder and part, views that nodes learn at different times or skip, nodes that die. One seed,
 * one history. Time is virtual milliseconds.
 *
 * Of a topic there are two authors, as actors are: each has a version, which it publishes. The
 * first lives on the node that has the topic's partition; it moves when both the old node (which
 * ends it) and the new one have learned so, or the old one is dead. The second lives anywhere. A
 * reader is on a node and subscribes. It believes what comes; told of a gap it asks the authors,
 * and an answer before which something else came is dropped.
 *
 * Checked as it goes: of what a reader hears of one author that has not moved nothing is missing or
 * out of order without that a gap was told. To be checked at the end: each reader has what its
 * authors have. */

#include "cluster/topic/topics.h"
#include "runtime/base/random.h"

typedef struct topic_world topic_world_t;

enum { TOPIC_WORLD_NODES_MAX = 16, TOPIC_WORLD_TOPICS = 8 };

typedef struct topic_world_options {
    uint64_t seed;
    uint32_t nodes; /* at first */
    uint32_t delay_ms, loss_percent;
    bool is_in_order; /* as links are; else a message may overtake another */
} topic_world_options_t;

topic_world_t *topic_world_new(const topic_world_options_t *options);
void topic_world_free(topic_world_t *self);
void topic_world_scope_end(topic_world_t **self);
#define TOPIC_WORLD_SCOPED SCOPED(topic_world_scope_end)

void topic_world_run(topic_world_t *self, uint64_t for_ms);
/* Something at random. is_calm: only publish, subscribe, leave. */
void topic_world_disturb(topic_world_t *self, bool is_calm);
/* Nothing is cut, slow or lost any more, all learn the newest view. */
void topic_world_heal(topic_world_t *self);

void topic_world_publish(topic_world_t *self, uint32_t topic, uint32_t author /* 0, 1 */);
void topic_world_read(topic_world_t *self, uint32_t topic, uint32_t node, bool is_reading);
/* The next view, in which all topics may have other homes; who learns it when is drawn, at most
 * `within_ms` later. */
void topic_world_change_view(topic_world_t *self, uint64_t within_ms);
void topic_world_add(topic_world_t *self);                  /* one more node, in the next view */
void topic_world_leave(topic_world_t *self, uint32_t node); /* not in the next view */
void topic_world_kill(topic_world_t *self, uint32_t node);  /* the same, and at once */
void topic_world_cut(topic_world_t *self, uint32_t from, uint32_t to, bool is_cut);
/* What one node is sent takes so much longer. */
void topic_world_slow(topic_world_t *self, uint32_t node, uint32_t delay_ms);

/* NULL, or the first thing that was wrong. */
const char *topic_world_wrong(const topic_world_t *self);
/* NULL: each reader has what its authors have; or one that has not. */
const char *topic_world_untold(topic_world_t *self);
uint32_t topic_world_home(const topic_world_t *self, uint32_t topic); /* by the newest view */
const topics_t *topic_world_topics(const topic_world_t *self, uint32_t node);
uint32_t topic_world_nodes(const topic_world_t *self); /* ever */
bool topic_world_is_member(const topic_world_t *self, uint32_t node);

typedef struct topic_world_stats {
    uint64_t heard; /* posts, by readers */
    uint64_t gaps;  /* by readers */
    uint64_t sent;  /* frames */
    uint64_t moves; /* of authors */
} topic_world_stats_t;
topic_world_stats_t topic_world_stats(const topic_world_t *self);
