/* library_actor.c -- `library/ROOT`: takes what was read, one command after the other, decides with
 * the rules what is which, and says so in one event a batch.
 *
 * A batch is decided against the catalog as it stands after this actor's last event: the lookup
 * runs on the offload pool, which the runtime starts only when that event is durable, and there
 * brings the catalog up to the journal's head first. Until it is back no other command is carried
 * out. */

#include "actors/library/library.h"
#include "actors/library/library_lookup.h"
#include "actors/library/problems.h"
#include "runtime/base/memory.h"

#include <stdatomic.h>

enum { CATCH_UP_TIMEOUT_MS = 10000 };

/* A command that waits for its turn, in one block with its copy. */
typedef struct request {
    struct request *next;
    reply_token_t token;
    const schema_t *schema;
    _Alignas(16) char message[];
} request_t;

/* A lookup on its way. The actor and the offload thread hold one reference each. */
typedef struct lookup_job {
    atomic_int references;
    const library_service_t *service;
    request_t *request;
    arena_t arena;
    str_t root;
    library_view_t view;
} lookup_job_t;

typedef struct library {
    uint32_t root_number;
    uint64_t sequence;
    problems_t problems;
    bool is_unfinished;
    /* Of this activation. */
    request_t *first, *last;
    uint32_t waiting;
    lookup_job_t *job;
} library_t;

#define ACTOR_DEF "actors/protocol/library.def"
#define ACTOR_STATE library_t
#include "runtime/actor_kind.h"

/* ---- events ---- */

APPLY(library_batch_added)
{
    self->root_number = event->root_number;
    self->sequence = event->sequence;
    self->is_unfinished |= event->tracks.count > 0;
    for (uint32_t i = 0; i < event->tracks.count; i++)
        problems_remove(&self->problems, event->tracks.items[i].path);
    for (uint32_t i = 0; i < event->problems.count; i++)
        problems_put(&self->problems, &event->problems.items[i]);
}

APPLY(library_problems_forgotten)
{
    for (uint32_t i = 0; i < event->paths.count; i++)
        problems_remove(&self->problems, event->paths.items[i]);
}

APPLY(library_finished)
{
    self->is_unfinished = false;
}

/* These change the catalog only (library_projection.c). */
APPLY(library_tracks_gone)
{
}
APPLY(library_tracks_returned)
{
}
APPLY(library_loudness_measured)
{
}
APPLY(library_covers_made)
{
}

static void snapshot(const void *state, buf_t *out)
{
    const library_t *self = state;
    library_problem_t *problems = memory_new_array(self->problems.count, sizeof *problems);
    if (problems == NULL)
        return;
    for (size_t i = 0; i < self->problems.count; i++)
        problems[i] = problems_at(&self->problems, i);
    library_state_t saved = {.root_number = self->root_number,
                             .sequence = self->sequence,
                             .dropped = self->problems.dropped,
                             .is_unfinished = self->is_unfinished};
    saved.problems.items = problems;
    saved.problems.count = (uint32_t)self->problems.count;
    schema_encode(&library_state_schema, &saved, out);
    memory_free(problems);
}

static err_t restore(void *state, str_t snapshot)
{
    library_t *self = state;
    library_state_t saved;
    arena_t arena ARENA_SCOPED = {0};
    TRY(schema_decode(&library_state_schema, snapshot, &arena, &saved));
    self->root_number = saved.root_number;
    self->sequence = saved.sequence;
    self->is_unfinished = saved.is_unfinished;
    for (uint32_t i = 0; i < saved.problems.count; i++)
        problems_put(&self->problems, &saved.problems.items[i]);
    self->problems.dropped = saved.dropped;
    return ERR_OK;
}

/* ---- one command after the other ---- */

static void job_unref(lookup_job_t *job)
{
    if (job == NULL || atomic_fetch_sub(&job->references, 1) > 1)
        return;
    memory_free(job->request);
    arena_deinit(&job->arena);
    memory_free(job);
}

static err_t look_up(void *data, size_t data_size)
{
    lookup_job_t *job = *(lookup_job_t **)data;
    const library_service_t *service = job->service;
    (void)data_size;
    err_t err = library_catch_up(service->projection, service->journal, CATCH_UP_TIMEOUT_MS);
    if (err == ERR_OK)
        err = library_lookup(service->catalog, job->root,
                             (const library_add_t *)(const void *)job->request->message,
                             &job->arena, &job->view);
    job_unref(job);
    return err == ERR_BUSY ? ERR_UNAVAILABLE : err; /* BUSY says that this never ran */
}

static void carry_out(library_t *self, context_t *ctx);

static err_t decide(library_t *self, context_t *ctx, lookup_job_t *job)
{
    const library_add_t *batch = (const library_add_t *)(const void *)job->request->message;
    library_batch_added_t event;
    if (self->root_number != 0 && batch->root_number != self->root_number)
        return ERR_CONFLICT;
    uint64_t before = self->sequence;
    TRY(library_decide(batch, &job->view, self->sequence, job->root, context_wall_ms(ctx),
                       &job->arena, &event));
    uint64_t *ids = arena_new_array(&job->arena, event.tracks.count + 1, sizeof *ids);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < event.tracks.count; i++)
        ids[i] = event.tracks.items[i].track_id;
    actor_emit(ctx, &library_batch_added_schema, &event);
    library_added_t reply = {.added_count = (uint32_t)(self->sequence - before),
                             .problem_count = self->problems.count + self->problems.dropped};
    reply.track_ids.items = ids;
    reply.track_ids.count = event.tracks.count;
    actor_reply_to_message(ctx, job->request->token, ERR_OK, &library_added_schema, &reply);
    return ERR_OK;
}

static void looked_up(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    library_t *self = state;
    lookup_job_t *job = STEAL(self->job);
    (void)data, (void)data_size;
    if (err == ERR_OK)
        err = decide(self, ctx, job);
    else if (err == ERR_BUSY) /* the lane was full: it never ran, and kept its reference */
        job_unref(job);
    if (err != ERR_OK)
        actor_refuse_to(ctx, job->request->token, err);
    job_unref(job);
    carry_out(self, ctx);
}

/* Takes the request. */
static err_t start_lookup(library_t *self, context_t *ctx, request_t *request)
{
    lookup_job_t *job = memory_new(sizeof *job);
    if (job == NULL)
        return ERR_NO_MEMORY;
    atomic_init(&job->references, 2);
    job->service = context_service(ctx);
    job->request = request;
    job->root = arena_str(&job->arena, context_key(ctx));
    self->job = job;
    actor_offload(ctx, OFFLOAD_FILE, look_up, looked_up, &job, sizeof job);
    return ERR_OK;
}

/* What needs no lookup. */
static void carry_out_at_once(context_t *ctx, const request_t *request)
{
    const void *message = request->message;
    uint32_t count = 0;
    if (request->schema == &library_mark_gone_schema) {
        const library_mark_gone_t *command = message;
        library_tracks_gone_t event = {0};
        event.tracks.items = command->tracks.items;
        event.tracks.count = count = command->tracks.count;
        actor_emit(ctx, &library_tracks_gone_schema, &event);
    } else if (request->schema == &library_mark_returned_schema) {
        const library_mark_returned_t *command = message;
        library_tracks_returned_t event = {0};
        event.track_ids.items = command->track_ids.items;
        event.track_ids.count = count = command->track_ids.count;
        actor_emit(ctx, &library_tracks_returned_schema, &event);
    } else if (request->schema == &library_forget_problems_schema) {
        const library_forget_problems_t *command = message;
        library_problems_forgotten_t event = {0};
        event.paths.items = command->paths.items;
        event.paths.count = count = command->paths.count;
        actor_emit(ctx, &library_problems_forgotten_schema, &event);
    } else if (request->schema == &library_set_loudness_schema) {
        const library_set_loudness_t *command = message;
        library_loudness_measured_t event = {0};
        event.tracks.items = command->tracks.items;
        event.tracks.count = count = command->tracks.count;
        actor_emit(ctx, &library_loudness_measured_schema, &event);
    } else if (request->schema == &library_set_covers_schema) {
        const library_set_covers_t *command = message;
        library_covers_made_t event = {0};
        event.covers.items = command->covers.items;
        event.covers.count = count = command->covers.count;
        actor_emit(ctx, &library_covers_made_schema, &event);
    } else {
        static const library_finished_t event;
        actor_emit(ctx, &library_finished_schema, &event);
    }
    actor_reply_to(ctx, request->token, library_done, .count = count);
}

static void carry_out(library_t *self, context_t *ctx)
{
    while (self->job == NULL && self->first != NULL) {
        request_t *request = self->first;
        self->first = request->next;
        if (self->first == NULL)
            self->last = NULL;
        self->waiting--;
        if (request->schema != &library_add_schema) {
            carry_out_at_once(ctx, request);
            memory_free(request);
        } else if (start_lookup(self, ctx, request) != ERR_OK) {
            actor_refuse_to(ctx, request->token, ERR_NO_MEMORY);
            memory_free(request);
        }
    }
}

static err_t enqueue(library_t *self, context_t *ctx, const schema_t *schema, const void *message)
{
    if (self->waiting >= LIBRARY_WAITING_MAX)
        return actor_refuse(ctx, ERR_BUSY, "the library is busy with what was sent before");
    request_t *request = memory_new(sizeof *request + schema_deep_size(schema, message));
    if (request == NULL)
        return ERR_NO_MEMORY;
    schema_copy(schema, message, request->message);
    request->schema = schema;
    request->token = actor_reply_later(ctx);
    if (self->last == NULL)
        self->first = request;
    else
        self->last->next = request;
    self->last = request;
    self->waiting++;
    carry_out(self, ctx);
    return ERR_OK;
}

static err_t check_ids(const library_t *self, context_t *ctx, uint64_t id)
{
    if (self->root_number == 0 || track_id_root_number(id) != self->root_number)
        return actor_refuse(ctx, ERR_NOT_FOUND, "a track of another library");
    return ERR_OK;
}

/* ---- commands ---- */

ON(library_add)
{
    return enqueue(self, ctx, &library_add_schema, command);
}

ON(library_mark_gone)
{
    for (uint32_t i = 0; i < command->tracks.count; i++)
        TRY(check_ids(self, ctx, command->tracks.items[i].track_id));
    return enqueue(self, ctx, &library_mark_gone_schema, command);
}

ON(library_mark_returned)
{
    for (uint32_t i = 0; i < command->track_ids.count; i++)
        TRY(check_ids(self, ctx, command->track_ids.items[i]));
    return enqueue(self, ctx, &library_mark_returned_schema, command);
}

ON(library_forget_problems)
{
    return enqueue(self, ctx, &library_forget_problems_schema, command);
}

ON(library_set_loudness)
{
    for (uint32_t i = 0; i < command->tracks.count; i++)
        TRY(check_ids(self, ctx, command->tracks.items[i].track_id));
    return enqueue(self, ctx, &library_set_loudness_schema, command);
}

ON(library_set_covers)
{
    for (uint32_t i = 0; i < command->covers.count; i++)
        for (uint32_t j = 0; j < command->covers.items[i].track_ids.count; j++)
            TRY(check_ids(self, ctx, command->covers.items[i].track_ids.items[j]));
    return enqueue(self, ctx, &library_set_covers_schema, command);
}

ON(library_finish)
{
    if (!self->is_unfinished)
        return actor_reply(ctx, library_done, .count = 0);
    return enqueue(self, ctx, &library_finish_schema, command);
}

ON(library_get_problems)
{
    size_t count = MIN((size_t)command->count_max, self->problems.count);
    library_problem_t *newest = arena_new_array(context_arena(ctx), count + 1, sizeof *newest);
    if (newest == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        newest[i] = problems_at(&self->problems, self->problems.count - 1 - i);
    library_problems_t reply = {.count = self->problems.count + self->problems.dropped,
                                .is_unfinished = self->is_unfinished};
    reply.problems.items = newest;
    reply.problems.count = (uint32_t)count;
    return actor_reply_message(ctx, &library_problems_schema, &reply);
}

static void deinit(void *state)
{
    library_t *self = state;
    while (self->first != NULL) {
        request_t *request = self->first;
        self->first = request->next;
        memory_free(request);
    }
    job_unref(self->job);
    problems_deinit(&self->problems);
}

ACTOR_KIND(library, .snapshot = snapshot, .restore = restore, .deinit = deinit,
           .snapshot_every = 32, .idle_ms = 120000, .mailbox_max = 256);
