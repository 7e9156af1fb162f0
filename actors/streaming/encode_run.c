#include "actors/streaming/encode_run.h"

#include "actors/streaming/run_news.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT_SLACK_SIZE = 65536 };

/* A segment of a sealed cache that is being published, off the loop. */
typedef struct publishing {
    encode_run_t *run;
    uint32_t index;
    uint64_t size;
} publishing_t;

struct encode_run {
    encode_run_options_t options; /* strings in the arena */
    arena_t arena;
    int source;
    segment_plan_t plan;
    segment_write_t writes[MEDIA_RUN_MAX];
    int outputs[MEDIA_RUN_MAX];
    uint32_t open_count;
    publishing_t publishing[MEDIA_RUN_MAX];
    uint32_t publishing_count; /* under way */
    bool has_ended;            /* the encoder's part, with err */
    err_t err;
};

encode_run_t *encode_run_new(const encode_run_options_t *options)
{
    encode_run_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->options = *options;
    self->source = -1;
    self->options.key = arena_str(&self->arena, options->key);
    self->options.path = arena_str(&self->arena, options->path);
    self->options.name_prefix = arena_str(&self->arena, options->name_prefix);
    if (self->options.key.data == NULL || self->options.path.data == NULL ||
        self->options.name_prefix.data == NULL) {
        encode_run_free(self);
        return NULL;
    }
    return self;
}

void encode_run_free(encode_run_t *self)
{
    for (uint32_t i = 0; i < self->open_count; i++)
        segment_write_drop(&self->writes[i]);
    if (self->source >= 0)
        close(self->source);
    arena_deinit(&self->arena);
    memory_free(self);
}

err_t encode_run_name(str_t prefix, uint32_t index, buf_t *out)
{
    buf_printf(out, "%.*s/%u.m4s", STR_ARG(prefix), index);
    return buf_status(out);
}

static run_news_t news_of(const encode_run_t *self)
{
    return (run_news_t){self->options.runtime, self->options.key, self->options.serial};
}

static void end(encode_run_t *self, err_t err)
{
    const run_news_t news = news_of(self);
    run_news_ended(&news, err);
    encode_run_free(self);
}

static void begun(void *context)
{
    const run_news_t news = news_of(context);
    run_news_begun(&news);
}

static void tell_made(const encode_run_t *self, uint32_t index, uint64_t size)
{
    const run_news_t news = news_of(self);
    run_news_made(&news, index, size);
}

static err_t publish_sealed(void *data)
{
    const publishing_t *publishing = data;
    encode_run_t *self = publishing->run;
    return segment_write_publish(&self->writes[publishing->index - self->options.range.first]);
}

static void sealed_published(void *data, err_t err)
{
    const publishing_t *publishing = data;
    encode_run_t *self = publishing->run;
    if (err == ERR_OK)
        tell_made(self, publishing->index, publishing->size);
    if (--self->publishing_count == 0 && self->has_ended)
        end(self, self->err);
}

/* One that can't be published stays missing, which the end of the run tells. */
static void segment_written(void *context, uint32_t index, uint64_t size)
{
    encode_run_t *self = context;
    uint32_t offset = index - self->options.range.first;
    if (offset >= self->open_count)
        return;
    if (!segment_cache_is_sealed(self->options.service->segments)) {
        if (segment_write_publish(&self->writes[offset]) == ERR_OK)
            tell_made(self, index, size);
        return;
    }
    self->publishing[offset] = (publishing_t){self, index, size};
    self->publishing_count++;
    edge_offload(runtime_edge(self->options.runtime, 0), OFFLOAD_FILE, publish_sealed,
                 sealed_published, &self->publishing[offset]);
}

static void encoded(void *context, err_t err, str_t text)
{
    encode_run_t *self = context;
    (void)text;
    self->has_ended = true;
    self->err = err;
    if (self->publishing_count == 0)
        end(self, err);
}

static err_t open_source(encode_run_t *self)
{
    struct stat status;
    self->source = open(self->options.path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (self->source < 0 || fstat(self->source, &status) != 0 || !S_ISREG(status.st_mode))
        return ERR_UNAVAILABLE;
    return ERR_OK;
}

/* What a segment takes at most; what is not used is given back when it is published. */
static uint64_t size_of(const encode_run_t *self, uint32_t index)
{
    const segment_plan_t *plan = &self->plan;
    uint32_t bandwidth =
        rendition_bandwidth(plan->rendition, plan->sample_rate, plan->channels, plan->bits);
    double seconds = segment_seconds(plan, index);
    return (uint64_t)(seconds * bandwidth / 8 * 2) + SEGMENT_SLACK_SIZE;
}

static err_t open_outputs(encode_run_t *self)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    const transcode_range_t *range = &self->options.range;
    while (self->open_count < range->count) {
        uint32_t index = range->first + self->open_count;
        segment_write_t *write = &self->writes[self->open_count];
        buf_reset(&name);
        TRY(encode_run_name(self->options.name_prefix, index, &name));
        TRY(segment_cache_write(self->options.service->segments, buf_str(&name),
                                size_of(self, index), write));
        self->outputs[self->open_count++] = write->fd;
    }
    return ERR_OK;
}

static err_t start(encode_run_t *self)
{
    TRY(segment_plan(self->options.rendition, &self->options.format, &self->plan));
    TRY(open_source(self));
    TRY(open_outputs(self));
    media_encode_job_t job = {.source = {self->source, self->options.path},
                              .rendition = self->options.rendition,
                              .format = self->options.format,
                              .first = self->options.range.first,
                              .count = self->options.range.count,
                              .outputs = self->outputs,
                              .began = begun};
    worker_lane_t lane = self->options.is_urgent ? WORKER_URGENT : WORKER_AHEAD;
    return media_client_encode(self->options.service->media, lane, &job, segment_written, encoded,
                               self);
}

void encode_run_start(encode_run_t *self)
{
    err_t err = start(self);
    if (err != ERR_OK) /* then the workers have not got it */
        end(self, err);
}
