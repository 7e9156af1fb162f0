#pragma once
/* topic_router.h -- a runtime's topics among those of other nodes. The runtime knows no cluster:
 * who builds one gives it this table, and brings what other nodes publish.
 *
 * A topic with a '/' in its name is the same on all nodes; its first two segments are the name of
 * the actor that publishes it ("user/7/tracks": user 7), which says where its home is. One without
 * is of this node. Without a router all are.
 *
 * Between nodes a message may be missing, where a link was lost or a home moved; who subscribes is
 * told, by a topic_gap in place of a message, and asks for the state. An actor hears it where it
 * has a handler for it (ACTOR_ALSO). A message may also come twice, and what was published before a
 * publisher moved to another node may come behind what it published there.
 *
 * Threads  As each says. */

#include "runtime/runtime.h"

API_BEGIN

typedef struct topic_post {
    str_t topic;
    const schema_t *schema;
    const void *message;
    uint32_t trace; /* what it belongs to; 0: not known (inside.h) */
} topic_post_t;

typedef struct topic_router {
    /* Somebody subscribed on this node, or nobody does any more: runtime_topic_is_heard says which,
     * by then. Any thread; borrowed. */
    void (*changed)(void *context, str_t topic);
    /* Published on this node. True: those here are to hear it now; else it comes back by
     * runtime_topic_deliver. Any thread; borrowed. */
    bool (*publish)(void *context, const topic_post_t *post);
    void *context;
} topic_router_t;

/* What is missing. */
typedef struct topic_gap {
    bool is_start; /* nothing: from now on all is heard */
    bool is_late;  /* nothing: but what came last was on its way for longer than usual, and may be
                      older than an answer that was had meanwhile */
} topic_gap_t;
extern const schema_t topic_gap_schema;

/* Before start; the router's context outlives the runtime. */
void runtime_set_topic_router(runtime_t *self, const topic_router_t *router);
bool topic_is_shared(str_t topic); /* of all nodes */

/* Any thread: to those who subscribe on this node. False: some miss it, for want of memory. */
bool runtime_topic_deliver(runtime_t *self, const topic_post_t *post);
bool runtime_topic_is_heard(const runtime_t *self, str_t topic);

API_END
