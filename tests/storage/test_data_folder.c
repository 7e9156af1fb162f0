#include "storage/data_folder.h"
#include "storage/file.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t syncs; /* of this program */
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
    syncs++;
    return __real_fdatasync(fd);
}

static err_t open_with(const char *path, buf_t *problem, data_folder_t **out_folder)
{
    buf_reset(problem);
    return data_folder_open(path, problem, out_folder);
}

Test(data_folder, is_made_with_its_parents_and_opened_again)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "a/b/data");
    buf_t problem BUF_SCOPED = BUF_INIT;
    arena_t arena ARENA_SCOPED = {0};

    for (int i = 0; i < 2; i++) {
        data_folder_t *data DATA_FOLDER_SCOPED = NULL;
        check_ok(open_with(path.path, &problem, &data));
        check_str(str_from(data_folder_path(data)), str_from(path.path));
        cr_assert(access(data_folder_name(data, &arena, "format"), R_OK) == 0);
    }
}

Test(data_folder, is_one_processes_at_a_time_and_free_when_that_dies)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    buf_t problem BUF_SCOPED = BUF_INIT;
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    int ready[2];
    char byte = 0;
    cr_assert(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        data_folder_t *theirs = NULL;
        byte = data_folder_open(path.path, &problem, &theirs) == ERR_OK ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(0);
    }
    cr_assert(read(ready[0], &byte, 1) == 1 && byte == 'y');

    check_err(open_with(path.path, &problem, &data), ERR_CONFLICT);
    cr_assert(str_contains(buf_str(&problem), STR("used by another process")));
    buf_t pid BUF_SCOPED = BUF_INIT;
    buf_append_i64(&pid, child);
    cr_assert(str_contains(buf_str(&problem), buf_str(&pid)), "%s", buf_terminated(&problem));

    kill(child, SIGKILL);
    cr_assert(waitpid(child, NULL, 0) == child);
    check_ok(open_with(path.path, &problem, &data));
}

Test(data_folder, one_that_was_left_says_so_until_it_was_looked_at)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    buf_t problem BUF_SCOPED = BUF_INIT;
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    check_ok(data_folder_open(path.path, &problem, &data));
    check_true(!data_folder_was_left(data));
    data_folder_close(STEAL(data));
    pid_t child = fork();
    if (child == 0) {
        bool is_clean =
            data_folder_open(path.path, &problem, &data) == ERR_OK && !data_folder_was_left(data);
        _exit(is_clean ? 0 : 1); /* without a close */
    }
    int status = -1;
    cr_assert(waitpid(child, &status, 0) == child && status == 0);

    for (int open = 0; open < 2; open++) {
        check_ok(data_folder_open(path.path, &problem, &data));
        check_true(data_folder_was_left(data));
        data_folder_close(STEAL(data));
    }
    check_ok(data_folder_open(path.path, &problem, &data));
    data_folder_trust(data);
    data_folder_close(STEAL(data));
    check_ok(data_folder_open(path.path, &problem, &data));

    check_true(!data_folder_was_left(data));
}

Test(data_folder, who_is_refused_does_not_say_that_it_was_left_clean)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    buf_t problem BUF_SCOPED = BUF_INIT, second BUF_SCOPED = BUF_INIT;
    data_folder_t *data DATA_FOLDER_SCOPED = NULL, *other = NULL;
    buf_t lock BUF_SCOPED = BUF_INIT, before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT;
    buf_printf(&lock, "%s/lock", path.path);
    check_ok(data_folder_open(path.path, &problem, &data));
    check_ok(file_read(buf_terminated(&lock), 100, &before));

    check_err(data_folder_open(path.path, &problem, &other), ERR_CONFLICT);
    check_err(data_folder_open(path.path, &second, &other), ERR_CONFLICT);

    check_ok(file_read(buf_terminated(&lock), 100, &after));
    check_str(buf_str(&after), buf_str(&before));
    check_str(buf_str(&second), buf_str(&problem));
}

Test(data_folder, that_it_is_used_lasts_before_anything_is_written)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    buf_t problem BUF_SCOPED = BUF_INIT;
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    check_ok(data_folder_open(path.path, &problem, &data));
    data_folder_close(STEAL(data));
    syncs = 0;

    check_ok(data_folder_open(path.path, &problem, &data));

    cr_assert(syncs == 1, "%u", syncs);
}

Test(data_folder, each_bad_folder_has_its_error_and_a_sentence)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    static const struct {
        const char *what, *format;
        err_t want;
    } cases[] = {{"newer", "2\n", ERR_NEWER},
                 {"this one", "1\n", ERR_OK},
                 {"not a number", "one", ERR_CORRUPT},
                 {"empty", "", ERR_CORRUPT},
                 {"zero", "0", ERR_CORRUPT},
                 {"endless", "1111111111111111111111111111111111111111111111111", ERR_CORRUPT}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temporary_name_t path = temporary_in(&folder, cases[i].what);
        buf_t name BUF_SCOPED = BUF_INIT, problem BUF_SCOPED = BUF_INIT;
        data_folder_t *data DATA_FOLDER_SCOPED = NULL;
        buf_printf(&name, "%s/format", path.path);
        check_ok(file_make_folders(path.path));
        check_ok(file_replace(buf_terminated(&name), str_from(cases[i].format), false));
        err_t err = open_with(path.path, &problem, &data);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
        bool is_said = problem.size > 20;
        cr_expect(is_said == (err != ERR_OK), "%s", cases[i].what);
    }
    buf_t problem BUF_SCOPED = BUF_INIT;
    data_folder_t *data = NULL;
    check_err(open_with("/proc/nothing", &problem, &data), ERR_NOT_FOUND);
    cr_assert(problem.size > 20);
}

Test(file, is_replaced_whole_and_read_within_its_limit)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "file");
    buf_t content BUF_SCOPED = BUF_INIT;
    check_err(file_read(path.path, 10, &content), ERR_NOT_FOUND);
    check_ok(file_replace(path.path, STR("0123456789"), true));

    check_err(file_read(path.path, 9, &content), ERR_LIMIT);
    cr_assert(content.size == 0);
    check_ok(file_read(path.path, 10, &content));
    check_str(buf_str(&content), STR("0123456789"));
    check_ok(file_replace(path.path, STR("x"), false));
    buf_reset(&content);
    check_ok(file_read(path.path, 10, &content));
    check_str(buf_str(&content), STR("x"));
    check_err(file_replace("/nowhere/file", STR("x"), false), ERR_NOT_FOUND);
}
