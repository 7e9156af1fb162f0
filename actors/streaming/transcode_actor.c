/* transcode_actor.c -- `transcode/TRACK/RENDITION`: gives out segments, has those made that are
 * missing, and a few ahead. What is in the segment cache is the truth; an actor that forgets finds
 * it there again. */

#include "actors/protocol/roots.h"
#include "actors/protocol/transcode.h"
#include "actors/streaming/encode_run.h"
#include "actors/streaming/fetch_run.h"

#include "runtime/base/memory.h"

#include <stdio.h>

enum {
    ROOT_ASK_TIMEOUT_MS = 5000,
    KEEP_COUNT = TRANSCODE_AHEAD_MANY + 5, /* told again when what is played next is not in it, */
    KEEP_AGAIN_MS = 2000, /* and while it is heard: what was told may not have been done */
};
_Static_assert((int)KEEP_COUNT <= (int)TRANSCODE_KEEP_MAX, "as another node takes it");

typedef struct waiter {
    struct waiter *next;
    uint32_t index;
    reply_token_t token;
} waiter_t;

typedef struct run {
    uint64_t serial;
    transcode_range_t range; /* what is left of it */
    bool is_urgent, is_fetch, has_begun;
} run_t;

typedef struct transcode {
    /* The file, as the catalog last said. */
    uint64_t track_id;
    rendition_t rendition;
    segment_source_t format;
    segment_plan_t plan;
    arena_t arena;     /* the strings below */
    uint64_t version;  /* of the file */
    str_t prefix;      /* of the segments' names; changes with the file */
    str_t root, path;  /* relative to the root */
    str_t whole_path;  /* empty: the root was not asked yet, or is not here */
    bool is_elsewhere; /* segments are fetched from another node */
    bool is_asking;
    uint32_t kept_first, kept_end; /* what another node was asked to keep */
    uint64_t kept_ms;              /* when */
    /* What is wanted and under way. */
    waiter_t *waiters;
    uint32_t waiter_count;
    run_t runs[TRANSCODE_RUNS_MAX];
    size_t run_count;
    uint64_t last_serial;
    uint32_t wanted, wanted_count; /* the newest asked for, and what should follow it; 0: nothing */
    bool is_first_wanted;          /* somebody is about to ask for segment 0 */
    uint32_t failed;               /* runs in a row, since something was wanted or made */
    bool is_retrying;              /* when its timer comes */
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
    self->prefix = self->root = self->path = self->whole_path = (str_t){NULL, 0};
    self->kept_first = self->kept_end = 0;
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
    self->root = arena_str(&self->arena, track->root);
    self->path = arena_str(&self->arena, track->path);
    if (self->root.data != NULL && self->path.data != NULL)
        self->prefix = arena_str(&self->arena, prefix); /* the last: with it, all is there */
    return self->prefix.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* What the catalog says now: a scan may have found another file in its place. */
static err_t look_at_file(transcode_t *self, context_t *ctx)
{
    const streaming_service_t *service = context_service(ctx);
    catalog_track_t track;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(transcode_parse_key(context_key(ctx), &self->track_id, &self->rendition));
    TRY(catalog_read_begin(service->catalog, context_arena(ctx), &read));
    TRY(catalog_track(&read, self->track_id, &track));
    if (!track.is_available)
        return ERR_UNAVAILABLE;
    self->version = piece_file_version(track.mtime_ns, track.size_bytes);
    str_t prefix =
        arena_printf(context_arena(ctx), "%llu/%016llx/%s", (unsigned long long)self->track_id,
                     (unsigned long long)self->version, rendition_name(self->rendition));
    if (prefix.data == NULL)
        return ERR_NO_MEMORY;
    if (self->prefix.data != NULL && str_equal(prefix, self->prefix) &&
        str_equal(track.root, self->root) && str_equal(track.path, self->path))
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

/* One of the two. */
typedef struct start_data {
    encode_run_t *encode;
    fetch_run_t *fetch;
    uint64_t serial;
} start_data_t;

static err_t start_work(void *data, size_t data_size)
{
    const start_data_t *start = data;
    (void)data_size;
    if (start->fetch != NULL)
        fetch_run_start(start->fetch);
    else
        encode_run_start(start->encode);
    return ERR_OK;
}

static void end_run(transcode_t *self, context_t *ctx, uint64_t serial, err_t err);

static void started(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    const start_data_t *start = data;
    (void)data_size;
    if (err == ERR_OK)
        return;
    if (start->fetch != NULL) /* the lane was full: it never ran */
        fetch_run_free(start->fetch);
    else
        encode_run_free(start->encode);
    end_run(state, ctx, start->serial, err);
}

static encode_run_t *new_encode(transcode_t *self, context_t *ctx, transcode_range_t range,
                                bool is_urgent)
{
    encode_run_options_t options = {.service = context_service(ctx),
                                    .runtime = context_runtime(ctx),
                                    .key = context_key(ctx),
                                    .serial = self->last_serial,
                                    .range = range,
                                    .rendition = self->rendition,
                                    .format = self->format,
                                    .path = self->whole_path,
                                    .name_prefix = self->prefix,
                                    .is_urgent = is_urgent};
    return encode_run_new(&options);
}

static fetch_run_t *new_fetch(transcode_t *self, context_t *ctx, transcode_range_t range)
{
    fetch_run_options_t options = {.service = context_service(ctx),
                                   .runtime = context_runtime(ctx),
                                   .key = context_key(ctx),
                                   .serial = self->last_serial,
                                   .range = range,
                                   .root = self->root,
                                   .name_prefix = self->prefix};
    return fetch_run_new(&options);
}

static void start_run(transcode_t *self, context_t *ctx, transcode_range_t range, bool is_urgent)
{
    start_data_t data = {.serial = ++self->last_serial};
    if (self->is_elsewhere)
        data.fetch = new_fetch(self, ctx, range);
    else
        data.encode = new_encode(self, ctx, range, is_urgent);
    if (data.fetch == NULL && data.encode == NULL) {
        refuse_all(self, ctx, ERR_NO_MEMORY);
        return;
    }
    self->runs[self->run_count++] =
        (run_t){data.serial, range, is_urgent, self->is_elsewhere, false};
    actor_offload(ctx, self->is_elsewhere ? OFFLOAD_FILE : OFFLOAD_COMPUTE, start_work, started,
                  &data, sizeof data);
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
    if (self->whole_path.data == NULL && !self->is_elsewhere)
        return;
    for (const waiter_t *waiter = self->waiters; waiter != NULL; waiter = waiter->next)
        start_missing(self, ctx, waiter->index, 0, true);
    if (STEAL(self->is_first_wanted))
        start_missing(self, ctx, 0, 0, true);
    if (self->run_count == 0 && self->wanted_count > 0)
        start_missing(self, ctx, self->wanted, self->wanted_count - 1, false);
}

static void want(transcode_t *self, uint32_t first, uint32_t count)
{
    self->wanted = first;
    self->wanted_count = count;
    self->failed = 0;
}

static void go_on(transcode_t *self, context_t *ctx);

/* What is wanted is tried again where that helps: the rest of a row is not lost by one of it. */
static void try_later(transcode_t *self, context_t *ctx, const run_t *run, err_t err)
{
    uint64_t delay_ms = transcode_retry_ms(err, run->is_fetch, ++self->failed);
    self->whole_path = (str_t){NULL, 0}; /* the root may be elsewhere now */
    if (delay_ms == 0) {
        want(self, 0, 0);
        if (self->waiters != NULL) /* for something else, that found no run free */
            go_on(self, ctx);
    } else if (!self->is_retrying) {
        self->is_retrying = true;
        actor_timer_start(ctx, delay_ms, 0, transcode_retry);
    }
}

static void end_run(transcode_t *self, context_t *ctx, uint64_t serial, err_t err)
{
    for (size_t i = 0; i < self->run_count; i++) {
        if (self->runs[i].serial != serial)
            continue;
        run_t run = self->runs[i];
        self->runs[i] = self->runs[--self->run_count];
        answer_waiters(self, ctx, &run.range, err);
        if (err == ERR_OK)
            start_runs(self, ctx);
        else
            try_later(self, ctx, &run, err);
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
    self->failed = 0;
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

/* What this node knows by itself. False: roots/all has to be asked. */
static bool find_place(transcode_t *self, context_t *ctx)
{
    const streaming_service_t *service = context_service(ctx);
    root_place_t place;
    if (service->places == NULL ||
        root_places_find(service->places, self->root, context_arena(ctx), &place) != ERR_OK ||
        place.where == ROOT_UNKNOWN)
        return false;
    self->is_elsewhere = place.where != ROOT_HERE && service->pieces != NULL;
    if (place.where != ROOT_HERE) {
        self->whole_path = (str_t){NULL, 0};
        return true;
    }
    str_t path =
        arena_printf(context_arena(ctx), "%.*s/%.*s", STR_ARG(place.path), STR_ARG(self->path));
    if (self->whole_path.data == NULL || !str_equal(path, self->whole_path))
        self->whole_path = arena_str(&self->arena, path);
    return true;
}

static void go_on(transcode_t *self, context_t *ctx)
{
    if (find_place(self, ctx)) {
        if (self->whole_path.data == NULL && !self->is_elsewhere)
            refuse_all(self, ctx, ERR_UNAVAILABLE);
        else
            start_runs(self, ctx);
    } else if (self->whole_path.data != NULL) {
        start_runs(self, ctx);
    } else if (!self->is_asking) {
        self->is_asking = true;
        actor_ask(ctx, address_of(ROOTS_KIND, ROOTS_KEY), ROOT_ASK_TIMEOUT_MS, root_answered, NULL,
                  0, roots_get, .name = self->root);
    }
}

/* ---- copies on another node ---- */

typedef struct keep_data {
    piece_client_t *pieces;
    root_node_t node;
    char target[PIECE_TARGET_SIZE_MAX];
} keep_data_t;

static err_t keep_work(void *data, size_t data_size)
{
    const keep_data_t *keep = data;
    (void)data_size;
    return piece_client_post(keep->pieces, &keep->node, str_from(keep->target));
}

static void kept(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    transcode_t *self = state;
    (void)ctx, (void)data, (void)data_size;
    if (err != ERR_OK) /* said again with the next segment */
        self->kept_first = self->kept_end = 0;
}

/* The one that should have a copy, where no other node could make one. */
static bool choose_keeper(const transcode_t *self, context_t *ctx, root_node_t *out_node)
{
    const streaming_service_t *service = context_service(ctx);
    root_node_t readers[2], keepers[ROOT_NODES_MAX];
    size_t reader_count =
        root_places_readers(service->places, self->root, context_key(ctx), readers, 2);
    if (reader_count > (self->is_elsewhere ? 1 : 0))
        return false;
    size_t count =
        root_places_keepers(service->places, context_key(ctx), keepers, COUNT_OF(keepers));
    for (size_t i = 0; i < count; i++) {
        if (reader_count > 0 && keepers[i].node == readers[0].node)
            continue;
        *out_node = keepers[i];
        return true;
    }
    return false;
}

/* What is heard and what comes next is on one more node, should the folder's, or this one, die. */
static void keep_elsewhere(transcode_t *self, context_t *ctx, uint32_t index)
{
    const streaming_service_t *service = context_service(ctx);
    keep_data_t keep = {.pieces = service->pieces};
    uint32_t end = MIN(index + 1 + TRANSCODE_AHEAD_MANY, self->plan.segment_count);
    bool is_told = index >= self->kept_first && end <= self->kept_end &&
                   context_mono_ms(ctx) - self->kept_ms < KEEP_AGAIN_MS;
    if (service->pieces == NULL || is_told || !choose_keeper(self, ctx, &keep.node))
        return;
    int size = snprintf(keep.target, sizeof keep.target, "/pieces/keep/%.*s?first=%u&count=%d",
                        STR_ARG(context_key(ctx)), index, KEEP_COUNT);
    if (size < 0 || (size_t)size >= sizeof keep.target)
        return;
    self->kept_first = index;
    self->kept_ms = context_mono_ms(ctx);
    self->kept_end = MIN(index + KEEP_COUNT, self->plan.segment_count);
    actor_offload(ctx, OFFLOAD_FILE, keep_work, kept, &keep, sizeof keep);
}

/* ---- commands ---- */

/* Another node asks for what is here, or can be made here, and nothing that is to be fetched. */
static bool is_within_reach(transcode_t *self, context_t *ctx, const transcode_segment_t *command)
{
    const streaming_service_t *service = context_service(ctx);
    cached_t cached = {service->segments, self->prefix};
    if (command->reach == TRANSCODE_ANYHOW || is_cached(&cached, command->index))
        return true;
    return command->reach == TRANSCODE_MADE_HERE && find_place(self, ctx) &&
           self->whole_path.data != NULL;
}

static uint32_t ahead_of(context_t *ctx)
{
    const streaming_service_t *service = context_service(ctx);
    return service->pieces == NULL ? TRANSCODE_AHEAD : TRANSCODE_AHEAD_MANY;
}

ON(transcode_segment)
{
    TRY(look_at_file(self, ctx));
    if (command->index >= self->plan.segment_count)
        return actor_refuse(ctx, ERR_NOT_FOUND, "no such segment");
    if (command->version != 0 && command->version != self->version)
        return actor_refuse(ctx, ERR_CONFLICT, "another file");
    if (!is_within_reach(self, ctx, command))
        return actor_refuse(ctx, ERR_NOT_FOUND, "it is not here");
    if (self->waiter_count >= TRANSCODE_WAITING_MAX)
        return actor_refuse(ctx, ERR_BUSY, "too many wait for this track");
    waiter_t *waiter = memory_new(sizeof *waiter);
    if (waiter == NULL)
        return ERR_NO_MEMORY;
    *waiter = (waiter_t){self->waiters, command->index, actor_reply_later(ctx)};
    want(self, command->index, 1 + ahead_of(ctx));
    if (answer_cached(self, ctx, waiter->index, waiter->token, true)) {
        memory_free(waiter);
    } else {
        self->waiters = waiter;
        self->waiter_count++;
    }
    if (command->reach == TRANSCODE_ANYHOW || self->whole_path.data != NULL)
        go_on(self, ctx);
    if (command->reach == TRANSCODE_ANYHOW)
        keep_elsewhere(self, ctx, command->index);
    return ERR_OK;
}

ON(transcode_prefetch)
{
    if (command->count == 0)
        return ERR_OK;
    TRY(look_at_file(self, ctx));
    want(self, 0, MIN(command->count, (uint32_t)TRANSCODE_PREFETCH_MAX));
    self->is_first_wanted = true;
    go_on(self, ctx);
    return ERR_OK;
}

ON(transcode_keep)
{
    if (command->count == 0)
        return ERR_OK;
    TRY(look_at_file(self, ctx));
    want(self, command->first, MIN(command->count, (uint32_t)TRANSCODE_KEEP_MAX));
    go_on(self, ctx);
    return ERR_OK;
}

ON(transcode_retry)
{
    (void)command;
    self->is_retrying = false;
    TRY(look_at_file(self, ctx));
    go_on(self, ctx);
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

/* Beside the connection that plays: what it has is the cache of this node. */
ACTOR_KIND(transcode, .placement = PLACED_NEAR, .deinit = deinit, .idle_ms = 60000,
           .mailbox_max = 512);
