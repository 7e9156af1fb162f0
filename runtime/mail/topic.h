#pragma once
/* topic.h -- publish and subscribe on this node; with others: topic_router.h.
 *
 * A publish looks up which schedulers have subscribers and puts one copy into the inbox of each;
 * there it goes to the edges' functions and, copied once more, to the mailboxes of actors. A
 * publisher's messages reach each inbox in the order of its publishes, so each subscriber sees that
 * order. An actor whose mailbox is full misses a message (counted as refused).
 *
 * Invariant  A subscription lies in the table of the scheduler on which it was made, until that
 * takes it out. An actor's is also in the actor's list, and carries the message by which it leaves
 * that list: so an actor always ends its subscriptions, whatever memory there is.
 *
 * Threads  topic_publish any. A table belongs to its scheduler; the index is locked. An actor's
 * list: its owner. */

#include "runtime/mail/message.h"
#include "runtime/runtime.h"

enum { TOPIC_BUCKETS = 1024, TOPIC_SIZE_MAX = 512 };

typedef struct actor actor_t;
typedef struct scheduler scheduler_t;
typedef struct topic topic_t;

/* A scheduler's subscriptions by topic. */
typedef struct topic_table {
    topic_t *buckets[TOPIC_BUCKETS];
    topic_t *delivering; /* its list may not lose nodes now */
} topic_table_t;

/* Which schedulers have any. */
typedef struct topic_index topic_index_t;
topic_index_t *topic_index_new(void);
void topic_index_free(topic_index_t *self);

void topic_table_deinit(scheduler_t *scheduler);
/* Takes the message; its text is the topic. Where that has another home (topic_router.h) it goes
 * there first. */
void topic_publish(runtime_t *runtime, message_t *message);
bool topic_is_heard(const runtime_t *runtime, str_t topic);
/* Some of its subscribers miss a message for want of memory: a dead letter. */
void topic_missed(runtime_t *runtime, str_t topic);
/* What topic_publish put into the inbox. */
void topic_deliver(scheduler_t *self, const message_t *message);

/* An actor's, on this scheduler; where it has one on any it stays with that. LIMIT: the name is too
 * long, or the actor has ACTOR_TOPICS_MAX; NO_MEMORY. */
err_t topic_subscribe_actor(scheduler_t *self, actor_t *actor, str_t topic);
/* All that its state has; what is under way to it finds nobody. */
void topic_unsubscribe_all(actor_t *actor);
/* What that put into the inbox: MESSAGE_UNSUBSCRIBE, which is the table's to free. */
void topic_unsubscribed(message_t *message);
