/* scan_stages.c -- what a run of a scan does, stage by stage (scan_state.h). */

#include "actors/library/scan_state.h"

/* ---- jobs ---- */

typedef struct job_data {
    scan_job_t *job;
    size_t slot;
} job_data_t;

static err_t job_work(void *data, size_t data_size)
{
    scan_job_t *job = ((job_data_t *)data)->job;
    (void)data_size;
    err_t err = job->work(job);
    scan_job_unref(job);
    return err == ERR_BUSY ? ERR_UNAVAILABLE : err; /* BUSY says that this never ran */
}

static void step_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job);
static void read_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job);
static void cover_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job);
static void loudness_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job);

static void job_done(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    scan_t *self = state;
    job_data_t *done = data;
    scan_job_t *job = done->job;
    (void)data_size;
    self->jobs[done->slot] = NULL;
    if (err == ERR_BUSY)
        scan_job_unref(job); /* the thread's */
    if (job->run == self->run) {
        if (job->work == scan_read)
            read_done(self, ctx, err, job);
        else if (job->work == scan_cover)
            cover_done(self, ctx, err, job);
        else if (job->work == scan_loudness)
            loudness_done(self, ctx, err, job);
        else
            step_done(self, ctx, err, job);
    }
    scan_job_unref(job);
    if (self->run != NULL)
        scan_advance(self, ctx);
}

/* False: it could not be started now; an answer that is still to come advances again. */
static bool start_job(scan_t *self, context_t *ctx, err_t (*work)(scan_job_t *job), size_t first,
                      size_t count)
{
    job_data_t data = {0};
    while (data.slot < SCAN_JOBS_MAX && self->jobs[data.slot] != NULL)
        data.slot++;
    if (data.slot == SCAN_JOBS_MAX)
        return false;
    data.job = scan_job_new(self->run, work);
    if (data.job == NULL) {
        scan_retry_or_fail(self, ctx, ERR_UNAVAILABLE);
        return false;
    }
    data.job->first = first;
    data.job->count = count;
    self->jobs[data.slot] = data.job;
    actor_offload(ctx, OFFLOAD_FILE, job_work, job_done, &data, sizeof data);
    return true;
}

static void start_step(scan_t *self, context_t *ctx, err_t (*work)(scan_job_t *job))
{
    if (!self->is_stepping)
        self->is_stepping = start_job(self, ctx, work, 0, 0);
}

/* ---- asking ---- */

typedef void (*scan_answer_fn)(scan_t *self, context_t *ctx, const answer_t *answer);
typedef struct ask_data {
    uint64_t serial;
    scan_answer_fn then;
} ask_data_t;

static void answered(void *state, context_t *ctx, const answer_t *answer, void *data,
                     size_t data_size)
{
    scan_t *self = state;
    const ask_data_t *ask = data;
    (void)data_size;
    if (self->run == NULL || self->run->serial != ask->serial)
        return;
    self->asking--;
    if (answer->err == ERR_OK) {
        self->retries = 0;
        ask->then(self, ctx, answer);
    } else {
        scan_retry_or_fail(self, ctx, answer->err);
    }
    if (self->run != NULL)
        scan_advance(self, ctx);
}

static void ask(scan_t *self, context_t *ctx, address_t to, scan_answer_fn then,
                const schema_t *schema, const void *message)
{
    ask_data_t data = {self->run->serial, then};
    self->asking++;
    actor_ask_message(ctx, to, SCAN_ASK_TIMEOUT_MS, answered, &data, sizeof data, schema, message);
}

static address_t library_of(context_t *ctx)
{
    return address_of("library", context_key(ctx));
}

/* ---- ROOT, PROBLEMS, LOAD, LIST ---- */

void scan_go(scan_t *self, context_t *ctx, stage_t stage)
{
    self->stage = stage;
    self->next = 0;
    scan_report(self, ctx);
}

/* Of several nodes, each may have the folder somewhere else. */
static const char *path_here(scan_t *self, context_t *ctx, str_t everywhere)
{
    const library_service_t *service = context_service(ctx);
    root_place_t place = {.where = ROOT_UNKNOWN};
    if (service->peers != NULL && service->places != NULL &&
        root_places_find(service->places, context_key(ctx), context_arena(ctx), &place) != ERR_OK)
        return NULL;
    return arena_str(&self->run->arena, place.where == ROOT_HERE ? place.path : everywhere).data;
}

static void root_answered(scan_t *self, context_t *ctx, const answer_t *answer)
{
    const root_info_reply_t *info = answer->message;
    self->run->root_number = info->number;
    self->run->root_path = path_here(self, ctx, info->path);
    if (self->run->root_path == NULL)
        scan_fail(self, ctx, ERR_NO_MEMORY);
    else
        scan_go(self, ctx, STAGE_PROBLEMS);
}

static void ask_root(scan_t *self, context_t *ctx)
{
    roots_get_t get = {.name = context_key(ctx)};
    ask(self, ctx, address_of("roots", ROOTS_KEY), root_answered, &roots_get_schema, &get);
}

static void problems_answered(scan_t *self, context_t *ctx, const answer_t *answer)
{
    const library_problems_t *reply = answer->message;
    scan_run_t *run = self->run;
    library_problems_t *copy =
        arena_new(&run->arena, schema_deep_size(&library_problems_schema, reply));
    if (copy == NULL) {
        scan_fail(self, ctx, ERR_NO_MEMORY);
        return;
    }
    schema_copy(&library_problems_schema, reply, copy);
    run->old_problems = (library_problem_t *)(uintptr_t)copy->problems.items;
    run->old_problem_count = copy->problems.count;
    run->is_resumed = reply->is_unfinished;
    problems_deinit(&self->problems);
    for (size_t i = run->old_problem_count; i-- > 0;)
        problems_put(&self->problems, &run->old_problems[i]);
    self->problems.dropped = reply->count - reply->problems.count;
    scan_go(self, ctx, STAGE_LOAD);
}

static void ask_problems(scan_t *self, context_t *ctx)
{
    library_get_problems_t get = {.count_max = LIBRARY_PROBLEMS_MAX};
    ask(self, ctx, library_of(ctx), problems_answered, &library_get_problems_schema, &get);
}

/* The folders that were walked are what is watched: some in each turn, since the kernel takes its
 * time for each. */
static void watch_on(scan_t *self, context_t *ctx)
{
    const library_service_t *service = context_service(ctx);
    const scan_run_t *run = self->run;
    size_t count = walk_visited_count(&run->walk), end = MIN(count, self->next + SCAN_WATCH_TURN);
    bool can_watch = service->is_watching && run->root_err == ERR_OK &&
                     (self->watch.fd > 0 || watch_open(&self->watch) == ERR_OK);
    /* Without inotify, or past its limit, the next whole scan finds what changed. */
    while (can_watch && self->next < end)
        can_watch = watch_add(&self->watch, run->root_path,
                              walk_visited_at(&run->walk, self->next++)) != ERR_LIMIT;
    if (can_watch && self->next < count) {
        self->is_stepping = true;
        actor_timer_start(ctx, 0, 0, scan_tick, .kind = TICK_GO_ON, .serial = run->serial);
        return;
    }
    scan_go(self, ctx, STAGE_SETTLE);
    scan_advance(self, ctx);
}

static void listed(scan_t *self, context_t *ctx)
{
    scan_run_t *run = self->run;
    self->is_readable = run->root_err == ERR_OK;
    self->files_changed = walk_file_count(&run->walk);
    self->files_known = run->walk.files_seen;
    self->files_done = self->files_known - MIN(self->files_known, self->files_changed);
    self->files_gone = (run->gone.size + run->cut_off.size) / sizeof(uint64_t);
    if (!self->is_readable)
        scan_note_problem(self, ctx, (str_t){"", 0},
                          run->root_reason[0] != '\0' ? str_from(run->root_reason)
                                                      : STR("the music folder can't be read"));
    scan_go(self, ctx, STAGE_WATCH);
}

static void step_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job)
{
    self->is_stepping = false;
    if (err != ERR_OK) {
        scan_retry_or_fail(self, ctx, err);
        return;
    }
    if (job->work == scan_load) {
        scan_go(self, ctx, STAGE_LIST);
    } else if (job->work == scan_plan) {
        scan_go(self, ctx, STAGE_COVERS);
    } else {
        self->files_known = self->run->walk.files_seen;
        if (job->is_done)
            listed(self, ctx);
        else
            scan_report(self, ctx);
    }
}

/* ---- SETTLE: what is gone, what is back ---- */

static void settled(scan_t *self, context_t *ctx, const answer_t *answer)
{
    (void)self, (void)ctx, (void)answer;
}

static bool settle_gone(scan_t *self, context_t *ctx, buf_t *list, str_t reason)
{
    library_gone_t gone[SCAN_SETTLE_MAX];
    library_mark_gone_t command = {0};
    uint32_t count = (uint32_t)MIN(list->size / sizeof(uint64_t), (size_t)SCAN_SETTLE_MAX);
    if (count == 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        gone[i].reason = reason;
        memcpy(&gone[i].track_id, list->data + i * sizeof(uint64_t), sizeof(uint64_t));
    }
    buf_consume(list, count * sizeof(uint64_t));
    command.tracks.items = gone;
    command.tracks.count = count;
    ask(self, ctx, library_of(ctx), settled, &library_mark_gone_schema, &command);
    return true;
}

static bool settle_returned(scan_t *self, context_t *ctx)
{
    uint64_t ids[SCAN_SETTLE_MAX];
    library_mark_returned_t command = {0};
    buf_t *list = &self->run->walk.returned;
    size_t count = MIN(list->size / sizeof(uint64_t), (size_t)SCAN_SETTLE_MAX);
    if (count == 0)
        return false;
    memcpy(ids, list->data, count * sizeof *ids);
    buf_consume(list, count * sizeof *ids);
    command.track_ids.items = ids;
    command.track_ids.count = (uint32_t)count;
    ask(self, ctx, library_of(ctx), settled, &library_mark_returned_schema, &command);
    return true;
}

static bool settle_forgotten(scan_t *self, context_t *ctx)
{
    str_t paths[LIBRARY_PROBLEMS_MAX];
    library_forget_problems_t command = {0};
    size_t count = MIN(self->run->forgotten.size / sizeof(str_t), (size_t)LIBRARY_PROBLEMS_MAX);
    if (count == 0)
        return false;
    memcpy(paths, self->run->forgotten.data, count * sizeof *paths);
    buf_consume(&self->run->forgotten, count * sizeof *paths);
    for (size_t i = 0; i < count; i++)
        problems_remove(&self->problems, paths[i]);
    command.paths.items = paths;
    command.paths.count = (uint32_t)count;
    ask(self, ctx, library_of(ctx), settled, &library_forget_problems_schema, &command);
    return true;
}

static void settle(scan_t *self, context_t *ctx)
{
    str_t cut_off = self->run->root_err == ERR_OK ? STR("its folder can't be read")
                                                  : STR("the music folder can't be read");
    if (self->asking > 0)
        return;
    if (settle_gone(self, ctx, &self->run->cut_off, cut_off) ||
        settle_gone(self, ctx, &self->run->gone, STR("the file is gone")) ||
        settle_returned(self, ctx) || settle_forgotten(self, ctx))
        return;
    scan_go(self, ctx, STAGE_READ);
    scan_advance(self, ctx);
}

/* ---- READ ---- */

static void read_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job)
{
    self->reads--;
    if (err != ERR_OK) {
        /* Nothing of it was kept: from its first file on it is read again. */
        self->next = MIN(self->next, job->first);
        scan_retry_or_fail(self, ctx, err);
        return;
    }
    atomic_fetch_add(&job->references, 1);
    self->held[self->held_count++] = job;
}

static void release_added(scan_t *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        scan_job_unref(self->held[i]);
    self->held_count -= count;
    memmove(self->held, self->held + count, self->held_count * sizeof *self->held);
}

/* What one command takes: as much as fits of what is done. */
static size_t choose_added(const scan_t *self)
{
    size_t jobs = 0, files = 0, size = 0;
    while (jobs < self->held_count) {
        const scan_job_t *job = self->held[jobs];
        library_add_t part = {.root_number = 1};
        part.tracks.items = job->tracks;
        part.tracks.count = job->track_count;
        size_t part_size = schema_deep_size(&library_add_schema, &part);
        if (jobs > 0 &&
            (files + job->count > LIBRARY_BATCH_MAX || size + part_size > LIBRARY_BATCH_SIZE_MAX))
            break;
        files += job->count;
        size += part_size;
        jobs++;
    }
    return jobs;
}

static void note_added(scan_t *self, context_t *ctx, const scan_job_t *job)
{
    self->files_done += job->count;
    self->files_failed += job->problem_count;
    for (uint32_t i = 0; i < job->track_count; i++)
        problems_remove(&self->problems, job->tracks[i].path);
    for (uint32_t i = 0; i < job->problem_count; i++)
        scan_note_problem(self, ctx, job->problems[i].path, job->problems[i].reason);
}

static void added(scan_t *self, context_t *ctx, const answer_t *answer)
{
    const library_added_t *reply = answer->message;
    for (size_t i = 0; i < self->added_jobs; i++)
        note_added(self, ctx, self->held[i]);
    buf_append_bytes(&self->run->touched, reply->track_ids.items,
                     reply->track_ids.count * sizeof(uint64_t));
    self->run->position = MAX(self->run->position, answer->position);
    release_added(self, self->added_jobs);
    scan_report(self, ctx);
}

static void add(scan_t *self, context_t *ctx)
{
    library_add_t command = {.root_number = self->run->root_number};
    arena_t *arena = context_arena(ctx);
    size_t jobs = choose_added(self);
    library_track_t *tracks = arena_new_array(arena, LIBRARY_BATCH_MAX, sizeof *tracks);
    library_problem_t *problems = arena_new_array(arena, LIBRARY_BATCH_MAX, sizeof *problems);
    if (tracks == NULL || problems == NULL) {
        scan_fail(self, ctx, ERR_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < jobs; i++) {
        const scan_job_t *job = self->held[i];
        for (uint32_t j = 0; j < job->track_count; j++)
            tracks[command.tracks.count++] = job->tracks[j];
        for (uint32_t j = 0; j < job->problem_count; j++) {
            problems[command.problems.count] = job->problems[j];
            problems[command.problems.count++].at_ms = context_wall_ms(ctx);
        }
    }
    command.tracks.items = tracks;
    command.problems.items = problems;
    self->added_jobs = jobs;
    ask(self, ctx, library_of(ctx), added, &library_add_schema, &command);
}

/* Folders that can't be read, links that are not followed. */
static bool add_walk_problems(scan_t *self, context_t *ctx)
{
    library_add_t command = {.root_number = self->run->root_number};
    library_problem_t problems[LIBRARY_BATCH_MAX];
    const walk_t *walk = &self->run->walk;
    uint32_t count = 0;
    while (count < LIBRARY_BATCH_MAX && self->walk_problem_next < walk_problem_count(walk)) {
        const walk_problem_t *problem = walk_problem_at(walk, self->walk_problem_next++);
        str_t path = walk_text(walk, problem->path_begin, problem->path_size);
        if (problems_has(&self->problems, path, str_from(problem->reason)))
            continue;
        problems[count++] = (library_problem_t){
            .path = path, .reason = str_from(problem->reason), .at_ms = context_wall_ms(ctx)};
        scan_note_problem(self, ctx, path, str_from(problem->reason));
    }
    if (count == 0)
        return false;
    command.problems.items = problems;
    command.problems.count = count;
    self->added_jobs = 0;
    ask(self, ctx, library_of(ctx), settled, &library_add_schema, &command);
    return true;
}

static void read_on(scan_t *self, context_t *ctx)
{
    size_t total = walk_file_count(&self->run->walk);
    if (self->asking == 0 && !add_walk_problems(self, ctx) && self->held_count > 0)
        add(self, ctx);
    while (self->run != NULL && self->next < total && self->reads < SCAN_READS_MAX &&
           self->reads + self->held_count < SCAN_HELD_MAX) {
        size_t most =
            self->next < (size_t)SCAN_READ_FIRST * SCAN_READS_MAX ? SCAN_READ_FIRST : SCAN_READ_MAX;
        size_t count = MIN(total - self->next, most);
        if (!start_job(self, ctx, scan_read, self->next, count))
            return;
        self->reads++;
        self->next += count;
    }
    if (self->run != NULL && self->next == total && self->reads == 0 && self->held_count == 0 &&
        self->asking == 0 && !self->is_retrying) {
        bool has_more = self->run->is_resumed || self->run->touched.size > 0;
        scan_go(self, ctx, has_more ? STAGE_PLAN : STAGE_FINISH);
        scan_advance(self, ctx);
    }
}

/* ---- PLAN, COVERS, LOUDNESS, FINISH ---- */

static void cover_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job)
{
    self->covers--;
    if (err != ERR_OK) {
        self->next = MIN(self->next, job->first);
        scan_retry_or_fail(self, ctx, err);
        return;
    }
    if (job->cover.track_ids.count == 0)
        return;
    library_set_covers_t command = {0};
    command.covers.items = &job->cover;
    command.covers.count = 1;
    ask(self, ctx, library_of(ctx), settled, &library_set_covers_schema, &command);
}

static void cover_on(scan_t *self, context_t *ctx)
{
    size_t total = self->run->covers.size / sizeof(cover_group_t);
    while (self->run != NULL && self->next < total && self->covers < SCAN_COVERS_MAX) {
        if (!start_job(self, ctx, scan_cover, self->next, 1))
            return;
        self->covers++;
        self->next++;
    }
    if (self->run != NULL && self->next == total && self->covers == 0 && self->asking == 0 &&
        !self->is_retrying) {
        scan_go(self, ctx, STAGE_LOUDNESS);
        scan_advance(self, ctx);
    }
}

static void loudness_done(scan_t *self, context_t *ctx, err_t err, scan_job_t *job)
{
    self->loudnesses--;
    if (scan_may_pass(err) || err == ERR_CANCELLED || err == ERR_NO_MEMORY) {
        self->next = MIN(self->next, job->first);
        scan_retry_or_fail(self, ctx, err);
        return;
    }
    if (err != ERR_OK || job->loudness_count == 0)
        return; /* an album that can't be measured stays without */
    library_set_loudness_t command = {0};
    command.tracks.items = job->loudness;
    command.tracks.count = job->loudness_count;
    ask(self, ctx, library_of(ctx), settled, &library_set_loudness_schema, &command);
}

static void loudness_on(scan_t *self, context_t *ctx)
{
    size_t total = self->run->albums.size / sizeof(album_group_t);
    if (self->next < total && self->loudnesses == 0 && self->asking == 0 && !self->is_retrying) {
        if (start_job(self, ctx, scan_loudness, self->next, 1)) {
            self->loudnesses++;
            self->next++;
        }
        return;
    }
    if (self->next == total && self->loudnesses == 0 && self->asking == 0 && !self->is_retrying) {
        scan_go(self, ctx, STAGE_FINISH);
        scan_advance(self, ctx);
    }
}

static void finished(scan_t *self, context_t *ctx, const answer_t *answer)
{
    (void)answer;
    buf_reset(&self->carried);
    scan_end(self, ctx);
}

/* ---- the whole ---- */

void scan_advance(scan_t *self, context_t *ctx)
{
    static const library_finish_t finish;
    if (self->run == NULL || self->is_retrying)
        return;
    switch (self->stage) {
    case STAGE_ROOT:
        if (self->asking == 0)
            ask_root(self, ctx);
        break;
    case STAGE_PROBLEMS:
        if (self->asking == 0)
            ask_problems(self, ctx);
        break;
    case STAGE_LOAD:
        start_step(self, ctx, scan_load);
        break;
    case STAGE_LIST:
        start_step(self, ctx, scan_list);
        break;
    case STAGE_WATCH:
        if (!self->is_stepping)
            watch_on(self, ctx);
        break;
    case STAGE_SETTLE:
        settle(self, ctx);
        break;
    case STAGE_READ:
        read_on(self, ctx);
        break;
    case STAGE_PLAN:
        start_step(self, ctx, scan_plan);
        break;
    case STAGE_COVERS:
        cover_on(self, ctx);
        break;
    case STAGE_LOUDNESS:
        loudness_on(self, ctx);
        break;
    case STAGE_FINISH:
        if (self->asking == 0)
            ask(self, ctx, library_of(ctx), finished, &library_finish_schema, &finish);
        break;
    }
}
