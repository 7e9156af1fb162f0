#include "actors/auth/password.h"
#include "tests/support/check.h"

#define CHEAP ((password_cost_t){1, 8, 1})

static void hash_of(const char *password, char out[PASSWORD_HASH_SIZE_MAX])
{
    ms_random_t random = random_system();
    password_job_t job PASSWORD_JOB_SCOPED = {.is_right = false};
    check_ok(password_job_hash(&job, CHEAP, &random, str_from(password)));
    check_ok(password_job_run(&job, sizeof job));
    str_to_array(str_from(job.hash), out, PASSWORD_HASH_SIZE_MAX);
}

static bool is_right(const char *password, const char *hash)
{
    password_job_t job PASSWORD_JOB_SCOPED = {.is_right = false};
    check_ok(password_job_verify(&job, CHEAP, str_from(password), str_from(hash)));
    check_ok(password_job_run(&job, sizeof job));
    return job.is_right;
}

Test(password, only_the_password_is_right)
{
    char hash[PASSWORD_HASH_SIZE_MAX], again[PASSWORD_HASH_SIZE_MAX];
    hash_of("correct horse", hash);
    hash_of("correct horse", again);

    cr_assert(is_right("correct horse", hash));
    cr_assert_not(is_right("correct horsf", hash));
    cr_assert_not(is_right("", hash));
    cr_assert_not(is_right("correct horse", ""));
    cr_assert_not(is_right("", ""));
    cr_assert_not(str_equal(str_from(hash), str_from(again))); /* the salt */
}

Test(password, the_lengths_are_bounded_from_both_sides)
{
    char text[ACCOUNT_PASSWORD_SIZE_MAX + 1];
    memset(text, 'x', sizeof text);

    check_err(password_check(str_of(text, ACCOUNT_PASSWORD_SIZE_MIN - 1)), ERR_INVALID);
    check_ok(password_check(str_of(text, ACCOUNT_PASSWORD_SIZE_MIN)));
    check_ok(password_check(str_of(text, ACCOUNT_PASSWORD_SIZE_MAX)));
    check_err(password_check(str_of(text, ACCOUNT_PASSWORD_SIZE_MAX + 1)), ERR_INVALID);
    password_job_t job PASSWORD_JOB_SCOPED = {.is_right = false};
    check_err(password_job_verify(&job, CHEAP, str_of(text, sizeof text), STR("x")), ERR_INVALID);
}

Test(password, a_damaged_hash_is_an_error_and_never_right)
{
    password_job_t job PASSWORD_JOB_SCOPED = {.is_right = false};
    check_ok(password_job_verify(&job, CHEAP, STR("correct horse"), STR("$argon2id$nonsense")));
    check_err(password_job_run(&job, sizeof job), ERR_INTERNAL);
    cr_assert_not(job.is_right);
}

Test(password, a_change_hashes_the_new_one_only_if_the_old_one_is_right)
{
    ms_random_t random = random_system();
    char hash[PASSWORD_HASH_SIZE_MAX];
    hash_of("correct horse", hash);
    static const char *const given[] = {"correct horse", "wrong horse"};

    for (size_t i = 0; i < COUNT_OF(given); i++) {
        password_job_t job PASSWORD_JOB_SCOPED = {.is_right = false};
        check_ok(password_job_hash(&job, CHEAP, &random, STR("battery staple")));
        check_ok(password_job_verify(&job, CHEAP, str_from(given[i]), str_from(hash)));
        check_ok(password_job_run(&job, sizeof job));

        cr_assert(job.is_right == (i == 0));
        cr_assert(job.hash[0] == '\0' || i == 0);
        cr_assert(job.hash[0] != '\0' || i != 0);
        cr_assert(eq(chr, job.given.data[0], '\0')); /* wiped */
        cr_assert(eq(chr, job.chosen.data[0], '\0'));
        if (i == 0)
            cr_assert(is_right("battery staple", job.hash));
    }
}
