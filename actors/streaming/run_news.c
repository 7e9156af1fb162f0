#include "actors/streaming/run_news.h"

static address_t actor_of(const run_news_t *self)
{
    return address_of(TRANSCODE_KIND, self->key);
}

void run_news_begun(const run_news_t *self)
{
    IGNORE_ERR(runtime_send(self->runtime, actor_of(self), transcode_begun, .run = self->serial));
}

void run_news_made(const run_news_t *self, uint32_t index, uint64_t size_bytes)
{
    IGNORE_ERR(runtime_send(self->runtime, actor_of(self), transcode_made, .run = self->serial,
                            .index = index, .size_bytes = size_bytes));
}

void run_news_ended(const run_news_t *self, err_t err)
{
    IGNORE_ERR(runtime_send(self->runtime, actor_of(self), transcode_ended, .run = self->serial,
                            .err = err));
}
