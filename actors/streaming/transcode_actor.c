/* transcode_actor.c -- `transcode/TRACK/RENDITION`: gives out segments, has those made that are
 * missing, and a few ahead. What is in the segment cache is the truth; an actor that forgets finds
 * it there again. */

#include "actors/protocol/roots.h"
#include "actors/protocol/transcode.h"
#include "actors/streaming/encode_run.h"

#include "runtime/base/memory.h"

enum { ROOT_ASK_TIMEOUT_MS = 5000 };

typedef struct waiter {
    struct waiter *next;
    uint32_t index;
    reply_token_t token;
} waiter_t;

typedef struct run {
    uint64_t serial;
    transcode_range_t range; /* what is left of it */
    bool is_urgent, has_begun;
} run_t;

typedef struct transcode {
    /* The file, as the catalog last said. */
    uint64_t track_id;
    rendition_t rendition;
    segment_source_t format;
    segment_plan_t plan;
    arena_t arena;    /* the strings below */
    str_t prefix;     /* of the segments' names; changes with the file */
    str_t path;       /* relative to the root */
    str_t whole_path; /* empty: the root was not asked yet */
    bool is_asking;
    /* What is wanted and under way. */
    waiter_t *waiters;
    uint32_t waiter_count;
    run_t runs[TRANSCODE_RUNS_MAX];
    size_t run_count;
    uint64_t last_serial;
    uint32_t wanted, wanted_ahead; /* the newest asked for, and what should follow it */
    bool is_first_wanted;          /* somebody is about to ask for segment 0 */
} transcode_t;

#define ACTOR_DEF "actors/protocol/transcode.def"
#define ACTOR_STATE transcode_t
#include "runtime/actor_kind.h"

typedef struct cached {
    segment_cache_t *segments;
    str_t prefix;
} cached_t;

static bool is_cached(const void *context, uint32_t index)
{
    const cached_t *cached = context;
    buf_t name BUF_SCOPED = BUF_INIT;
    return encode_run_name(cached->prefix, index, &name) == ERR_OK &&
           segment_cache_find(cached->segments, buf_str(&name), NULL);
}

/* ---- the file ---- */

static void forget_file(transcode_t *self)
{
    arena_reset(&self->arena);
    self->prefix = self->path = self->whole_path = (str_t){NULL, 0};
    self->run_count = 0; /* their segments have other names */
}

static err_t take_file(transcode_t *self, const catalog_track_t *track, str_t prefix)
{
    segment_source_t format = {track->sample_rate, track->channels, track->bits, track->samples};
    segment_plan_t plan;
    if (self->rendition == RENDITION_FLAC && track->bits == 0)
        return ERR_NOT_FOUND;
    TRY(segment_plan(self->rendition, &format, &plan));
    forget_file(self);
    self->format = format;
    self->plan = plan;
    self->prefix = arena_str(&self->arena, prefix);
    self->path = arena_str(&self->arena, track->path);
    return self->prefix.data == NULL || self->path.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* What the catalog says now: a scan may have found another file in its place. *out_root borrows the
 * handler's arena. */
static err_t look_at_file(transcode_t *self, context_t *ctx, str_t *out_root)
{
    const streaming_service_t *service = context_service(ctx);
    catalog_track_t track;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(transcode_parse_key(context_key(ctx), &self->track_id, &self->rendition));
    TRY(catalog_read_begin(service->catalog, context_arena(ctx), &read));
    TRY(catalog_track(&read, self->track_id, &track));
    if (!track.is_available)
        return ERR_UNAVAILABLE;
    str_t prefix = arena_printf(
        context_arena(ctx), "%llu/%016llx/%s", (unsigned long long)self->track_id,
        (unsigned long long)str_hash_more(str_hash(str_of(&track.mtime_ns, sizeof track.mtime_ns)),
                                          str_of(&track.size_bytes, sizeof track.size_bytes)),
        rendition_name(self->rendition));
    *out_root = arena_str(context_arena(ctx), track.root);
    if (prefix.data == NULL || out_root->data == NULL)
        return ERR_NO_MEMORY;
    if (self->prefix.data != NULL && str_equal(prefix, self->prefix) &&
        str_equal(track.path, self->path))
        return ERR_OK;
    return take_file(self, &track, prefix);
}

/* ---- answering ---- */

static void refuse_all(transcode_t *self, context_t *ctx, err_t err)
{
    while (self->waiters != NULL) {
        waiter_t *waiter = self->waiters;
        self->waiters = waiter->next;
        actor_refuse_to(ctx, waiter->token, err);
        memory_free(waiter);
    }
    self->waiter_count = 0;
}

/* True: it was there and is answered. */
static bool answer_cached(transcode_t *self, context_t *ctx, uint32_t index, reply_token_t token,
                          bool was_cached)
{
    const streaming_service_t *service = context_service(ctx);
    uint64_t size = 0;
    buf_t name BUF_SCOPED = BUF_INIT;
    if (encode_run_name(self->prefix, index, &name) != ERR_OK ||
        !segment_cache_find(service->segments, buf_str(&name), &size))
        return false;
    actor_reply_to(ctx, token, transcode_file, .name = buf_str(&name), .size_bytes = size,
                   .was_cached = was_cached);
    return true;
}

/* Answers who waits for what is there; refuses who waits for what no run is going to make. */
static void answer_waiters(transcode_t *self, context_t *ctx, const transcode_range_t *ended,
                           err_t err)
{
    waiter_t **link = &self->waiters;
    while (*link != NULL) {
        waiter_t *waiter = *link;
        bool is_done = answer_cached(self, ctx, waiter->index, waiter->token, false);
        if (!is_done && ended != NULL && transcode_is_in(ended, waiter->index)) {
            actor_refuse_to(ctx, waiter->token, err == ERR_OK ? ERR_INTERNAL : err);
            is_done = true;
        }
        if (!is_done) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        self->waiter_count--;
        memory_free(waiter);
    }
}

/* ---- runs ---- */

typedef struct start_data {
    encode_run_t *run;
    uint64_t serial;
} start_data_t;

static err_t start_work(void *data, size_t data_size)
{
    (void)data_size;
    encode_run_start(((start_data_t *)data)->run);
    return ERR_OK;
}

static void end_run(transcode_t *self, context_t *ctx, uint64_t serial, err_t err);

static void started(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    const start_data_t *start = data;
    (void)data_size;
    if (err == ERR_OK)
        return;
    encode_run_free(start->run); /* the lane was full: it never ran */
    end_run(state, ctx, start->serial, err);
}

static void start_run(transcode_t *self, context_t *ctx, transcode_range_t range, bool is_urgent)
{
    encode_run_options_t options = {.service = context_service(ctx),
                                    .runtime = context_runtime(ctx),
                                    .key = context_key(ctx),
                                    .serial = ++self->last_serial,
                                    .range = range,
                                    .rendition = self->rendition,
                                    .format = self->format,
                                    .path = self->whole_path,
                                    .name_prefix = self->prefix,
                                    .is_urgent = is_urgent};
    start_data_t data = {encode_run_new(&options), self->last_serial};
    if (data.run == NULL) {
        refuse_all(self, ctx, ERR_NO_MEMORY);
        return;
    }
    self->runs[self->run_count++] = (run_t){self->last_serial, range, is_urgent, false};
    actor_offload(ctx, OFFLOAD_COMPUTE, start_work, started, &data, sizeof data);
}

/* What runs are making. Who waits does not trust one that waits itself, for a worker. */
static size_t ranges_of(const transcode_t *self, bool is_for_waiter, transcode_range_t *out_ranges)
{
    size_t count = 0;
    for (size_t i = 0; i < self->run_count; i++)
        if (!is_for_waiter || self->runs[i].is_urgent || self->runs[i].has_begun)
            out_ranges[count++] = self->runs[i].range;
    return count;
}

static void start_missing(transcode_t *self, context_t *ctx, uint32_t index, uint32_t ahead,
                          bool is_urgent)
{
    const streaming_service_t *service = context_service(ctx);
    cached_t cached = {service->segments, self->prefix};
    transcode_range_t ranges[TRANSCODE_RUNS_MAX];
    if (self->run_count == TRANSCODE_RUNS_MAX)
        return; /* the end of a run looks again */
    size_t count = ranges_of(self, is_urgent, ranges);
    transcode_range_t next = transcode_next_run(index, ahead, self->plan.segment_count, ranges,
                                                count, is_cached, &cached);
    if (next.count > 0)
        start_run(self, ctx, next, is_urgent);
}

/* Those who wait come first, then what will be asked for next. */
static void start_runs(transcode_t *self, context_t *ctx)
{
    if (self->whole_path.data == NULL)
        return;
    for (const waiter_t *waiter = self->waiters; waiter != NULL; waiter = waiter->next)
        start_missing(self, ctx, waiter->index, 0, true);
    if (STEAL(self->is_first_wanted))
        start_missing(self, ctx, 0, 0, true);
    if (self->run_count == 0)
        start_missing(self, ctx, self->wanted, self->wanted_ahead, false);
}

static void end_run(transcode_t *self, context_t *ctx, uint64_t serial, err_t err)
{
    for (size_t i = 0; i < self->run_count; i++) {
        if (self->runs[i].serial != serial)
            continue;
        transcode_range_t range = self->runs[i].range;
        self->runs[i] = self->runs[--self->run_count];
        answer_waiters(self, ctx, &range, err);
        if (err == ERR_OK) {
            start_runs(self, ctx);
        } else {
            self->wanted_ahead = 0;              /* nothing is gained by trying again unasked */
            self->whole_path = (str_t){NULL, 0}; /* the root may be elsewhere now */
        }
        return;
    }
}

static run_t *find_run(transcode_t *self, uint64_t serial)
{
    for (size_t i = 0; i < self->run_count; i++)
        if (self->runs[i].serial == serial)
            return &self->runs[i];
    return NULL;
}

ON(transcode_begun)
{
    run_t *run = find_run(self, command->run);
    if (run != NULL)
        run->has_begun = true;
    return ERR_OK;
}

ON(transcode_made)
{
    run_t *run = find_run(self, command->run);
    if (run == NULL)
        return ERR_OK;
    /* Should it be evicted from what is left of the run, it takes another run to make it. */
    if (transcode_is_in(&run->range, command->index)) {
        run->range.count -= command->index + 1 - run->range.first;
        run->range.first = command->index + 1;
    }
    answer_waiters(self, ctx, NULL, ERR_OK);
    return ERR_OK;
}

ON(transcode_ended)
{
    end_run(self, ctx, command->run, command->err < ERR_COUNT ? (err_t)command->err : ERR_INTERNAL);
    return ERR_OK;
}

/* ---- where the file is ---- */

static void root_answered(void *state, context_t *ctx, const answer_t *answer, void *data,
                          size_t data_size)
{
    transcode_t *self = state;
    (void)data, (void)data_size;
    self->is_asking = false;
    if (answer->err != ERR_OK) {
        refuse_all(self, ctx, answer->err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : answer->err);
        return;
    }
    const root_info_reply_t *root = answer->message;
    self->whole_path =
        arena_printf(&self->arena, "%.*s/%.*s", STR_ARG(root->path), STR_ARG(self->path));
    if (self->whole_path.data == NULL)
        refuse_all(self, ctx, ERR_NO_MEMORY);
    else
        start_runs(self, ctx);
}

static void go_on(transcode_t *self, context_t *ctx, str_t root)
{
    if (self->whole_path.data != NULL) {
        start_runs(self, ctx);
    } else if (!self->is_asking) {
        self->is_asking = true;
        actor_ask(ctx, address_of(ROOTS_KIND, ROOTS_KEY), ROOT_ASK_TIMEOUT_MS, root_answered, NULL,
                  0, roots_get, .name = root);
    }
}

/* ---- commands ---- */

ON(transcode_segment)
{
    str_t root;
    TRY(look_at_file(self, ctx, &root));
    if (command->index >= self->plan.segment_count)
        return actor_refuse(ctx, ERR_NOT_FOUND, "no such segment");
    if (self->waiter_count >= TRANSCODE_WAITING_MAX)
        return actor_refuse(ctx, ERR_BUSY, "too many wait for this track");
    waiter_t *waiter = memory_new(sizeof *waiter);
    if (waiter == NULL)
        return ERR_NO_MEMORY;
    *waiter = (waiter_t){self->waiters, command->index, actor_reply_later(ctx)};
    self->wanted = command->index;
    self->wanted_ahead = TRANSCODE_AHEAD;
    if (answer_cached(self, ctx, waiter->index, waiter->token, true)) {
        memory_free(waiter);
    } else {
        self->waiters = waiter;
        self->waiter_count++;
    }
    go_on(self, ctx, root);
    return ERR_OK;
}

ON(transcode_prefetch)
{
    str_t root;
    if (command->count == 0)
        return ERR_OK;
    TRY(look_at_file(self, ctx, &root));
    self->wanted = 0;
    self->is_first_wanted = true;
    self->wanted_ahead = MIN(command->count, (uint32_t)TRANSCODE_PREFETCH_MAX) - 1;
    go_on(self, ctx, root);
    return ERR_OK;
}

static void deinit(void *state)
{
    transcode_t *self = state;
    while (self->waiters != NULL) {
        waiter_t *waiter = self->waiters;
        self->waiters = waiter->next;
        memory_free(waiter);
    }
    arena_deinit(&self->arena);
}

ACTOR_KIND(transcode, .deinit = deinit, .idle_ms = 60000, .mailbox_max = 512);
