#include "storage/crypt/master_key.h"

#include "runtime/base/text.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <sys/stat.h>

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert(chmod(path, mode) == 0);
}

Test(master_key, only_its_64_digits_are_one)
{
    static const struct {
        const char *what, *text;
        err_t wanted;
    } cases[] = {
        {"alone", DIGITS, ERR_OK},        {"with a line end", " " DIGITS "\n", ERR_OK},
        {"nothing", "", ERR_INVALID},     {"too short", "0011", ERR_INVALID},
        {"odd", DIGITS "0", ERR_INVALID}, {"too long", DIGITS "00", ERR_INVALID},
        {"no digits", "zz", ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problem BUF_SCOPED = BUF_INIT;
        aead_key_t key;
        err_t got = master_key_from_text(str_from(cases[i].text), "this", &problem, &key);
        cr_expect(got == cases[i].wanted, "%s: %s", cases[i].what, err_name(got));
        bool is_told = problem.size > 0;
        cr_expect(is_told == (got != ERR_OK), "%s", cases[i].what);
        cr_expect(got != ERR_OK || key.bytes[31] == 0xff, "%s", cases[i].what);
    }
}

Test(master_key, a_file_that_others_may_read_is_refused)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "key");
    static const struct {
        mode_t mode;
        err_t wanted;
    } cases[] = {{0600, ERR_OK},        {0400, ERR_OK},        {0640, ERR_FORBIDDEN},
                 {0604, ERR_FORBIDDEN}, {0620, ERR_FORBIDDEN}, {0666, ERR_FORBIDDEN}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problem BUF_SCOPED = BUF_INIT;
        aead_key_t key;
        write_file(path.path, DIGITS "\n", cases[i].mode);
        check_err(master_key_from_file(path.path, &problem, &key), cases[i].wanted);
    }
    buf_t problem BUF_SCOPED = BUF_INIT;
    aead_key_t key;
    check_err(master_key_from_file("/nowhere/key", &problem, &key), ERR_NOT_FOUND);
    check_true(str_contains(buf_str(&problem), STR("/nowhere/key")));
}

Test(master_key, a_command_prints_it_or_fails)
{
    static const struct {
        const char *command;
        err_t wanted;
    } cases[] = {{"echo " DIGITS, ERR_OK},
                 {"echo nonsense", ERR_INVALID},
                 {"exit 3", ERR_UNAVAILABLE},
                 {"echo " DIGITS "; exit 1", ERR_UNAVAILABLE},
                 {"true", ERR_UNAVAILABLE}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problem BUF_SCOPED = BUF_INIT;
        aead_key_t key;
        err_t got = master_key_from_command(cases[i].command, &problem, &key);
        cr_expect(got == cases[i].wanted, "%s: %s", cases[i].command, err_name(got));
        bool is_shown = str_contains(buf_str(&problem), STR("nonsense"));
        cr_expect(is_shown == false, "what may be a key is shown");
    }
}

Test(master_key, what_is_kept_is_found_again)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "key");
    buf_t problem BUF_SCOPED = BUF_INIT;
    aead_key_t first = {{1, 2, 3}}, second = {{4, 5, 6}}, got;
    struct stat about;

    check_ok(master_key_to_file(path.path, &first));
    check_ok(master_key_to_file(path.path, &second));

    check_ok(master_key_from_file(path.path, &problem, &got));
    cr_assert(memcmp(&got, &second, sizeof got) == 0);
    cr_assert(stat(path.path, &about) == 0 && (about.st_mode & 0777) == 0600);
}
