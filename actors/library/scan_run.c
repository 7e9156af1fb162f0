#include "actors/library/scan_run.h"

#include "actors/library/library_lookup.h"
#include "actors/library/lyrics.h"
#include "actors/library/read_tags.h"
#include "actors/library/root_look.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CATCH_UP_TIMEOUT_MS = 10000 };

/* ---- runs and jobs ---- */

scan_run_t *scan_run_new(const library_service_t *service, str_t root, uint64_t serial)
{
    scan_run_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    atomic_init(&self->references, 1);
    atomic_init(&self->is_cancelled, false);
    self->service = service;
    self->serial = serial;
    self->root = arena_str(&self->arena, root);
    if (self->root.data == NULL) {
        scan_run_unref(self);
        return NULL;
    }
    return self;
}

scan_run_t *scan_run_ref(scan_run_t *self)
{
    atomic_fetch_add(&self->references, 1);
    return self;
}

void scan_run_unref(scan_run_t *self)
{
    if (self == NULL || atomic_fetch_sub(&self->references, 1) > 1)
        return;
    known_deinit(&self->known);
    walk_deinit(&self->walk);
    buf_deinit(&self->gone);
    buf_deinit(&self->cut_off);
    buf_deinit(&self->forgotten);
    buf_deinit(&self->touched);
    buf_deinit(&self->text);
    buf_deinit(&self->group_tracks);
    buf_deinit(&self->covers);
    buf_deinit(&self->albums);
    arena_deinit(&self->arena);
    memory_free(self);
}

scan_job_t *scan_job_new(scan_run_t *run, err_t (*work)(scan_job_t *job))
{
    scan_job_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    atomic_init(&self->references, 2);
    self->run = scan_run_ref(run);
    self->work = work;
    return self;
}

void scan_job_unref(scan_job_t *self)
{
    if (self == NULL || atomic_fetch_sub(&self->references, 1) > 1)
        return;
    scan_run_unref(self->run);
    arena_deinit(&self->arena);
    memory_free(self);
}

/* ---- LOAD ---- */

static bool is_below(str_t path, str_t folder)
{
    return folder.size == 0 || (str_starts_with(path, folder) && path.size > folder.size &&
                                path.data[folder.size] == '/');
}

static bool is_in_scope(const scan_run_t *run, str_t path)
{
    for (size_t i = 0; i < run->begin_count; i++)
        if (is_below(path, run->begins[i]))
            return true;
    return run->begin_count == 0;
}

static err_t load_page(scan_run_t *run, buf_t *cursor, arena_t *arena, bool *out_has_more)
{
    catalog_page_t page;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_page_options_t options = {
        .list = CATALOG_TRACKS_BY_PATH, .root = run->root, .after = buf_str(cursor)};
    arena_reset(arena);
    TRY(catalog_read_begin(run->service->catalog, arena, &read));
    TRY(catalog_page(&read, &options, &page));
    for (size_t i = 0; i < page.count; i++) {
        catalog_track_t track;
        TRY(catalog_track(&read, page.items[i].id, &track));
        if (is_in_scope(run, track.path))
            TRY(known_add(&run->known, track.path, track.size_bytes, track.mtime_ns, track.id,
                          track.is_available));
    }
    if (page.count > 0) {
        buf_reset(cursor);
        buf_append(cursor, page.items[page.count - 1].cursor);
    }
    *out_has_more = page.has_more;
    return buf_status(cursor);
}

err_t scan_load(scan_job_t *job)
{
    scan_run_t *run = job->run;
    bool has_more = true;
    buf_t cursor BUF_SCOPED = BUF_INIT;
    TRY(library_catch_up(run->service->projection, run->service->journal, CATCH_UP_TIMEOUT_MS));
    while (has_more && !atomic_load(&run->is_cancelled))
        TRY(load_page(run, &cursor, &job->arena, &has_more));
    for (size_t i = 0; i < run->old_problem_count; i++) {
        const library_problem_t *problem = &run->old_problems[i];
        if (is_in_scope(run, problem->path) && known_find(&run->known, problem->path) == NULL)
            TRY(known_add(&run->known, problem->path, problem->size_bytes, problem->stamp, 0,
                          false));
    }
    return ERR_OK;
}

/* ---- LIST ---- */

static void begin_walk(scan_run_t *run)
{
    run->walk.known = &run->known;
    run->walk.is_full = run->is_full;
    run->walk.is_recursive = true;
    run->root_reason = root_look(run->service->catalog, run->root, run->root_path, true);
    if (strcmp(run->root_reason, ROOT_REASON_EMPTY) == 0) {
        run->root_err = ERR_UNAVAILABLE;
        return;
    }
    run->root_err = walk_begin(&run->walk, run->root_path,
                               run->begin_count == 0 ? (str_t){"", 0} : run->begins[0]);
    for (size_t i = 1; i < run->begin_count && run->root_err == ERR_OK; i++)
        run->root_err = walk_begin(&run->walk, run->root_path, run->begins[i]);
}

/* Where a track that was not seen lay: only asked when some folder could not be read. */
static bool is_cut_off(scan_run_t *run, arena_t *arena, uint64_t track_id)
{
    bool has_folder = false;
    catalog_track_t track;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    for (size_t i = 0; i < walk_problem_count(&run->walk); i++)
        has_folder |= walk_problem_at(&run->walk, i)->is_folder;
    if (!has_folder || catalog_read_begin(run->service->catalog, arena, &read) != ERR_OK ||
        catalog_track(&read, track_id, &track) != ERR_OK)
        return false;
    return walk_is_unreadable(&run->walk, track.path);
}

static err_t end_walk(scan_job_t *job)
{
    scan_run_t *run = job->run;
    size_t cursor = 0;
    known_file_t *file;
    for (size_t i = 0; i < walk_problem_count(&run->walk); i++) {
        const walk_problem_t *problem = walk_problem_at(&run->walk, i);
        file =
            known_find(&run->known, walk_text(&run->walk, problem->path_begin, problem->path_size));
        if (file != NULL)
            file->is_seen = file->track_id == 0;
    }
    /* What is not mounted has lost nothing: its tracks stay as they are. */
    bool is_kept = strcmp(run->root_reason, ROOT_REASON_EMPTY) == 0;
    while (!is_kept && (file = known_next(&run->known, &cursor)) != NULL) {
        if (file->is_seen || file->track_id == 0 || !file->is_available)
            continue;
        buf_t *list = run->root_err != ERR_OK || is_cut_off(run, &job->arena, file->track_id)
                          ? &run->cut_off
                          : &run->gone;
        uint64_t track_id = file->track_id;
        buf_append_bytes(list, &track_id, sizeof track_id);
    }
    for (size_t i = 0; run->root_err == ERR_OK && i < run->old_problem_count; i++) {
        str_t path = run->old_problems[i].path;
        file = known_find(&run->known, path);
        if (is_in_scope(run, path) && (file == NULL || !file->is_seen || file->track_id != 0))
            buf_append_bytes(&run->forgotten, &path, sizeof path);
    }
    run->is_listed = true;
    TRY(buf_status(&run->gone));
    TRY(buf_status(&run->forgotten));
    TRY(buf_status(&run->cut_off));
    /* Here, since to give so much memory back takes longer than an actor's turn may. */
    known_deinit(&run->known);
    known_deinit(&run->walk.visited);
    return ERR_OK;
}

err_t scan_list(scan_job_t *job)
{
    scan_run_t *run = job->run;
    if (run->walk.known == NULL)
        begin_walk(run);
    job->is_done = run->root_err != ERR_OK;
    if (!job->is_done)
        TRY(walk_step(&run->walk, SCAN_LIST_STEP, &job->is_done));
    return job->is_done ? end_walk(job) : ERR_OK;
}

/* ---- READ ---- */

typedef struct reading {
    scan_job_t *job;
    media_input_t inputs[SCAN_READ_MAX];
    const walk_file_t *files[SCAN_READ_MAX];
    size_t count;
} reading_t;

static void reading_end(reading_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        close(self->inputs[i].fd);
}

static void add_problem(scan_job_t *job, const walk_file_t *file, str_t reason)
{
    job->problems[job->problem_count++] =
        (library_problem_t){.path = walk_file_path(&job->run->walk, file),
                            .size_bytes = file->size_bytes,
                            .stamp = file->stamp,
                            .reason = reason};
}

static void open_file(reading_t *self, const walk_file_t *file)
{
    struct stat status;
    const walk_t *walk = &self->job->run->walk;
    str_t path = walk_file_path(walk, file);
    if (file->size_bytes == 0) {
        add_problem(self->job, file, STR("the file is empty"));
        return;
    }
    /* Nothing that is no plain file may be opened by mistake, or keep us waiting. */
    int fd = openat(walk->root_fd, path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        add_problem(self->job, file,
                    errno == EACCES  ? STR("the file may not be read")
                    : errno == ELOOP ? STR("it is a symbolic link, which is not followed")
                                     : STR("the file can't be opened"));
        return;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        add_problem(self->job, file, STR("it is not a plain file"));
        return;
    }
    self->files[self->count] = file;
    self->inputs[self->count++] = (media_input_t){fd, path};
}

static err_t take_probed(reading_t *self, const walk_file_t *file, const media_file_t *probed)
{
    scan_job_t *job = self->job;
    if (probed->err != ERR_OK) {
        add_problem(job, file,
                    probed->reason.size > 0 ? str_slice(probed->reason, 0, 300)
                                            : STR("the file can't be read"));
        return ERR_OK;
    }
    library_track_t *track = &job->tracks[job->track_count];
    TRY(read_tags(probed, walk_file_path(&job->run->walk, file), file->size_bytes, file->stamp,
                  &job->arena, track));
    TRY(lyrics_take(probed, job->run->walk.root_fd, file->has_lrc, job->run->service->blobs,
                    &job->arena, track));
    job->track_count++;
    return ERR_OK;
}

err_t scan_read(scan_job_t *job)
{
    media_probed_t probed = {0};
    reading_t reading SCOPED(reading_end) = {.job = job};
    job->tracks = arena_new_array(&job->arena, job->count, sizeof *job->tracks);
    job->problems = arena_new_array(&job->arena, job->count, sizeof *job->problems);
    if (job->tracks == NULL || job->problems == NULL)
        return ERR_NO_MEMORY;
    if (atomic_load(&job->run->is_cancelled))
        return ERR_CANCELLED;
    for (size_t i = 0; i < job->count; i++)
        open_file(&reading, walk_file_at(&job->run->walk, job->first + i));
    if (reading.count > 0)
        TRY(media_client_probe_wait(job->run->service->media, WORKER_NORMAL, reading.inputs,
                                    reading.count, &job->arena, &probed));
    for (size_t i = 0; i < reading.count && i < probed.files.count; i++)
        TRY(take_probed(&reading, reading.files[i], &probed.files.items[i]));
    return ERR_OK;
}
