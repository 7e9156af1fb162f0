/* topics_hearing.c -- a topic that is subscribed to on this node: where it is heard from. */
#include "cluster/topic/topics_parts.h"

/* Takes back all that it was asked: an answer to that does not count any more. */
static void leave(topics_t *self, topic_t *topic, uint64_t node)
{
    if (node == PLACEMENT_NONE || node == self->node)
        return;
    if (topic->hearing.asked == node)
        topic->hearing.asked = PLACEMENT_NONE;
    topics_send(self, node, topic, (topic_frame_t){.kind = TOPIC_UNSUBSCRIBE, .base = self->asks});
}

/* Of a source that is live all from the last one seen on, else all from now on. */
static void subscribe(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    hearing_t *hearing = &topic->hearing;
    topic_frame_t frame = {.kind = TOPIC_SUBSCRIBE, .base = ++self->asks, .view = self->version};
    if (hearing->is_live && hearing->source == topic->owner) {
        frame.life = hearing->life;
        frame.number = hearing->seen;
    }
    hearing->asked_ms = now_ms;
    topics_send(self, topic->owner, topic, frame);
}

static void ask(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    hearing_t *hearing = &topic->hearing;
    if (hearing->asked != topic->owner)
        hearing->asks = self->asks + 1;
    hearing->asked = topic->owner;
    subscribe(self, topic, now_ms);
}

static void acknowledge(topics_t *self, topic_t *topic)
{
    hearing_t *hearing = &topic->hearing;
    hearing->acked = hearing->seen;
    topics_send(self, hearing->source, topic,
                (topic_frame_t){.kind = TOPIC_ACK, .life = hearing->life, .number = hearing->seen});
}

/* From another source: what was between the two may be missing. */
static void change_source(topics_t *self, topic_t *topic, uint64_t source)
{
    hearing_t *hearing = &topic->hearing;
    uint64_t before = hearing->source;
    hearing->source = source;
    hearing->is_live = true;
    hearing->asked = PLACEMENT_NONE;
    if (before != source)
        leave(self, topic, before);
    topics_tell_gap(self, topic, hearing->was_live ? TOPIC_GAP_MISSED : TOPIC_GAP_START);
    hearing->was_live = true;
}

static void hear_at_home(topics_t *self, topic_t *topic)
{
    hearing_t *hearing = &topic->hearing;
    if (hearing->source == self->node && hearing->is_live)
        return;
    bool is_first = hearing->source == PLACEMENT_NONE && hearing->asked == PLACEMENT_NONE;
    if (is_first && !hearing->has_waited) {
        hearing->source = self->node; /* from the beginning: nothing was missed */
        hearing->is_live = hearing->was_live = true;
    } else {
        if (hearing->asked != hearing->source)
            leave(self, topic, hearing->asked);
        change_source(self, topic, self->node);
    }
}

static bool end_when_due(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    hearing_t *hearing = &topic->hearing;
    if (now_ms < hearing->left_ms + TOPIC_LINGER_MS)
        return hearing->source != PLACEMENT_NONE || hearing->asked != PLACEMENT_NONE;
    leave(self, topic, hearing->source);
    if (hearing->asked != hearing->source)
        leave(self, topic, hearing->asked);
    *hearing = (hearing_t){0};
    return false;
}

bool hearing_step(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    hearing_t *hearing = &topic->hearing;
    if (hearing->is_live && hearing->acked < hearing->seen && hearing->source != self->node)
        acknowledge(self, topic);
    if (!hearing->is_wanted)
        return end_when_due(self, topic, now_ms);
    if (topic->owner == self->node) {
        hear_at_home(self, topic);
        return false;
    }
    hearing->has_waited |= topic->owner == PLACEMENT_NONE;
    if (topic->owner == PLACEMENT_NONE)
        return false;
    bool is_due = now_ms >= hearing->asked_ms + TOPIC_RETRY_MS;
    if (hearing->is_live && hearing->source == topic->owner) {
        if (hearing->is_unsure && is_due)
            subscribe(self, topic, now_ms);
        return hearing->is_unsure;
    }
    if (hearing->asked != topic->owner || is_due)
        ask(self, topic, now_ms);
    return true;
}

/* A source that is dead, or was this node and is so no more, is none. One that is the home again,
 * or may not have been in a view that was skipped, is asked whether it still has the cursor: what
 * it said of that may be lost. */
void hearing_placed(topics_t *self, topic_t *topic, bool is_other, placing_t placing)
{
    hearing_t *hearing = &topic->hearing;
    bool is_here = hearing->source == self->node;
    if (hearing->is_live && (is_here ? is_other : !topics_is_member(self, hearing->source)))
        hearing->is_live = false;
    if (!is_other)
        return;
    hearing->asked = PLACEMENT_NONE;
    hearing->is_unsure = hearing->is_live && !is_here && hearing->source == topic->owner;
    hearing->asks = self->asks + 1;
    /* Who is not wanted asks when it is again, before what is left is forgotten. */
    if (hearing->is_unsure && hearing->is_wanted)
        subscribe(self, topic, placing.now_ms);
}

void hearing_live(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame)
{
    hearing_t *hearing = &topic->hearing;
    if (!hearing->is_wanted || from != topic->owner) {
        if (from != hearing->source)
            leave(self, topic, from);
        return;
    }
    bool is_same = hearing->is_live && from == hearing->source && frame->life == hearing->life;
    if (frame->base < hearing->asks)
        return; /* asked before something changed, or overtaken */
    hearing->asks = frame->base;
    hearing->is_unsure = false;
    if (is_same && frame->number <= hearing->seen)
        return; /* nothing is missing */
    hearing->life = frame->life;
    hearing->seen = hearing->acked = frame->number;
    change_source(self, topic, from);
}

static void take(topics_t *self, topic_t *topic, const topic_frame_t *frame)
{
    topic->hearing.seen = frame->number;
    self->stats.received++;
    topics_deliver(self, topic, frame->post, frame->flags);
}

/* One before it was lost: all from there on again. */
static void ask_again(topics_t *self, topic_t *topic, uint64_t now_ms)
{
    hearing_t *hearing = &topic->hearing;
    if (now_ms < hearing->asked_ms + TOPIC_NACK_MS)
        return;
    hearing->asked_ms = now_ms;
    topics_send(self, hearing->source, topic,
                (topic_frame_t){.kind = TOPIC_SUBSCRIBE,
                                .life = hearing->life,
                                .number = hearing->seen,
                                .base = ++self->asks,
                                .view = self->version});
}

void hearing_post(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame,
                  uint64_t now_ms)
{
    hearing_t *hearing = &topic->hearing;
    bool is_source = hearing->is_live && from == hearing->source && frame->life == hearing->life;
    if (!is_source) {
        if (from != hearing->source && (from != topic->owner || !hearing->is_wanted))
            leave(self, topic, from);
        return; /* its LIVE is under way, or asked for again */
    }
    bool is_next = frame->number == hearing->seen + 1 || (frame->flags & TOPIC_FLAG_MISSED) != 0;
    if (frame->number <= hearing->seen) {
        hearing->acked = MIN(hearing->acked, frame->number - 1); /* it does not know */
    } else if (is_next) {
        take(self, topic, frame);
    } else {
        ask_again(self, topic, now_ms);
    }
    if (hearing->seen - hearing->acked >= TOPIC_ACK_EVERY)
        acknowledge(self, topic);
    else
        topics_mark_busy(self, topic);
}

void hearing_ended(topics_t *self, topic_t *topic, uint64_t from, const topic_frame_t *frame)
{
    hearing_t *hearing = &topic->hearing;
    bool is_source = hearing->is_live && from == hearing->source && frame->life == hearing->life;
    if (is_source)
        hearing->is_live = false;
    if (from == hearing->asked)
        hearing->asked = PLACEMENT_NONE; /* what it may have answered before does not count */
    if (hearing->is_wanted)
        topics_mark_busy(self, topic);
}
