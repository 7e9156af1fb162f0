/* topics_forward.c -- what was published on this node of a topic whose home is another. */
#include "cluster/topic/topics_parts.h"

#include "runtime/base/memory.h"

static forward_t *forward_of(topics_t *self, topic_t *topic)
{
    if (topic->forward != NULL)
        return topic->forward;
    topic->forward = memory_new(sizeof *topic->forward);
    if (topic->forward == NULL)
        return NULL;
    self->stats.waiting++;
    *topic->forward =
        (forward_t){.number = self->forwards, .sent = self->forwards, .series = ++self->asks};
    return topic->forward;
}

void forward_free(topics_t *self, topic_t *topic)
{
    forward_t *forward = STEAL(topic->forward);
    if (forward == NULL)
        return;
    self->forwards = MAX(self->forwards, forward->number);
    self->stats.waiting--;
    posts_deinit(&forward->posts, &self->bytes);
    memory_free(forward);
}

static void send_post(topics_t *self, topic_t *topic, post_t *post, uint64_t base)
{
    forward_t *forward = topic->forward;
    if (post->number <= forward->top)
        post->flags |= TOPIC_FLAG_LATE;
    forward->sent = post->number;
    forward->top = MAX(forward->top, forward->sent);
    self->stats.forwarded++;
    topics_send(self, topic->owner, topic,
                (topic_frame_t){.kind = TOPIC_FORWARD,
                                .flags = post->flags,
                                .life = forward->series,
                                .number = post->number,
                                .base = base,
                                .view = post->view,
                                .post = str_of(post->data, post->size)});
}

/* They are at most a window. */
static void pump(topics_t *self, topic_t *topic)
{
    forward_t *forward = topic->forward;
    if (topic->owner == PLACEMENT_NONE)
        return;
    for (uint32_t i = 0; i < forward->posts.count; i++) {
        post_t *post = posts_at(&forward->posts, i);
        if (post->number > forward->sent)
            send_post(self, topic, post, posts_at(&forward->posts, 0)->number);
    }
}

static void say_missed_here(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    str_t nothing = {NULL, 0};
    topic->published_view = MAX(topic->published_view, self->version);
    home_publish_missed(self, topic, now_ms);
    topics_deliver(self, topic, nothing, TOPIC_FLAG_MISSED);
}

/* This node is the home now. */
static void publish_here(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    const forward_t *forward = topic->forward;
    for (uint32_t i = 0; i < forward->posts.count; i++) {
        const post_t *post = posts_at(&forward->posts, i);
        str_t bytes = str_of(post->data, post->size);
        uint32_t flags = post->flags | home_flags_of(topic, post->view);
        home_publish(self, topic, bytes, flags, now_ms);
        topics_deliver(self, topic, bytes, flags);
    }
    if (forward->is_missed)
        say_missed_here(self, topic, now_ms);
    forward_free(self, topic);
}

/* A number for it; what had to go for it, or had no room, is said with the next that goes. */
static void keep(topics_t *self, topic_t *topic, str_t post)
{
    forward_t *forward = topic->forward;
    uint32_t dropped = 0;
    uint64_t number = forward->number + 1;
    bool is_kept = posts_push(&forward->posts, number, post, &self->bytes, &dropped) == ERR_OK;
    if (is_kept) {
        forward->number = number;
        posts_newest(&forward->posts)->flags = forward->is_missed ? TOPIC_FLAG_MISSED : 0;
        posts_newest(&forward->posts)->view = self->version;
        forward->is_missed = false;
    } else {
        forward->is_missed = true;
    }
    self->stats.lost += dropped + (is_kept ? 0 : 1);
    if (dropped == 0)
        return;
    if (forward->posts.count > 0)
        posts_at(&forward->posts, 0)->flags |= TOPIC_FLAG_MISSED;
    else
        forward->is_missed = true;
}

static void push(topics_t *self, topic_t *topic, str_t post, bool is_missed, uint64_t now_ms)
{
    if (forward_of(self, topic) == NULL) {
        self->stats.lost++;
        return; /* without 80 bytes there is nobody to say it */
    }
    forward_t *forward = topic->forward;
    forward->is_missed |= is_missed;
    if (forward->posts.count == 0)
        forward->moved_ms = now_ms;
    keep(self, topic, post);
    pump(self, topic);
    topics_mark_busy(self, topic);
}

void forward_push(topics_t *self, topic_t *topic, str_t post, uint64_t now_ms)
{
    push(self, topic, post, post.size == 0, now_ms);
}

static void send_again(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    topic->forward->sent = 0;
    topic->forward->moved_ms = topic->forward->again_ms = now_ms;
    pump(self, topic);
}

/* Before the posts that wait, which the new home gets all: of those before them it, or who listens
 * there, may have heard nothing. */
static void mark_missed(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    if (topic->forward != NULL && topic->forward->posts.count > 0)
        posts_at(&topic->forward->posts, 0)->flags |= TOPIC_FLAG_MISSED;
    else
        push(self, topic, (str_t){NULL, 0}, true, now_ms);
}

void forward_placed(topics_t *self, topic_t *topic, bool is_recent, uint64_t now_ms)
{
    bool is_here = topic->owner == self->node;
    if (is_recent && is_here)
        say_missed_here(self, topic, now_ms);
    else if (is_recent)
        mark_missed(self, topic, now_ms);
    if (topic->forward == NULL)
        return;
    if (is_here) {
        publish_here(self, topic, now_ms);
        return;
    }
    topic->forward->series = ++self->asks;
    send_again(self, topic, now_ms);
    topics_mark_busy(self, topic);
}

void forward_acked(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                   uint64_t now_ms)
{
    forward_t *forward = topic->forward;
    if (forward == NULL || from != topic->owner || frame->life != forward->series ||
        frame->number > forward->number)
        return; /* what another home had is told the new one, too */
    uint32_t count = forward->posts.count;
    posts_drop_until(&forward->posts, frame->number, &self->bytes);
    if (forward->posts.count == 0 && !forward->is_missed)
        forward_free(self, topic);
    else if (forward->posts.count < count)
        forward->moved_ms = now_ms;
    else if (now_ms >= forward->again_ms + TOPIC_NACK_MS)
        send_again(self, topic, now_ms); /* it waits for the first of them */
}

bool forward_step(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    const forward_t *forward = topic->forward;
    if (forward->posts.count == 0 && forward->is_missed)
        keep(self, topic, (str_t){NULL, 0});
    if (now_ms >= forward->moved_ms + TOPIC_RETRY_MS)
        send_again(self, topic, now_ms);
    return true;
}
