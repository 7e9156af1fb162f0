#include "storage/file.h"
#include "storage/s3/s3_address.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <sys/stat.h>

Test(s3_address, says_where_the_bucket_is)
{
    static const struct {
        const char *text, *endpoint, *bucket, *prefix, *region;
    } cases[] = {
        {"s3://music", "https://s3.us-east-1.amazonaws.com", "music", "", "us-east-1"},
        {"s3://music/?region=eu-west-3", "https://s3.eu-west-3.amazonaws.com", "music", "",
         "eu-west-3"},
        {"s3://my.music/of/mine//?endpoint=http://[::1]:9000/&region=x", "http://[::1]:9000",
         "my.music", "of/mine/", "x"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        s3_address_t address;
        buf_t problem BUF_SCOPED = BUF_INIT;
        check_ok(s3_address_read(str_from(cases[i].text), &address, &problem));
        check_str(str_from(address.endpoint), str_from(cases[i].endpoint));
        check_str(str_from(address.bucket), str_from(cases[i].bucket));
        check_str(str_from(address.prefix), str_from(cases[i].prefix));
        check_str(str_from(address.region), str_from(cases[i].region));
    }
}

Test(s3_address, what_is_none_is_refused_with_a_sentence)
{
    static const char *const bad[] = {
        "",
        "https://host/bucket",
        "s3://",
        "s3:///prefix",
        "s3://buck et",
        "s3://b?region=",
        "s3://b?region=a:b",
        "s3://b?endpoint=host:9000",
        "s3://b?endpoint=https://user:secret@host",
        "s3://b?endpoint=https://host/path",
        "s3://b?endpoint=https://",
        "s3://b?colour=red",
        "s3://b/pre\nfix",
        "s3://bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        s3_address_t address;
        buf_t problem BUF_SCOPED = BUF_INIT;
        cr_expect(s3_address_read(str_from(bad[i]), &address, &problem) == ERR_INVALID, "%s",
                  bad[i]);
        cr_expect(problem.size > 20 && !(str_contains(buf_str(&problem), STR("secret"))), "%s",
                  bad[i]);
    }
}

Test(s3_address, credentials_come_from_the_environment)
{
    char *environment[] = {(char[]){"HOME=/"},
                           (char[]){"AWS_ACCESS_KEY_ID=AK"},
                           (char[]){"AWS_REGION=x"},
                           (char[]){"AWS_SECRET_ACCESS_KEY=a=b/+"},
                           NULL,
                           NULL};
    s3_credentials_t credentials;
    buf_t problem BUF_SCOPED = BUF_INIT;

    check_ok(s3_credentials_from_environment(environment, &credentials, &problem));
    check_str(str_from(credentials.access_key), STR("AK"));
    check_str(str_from(credentials.secret_key), STR("a=b/+"));
    check_str(str_from(credentials.session_token), STR(""));

    environment[4] = (char[]){"AWS_SESSION_TOKEN=a\r\nInjected: line"};
    check_err(s3_credentials_from_environment(environment, &credentials, &problem), ERR_INVALID);
    environment[1] = NULL;
    check_err(s3_credentials_from_environment(environment, &credentials, &problem), ERR_INVALID);
    cr_assert(problem.size > 20);
}

Test(s3_address, a_file_of_credentials_is_its_owners_alone)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t file = temporary_in(&folder, "credentials");
    s3_credentials_t credentials;
    buf_t problem BUF_SCOPED = BUF_INIT;
    check_err(s3_credentials_from_file(file.path, &credentials, &problem), ERR_NOT_FOUND);
    check_ok(file_replace(file.path,
                          STR("[default]\naws_access_key_id = AK\n# nothing\n"
                              "aws_secret_access_key=s/e=c \nregion = x"),
                          false));
    chmod(file.path, 0640);
    check_err(s3_credentials_from_file(file.path, &credentials, &problem), ERR_FORBIDDEN);
    chmod(file.path, 0600);

    check_ok(s3_credentials_from_file(file.path, &credentials, &problem));

    check_str(str_from(credentials.access_key), STR("AK"));
    check_str(str_from(credentials.secret_key), STR("s/e=c"));
    check_ok(file_replace(file.path, STR("aws_access_key_id = AK\n"), false));
    buf_reset(&problem);
    check_err(s3_credentials_from_file(file.path, &credentials, &problem), ERR_INVALID);
    cr_assert(str_contains(buf_str(&problem), STR("AWS_SECRET_ACCESS_KEY")));
}
