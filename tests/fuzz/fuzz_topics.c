/* What peers send of topics, as any bytes. Each chunk is a length, what is done, and a frame: one
 * that is read is written as something that is read as the same, and goes to a node that publishes,
 * listens and moves homes in between. Oracle: the bounds hold, and nothing is left at the end. */
#include "cluster/topic/topics.h"
#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SELF = 2, NODES = 3 };

typedef struct fuzz {
    topics_t *topics;
    placement_t *placement;
    uint64_t now_ms;
} fuzz_t;

static void send_frame(void *context, uint64_t node, const topic_frame_t *frame)
{
    buf_t wire BUF_SCOPED = BUF_INIT;
    topic_frame_t back;
    (void)context;
    ASSERT(node != SELF);
    topic_frame_put(frame, &wire);
    ASSERT(topic_frame_read(buf_str(&wire), &back) == ERR_OK);
}

static void deliver(void *context, str_t topic, str_t post)
{
    (void)context;
    ASSERT(topic.size > 0 && post.size > 0 && post.size <= TOPIC_POST_MAX);
}

static void tell_gap(void *context, str_t topic, topic_gap_why_t why)
{
    (void)context, (void)why;
    ASSERT(topic.size > 0);
}

static void receive(fuzz_t *self, uint64_t from, str_t bytes)
{
    buf_t wire BUF_SCOPED = BUF_INIT;
    topic_frame_t frame, back;
    if (topic_frame_read(bytes, &frame) != ERR_OK)
        return;
    topic_frame_put(&frame, &wire);
    ASSERT(topic_frame_read(buf_str(&wire), &back) == ERR_OK);
    ASSERT(frame.kind == back.kind && frame.flags == back.flags && frame.life == back.life);
    ASSERT(frame.number == back.number && frame.base == back.base);
    ASSERT(str_equal(frame.topic, back.topic) && str_equal(frame.post, back.post));
    topics_receive(self->topics, from, &frame, self->now_ms);
}

static void act(fuzz_t *self, uint8_t what)
{
    static const uint64_t nodes[NODES] = {1, 2, 3};
    str_t topic = STR("a");
    switch (what % 8) {
    case 0:
        self->placement->version += 1 + what / 128;
        self->placement->owners[topic_partition(topic)] = what / 8 % NODES + 1;
        uint32_t count = what / 32 % 2 == 0 ? NODES : NODES - 1;
        ASSERT(topics_place(self->topics, self->placement, nodes, count, self->now_ms) == ERR_OK);
        break;
    case 1:
        ASSERT(topics_hear(self->topics, topic, what / 8 % 2 == 0, self->now_ms) == ERR_OK);
        break;
    case 2:
        for (unsigned i = 0; i < what; i += 8)
            topics_publish(self->topics, topic, STR("post"), self->now_ms);
        break;
    default:
        self->now_ms += what;
        topics_tick(self->topics, self->now_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_t self = {.placement = memory_new(sizeof *self.placement)};
    const topics_sink_t sink = {&self, send_frame, deliver, tell_gap, NULL};
    ASSERT(topics_new(SELF, &sink, &self.topics) == ERR_OK);
    act(&self, 8); /* this node is the home */
    while (size > 2) {
        size_t length = MIN((size_t)data[0], size - 2);
        act(&self, data[1]);
        receive(&self, data[1] % NODES == SELF - 1 ? 1 : data[1] % NODES + 1,
                str_of(data + 2, length));
        data += 2 + length;
        size -= 2 + length;
    }
    topics_stats_t stats;
    topics_stats(self.topics, &stats);
    ASSERT(stats.bytes <= TOPICS_BYTES_MAX + TOPIC_POST_MAX);
    topics_free(self.topics);
    memory_free(self.placement);
    return 0;
}
