/* scan_actor.c -- `scan/ROOT`: begins and ends runs, tells how they do, follows the watch. */

#include "actors/library/scan_state.h"

#define ACTOR_DEF "actors/protocol/scan.def"
#define ACTOR_STATE scan_t
#define ACTOR_ALSO(X) X(actor_readable)
#include "runtime/actor_kind.h"

static void begin(scan_t *self, context_t *ctx);

/* ---- what others are told ---- */

static uint32_t scan_phase_of(const scan_t *self)
{
    if (self->run == NULL)
        return SCAN_PHASE_IDLE;
    if (self->stage < STAGE_READ)
        return SCAN_PHASE_LISTING;
    return self->stage == STAGE_READ ? SCAN_PHASE_READING : SCAN_PHASE_FINISHING;
}

void scan_report(scan_t *self, context_t *ctx)
{
    scan_problem_t problems[ROOTS_PROBLEMS_MAX];
    uint32_t count = (uint32_t)MIN(self->problems.count, (size_t)ROOTS_PROBLEMS_MAX);
    uint64_t now_ms = context_mono_ms(ctx);
    if (scan_phase_of(self) == self->reported_phase && now_ms < self->reported_ms + SCAN_REPORT_MS)
        return;
    for (uint32_t i = 0; i < count; i++) {
        library_problem_t problem = problems_at(&self->problems, self->problems.count - 1 - i);
        problems[i] =
            (scan_problem_t){context_key(ctx), problem.path, problem.reason, problem.at_ms};
    }
    roots_scan_progress_t progress = {.root = context_key(ctx),
                                      .phase = scan_phase_of(self),
                                      .files_done = self->files_done,
                                      .files_known = self->files_known,
                                      .started_ms = self->started_ms,
                                      .finished_ms = self->finished_ms,
                                      .is_readable = self->is_readable,
                                      .problem_count =
                                          self->problems.count + self->problems.dropped};
    progress.problems.items = problems;
    progress.problems.count = count;
    /* The next one says the same and more. */
    if (actor_send_message(ctx, address_of("roots", ROOTS_KEY), &roots_scan_progress_schema,
                           &progress) == ERR_OK) {
        self->reported_phase = progress.phase;
        self->reported_ms = now_ms;
    }
}

void scan_note_problem(scan_t *self, context_t *ctx, str_t path, str_t reason)
{
    library_problem_t problem = {.path = path, .reason = reason, .at_ms = context_wall_ms(ctx)};
    problems_put(&self->problems, &problem);
}

/* ---- the end of a run ---- */

static void scan_drop(scan_t *self)
{
    if (self->run == NULL)
        return;
    if (self->stage >= STAGE_READ && self->stage < STAGE_FINISH)
        buf_append(&self->carried, buf_str(&self->run->touched)); /* or its covers come later */
    atomic_store(&self->run->is_cancelled, true);
    scan_run_unref(self->run);
    self->run = NULL;
    for (size_t i = 0; i < self->held_count; i++)
        scan_job_unref(self->held[i]);
    self->held_count = 0;
    self->reads = self->covers = self->loudnesses = 0;
    self->is_stepping = self->is_retrying = false;
    self->asking = 0;
    self->retries = 0;
}

static bool is_touched(const scan_t *self)
{
    return self->touched.count > 0 || self->touched.is_overflow;
}

static void look_soon(scan_t *self, context_t *ctx)
{
    self->is_watch_armed = true;
    actor_timer_start(ctx, SCAN_WATCH_MS, 0, scan_tick, .kind = TICK_WATCH);
}

/* What is under way is looked at again soon; else the kernel says when there is something. */
static void arm_watch(scan_t *self, context_t *ctx)
{
    if (self->watch.fd <= 0 || self->is_watch_armed)
        return;
    self->is_watch_armed = true;
    if (is_touched(self) || actor_wait_readable(ctx, self->watch.fd) != ERR_OK)
        look_soon(self, ctx);
}

void scan_end(scan_t *self, context_t *ctx)
{
    scan_drop(self);
    self->finished_ms = context_wall_ms(ctx);
    self->reported_ms = 0;
    scan_report(self, ctx);
    arm_watch(self, ctx);
    if (self->has_next)
        begin(self, ctx);
}

void scan_fail(scan_t *self, context_t *ctx, err_t err)
{
    scan_note_problem(self, ctx, (str_t){"", 0}, str_from(err_text(err)));
    log_warning(runtime_log(context_runtime(ctx)), "scan", "a scan ended early root=%.*s error=%s",
                STR_ARG(context_key(ctx)), err_name(err));
    scan_end(self, ctx);
}

bool scan_may_pass(err_t err)
{
    return err == ERR_BUSY || err == ERR_UNAVAILABLE || err == ERR_TIMEOUT;
}

void scan_retry_or_fail(scan_t *self, context_t *ctx, err_t err)
{
    if (!scan_may_pass(err) || ++self->retries > SCAN_RETRIES_MAX) {
        scan_fail(self, ctx, err);
        return;
    }
    if (!self->is_retrying)
        actor_timer_start(ctx, SCAN_RETRY_MS, 0, scan_tick, .kind = TICK_RETRY);
    self->is_retrying = true;
}

static err_t choose_begins(scan_t *self, scan_run_t *run)
{
    bool is_whole = self->next_is_whole || self->touched.is_overflow || self->touched.count == 0;
    for (size_t i = 0; !is_whole && i < self->touched.count && i < SCAN_BEGINS_MAX; i++) {
        run->begins[run->begin_count] = arena_str(&run->arena, watch_touched_at(&self->touched, i));
        if (run->begins[run->begin_count].data == NULL)
            return ERR_NO_MEMORY;
        run->begin_count++;
    }
    run->is_full = self->next_is_full;
    self->has_next = self->next_is_full = self->next_is_whole = false;
    watch_touched_reset(&self->touched);
    self->watch_waits = 0;
    return ERR_OK;
}

static void begin(scan_t *self, context_t *ctx)
{
    scan_run_t *run = scan_run_new(context_service(ctx), context_key(ctx), ++self->serial);
    if (run == NULL || choose_begins(self, run) != ERR_OK) {
        scan_run_unref(run);
        return;
    }
    buf_append(&run->touched, buf_str(&self->carried));
    self->run = run;
    self->files_done = self->files_known = 0;
    self->files_changed = self->files_failed = self->files_gone = 0;
    self->walk_problem_next = 0;
    self->started_ms = context_wall_ms(ctx);
    self->finished_ms = 0;
    scan_go(self, ctx, STAGE_ROOT);
    scan_advance(self, ctx);
}

ON(scan_start)
{
    if (command->paths.count > SCAN_PATHS_MAX)
        return actor_refuse(ctx, ERR_LIMIT, "more than %d folders", SCAN_PATHS_MAX);
    bool is_whole = command->paths.count == 0;
    /* Covers and loudness can wait for what is new; what looks at the disk is let go on. */
    bool is_looking = self->run != NULL && self->stage < STAGE_PLAN;
    if (is_looking && is_whole && !command->is_full && self->run->begin_count == 0)
        return actor_reply(ctx, scan_started, .phase = scan_phase_of(self));
    self->next_is_full |= command->is_full;
    self->next_is_whole |= is_whole;
    for (uint32_t i = 0; i < command->paths.count; i++)
        watch_touch(&self->touched, command->paths.items[i]);
    self->has_next = true;
    if (!is_looking) {
        scan_drop(self);
        begin(self, ctx);
    }
    return actor_reply(ctx, scan_started, .phase = scan_phase_of(self));
}

ON(scan_cancel)
{
    self->has_next = false;
    if (self->run != NULL)
        scan_end(self, ctx);
    return actor_reply(ctx, scan_started, .phase = scan_phase_of(self));
}

ON(scan_leave)
{
    self->has_next = false;
    watch_close(&self->watch);
    watch_touched_reset(&self->touched);
    self->is_watch_armed =
        false; /* what it waited for is closed; a tick that comes finds nothing */
    if (self->run != NULL)
        scan_end(self, ctx);
    return ERR_OK;
}

ON(scan_get_status)
{
    return actor_reply(ctx, scan_status, .phase = scan_phase_of(self),
                       .files_done = self->files_done, .files_known = self->files_known,
                       .started_ms = self->started_ms, .finished_ms = self->finished_ms,
                       .files_changed = self->files_changed, .files_failed = self->files_failed,
                       .files_gone = self->files_gone);
}

/* A change waits until a turn passes without another one, but not for ever. */
static void look_at_watch(scan_t *self, context_t *ctx)
{
    self->is_watch_armed = false;
    bool has_more = watch_read(&self->watch, &self->touched);
    bool is_settled = !has_more || ++self->watch_waits >= SCAN_WATCH_WAIT_MAX;
    if (is_touched(self) && is_settled && (self->run == NULL || self->stage >= STAGE_PLAN)) {
        scan_drop(self);
        begin(self, ctx);
    }
    arm_watch(self, ctx);
}

ON(actor_readable)
{
    if (self->watch.fd == (int)command->fd) {
        (void)watch_read(&self->watch, &self->touched);
        look_soon(self, ctx); /* also where it was nothing of ours: at most so often */
    }
    return ERR_OK;
}

ON(scan_tick)
{
    if (command->kind == TICK_WATCH) {
        look_at_watch(self, ctx);
    } else if (command->kind == TICK_GO_ON) {
        if (self->run != NULL && self->run->serial == command->serial) {
            self->is_stepping = false;
            scan_advance(self, ctx);
        }
    } else if (self->is_retrying) {
        self->is_retrying = false;
        scan_advance(self, ctx);
    }
    return ERR_OK;
}

static void deinit(void *state)
{
    scan_t *self = state;
    scan_drop(self);
    for (size_t i = 0; i < SCAN_JOBS_MAX; i++)
        scan_job_unref(self->jobs[i]);
    problems_deinit(&self->problems);
    watch_close(&self->watch);
    watch_touched_deinit(&self->touched);
    buf_deinit(&self->carried);
}

ACTOR_KIND(scan, .deinit = deinit, .mailbox_max = 256);
