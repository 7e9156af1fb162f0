#pragma once
/* topic_service.h -- the topics of a runtime among those of other nodes: topics.h with a lock
 * around it, between the runtime (topic_router.h) and whoever sends frames.
 *
 * What is published goes over the wire by its schema; one that this node does not know is told as a
 * gap. To be called from outside: place at each view, receive for each frame, tick.
 *
 * Ownership  Borrows the runtime and the context; is freed after the runtime. Threads  Any. The
 * lock is held while a frame is sent and while a message is put before the schedulers: `send` and
 * `schema` do not block and call nothing of this. */

#include "cluster/placement.h"
#include "cluster/topic/topics.h"
#include "runtime/topic_router.h"

typedef struct topic_service topic_service_t;

typedef struct topic_service_options {
    uint64_t node;
    runtime_t *runtime; /* not started yet; its topic router is this one from now on */
    void *context;
    /* A copy is taken, or it is lost: then it is sent again. */
    void (*send)(void *context, uint64_t node, const topic_frame_t *frame);
    const schema_t *(*schema)(void *context, str_t name); /* NULL: not known here */
    /* As topics_sink_t.is_shared; may be NULL. */
    bool (*is_shared)(void *context, str_t topic);
} topic_service_options_t;

/* NO_MEMORY */
err_t topic_service_new(const topic_service_options_t *options, topic_service_t **out_service);
void topic_service_free(topic_service_t *self);

/* As topics_place; the placement is copied. */
err_t topic_service_place(topic_service_t *self, const placement_t *placement,
                          const uint64_t *nodes, uint32_t count);
/* INVALID: no frame; UNSUPPORTED: of a newer node */
err_t topic_service_receive(topic_service_t *self, uint64_t from, str_t bytes);
void topic_service_tick(topic_service_t *self); /* about every 50 ms */
void topic_service_stats(topic_service_t *self, topics_stats_t *out_stats);
