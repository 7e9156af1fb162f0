/* A backup, and a restore, is killed, and runs out of disk, at each of its steps: before and after
 * every write, sync, rename and removal. What was there before stands, and the next run succeeds.
 */

#include "tests/storage/backup/backup_help.h"

#include "runtime/base/random.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The linker leads these calls of the code under test here (tests/CMakeLists.txt). */
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);

typedef enum ending { NO_END, KILLED, DISK_FULL } ending_t;

/* Of a process: each test is one of its own. */
static ending_t ending;
static long steps, last_step; /* steps so far; the one that it ends at */

/* True: the disk is full. */
static bool step(void)
{
    if (ending == NO_END)
        return false;
    steps++;
    if (steps == last_step && ending == KILLED)
        raise(SIGKILL);
    return ending == DISK_FULL && steps >= last_step;
}

static bool is_full(void)
{
    if (!step())
        return false;
    errno = ENOSPC;
    return true;
}

int __wrap_rename(const char *from, const char *to)
{
    if (is_full())
        return -1;
    int rc = __real_rename(from, to);
    (void)step();
    return rc;
}

int __wrap_fdatasync(int fd)
{
    return is_full() ? -1 : __real_fdatasync(fd);
}

int __wrap_unlink(const char *path)
{
    int rc = __real_unlink(path); /* needs no room */
    (void)step();
    return rc;
}

/* Killed in the middle of a write: half of it is there. */
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (is_full())
        return -1;
    ssize_t put = __real_write(fd, bytes, size / 2 + 1);
    (void)step();
    return put;
}

static void progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    (void)context, (void)what, (void)done, (void)total;
    (void)step();
}

/* ---- the rounds ---- */

typedef err_t (*work_fn)(backup_rig_t *rig);

static err_t back_up(backup_rig_t *rig)
{
    return rig_backup(rig, progress, NULL);
}

static err_t restore(backup_rig_t *rig)
{
    return rig_restore(rig, "", progress, NULL);
}

/* In a process of its own; whether it came to its end. */
static bool ends_at(backup_rig_t *rig, work_fn work, ending_t how, long at)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        ending = how;
        steps = 0;
        last_step = at;
        err_t err = work(rig);
        ending = NO_END;
        bool is_told = err == ERR_OK || rig->problem.size > 0;
        _exit(err == ERR_OK ? 0 : is_told ? 1 : 2);
    }
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status)) {
        cr_assert(how == KILLED && WTERMSIG(status) == SIGKILL, "step %ld", at);
        return false;
    }
    int code = WEXITSTATUS(status);
    cr_assert(code < 2, "step %ld says nothing", at);
    return code == 0;
}

static void shell(const backup_rig_t *rig, const char *command)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    buf_printf(&line, "cd %s && %s", rig->folder.path, command);
    cr_assert(system(buf_terminated(&line)) == 0, "%s", command);
}

static journal_digest_t digest_of_backup(backup_rig_t *rig)
{
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    err_t err = backup_folder_read(rig->backup.path, &rig->problem, &folder);
    cr_assert(err == ERR_OK, "%s", buf_terminated(&rig->problem));
    return folder.manifest.digest;
}

/* Each step with --long; else some of them, others each time. */
static long stride(void)
{
    const ms_random_t random = random_system();
    uint8_t byte;
    random_fill(&random, &byte, 1);
    const char *rounds = getenv("MS_ROUNDS");
    return rounds != NULL && strcmp(rounds, "1") != 0 ? 1 : 1 + byte % 5;
}

/* A first backup stands; the second, with more of everything, ends at each step in turn. */
static void end_backups(ending_t how, long steps_min)
{
    backup_rig_t rig RIG_SCOPED;
    long at = stride();
    rig_open(&rig);
    check_ok(rig_backup(&rig, NULL, NULL));
    journal_digest_t first = digest_of_backup(&rig);
    rig_append(&rig, 4, 2000);
    rig_put_blob(&rig, "lyrics", "another song");
    rig_erase_user(&rig, "89ab");
    shell(&rig, "cp -a backup start");

    for (bool is_done = false; !is_done; at += stride()) {
        buf_t damage BUF_SCOPED = BUF_INIT;
        shell(&rig, "rm -rf backup && cp -a start backup");
        is_done = ends_at(&rig, back_up, how, at);
        cr_assert(rig_check(&rig, &damage) == ERR_OK, "step %ld: %s", at, buf_terminated(&damage));
        journal_digest_t now = digest_of_backup(&rig);
        cr_assert(now.count == first.count || now.count == first.count + 4, "step %ld", at);
        err_t err = rig_backup(&rig, NULL, NULL);
        cr_assert(err == ERR_OK, "step %ld: %s", at, buf_terminated(&rig.problem));
        rig_expect_all(&rig);
        /* One run that was not cut short leaves the same files. */
        shell(&rig,
              "test -z \"$(find backup -name '*.new')\" && test $(ls backup/keys | wc -l) = 1");
    }

    cr_assert(at > steps_min, "%ld steps", at);
}

Test(backup, killed_at_any_step_leaves_the_one_before_and_the_next_run_goes_on)
{
    end_backups(KILLED, 25);
}

Test(backup, a_disk_that_fills_at_any_step_leaves_the_one_before)
{
    end_backups(DISK_FULL, 15);
}

Test(backup, a_first_one_that_is_killed_at_any_step_is_made_by_the_next_run)
{
    backup_rig_t rig RIG_SCOPED;
    long at = stride();
    rig_open(&rig);

    for (bool is_done = false; !is_done; at += stride()) {
        shell(&rig, "rm -rf backup");
        is_done = ends_at(&rig, back_up, KILLED, at);
        err_t err = rig_backup(&rig, NULL, NULL);
        cr_assert(err == ERR_OK, "step %ld: %s", at, buf_terminated(&rig.problem));
        rig_expect_all(&rig);
    }

    cr_assert(at > 20, "%ld steps", at);
}

Test(backup, what_a_killed_run_had_written_is_taken_over)
{
    backup_rig_t rig RIG_SCOPED;
    backup_report_t report = {0};
    long at = 0;
    rig_open(&rig);

    /* Until the segment is there and the manifest is not. */
    while (report.adopted_segments == 0) {
        shell(&rig, "rm -rf backup");
        cr_assert(ends_at(&rig, back_up, KILLED, ++at) == false);
        check_ok(rig_backup(&rig, NULL, &report));
    }

    cr_assert(report.adopted_segments == 1 && report.new_segments == 0 && report.new_records == 5);
    rig_expect_all(&rig);
}

static bool is_served(backup_rig_t *rig)
{
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    buf_reset(&rig->problem);
    err_t err = data_folder_open(rig->target.path, &rig->problem, &data);
    cr_assert(err == ERR_OK || err == ERR_UNAVAILABLE, "%s", buf_terminated(&rig->problem));
    return err == ERR_OK;
}

static void end_restores(ending_t how, long steps_min)
{
    backup_rig_t rig RIG_SCOPED;
    long at = stride();
    rig_open(&rig);
    rig_append(&rig, 20, 100);
    check_ok(rig_backup(&rig, NULL, NULL));

    for (bool is_done = false; !is_done; at += stride()) {
        is_done = ends_at(&rig, restore, how, at);
        /* What a node would take has nothing yet, or all. */
        if (is_served(&rig) && access(temporary_in(&rig.folder, "target/journal").path, F_OK) == 0)
            rig_expect_target(&rig);
        shell(&rig, is_served(&rig) ? "rm -rf target" : "true");
        rig_expect_all(&rig);
    }

    cr_assert(at > steps_min, "%ld steps", at);
}

Test(restore, killed_at_any_step_it_goes_on_with_the_next_run)
{
    end_restores(KILLED, 30);
}

Test(restore, a_disk_that_fills_at_any_step_is_said_and_the_next_run_goes_on)
{
    end_restores(DISK_FULL, 15);
}
