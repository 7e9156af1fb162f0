#include "actors/streaming/fetch_run.h"

#include "actors/streaming/encode_run.h"
#include "actors/streaming/run_news.h"
#include "runtime/base/memory.h"

struct fetch_run {
    fetch_run_options_t options; /* strings in the arena */
    arena_t arena;
};

fetch_run_t *fetch_run_new(const fetch_run_options_t *options)
{
    fetch_run_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->options = *options;
    self->options.key = arena_str(&self->arena, options->key);
    self->options.root = arena_str(&self->arena, options->root);
    self->options.name_prefix = arena_str(&self->arena, options->name_prefix);
    if (self->options.key.data == NULL || self->options.root.data == NULL ||
        self->options.name_prefix.data == NULL) {
        fetch_run_free(self);
        return NULL;
    }
    return self;
}

void fetch_run_free(fetch_run_t *self)
{
    arena_deinit(&self->arena);
    memory_free(self);
}

err_t fetch_run_target(str_t name_prefix, uint32_t index, bool is_cached_only, buf_t *out)
{
    buf_printf(out, "/pieces/segment/%.*s/%u%s", STR_ARG(name_prefix), index,
               is_cached_only ? "?only=cached" : "");
    return buf_status(out);
}

static err_t fetch_from(const fetch_run_t *self, const root_node_t *nodes, size_t count,
                        uint32_t index, bool is_cached_only)
{
    const streaming_service_t *service = self->options.service;
    buf_t target BUF_SCOPED = BUF_INIT, name BUF_SCOPED = BUF_INIT;
    TRY(fetch_run_target(self->options.name_prefix, index, is_cached_only, &target));
    TRY(encode_run_name(self->options.name_prefix, index, &name));
    return piece_client_fetch(service->pieces, nodes, count, buf_str(&target), service->segments,
                              buf_str(&name));
}

static bool are_away(const fetch_run_t *self, const root_node_t *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!piece_client_is_away(self->options.service->pieces, &nodes[i]))
            return false;
    return true;
}

static err_t fetch_copy(const fetch_run_t *self, uint32_t index)
{
    root_node_t nodes[ROOT_NODES_MAX];
    size_t count = root_places_keepers(self->options.service->places, self->options.key, nodes,
                                       COUNT_OF(nodes));
    return fetch_from(self, nodes, count, index, true);
}

/* Who can read the folder may have to encode; who only keeps copies is asked when nobody can. A
 * node that hangs takes its whole time-out to say nothing: known to be away, it is asked last. */
static err_t fetch(const fetch_run_t *self, uint32_t index)
{
    root_places_t *places = self->options.service->places;
    root_node_t nodes[ROOT_NODES_MAX];
    size_t count =
        root_places_readers(places, self->options.root, self->options.key, nodes, COUNT_OF(nodes));
    bool is_copy_first = are_away(self, nodes, count);
    if (is_copy_first && fetch_copy(self, index) == ERR_OK)
        return ERR_OK;
    err_t err = fetch_from(self, nodes, count, index, false);
    if (err == ERR_OK || err == ERR_BUSY || err == ERR_NO_MEMORY || err == ERR_FULL)
        return err;
    if (!is_copy_first && fetch_copy(self, index) == ERR_OK)
        return ERR_OK;
    return err == ERR_NOT_FOUND || err == ERR_CONFLICT ? ERR_UNAVAILABLE : err;
}

void fetch_run_start(fetch_run_t *self)
{
    const fetch_run_options_t *options = &self->options;
    const run_news_t news = {options->runtime, options->key, options->serial};
    err_t err = ERR_OK;
    run_news_begun(&news);
    for (uint32_t i = 0; i < options->range.count && err == ERR_OK; i++) {
        uint64_t size = 0;
        buf_t name BUF_SCOPED = BUF_INIT;
        uint32_t index = options->range.first + i;
        err = encode_run_name(options->name_prefix, index, &name);
        if (err == ERR_OK)
            err = fetch(self, index);
        if (err == ERR_OK && segment_cache_find(options->service->segments, buf_str(&name), &size))
            run_news_made(&news, index, size);
    }
    run_news_ended(&news, err);
    fetch_run_free(self);
}
