#include "cluster/topic/topic_service.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

struct topic_service {
    topic_service_options_t options;
    ms_clock_t clock;
    uv_mutex_t lock;
    topics_t *topics;
    placement_t *placement; /* what topics borrow */
    buf_t scratch;          /* of a post */
    uint64_t unknown;       /* posts without a schema here */
};

static uint64_t now_ms(const topic_service_t *self)
{
    return clock_mono_ms(&self->clock);
}

/* ---- posts: u32 trace, u16 size of the name, the schema's name, the wire form ---- */

enum { POST_HEAD = 6 };

static void put_small(buf_t *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_append_char(out, (char)(unsigned char)(value >> 8 * i));
}

static uint32_t small_at(str_t bytes, size_t at, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint32_t)(unsigned char)bytes.data[at + i] << 8 * i;
    return value;
}

static str_t post_put(topic_service_t *self, const topic_post_t *post)
{
    buf_t *out = &self->scratch;
    size_t size = strlen(post->schema->name);
    buf_reset(out);
    put_small(out, post->trace, 4);
    put_small(out, (uint32_t)size, 2);
    buf_append_bytes(out, post->schema->name, size);
    schema_encode(post->schema, post->message, out);
    return buf_status(out) == ERR_OK ? buf_str(out) : (str_t){NULL, 0};
}

/* All but the message, which is still in its wire form. */
static err_t post_read(const topic_service_t *self, str_t bytes, topic_post_t *out_post,
                       str_t *out_wire)
{
    if (bytes.size < POST_HEAD)
        return ERR_INVALID;
    size_t size = small_at(bytes, 4, 2);
    if (size > bytes.size - POST_HEAD)
        return ERR_INVALID;
    str_t name = str_slice(bytes, POST_HEAD, POST_HEAD + size);
    out_post->trace = small_at(bytes, 0, 4);
    out_post->schema = self->options.schema(self->options.context, name);
    *out_wire = str_slice(bytes, POST_HEAD + size, bytes.size);
    return out_post->schema == NULL ? ERR_UNSUPPORTED : ERR_OK;
}

/* ---- what topics do ---- */

static void send_frame(void *context, uint64_t node, const topic_frame_t *frame)
{
    const topic_service_t *self = context;
    self->options.send(self->options.context, node, frame);
}

static void tell_gap(void *context, str_t topic, topic_gap_why_t why)
{
    const topic_service_t *self = context;
    const topic_gap_t gap = {.is_start = why == TOPIC_GAP_START, .is_late = why == TOPIC_GAP_LATE};
    runtime_topic_deliver(self->options.runtime,
                          &(topic_post_t){topic, &topic_gap_schema, &gap, 0});
}

static err_t deliver_post(const topic_service_t *self, str_t topic, str_t bytes)
{
    arena_t arena ARENA_SCOPED = {0};
    topic_post_t post = {.topic = topic};
    str_t wire;
    TRY(post_read(self, bytes, &post, &wire));
    void *message = arena_new(&arena, MAX(post.schema->size, (size_t)1));
    if (message == NULL)
        return ERR_NO_MEMORY;
    TRY(schema_decode(post.schema, wire, &arena, message));
    post.message = message;
    bool is_whole = runtime_topic_deliver(self->options.runtime, &post);
    return is_whole ? ERR_OK : ERR_NO_MEMORY;
}

static void deliver(void *context, str_t topic, str_t post)
{
    topic_service_t *self = context;
    if (deliver_post(self, topic, post) == ERR_OK)
        return;
    self->unknown++;
    tell_gap(self, topic, TOPIC_GAP_MISSED);
}

static bool is_shared(void *context, str_t topic)
{
    const topic_service_t *self = context;
    return self->options.is_shared == NULL || self->options.is_shared(self->options.context, topic);
}

/* ---- what the runtime says ---- */

/* Called in any order of those who subscribe and leave: what counts is what is so now. Where there
 * is no room for it the next who subscribes says it again; who did so now hears of this node. */
static void changed(void *context, str_t topic)
{
    topic_service_t *self = context;
    uv_mutex_lock(&self->lock);
    bool is_heard = runtime_topic_is_heard(self->options.runtime, topic);
    IGNORE_ERR(topics_hear(self->topics, topic, is_heard, now_ms(self)));
    uv_mutex_unlock(&self->lock);
}

static bool publish(void *context, const topic_post_t *post)
{
    topic_service_t *self = context;
    uv_mutex_lock(&self->lock);
    bool is_home = topics_is_home(self->topics, post->topic);
    str_t bytes = {NULL, 0};
    if (topics_is_heard_elsewhere(self->topics, post->topic))
        bytes = post_put(self, post);
    topics_publish(self->topics, post->topic, bytes, now_ms(self));
    uv_mutex_unlock(&self->lock);
    return is_home;
}

/* ---- life ---- */

err_t topic_service_new(const topic_service_options_t *options, topic_service_t **out_service)
{
    topic_service_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    const topics_sink_t sink = {self, send_frame, deliver, tell_gap, is_shared};
    self->options = *options;
    self->clock = *runtime_clock(options->runtime);
    err_t err = topics_new(options->node, &sink, &self->topics);
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    ASSERT(uv_mutex_init(&self->lock) == 0);
    runtime_set_topic_router(options->runtime, &(topic_router_t){changed, publish, self});
    *out_service = self;
    return ERR_OK;
}

void topic_service_free(topic_service_t *self)
{
    if (self == NULL)
        return;
    topics_free(self->topics);
    memory_free(self->placement);
    buf_deinit(&self->scratch);
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

err_t topic_service_place(topic_service_t *self, const placement_t *placement,
                          const uint64_t *nodes, uint32_t count)
{
    placement_t *copy = memory_dup(placement, sizeof *placement);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    uv_mutex_lock(&self->lock);
    bool is_old = self->placement != NULL && placement->version < self->placement->version;
    err_t err = is_old ? ERR_OK : topics_place(self->topics, copy, nodes, count, now_ms(self));
    placement_t *other = copy;
    if (!is_old && err == ERR_OK) {
        other = self->placement;
        self->placement = copy;
    }
    uv_mutex_unlock(&self->lock);
    memory_free(other);
    return err;
}

err_t topic_service_receive(topic_service_t *self, uint64_t from, str_t bytes)
{
    topic_frame_t frame;
    TRY(topic_frame_read(bytes, &frame));
    uv_mutex_lock(&self->lock);
    topics_receive(self->topics, from, &frame, now_ms(self));
    uv_mutex_unlock(&self->lock);
    return ERR_OK;
}

void topic_service_tick(topic_service_t *self)
{
    uv_mutex_lock(&self->lock);
    topics_tick(self->topics, now_ms(self));
    uv_mutex_unlock(&self->lock);
}

void topic_service_stats(topic_service_t *self, topics_stats_t *out_stats)
{
    uv_mutex_lock(&self->lock);
    topics_stats(self->topics, out_stats);
    out_stats->unknown = self->unknown;
    uv_mutex_unlock(&self->lock);
}
