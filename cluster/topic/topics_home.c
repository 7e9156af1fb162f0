/* topics_home.c -- a topic at its home: who listens, and how far each has come. */
#include "cluster/topic/topics_parts.h"

#include "runtime/base/memory.h"

static home_t *home_of(topics_t *self, topic_t *topic)
{
    if (topic->home == NULL && (topic->home = memory_new(sizeof *topic->home)) != NULL)
        topic->home->life = ++self->lives;
    return topic->home;
}

void home_free(topics_t *self, topic_t *topic)
{
    home_t *home = STEAL(topic->home);
    if (home == NULL)
        return;
    posts_deinit(&home->posts, &self->bytes);
    memory_free(home->listeners);
    memory_free(home->publishers);
    memory_free(home);
}

static listener_t *find(const home_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->listener_count; i++)
        if (self->listeners[i].node == node)
            return &self->listeners[i];
    return NULL;
}

/* ---- to those who listen ---- */

/* What they all have is not kept. */
static void trim(topics_t *self, home_t *home)
{
    uint64_t acked = home->number;
    for (uint32_t i = 0; i < home->listener_count; i++)
        acked = MIN(acked, home->listeners[i].acked);
    posts_drop_until(&home->posts, acked, &self->bytes);
}

/* The next one, or, where that is not kept any more, the newest; or, where nothing is, the word
 * that something was. */
static void send_next(topics_t *self, topic_t *topic, listener_t *listener)
{
    const home_t *home = topic->home;
    const post_t *post = posts_find(&home->posts, listener->sent + 1);
    topic_frame_t frame = {.kind = TOPIC_POST, .life = home->life};
    if (post == NULL) {
        frame.flags = TOPIC_FLAG_MISSED;
        self->stats.skipped++;
        post = posts_newest(&home->posts);
        if (post != NULL && post->number <= listener->sent)
            post = NULL;
    }
    frame.number = post == NULL ? home->number : post->number;
    if (post != NULL) {
        frame.flags |= post->flags;
        frame.post = str_of(post->data, post->size);
    }
    if (frame.number <= listener->top) {
        frame.flags |= TOPIC_FLAG_LATE;
        self->stats.repeated++;
    }
    self->stats.posted++;
    listener->sent = frame.number;
    listener->top = MAX(listener->top, listener->sent);
    topics_send(self, listener->node, topic, frame);
}

static void pump(topics_t *self, topic_t *topic, listener_t *listener)
{
    while (listener->sent < topic->home->number && listener->sent - listener->acked < TOPIC_WINDOW)
        send_next(self, topic, listener);
    if (listener->acked < topic->home->number)
        topics_mark_busy(self, topic);
}

void home_publish(topics_t *self, topic_t *topic, str_t post, uint32_t flags, uint64_t now_ms)
{
    home_t *home = topic->home;
    if (home == NULL || home->listener_count == 0)
        return;
    uint32_t dropped;
    home->number++;
    if (post.size > 0) {
        if (posts_push(&home->posts, home->number, post, &self->bytes, &dropped) == ERR_OK)
            posts_newest(&home->posts)->flags = flags;
        else
            self->stats.lost++;
    }
    for (uint32_t i = 0; i < home->listener_count; i++) {
        listener_t *listener = &home->listeners[i];
        if (listener->acked == home->number - 1)
            listener->moved_ms = now_ms;
        pump(self, topic, listener);
    }
}

void home_publish_missed(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    home_publish(self, topic, (str_t){NULL, 0}, TOPIC_FLAG_MISSED, now_ms);
}

/* ---- from those who listen ---- */

static listener_t *add_listener(home_t *self, uint64_t node)
{
    if (topics_grow((void **)&self->listeners, self->listener_count, &self->listener_room,
                    sizeof *self->listeners) != ERR_OK)
        return NULL;
    listener_t *listener = &self->listeners[self->listener_count++];
    *listener = (listener_t){
        .node = node, .acked = self->number, .sent = self->number, .top = self->number};
    return listener;
}

/* A cursor goes forward by what its node has seen, and by nothing else: the answer to an earlier
 * ask may be what the node goes by. */
static void place_cursor(const home_t *home, listener_t *listener, const topic_frame_t *frame)
{
    bool is_known = frame->life == home->life && frame->number <= home->number;
    if (is_known)
        listener->acked = MAX(listener->acked, frame->number);
    listener->sent = listener->acked;
}

void home_subscribed(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                     uint64_t now_ms)
{
    home_t *home = home_of(self, topic);
    if (home == NULL)
        return; /* it asks again */
    listener_t *listener = find(home, from);
    if (listener == NULL && (listener = add_listener(home, from)) == NULL)
        return;
    if (frame->base < listener->ask)
        return; /* it was overtaken */
    listener->ask = frame->base;
    place_cursor(home, listener, frame);
    listener->moved_ms = now_ms;
    trim(self, home);
    topics_send(
        self, from, topic,
        (topic_frame_t){
            .kind = TOPIC_LIVE, .life = home->life, .number = listener->sent, .base = frame->base});
    pump(self, topic, listener);
}

static void remove_listener(topics_t *self, topic_t *topic, listener_t *listener)
{
    home_t *home = topic->home;
    *listener = home->listeners[--home->listener_count];
    trim(self, home);
}

/* It may have been overtaken by an ask. */
void home_unsubscribed(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame)
{
    listener_t *listener = topic->home == NULL ? NULL : find(topic->home, from);
    if (listener != NULL && (frame->base == 0 || frame->base >= listener->ask))
        remove_listener(self, topic, listener);
}

void home_acked(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                uint64_t now_ms)
{
    home_t *home = topic->home;
    listener_t *listener = home == NULL ? NULL : find(home, from);
    if (listener == NULL || frame->life != home->life || frame->number <= listener->acked ||
        frame->number > listener->top)
        return;
    listener->acked = frame->number;
    listener->sent = MAX(listener->sent, listener->acked);
    listener->moved_ms = now_ms;
    trim(self, home);
    pump(self, topic, listener);
}

/* What came of one that is gone may have come after what its successor published. */
void home_keep_members(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    home_t *home = topic->home;
    uint32_t publishers = home->publisher_count;
    for (uint32_t i = home->listener_count; i-- > 0;)
        if (!topics_is_member(self, home->listeners[i].node))
            remove_listener(self, topic, &home->listeners[i]);
    for (uint32_t i = home->publisher_count; i-- > 0;)
        if (!topics_is_member(self, home->publishers[i].node))
            home->publishers[i] = home->publishers[--home->publisher_count];
    if (home->publisher_count < publishers) {
        home_publish_missed(self, topic, now_ms);
        topics_tell_gap(self, topic, TOPIC_GAP_MISSED);
    }
}

void home_end(topics_t *self, topic_t *topic)
{
    const home_t *home = topic->home;
    for (uint32_t i = 0; i < home->listener_count; i++)
        topics_send(self, home->listeners[i].node, topic,
                    (topic_frame_t){.kind = TOPIC_END, .life = home->life});
    home_free(self, topic);
}

/* ---- from those who publish elsewhere ---- */

static publisher_t *publisher_of(home_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->publisher_count; i++)
        if (self->publishers[i].node == node)
            return &self->publishers[i];
    if (topics_grow((void **)&self->publishers, self->publisher_count, &self->publisher_room,
                    sizeof *self->publishers) != ERR_OK)
        return NULL;
    publisher_t *publisher = &self->publishers[self->publisher_count++];
    *publisher = (publisher_t){.node = node};
    return publisher;
}

uint32_t home_flags_of(topic_t *topic, uint64_t view)
{
    if (view < topic->published_view)
        return TOPIC_FLAG_LATE;
    topic->published_view = view;
    return 0;
}

void home_forwarded(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                    uint64_t now_ms)
{
    home_t *home = home_of(self, topic);
    publisher_t *publisher = home == NULL ? NULL : publisher_of(home, from);
    if (publisher == NULL)
        return; /* it sends it again */
    topics_mark_recent(self, topic, now_ms);
    /* Where one before it was lost, the answer says which is wanted. */
    if (frame->number > publisher->number &&
        frame->number == MAX(publisher->number + 1, frame->base)) {
        uint32_t flags = frame->flags | home_flags_of(topic, frame->view);
        publisher->number = frame->number;
        self->stats.received++;
        home_publish(self, topic, frame->post, flags, now_ms);
        topics_deliver(self, topic, frame->post, flags);
    }
    topics_send(
        self, from, topic,
        (topic_frame_t){.kind = TOPIC_FORWARDED, .life = frame->life, .number = publisher->number});
}

/* ---- time ---- */

bool home_step(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    home_t *home = topic->home;
    bool is_busy = false;
    for (uint32_t i = 0; i < home->listener_count; i++) {
        listener_t *listener = &home->listeners[i];
        if (listener->acked == home->number)
            continue;
        is_busy = true;
        if (now_ms < listener->moved_ms + TOPIC_RETRY_MS)
            continue;
        listener->sent = listener->acked;
        listener->moved_ms = now_ms;
        pump(self, topic, listener);
    }
    if (home->listener_count == 0 && !topic->is_recent)
        home_free(self, topic); /* who publishes here again is not known any more: nor needed */
    return is_busy;
}
