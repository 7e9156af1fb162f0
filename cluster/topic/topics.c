#include "cluster/topic/topics_parts.h"

#include "runtime/base/memory.h"

enum { BUCKETS_FIRST = 256, LISTENERS_FIRST = 4 };

uint32_t topic_partition(str_t topic)
{
    size_t first = str_find(topic, '/'), end = topic.size;
    if (first < topic.size)
        end = first + 1 + str_find(str_slice(topic, first + 1, topic.size), '/');
    return partition_of(str_slice(topic, 0, end));
}

err_t topics_grow(void **items, uint32_t count, uint32_t *room, size_t item_size)
{
    if (count < *room)
        return ERR_OK;
    uint32_t more = *room == 0 ? LISTENERS_FIRST : *room * 2;
    void *grown = memory_resize(*items, more, item_size);
    if (grown == NULL)
        return ERR_NO_MEMORY;
    *items = grown;
    *room = more;
    return ERR_OK;
}

/* ---- the table ---- */

static topic_t **bucket_of(const topics_t *self, str_t name)
{
    return &self->buckets[str_hash(name) % self->bucket_count];
}

topic_t *topics_find(const topics_t *self, str_t name)
{
    topic_t *topic = *bucket_of(self, name);
    while (topic != NULL && !str_equal(topic->name, name))
        topic = topic->next;
    return topic;
}

/* Where there is no memory for more buckets, they get longer. */
static void widen(topics_t *self)
{
    topics_t wide = {.bucket_count = self->bucket_count * 2};
    wide.buckets = memory_new_array(wide.bucket_count, sizeof(topic_t *));
    if (wide.buckets == NULL)
        return;
    for (size_t i = 0; i < self->bucket_count; i++) {
        for (topic_t *topic = self->buckets[i], *next; topic != NULL; topic = next) {
            next = topic->next;
            topic_t **at = bucket_of(&wide, topic->name);
            topic->next = *at;
            *at = topic;
        }
    }
    memory_free(self->buckets);
    self->buckets = wide.buckets;
    self->bucket_count = wide.bucket_count;
}

static uint64_t owner_of(const topics_t *self, const topic_t *topic)
{
    return self->placement == NULL ? PLACEMENT_NONE : self->placement->owners[topic->partition];
}

static err_t find_or_add(topics_t *self, str_t name, topic_t **out_topic)
{
    *out_topic = topics_find(self, name);
    if (*out_topic != NULL)
        return ERR_OK;
    if (name.size == 0 || name.size > TOPIC_NAME_MAX || self->count == TOPICS_MAX)
        return ERR_LIMIT;
    topic_t *topic = memory_new(sizeof *topic + name.size);
    if (topic == NULL)
        return ERR_NO_MEMORY;
    if (self->count >= self->bucket_count)
        widen(self);
    memcpy(topic + 1, name.data, name.size);
    topic->name = str_of(topic + 1, name.size);
    topic->partition = topic_partition(name);
    topic->owner = owner_of(self, topic);
    topic_t **at = bucket_of(self, name);
    topic->next = *at;
    *at = topic;
    self->count++;
    *out_topic = topic;
    return ERR_OK;
}

void topics_mark_busy(topics_t *self, topic_t *topic)
{
    if (topic->is_busy)
        return;
    topic->is_busy = true;
    topic->busy_next = self->busy;
    self->busy = topic;
}

static void unmark_recent(topics_t *self, topic_t *topic)
{
    if (!topic->is_recent)
        return;
    *(topic->older == NULL ? &self->oldest : &topic->older->newer) = topic->newer;
    *(topic->newer == NULL ? &self->newest : &topic->newer->older) = topic->older;
    topic->is_recent = false;
}

void topics_mark_recent(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    unmark_recent(self, topic);
    topic->published_ms = now_ms;
    topic->is_recent = true;
    topic->newer = NULL;
    topic->older = self->newest;
    *(self->newest == NULL ? &self->oldest : &self->newest->newer) = topic;
    self->newest = topic;
}

static void topic_free(topics_t *self, topic_t *topic)
{
    home_free(self, topic);
    forward_free(self, topic);
    unmark_recent(self, topic);
    topic_t **at = bucket_of(self, topic->name);
    while (*at != topic)
        at = &(*at)->next;
    *at = topic->next;
    self->count--;
    memory_free(topic);
}

static bool is_needed(const topic_t *topic)
{
    const hearing_t *hearing = &topic->hearing;
    return topic->is_busy || topic->is_recent || topic->home != NULL || topic->forward != NULL ||
           hearing->is_wanted || hearing->source != PLACEMENT_NONE ||
           hearing->asked != PLACEMENT_NONE;
}

static void step(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    bool is_busy = hearing_step(self, topic, now_ms);
    if (topic->home != NULL)
        is_busy |= home_step(self, topic, now_ms);
    if (topic->forward != NULL)
        is_busy |= forward_step(self, topic, now_ms);
    if (is_busy)
        topics_mark_busy(self, topic);
    if (!is_needed(topic))
        topic_free(self, topic);
}

/* ---- life ---- */

err_t topics_new(uint64_t node, const topics_sink_t *sink, topics_t **out_topics)
{
    topics_t *self = memory_new(sizeof *self);
    topic_t **buckets = memory_new_array(BUCKETS_FIRST, sizeof *buckets);
    if (self == NULL || buckets == NULL) {
        memory_free(self);
        memory_free(buckets);
        return ERR_NO_MEMORY;
    }
    *self =
        (topics_t){.node = node, .sink = *sink, .buckets = buckets, .bucket_count = BUCKETS_FIRST};
    *out_topics = self;
    return ERR_OK;
}

void topics_free(topics_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->bucket_count; i++)
        while (self->buckets[i] != NULL)
            topic_free(self, self->buckets[i]);
    memory_free(self->buckets);
    memory_free(self->nodes);
    memory_free(self);
}

void topics_scope_end(topics_t **self)
{
    topics_free(*self);
}

/* ---- what all parts use ---- */

bool topics_is_member(const topics_t *self, uint64_t node)
{
    uint32_t low = 0, high = self->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->node_count && self->nodes[low] == node;
}

void topics_send(topics_t *self, uint64_t node, const topic_t *topic, topic_frame_t frame)
{
    frame.topic = topic->name;
    self->sink.send(self->sink.context, node, &frame);
}

void topics_tell_gap(topics_t *self, const topic_t *topic, topic_gap_why_t why)
{
    if (!topic->hearing.is_wanted)
        return;
    self->stats.gaps++;
    self->sink.gap(self->sink.context, topic->name, why);
}

/* What is asked for because of a late one must be answered after it. */
void topics_deliver(topics_t *self, const topic_t *topic, str_t post, uint32_t flags)
{
    if ((flags & TOPIC_FLAG_MISSED) != 0)
        topics_tell_gap(self, topic, TOPIC_GAP_MISSED);
    if (post.size > 0 && topic->hearing.is_wanted)
        self->sink.deliver(self->sink.context, topic->name, post);
    if ((flags & TOPIC_FLAG_LATE) != 0 && post.size > 0)
        topics_tell_gap(self, topic, TOPIC_GAP_LATE);
}

/* ---- a new view ---- */

/* What a node that is gone had not forwarded is gone with it. */
static bool may_have_lost(const topics_t *self, const topic_t *topic)
{
    return topic->hearing.is_wanted &&
           (self->sink.is_shared == NULL || self->sink.is_shared(self->sink.context, topic->name));
}

/* Who has skipped a view does not know whether the home was another in it. */
static void place(topics_t *self, topic_t *topic, placing_t placing)
{
    uint64_t before = topic->owner;
    topic->owner = owner_of(self, topic);
    bool is_other = topic->owner != before || placing.has_skipped;
    if (topic->home != NULL && topic->owner != self->node)
        home_end(self, topic);
    if (topic->home != NULL && placing.has_skipped)
        home_publish_missed(self, topic, placing.now_ms); /* by whoever may have been in between */
    if (topic->home != NULL)
        home_keep_members(self, topic, placing.now_ms);
    hearing_placed(self, topic, is_other, placing);
    if (hearing_step(self, topic, placing.now_ms)) /* says the gap before what comes behind it */
        topics_mark_busy(self, topic);
    if (placing.has_lost && may_have_lost(self, topic))
        topics_tell_gap(self, topic, TOPIC_GAP_MISSED);
    if (topic->owner == before)
        return;
    /* Others may have gone by the new home before what was published here lately. */
    forward_placed(self, topic, topic->is_recent && before != PLACEMENT_NONE, placing.now_ms);
}

static bool has_lost_any(const topics_t *self, const uint64_t *before, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!topics_is_member(self, before[i]))
            return true;
    return false;
}

err_t topics_place(topics_t *self, const placement_t *placement, const uint64_t *nodes,
                   uint32_t count, uint64_t now_ms)
{
    if (self->placement != NULL && placement->version < self->version)
        return ERR_OK;
    uint64_t *copy = memory_dup(nodes, count * sizeof *nodes);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    uint64_t *before = self->nodes;
    uint32_t count_before = self->node_count;
    placing_t placing = {.now_ms = now_ms};
    placing.has_skipped = self->placement != NULL && placement->version > self->version + 1;
    self->nodes = copy;
    self->node_count = count;
    self->placement = placement;
    self->version = placement->version;
    placing.has_lost = has_lost_any(self, before, count_before);
    memory_free(before);
    for (size_t i = 0; i < self->bucket_count; i++) {
        for (topic_t *topic = self->buckets[i], *next; topic != NULL; topic = next) {
            next = topic->next;
            place(self, topic, placing);
            step(self, topic, now_ms);
        }
    }
    return ERR_OK;
}

/* ---- from this node ---- */

err_t topics_hear(topics_t *self, str_t name, bool is_heard, uint64_t now_ms)
{
    topic_t *topic = is_heard ? NULL : topics_find(self, name);
    if (is_heard)
        TRY(find_or_add(self, name, &topic));
    if (topic == NULL || topic->hearing.is_wanted == is_heard)
        return ERR_OK;
    topic->hearing.is_wanted = is_heard;
    topic->hearing.left_ms = now_ms;
    step(self, topic, now_ms);
    return ERR_OK;
}

bool topics_is_home(const topics_t *self, str_t name)
{
    return self->placement != NULL && self->placement->owners[topic_partition(name)] == self->node;
}

bool topics_is_heard_elsewhere(const topics_t *self, str_t name)
{
    if (!topics_is_home(self, name))
        return true;
    const topic_t *topic = topics_find(self, name);
    return topic != NULL && topic->home != NULL && topic->home->listener_count > 0;
}

void topics_publish(topics_t *self, str_t name, str_t post, uint64_t now_ms)
{
    topic_t *topic = NULL;
    if (find_or_add(self, name, &topic) != ERR_OK) {
        self->stats.lost++; /* no part of it is here: nobody listens to this node */
        return;
    }
    topics_mark_recent(self, topic, now_ms);
    if (post.size > TOPIC_POST_MAX)
        post = (str_t){NULL, 0};
    if (topic->owner != self->node) {
        forward_push(self, topic, post, now_ms);
        return;
    }
    topic->published_view = MAX(topic->published_view, self->version);
    home_publish(self, topic, post, post.size == 0 ? TOPIC_FLAG_MISSED : 0, now_ms);
}

/* ---- from others ---- */

/* To who is the home by the other's view. */
static void receive_at_home(topics_t *self, uint64_t from, const topic_frame_t *frame,
                            uint64_t now_ms)
{
    topic_t *topic = NULL;
    bool is_home = topics_is_home(self, frame->topic) && topics_is_member(self, from) &&
                   frame->view <= self->version;
    if (!is_home || find_or_add(self, frame->topic, &topic) != ERR_OK)
        return; /* one of the two is behind; it is repeated */
    if (frame->kind == TOPIC_SUBSCRIBE)
        home_subscribed(self, topic, from, frame, now_ms);
    else
        home_forwarded(self, topic, from, frame, now_ms);
    if (!is_needed(topic))
        topic_free(self, topic);
}

static void receive_known(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                          uint64_t now_ms)
{
    switch (frame->kind) {
    case TOPIC_UNSUBSCRIBE:
        home_unsubscribed(self, topic, from, frame);
        break;
    case TOPIC_LIVE:
        hearing_live(self, topic, from, frame);
        break;
    case TOPIC_POST:
        hearing_post(self, topic, from, frame, now_ms);
        break;
    case TOPIC_ACK:
        home_acked(self, topic, from, frame, now_ms);
        break;
    case TOPIC_END:
        hearing_ended(self, topic, from, frame);
        break;
    case TOPIC_FORWARDED:
        forward_acked(self, topic, from, frame, now_ms);
        break;
    case TOPIC_SUBSCRIBE:
    case TOPIC_FORWARD:
        break;
    }
    topics_mark_busy(self, topic);
}

void topics_receive(topics_t *self, uint64_t from, const topic_frame_t *frame, uint64_t now_ms)
{
    if (frame->kind == TOPIC_SUBSCRIBE || frame->kind == TOPIC_FORWARD) {
        receive_at_home(self, from, frame, now_ms);
        return;
    }
    topic_t *topic = topics_find(self, frame->topic);
    if (topic != NULL) {
        receive_known(self, topic, from, frame, now_ms);
    } else if (frame->kind == TOPIC_LIVE || frame->kind == TOPIC_POST) {
        topic_frame_t leave = {
            .kind = TOPIC_UNSUBSCRIBE, .topic = frame->topic, .base = self->asks};
        self->sink.send(self->sink.context, from, &leave);
    }
}

/* ---- time ---- */

void topics_tick(topics_t *self, uint64_t now_ms)
{
    while (self->oldest != NULL && now_ms >= self->oldest->published_ms + TOPIC_RECENT_MS) {
        topic_t *topic = self->oldest;
        unmark_recent(self, topic);
        topics_mark_busy(self, topic);
    }
    topic_t *next = NULL;
    for (topic_t *topic = STEAL(self->busy); topic != NULL; topic = next) {
        next = topic->busy_next;
        topic->is_busy = false;
        step(self, topic, now_ms);
    }
}

void topics_stats(const topics_t *self, topics_stats_t *out_stats)
{
    *out_stats = self->stats;
    out_stats->topics = self->count;
    out_stats->bytes = self->bytes;
}
