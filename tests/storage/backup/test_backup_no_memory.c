/* Each allocation of a backup, a check and a restore fails in turn: it ends, gives back what it
 * had, and the backup of before stands. */

#include "storage/file.h"
#include "tests/storage/backup/backup_help.h"
#include "tests/support/faults/memory_faults.h"

typedef err_t (*work_fn)(backup_rig_t *rig);

static err_t back_up(backup_rig_t *rig)
{
    return rig_backup(rig, NULL, NULL);
}

static err_t check(backup_rig_t *rig)
{
    buf_t damage BUF_SCOPED = BUF_INIT;
    return rig_check(rig, &damage);
}

/* Without the journal, whose threads allocate, too. */
static err_t restore_files(backup_rig_t *rig)
{
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    restore_report_t report = {0};
    backup_target_t target = {
        .data = rig->target.path, .master = &rig->master, .erased = STR("4567\n")};
    bool is_resumed;
    buf_reset(&rig->problem);
    TRY(backup_folder_read(rig->backup.path, &rig->problem, &folder));
    TRY(backup_restore_check_folder(&folder, rig->target.path, &is_resumed));
    TRY(file_make_folders(rig->target.path));
    TRY(backup_restore_begin(&folder, rig->target.path));
    return rig_restore_files(rig, &folder, &target, &report);
}

static void fail_each(backup_rig_t *rig, const char *what, work_fn work)
{
    uint64_t nth = 0;
    for (bool is_through = false; !is_through;) {
        buf_deinit(&rig->problem);
        rig->problem = BUF_INIT;
        int64_t live = memory_faults_live();
        nth++;
        memory_faults_reset();
        memory_faults_choose(&nth, 1);
        memory_faults_arm(true);
        err_t err = work(rig);
        memory_faults_arm(false);
        is_through = memory_faults_failed() == 0;
        /* What is left over is only looked at; its next run finds it again. */
        cr_assert(err == ERR_NO_MEMORY || err == ERR_OK, "%s, allocation %llu: %s: %s", what,
                  (unsigned long long)nth, err_name(err), buf_terminated(&rig->problem));
        buf_deinit(&rig->problem);
        rig->problem = BUF_INIT;
        cr_assert(memory_faults_live() == live, "%s, allocation %llu: %lld blocks are left", what,
                  (unsigned long long)nth, (long long)(memory_faults_live() - live));
        check_true(!is_through || err == ERR_OK);
    }
    cr_assert(nth > 10, "%s: %llu allocations", what, (unsigned long long)nth);
}

Test(backup, without_memory_it_ends_and_the_one_before_stands)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    check_ok(rig_backup(&rig, NULL, NULL));
    rig_append(&rig, 3, 10);

    fail_each(&rig, "a backup", back_up);

    fail_each(&rig, "a check", check);
    rig_expect_all(&rig);
}

Test(restore, without_memory_it_ends_and_goes_on_later)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    check_ok(rig_backup(&rig, NULL, NULL));

    fail_each(&rig, "a restore", restore_files);
}
