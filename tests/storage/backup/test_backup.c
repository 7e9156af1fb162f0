#include "tests/storage/backup/backup_help.h"

#include "storage/backup/backup_segment.h"
#include "storage/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void backup(backup_rig_t *rig, backup_report_t *out_report)
{
    err_t err = rig_backup(rig, NULL, out_report);
    cr_assert(err == ERR_OK, "%s: %s", err_name(err), buf_terminated(&rig->problem));
}

static void shell(const backup_rig_t *rig, const char *command)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    buf_printf(&line, "cd %s && %s", rig->folder.path, command);
    cr_assert(system(buf_terminated(&line)) == 0, "%s", command);
}

static void expect_problem(backup_rig_t *rig, err_t err, err_t wanted, const char *sentence)
{
    cr_assert(err == wanted, "%s: %s", err_name(err), buf_terminated(&rig->problem));
    cr_assert(str_contains(buf_str(&rig->problem), str_from(sentence)), "%s",
              buf_terminated(&rig->problem));
}

Test(backup, a_second_one_has_only_what_is_new)
{
    backup_rig_t rig RIG_SCOPED;
    backup_report_t first, second, third;
    rig_open(&rig);

    backup(&rig, &first);
    rig_append(&rig, 3, 10);
    rig_put_blob(&rig, "artwork", "another cover");
    rig_prepare_user(&rig, "cdef");
    backup(&rig, &second);
    backup(&rig, &third);

    cr_assert(first.new_records == 5 && first.new_blobs == 4 && first.new_segments == 1);
    cr_assert(second.new_records == 3 && second.new_blobs == 2 && second.new_segments == 1);
    cr_assert(third.new_records == 0 && third.new_blobs == 0 && third.new_segments == 0);
    rig_expect_all(&rig);
}

Test(backup, a_long_journal_lies_in_several_segments)
{
    backup_rig_t rig RIG_SCOPED;
    backup_report_t report;
    rig_open(&rig);
    rig_append(&rig, 12, 3 << 20);

    backup(&rig, &report);

    cr_assert(report.new_records == 17 && report.new_segments == 2, "%llu segments",
              (unsigned long long)report.new_segments);
    rig_expect_all(&rig);
}

Test(backup, another_machine_checks_it_with_its_own_tools)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);

    backup(&rig, NULL);

    shell(&rig, "cd backup && test \"$(head -n -1 manifest.json | sha256sum | cut -c1-64)\" = "
                "\"$(tail -n 1 manifest.json | cut -d'\"' -f4)\" && "
                "sed -n 's/^{\"name\":\"\\([^\"]*\\)\".*\"sha256\":\"\\([^\"]*\\)\".*/\\2  \\1/p' "
                "manifest.json > sums && test $(wc -l < sums) = 4 && sha256sum --quiet -c sums && "
                "sha256sum --quiet -c blobs/*.sha256");
}

Test(backup, a_flipped_bit_is_found_in_each_of_its_files_and_named)
{
    backup_rig_t rig RIG_SCOPED;
    buf_t names BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    rig_erase_user(&rig, "4567");
    backup(&rig, NULL);
    rig_files(&rig, &names);
    size_t count = 0;
    str_t rest = buf_str(&names), line;

    while (rest.data != NULL && str_next(&rest, '\n', &line) && line.size > 0) {
        char name[256];
        struct stat info;
        buf_t damage BUF_SCOPED = BUF_INIT, path BUF_SCOPED = BUF_INIT;
        str_to_array(line, name, sizeof name);
        buf_printf(&path, "%s/%s", rig.backup.path, name);
        cr_assert(stat(buf_terminated(&path), &info) == 0);
        size_t size = (size_t)info.st_size;
        const size_t places[] = {0, size / 3, size - 2};
        for (size_t i = 0; i < COUNT_OF(places); i++) {
            rig_flip(&rig, name, places[i]);
            buf_reset(&damage);
            cr_expect(rig_check(&rig, &damage) == ERR_CORRUPT, "%s at %zu", name, places[i]);
            cr_expect(str_contains(buf_str(&damage), line), "%s at %zu: %s", name, places[i],
                      buf_terminated(&damage));
            rig_flip(&rig, name, places[i]);
        }
        count++;
    }

    cr_assert(count == 9, "%zu files:\n%s", count, buf_terminated(&names));
    rig_expect_all(&rig);
}

Test(backup, a_file_that_is_missing_or_short_is_named_before_anything_is_added)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    backup(&rig, NULL);

    shell(&rig, "truncate -s -1 backup/journal/00000001.records");
    expect_problem(&rig, rig_backup(&rig, NULL, NULL), ERR_CORRUPT, "journal/00000001.records");
    shell(&rig, "rm backup/journal/00000001.records");
    expect_problem(&rig, rig_backup(&rig, NULL, NULL), ERR_CORRUPT, "is missing");
    shell(&rig, "rm backup/keys/*");
    expect_problem(&rig, rig_restore(&rig, "", NULL, NULL), ERR_NOT_FOUND, "keys/00000001.keys");
}

Test(backup, of_another_journal_is_refused_and_left_as_it_is)
{
    backup_rig_t rig RIG_SCOPED, other RIG_SCOPED;
    buf_t before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    rig_open(&other);
    backup(&rig, NULL);
    rig_append(&other, 10, 8);
    rig_files(&rig, &before);

    other.backup = rig.backup;
    expect_problem(&other, rig_backup(&other, NULL, NULL), ERR_CONFLICT, "another journal");

    rig_files(&rig, &after);
    check_str(buf_str(&after), buf_str(&before));
    rig_expect_all(&rig);
}

/* The same installation, put back to an earlier state, and gone on from there. */
static void go_back(backup_rig_t *rig, uint64_t version, size_t payload_size)
{
    shell(rig, "rm -r data/journal && cp -r journal data/journal");
    rig->version = version;
    rig_append(rig, 4, payload_size);
}

Test(backup, of_a_journal_that_was_put_back_and_went_another_way_is_refused)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    shell(&rig, "cp -r data/journal journal");
    uint64_t version = rig.version;
    rig_append(&rig, 4, 10);
    backup(&rig, NULL);

    go_back(&rig, version, 11);

    expect_problem(&rig, rig_backup(&rig, NULL, NULL), ERR_CONFLICT, "was replaced since");
}

Test(backup, what_a_killed_run_left_of_another_way_is_not_taken_over)
{
    backup_rig_t rig RIG_SCOPED;
    backup_report_t report;
    rig_open(&rig);
    shell(&rig, "cp -r data/journal journal");
    uint64_t version = rig.version;
    backup(&rig, NULL);
    shell(&rig, "cp -r backup first");
    rig_append(&rig, 4, 10);
    backup(&rig, NULL);
    shell(&rig,
          "cp backup/journal/00000002.records first/journal && rm -r backup && mv first backup");

    go_back(&rig, version, 11);
    backup(&rig, &report);

    cr_assert(report.adopted_segments == 0 && report.new_records == 4);
    rig_expect_all(&rig);
}

Test(backup, a_cover_that_is_missing_or_short_there_is_copied_again)
{
    backup_rig_t rig RIG_SCOPED;
    backup_report_t report;
    rig_open(&rig);
    backup(&rig, NULL);
    shell(&rig, "rm $(find backup/artwork -name '*.webp') && "
                "truncate -s 1 $(find backup/lyrics -type f ! -name '*.webp')");

    backup(&rig, &report);

    cr_assert(report.new_blobs == 2);
    rig_expect_all(&rig);
}

Test(backup, a_folder_with_something_else_is_refused)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    shell(&rig, "mkdir backup && touch backup/holiday.jpg");

    expect_problem(&rig, rig_backup(&rig, NULL, NULL), ERR_CONFLICT, "holiday.jpg");
}

Test(backup, two_at_once_are_one)
{
    backup_rig_t rig RIG_SCOPED;
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    rig_open(&rig);
    check_ok(backup_folder_write(rig.backup.path, &rig.problem, &folder));

    expect_problem(&rig, rig_backup(&rig, NULL, NULL), ERR_CONFLICT, "another backup");
}

Test(backup, the_master_key_has_to_be_the_right_one)
{
    backup_rig_t rig RIG_SCOPED;
    buf_t damage BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    backup(&rig, NULL);

    rig.master.bytes[0] ^= 1;
    expect_problem(&rig, rig_backup(&rig, NULL, NULL), ERR_FORBIDDEN, "master key");
    check_err(rig_check(&rig, &damage), ERR_CORRUPT);
    cr_assert(str_contains(buf_str(&damage), STR("0707")), "%s", buf_terminated(&damage));
    rig.master.bytes[0] ^= 1;
    rig_expect_all(&rig);
}

Test(backup, the_master_key_and_the_secrets_in_clear_are_in_no_file)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    backup(&rig, NULL);

    shell(&rig, "secret=$(sed -n 's/^secret //p' data/keys/instance) && test -n \"$secret\" && "
                "! grep -rqF \"$secret\" backup && ! grep -rqF 0707070707070707 backup");
}

/* ---- erasing ---- */

static bool is_erased(const backup_rig_t *rig, const char *user)
{
    buf_t command BUF_SCOPED = BUF_INIT;
    buf_printf(&command,
               "cd %s && tail -c +3 target/keys/subjects/%s | tr -d '\\0' | wc -c | "
               "grep -qx 0",
               rig->folder.path, user);
    return system(buf_terminated(&command)) == 0;
}

Test(backup, an_erasure_reaches_it_with_the_next_run)
{
    backup_rig_t rig RIG_SCOPED;
    buf_t names BUF_SCOPED = BUF_INIT, erased BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    backup(&rig, NULL);
    shell(&rig, "cut -d' ' -f2 backup/keys/00000001.keys > before");
    rig_erase_user(&rig, "4567");

    backup(&rig, NULL);

    shell(&rig,
          "key=$(sed -n 's/^4567 //p' backup/keys/00000002.keys) && ! grep -q \"$key\" before");
    rig_files(&rig, &names);
    check_true(!str_contains(buf_str(&names), STR("keys/00000001")));
    check_ok(file_read(temporary_in(&rig.folder, "backup/erased/00000002.txt").path, 100, &erased));
    check_str(buf_str(&erased), STR("4567\n"));
    rig_expect_all(&rig);
}

Test(restore, an_older_backup_with_a_newer_list_brings_nobody_back)
{
    backup_rig_t rig RIG_SCOPED;
    restore_report_t report = {0};
    rig_open(&rig);
    backup(&rig, NULL);

    err_t err = rig_restore(&rig, "# erased since\n4567\n\nnever-there\n", NULL, &report);

    cr_assert(err == ERR_OK, "%s", buf_terminated(&rig.problem));
    cr_assert(report.erased_anew == 1 && report.users == 3);
    cr_assert(is_erased(&rig, "4567") && !is_erased(&rig, "0123"));
}

Test(restore, a_list_that_is_none_is_refused)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    backup(&rig, NULL);

    expect_problem(&rig, rig_restore(&rig, "../../etc/passwd\n", NULL, NULL), ERR_INVALID,
                   "list of erasures");
}

/* ---- the target ---- */

Test(restore, a_folder_that_is_not_empty_is_refused_and_left_as_it_is)
{
    backup_rig_t rig RIG_SCOPED;
    rig_open(&rig);
    backup(&rig, NULL);
    shell(&rig, "mkdir -p target/journal && touch target/journal/x && ls -R target > before");

    expect_problem(&rig, rig_restore(&rig, "", NULL, NULL), ERR_CONFLICT, "not empty (journal)");

    shell(&rig, "ls -R target | cmp - before");
    shell(&rig, "rm -r target && mkdir -p target/keys && touch target/keys/0001.key");
    expect_problem(&rig, rig_restore(&rig, "", NULL, NULL), ERR_CONFLICT, "0001.key");
}

Test(restore, one_that_was_cut_short_is_refused_to_a_node)
{
    backup_rig_t rig RIG_SCOPED;
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    rig_open(&rig);
    backup(&rig, NULL);
    shell(&rig, "mkdir target && touch target/restoring");

    expect_problem(&rig, data_folder_open(rig.target.path, &rig.problem, &data), ERR_UNAVAILABLE,
                   "cut short");
    expect_problem(&rig, rig_restore(&rig, "", NULL, NULL), ERR_CONFLICT, "another backup");
}

Test(restore, a_damaged_blob_is_left_out_and_counted)
{
    backup_rig_t rig RIG_SCOPED;
    restore_report_t report = {0};
    rig_open(&rig);
    backup(&rig, NULL);
    shell(&rig, "echo x >> $(find backup/artwork -name '*.webp')");

    err_t err = rig_restore(&rig, "", NULL, &report);

    cr_assert(err == ERR_OK, "%s", buf_terminated(&rig.problem));
    cr_assert(report.damaged_blobs == 1 && report.blobs == 3);
}

Test(restore, goes_on_as_a_backup_into_the_same_folder)
{
    backup_rig_t rig RIG_SCOPED;
    backup_report_t report;
    rig_open(&rig);
    backup(&rig, NULL);
    check_ok(rig_restore(&rig, "", NULL, NULL));
    shell(&rig, "mv data before && mv target data");

    rig_append(&rig, 2, 20);
    backup(&rig, &report);

    cr_assert(report.new_records == 2);
    rig_expect_all(&rig);
}
