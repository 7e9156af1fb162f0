/* roots_actor.c -- `roots/all`: which music folders there are, and one status for all their scans.
 */

#include "actors/library/library.h"
#include "actors/library/root_reports.h"
#include "actors/library/root_rules.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/scan.h"
#include "runtime/base/memory.h"
#include "runtime/router.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { RATE_WINDOW_MS = 2000 };

/* What scan/ROOT reported last. */
typedef struct progress {
    roots_scan_progress_t *report; /* a deep copy; NULL: none */
    uint64_t rate_ms, rate_files;  /* where the window of the rate began */
    double files_per_second;
    /* Of several nodes: who scans it, and what it is told. */
    uint64_t scanner, scan, cancel;
    bool is_full;
} progress_t;

typedef struct roots {
    root_entry_t entries[ROOTS_MAX];
    size_t count;
    progress_t progress[ROOTS_MAX];
    root_reports_t reports;
    bool is_publish_armed;
    uint64_t published_ms;
} roots_t;

#define ACTOR_DEF "actors/protocol/roots.def"
#define ACTOR_STATE roots_t
#include "runtime/actor_kind.h"

/* ---- events ---- */

APPLY(root_added)
{
    if (self->count < ROOTS_MAX && root_entry_init(&self->entries[self->count], event->name,
                                                   event->path, event->number) == ERR_OK)
        self->count++;
}

APPLY(root_moved)
{
    root_entry_t *entry = roots_find(self->entries, self->count, event->name);
    root_entry_t moved;
    if (entry != NULL &&
        root_entry_init(&moved, event->name, event->path, entry->number) == ERR_OK) {
        root_entry_deinit(entry);
        *entry = moved;
    }
}

static void snapshot(const void *state, buf_t *out)
{
    const roots_t *self = state;
    root_info_t infos[ROOTS_MAX];
    roots_state_t saved = {0};
    for (size_t i = 0; i < self->count; i++)
        infos[i] = root_entry_info(&self->entries[i]);
    saved.roots.items = infos;
    saved.roots.count = (uint32_t)self->count;
    schema_encode(&roots_state_schema, &saved, out);
}

static err_t restore(void *state, str_t snapshot)
{
    roots_t *self = state;
    roots_state_t saved;
    arena_t arena ARENA_SCOPED = {0};
    TRY(schema_decode(&roots_state_schema, snapshot, &arena, &saved));
    for (uint32_t i = 0; i < saved.roots.count && i < ROOTS_MAX; i++) {
        const root_info_t *info = &saved.roots.items[i];
        TRY(root_entry_init(&self->entries[self->count], info->name, info->path, info->number));
        self->count++;
    }
    return ERR_OK;
}

/* ---- the status ---- */

static bool is_running(const progress_t *progress)
{
    return progress->report != NULL && progress->report->phase != SCAN_PHASE_IDLE;
}

static void add_progress(const progress_t *progress, library_status_t *status)
{
    const roots_scan_progress_t *report = progress->report;
    status->problem_count += report->problem_count;
    status->started_ms = MAX(status->started_ms, report->started_ms);
    status->finished_ms = MAX(status->finished_ms, report->finished_ms);
    status->files_done += report->files_done;
    status->files_known += report->files_known;
    if (!is_running(progress))
        return;
    status->files_per_second += progress->files_per_second;
    /* The busiest: what is still being listed or read matters more than the background. */
    if (status->phase == SCAN_PHASE_IDLE || report->phase < status->phase)
        status->phase = report->phase;
}

static err_t list_problems(const roots_t *self, arena_t *arena, library_status_t *status)
{
    uint32_t count = 0;
    scan_problem_t *problems =
        arena_new_array(arena, (size_t)ROOTS_MAX * ROOTS_PROBLEMS_MAX, sizeof *problems);
    if (problems == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++) {
        const roots_scan_progress_t *report = self->progress[i].report;
        for (uint32_t j = 0; report != NULL && j < report->problems.count; j++)
            if (j < ROOTS_PROBLEMS_MAX)
                problems[count++] = report->problems.items[j];
    }
    status->problems.items = problems;
    status->problems.count = count;
    return ERR_OK;
}

/* As the nodes say, and the last scan. */
static void say_readable(const roots_t *self, const roots_scan_progress_t *report,
                         root_info_t *info)
{
    info->is_readable = self->reports.count == 0 ||
                        root_reports_is_readable(&self->reports, info->name, &info->reason);
    if (!info->is_readable || report == NULL || report->is_readable)
        return;
    info->is_readable = false;
    info->reason = STR("the music folder can't be read");
}

static err_t make_status(const roots_t *self, arena_t *arena, library_status_t *out_status)
{
    library_status_t status = {0};
    root_info_t *infos = arena_new_array(arena, self->count + 1, sizeof *infos);
    if (infos == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++) {
        const roots_scan_progress_t *report = self->progress[i].report;
        infos[i] = root_entry_info(&self->entries[i]);
        say_readable(self, report, &infos[i]);
        if (report != NULL)
            add_progress(&self->progress[i], &status);
    }
    if (status.phase != SCAN_PHASE_IDLE)
        status.finished_ms = 0;
    if (status.phase == SCAN_PHASE_READING && status.files_per_second > 0) {
        status.has_seconds_left = true;
        status.seconds_left =
            (uint64_t)((double)(status.files_known - status.files_done) / status.files_per_second) +
            1;
    }
    status.roots.items = infos;
    status.roots.count = (uint32_t)self->count;
    TRY(list_problems(self, arena, &status));
    *out_status = status;
    return ERR_OK;
}

static void publish(roots_t *self, context_t *ctx)
{
    library_status_t status;
    self->published_ms = context_mono_ms(ctx);
    if (make_status(self, context_arena(ctx), &status) == ERR_OK)
        actor_publish_message(ctx, LIBRARY_STATUS_TOPIC, &library_status_schema, &status);
}

ON(roots_publish)
{
    self->is_publish_armed = false;
    publish(self, ctx);
    return ERR_OK;
}

static void publish_soon(roots_t *self, context_t *ctx)
{
    static const roots_publish_t tick;
    uint64_t now_ms = context_mono_ms(ctx);
    if (self->is_publish_armed)
        return;
    if (now_ms >= self->published_ms + ROOTS_PUBLISH_MS || self->published_ms == 0) {
        publish(self, ctx);
        return;
    }
    self->is_publish_armed = true;
    actor_timer_start_message(ctx, self->published_ms + ROOTS_PUBLISH_MS - now_ms, 0,
                              &roots_publish_schema, &tick);
}

static err_t reply_status(roots_t *self, context_t *ctx)
{
    library_status_t status;
    TRY(make_status(self, context_arena(ctx), &status));
    return actor_reply_message(ctx, &library_status_schema, &status);
}

ON(roots_get_status)
{
    return reply_status(self, ctx);
}

static void measure_rate(progress_t *progress, const roots_scan_progress_t *report, uint64_t now_ms)
{
    bool is_new = progress->report == NULL || progress->report->phase != report->phase ||
                  report->files_done < progress->rate_files;
    if (is_new) {
        progress->rate_ms = now_ms;
        progress->rate_files = report->files_done;
        progress->files_per_second = 0;
    } else if (now_ms >= progress->rate_ms + 100) {
        progress->files_per_second = (double)(report->files_done - progress->rate_files) * 1000 /
                                     (double)(now_ms - progress->rate_ms);
        if (now_ms >= progress->rate_ms + RATE_WINDOW_MS) {
            progress->rate_ms = now_ms;
            progress->rate_files = report->files_done;
        }
    }
}

ON(roots_scan_progress)
{
    root_entry_t *entry = roots_find(self->entries, self->count, command->root);
    if (entry == NULL)
        return ERR_OK;
    progress_t *progress = &self->progress[entry - self->entries];
    bool is_phase_new = progress->report == NULL || progress->report->phase != command->phase;
    roots_scan_progress_t *copy =
        memory_new(schema_deep_size(&roots_scan_progress_schema, command));
    if (copy == NULL)
        return ERR_NO_MEMORY;
    schema_copy(&roots_scan_progress_schema, command, copy);
    measure_rate(progress, copy, context_mono_ms(ctx));
    memory_free(progress->report);
    progress->report = copy;
    if (is_phase_new)
        publish(self, ctx);
    else
        publish_soon(self, ctx);
    return ERR_OK;
}

/* ---- adding ---- */

/* Finds out what the folder is, on the offload pool. */
typedef struct look {
    reply_token_t token;
    bool can_move;
    char name[ROOT_NAME_SIZE_MAX + 1];
    char path[PATH_MAX];
} look_t;

static err_t look_at_folder(void *data, size_t data_size)
{
    look_t *look = data;
    char real[PATH_MAX];
    (void)data_size;
    if (realpath(look->path, real) == NULL)
        return err_from_errno(errno);
    int fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR ? ERR_NOT_FOUND : err_from_errno(errno);
    close(fd);
    memcpy(look->path, real, strlen(real) + 1);
    return ERR_OK;
}

static bool is_alone(context_t *ctx)
{
    return runtime_node(context_runtime(ctx)) == 0;
}

/* Later than the one before, also than one that was given before this actor moved or started. */
static uint64_t next_order(context_t *ctx, uint64_t last)
{
    return MAX(last + 1, (uint64_t)MAX(context_wall_ms(ctx), 1));
}

/* Of several nodes, whoever scans the folder hears of it in the answer to its next report. */
static void start_scan(roots_t *self, context_t *ctx, str_t root, bool is_full)
{
    if (!is_alone(ctx)) {
        const root_entry_t *entry = roots_find(self->entries, self->count, root);
        if (entry == NULL)
            return; /* it is being added: whoever gets it scans it */
        progress_t *progress = &self->progress[entry - self->entries];
        progress->scan = next_order(ctx, progress->scan);
        progress->is_full = is_full;
        return;
    }
    /* A mailbox that is full has a start in it already. */
    IGNORE_ERR(actor_send(ctx, address_of("scan", root), scan_start, .is_full = is_full));
}

static err_t add_or_move(roots_t *self, context_t *ctx, const look_t *look)
{
    root_change_t change;
    TRY(roots_decide_add(self->entries, self->count, str_from(look->name), str_from(look->path),
                         look->can_move, context_arena(ctx), &change));
    if (change.kind == ROOT_UNCHANGED)
        return ERR_OK;
    if (change.kind == ROOT_ADDED)
        emit(ctx, root_added, .name = change.name, .path = str_from(look->path),
             .number = change.number);
    else
        emit(ctx, root_moved, .name = change.name, .path = str_from(look->path));
    start_scan(self, ctx, change.name, false);
    publish(self, ctx);
    return ERR_OK;
}

static void looked(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    roots_t *self = state;
    look_t *look = data;
    library_status_t status;
    (void)data_size;
    if (err == ERR_OK)
        err = add_or_move(self, ctx, look);
    if (err == ERR_OK)
        err = make_status(self, context_arena(ctx), &status);
    if (err == ERR_OK)
        actor_reply_to_message(ctx, look->token, ERR_OK, &library_status_schema, &status);
    else
        actor_refuse_to(ctx, look->token, err);
}

/* Where it is, that node looks itself; here only its name counts. */
static err_t add_of_node(roots_t *self, context_t *ctx, const roots_add_t *command)
{
    uint32_t number = 0;
    if (!root_name_is_valid(command->name) || command->path.size == 0)
        return actor_refuse(ctx, ERR_INVALID, "a folder of a node has a name and a path");
    for (size_t i = 0; i < self->count; i++)
        number = MAX(number, self->entries[i].number);
    if (roots_find(self->entries, self->count, command->name) != NULL)
        return reply_status(self, ctx);
    if (self->count == ROOTS_MAX)
        return actor_refuse(ctx, ERR_LIMIT, "there are too many music folders");
    emit(ctx, root_added, .name = command->name, .path = command->path, .number = number + 1);
    publish(self, ctx);
    return reply_status(self, ctx);
}

ON(roots_add)
{
    look_t look = {.can_move = command->can_move};
    if (command->is_of_node)
        return add_of_node(self, ctx, command);
    if (command->name.size > ROOT_NAME_SIZE_MAX)
        return actor_refuse(ctx, ERR_INVALID, "the name is longer than %d bytes",
                            ROOT_NAME_SIZE_MAX);
    if (command->path.size == 0 || command->path.size >= sizeof look.path ||
        command->path.data[0] != '/' || memchr(command->path.data, 0, command->path.size) != NULL)
        return actor_refuse(ctx, ERR_INVALID, "the path must be absolute");
    memcpy(look.path, command->path.data, command->path.size);
    if (command->name.size > 0)
        memcpy(look.name, command->name.data, command->name.size);
    look.token = actor_reply_later(ctx);
    actor_offload(ctx, OFFLOAD_FILE, look_at_folder, looked, &look, sizeof look);
    return ERR_OK;
}

ON(roots_get)
{
    const root_entry_t *entry = roots_find(self->entries, self->count, command->name);
    if (entry == NULL)
        return actor_refuse(ctx, ERR_NOT_FOUND, "no such root");
    root_info_t info = root_entry_info(entry);
    return actor_reply(ctx, root_info_reply, .name = info.name, .path = info.path,
                       .number = info.number, .is_readable = true);
}

/* ---- scans ---- */

ON(roots_start_scan)
{
    if (command->root.size > 0 && roots_find(self->entries, self->count, command->root) == NULL)
        return actor_refuse(ctx, ERR_NOT_FOUND, "no such root");
    for (size_t i = 0; i < self->count; i++)
        if (command->root.size == 0 || str_equal(command->root, self->entries[i].name))
            start_scan(self, ctx, self->entries[i].name, command->is_full);
    return reply_status(self, ctx);
}

static void cancel_scan(roots_t *self, context_t *ctx, size_t index)
{
    static const scan_cancel_t cancel;
    if (is_alone(ctx))
        IGNORE_ERR(actor_send_message(ctx, address_of("scan", self->entries[index].name),
                                      &scan_cancel_schema, &cancel)); /* nothing to cancel */
    else
        self->progress[index].cancel = next_order(ctx, self->progress[index].cancel);
}

ON(roots_cancel_scan)
{
    for (size_t i = 0; i < self->count; i++)
        if (command->root.size == 0 || str_equal(command->root, self->entries[i].name))
            cancel_scan(self, ctx, i);
    return reply_status(self, ctx);
}

/* ---- the nodes ---- */

static void choose_scanners(roots_t *self, context_t *ctx)
{
    uint64_t now_ms = context_mono_ms(ctx);
    for (size_t i = 0; i < self->count && !is_alone(ctx); i++)
        self->progress[i].scanner = root_reports_scanner(&self->reports, self->entries[i].name,
                                                         self->progress[i].scanner, now_ms);
}

static err_t reply_known(const roots_t *self, context_t *ctx, uint64_t version)
{
    roots_known_t known = {.version = self->reports.version};
    root_task_t *tasks = arena_new_array(context_arena(ctx), self->count + 1, sizeof *tasks);
    if (tasks == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++) {
        const progress_t *progress = &self->progress[i];
        tasks[i] = (root_task_t){self->entries[i].name, self->entries[i].path, progress->scanner,
                                 progress->scan,        progress->is_full,     progress->cancel};
    }
    known.roots.items = tasks;
    known.roots.count = (uint32_t)self->count;
    if (version != known.version)
        TRY(root_reports_list(&self->reports, context_arena(ctx), &known));
    return actor_reply_message(ctx, &roots_known_schema, &known);
}

ON(roots_report)
{
    uint64_t before = self->reports.version;
    if (before == 0) /* another one than any that was told before this actor moved or started */
        self->reports.version = next_order(ctx, 0);
    TRY(root_reports_take(&self->reports, command, context_mono_ms(ctx)));
    choose_scanners(self, ctx);
    if (self->reports.version != before)
        publish_soon(self, ctx);
    return reply_known(self, ctx, command->version);
}

static void deinit(void *state)
{
    roots_t *self = state;
    for (size_t i = 0; i < self->count; i++) {
        root_entry_deinit(&self->entries[i]);
        memory_free(self->progress[i].report);
    }
    root_reports_deinit(&self->reports);
}

ACTOR_KIND(roots, .snapshot = snapshot, .restore = restore, .deinit = deinit, .snapshot_every = 16);
