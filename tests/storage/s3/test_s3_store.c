/* Against s3_server.py, which checks every signature with botocore. */

#include "runtime/base/memory.h"
#include "tests/support/blobs/blob_contract.h"
#include "tests/support/blobs/s3_server.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <criterion/hooks.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Waits are short; no attempt is given up for slowness but where a server stalls. */
static const s3_wire_options_t quick = {
    .attempts_max = 5, .attempt_timeout_ms = 60000, .wait_min_ms = 1, .away_min_ms = 1};

static s3_server_t server; /* of the whole program; a test is a process that knows its port */

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    char port[16];
    (void)tests;
    s3_server_start(&server, 0);
    snprintf(port, sizeof port, "%u", server.port);
    setenv("S3_SERVER_PORT", port, 1);
}

static uint32_t server_port(void)
{
    const char *port = getenv("S3_SERVER_PORT");
    return port == NULL ? 0 : (uint32_t)strtoul(port, NULL, 10);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    s3_server_stop(&server);
}

static blob_store_t *opened(const char *prefix)
{
    return s3_server_store(server_port(), prefix, (s3_store_options_t){.wire = quick});
}

Test(s3_store, keeps_the_contract)
{
    /* The prefix goes into every path and query that is signed. None at all would tidy what the
     * tests beside this one have begun. */
    blob_store_t *store BLOB_STORE_SCOPED = opened("a b+c=d@e/(f)!*'~,g/");
    buf_t problem BUF_SCOPED = BUF_INIT;

    cr_assert(blob_contract_holds(store, &problem), "%s", buf_terminated(&problem));
}

Test(s3_store, keeps_the_contract_in_parts_and_without_a_session_token)
{
    s3_credentials_t credentials = s3_server_credentials();
    credentials.session_token[0] = '\0';
    s3_store_options_t options = {.wire = quick, .part_size = 2048};
    options.wire.credentials = &credentials;
    blob_store_t *store BLOB_STORE_SCOPED = s3_server_store(server_port(), "parts", options);
    buf_t problem BUF_SCOPED = BUF_INIT, stats BUF_SCOPED = BUF_INIT;

    cr_assert(blob_contract_holds(store, &problem), "%s", buf_terminated(&problem));

    check_ok(blob_store_get(store, STR("server.stats"), &stats));
    cr_assert(str_contains(buf_str(&stats), STR("\"parts_max\": 147")), "%s",
              buf_terminated(&stats));
}

Test(s3_store, who_is_not_let_in_is_told_so_and_is_not_away)
{
    s3_credentials_t wrong[3];
    buf_t out BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        wrong[i] = s3_server_credentials();
    wrong[0].secret_key[0]++;
    wrong[1].access_key[0]++;
    wrong[2].session_token[0]++;
    static const char *const says[] = {"SignatureDoesNotMatch", "InvalidAccessKeyId",
                                       "InvalidToken"};

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        s3_store_options_t options = {.wire = quick};
        options.wire.credentials = &wrong[i];
        blob_store_t *store BLOB_STORE_SCOPED = s3_server_store(server_port(), "no", options);
        blob_store_status_t status;
        check_err(blob_store_put(store, STR("a"), STR("x")), ERR_FORBIDDEN);
        check_err(blob_store_get(store, STR("a"), &out), ERR_FORBIDDEN);
        blob_store_status(store, &status);
        cr_assert(status.is_away == false && status.retried == 0);
        cr_assert(str_contains(str_from(status.problem), str_from(says[i])), "%s", status.problem);
        cr_assert(str_contains(str_from(status.problem), str_from(wrong[i].secret_key)) == false);
    }
}

/* What a server may do, how often, and what comes of it. Five attempts are made. */
Test(s3_store, what_passes_is_tried_again_and_what_does_not_is_said)
{
    static const struct {
        const char *prefix; /* f-KIND-METHOD-COUNT */
        err_t put, get;
        bool is_retried;
    } cases[] = {
        {"f-500-any-4", ERR_OK, ERR_OK, true},
        {"f-503-put-2", ERR_OK, ERR_OK, true},
        {"f-slowdown-any-3", ERR_OK, ERR_OK, true},
        {"f-429-get-1", ERR_OK, ERR_OK, true},
        {"f-close-put-2", ERR_OK, ERR_OK, true},
        {"f-reset-any-3", ERR_OK, ERR_OK, true},
        {"f-truncate-get-3", ERR_OK, ERR_OK, true},
        {"f-500-get-5", ERR_OK, ERR_UNAVAILABLE, true},
        {"f-close-put-5", ERR_UNAVAILABLE, ERR_NOT_FOUND, true},
        {"f-403-put-1", ERR_FORBIDDEN, ERR_NOT_FOUND, false},
        {"f-400-get-1", ERR_OK, ERR_INVALID, false},
        {"f-409-put-1", ERR_CONFLICT, ERR_NOT_FOUND, false},
        {"f-redirect-get-1", ERR_OK, ERR_INVALID, false},
        {"f-413-put-1", ERR_LIMIT, ERR_NOT_FOUND, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        blob_store_t *store BLOB_STORE_SCOPED = opened(cases[i].prefix);
        blob_store_status_t status;
        buf_t out BUF_SCOPED = BUF_INIT;
        err_t put = blob_store_put(store, STR("a"), STR("content"));
        err_t get = blob_store_get(store, STR("a"), &out);
        while (get == ERR_UNAVAILABLE && cases[i].get != ERR_UNAVAILABLE) /* away: a moment later */
            get = blob_store_get(store, STR("a"), &out);
        cr_expect(put == cases[i].put, "%s: put gave %s", cases[i].prefix, err_name(put));
        cr_expect(get == cases[i].get, "%s: get gave %s", cases[i].prefix, err_name(get));
        if (get == ERR_OK)
            check_str(buf_str(&out), STR("content"));
        else
            cr_assert(out.size == 0);
        blob_store_status(store, &status);
        bool is_retried = status.retried > 0;
        cr_expect(is_retried == cases[i].is_retried, "%s", cases[i].prefix);
    }
}

Test(s3_store, a_server_that_stalls_is_given_up)
{
    s3_store_options_t options = {.wire = quick};
    options.wire.attempt_timeout_ms = 400;
    options.wire.attempts_max = 50; /* a slow machine may need more than one */
    blob_store_t *store BLOB_STORE_SCOPED =
        s3_server_store(server_port(), "f-stall-get-2", options);
    blob_store_status_t status;
    buf_t out BUF_SCOPED = BUF_INIT;
    check_ok(blob_store_put(store, STR("a"), STR("content")));

    check_ok(blob_store_get(store, STR("a"), &out));

    check_str(buf_str(&out), STR("content"));
    blob_store_status(store, &status);
    cr_assert(status.retried >= 2);
}

static err_t count_blob(void *context, const blob_info_t *blob)
{
    (void)blob;
    ++*(uint32_t *)context;
    return ERR_OK;
}

Test(s3_store, answers_that_make_no_sense_are_errors)
{
    uint32_t count = 0;
    uint64_t tidied = 0;
    blob_store_t *lists BLOB_STORE_SCOPED = opened("f-nonsense-get-1");
    check_err(blob_store_list(lists, STR(""), count_blob, &count), ERR_IO);
    check_ok(blob_store_list(lists, STR(""), count_blob, &count));
    blob_store_t *uploads BLOB_STORE_SCOPED = opened("f-nonsense-get-1-b");
    check_err(blob_store_tidy(uploads, INT64_MAX, &tidied), ERR_IO);
    cr_assert(count == 0);
}

/* Begin, parts, complete: whatever fails, nothing is there and nothing is left behind. */
Test(s3_store, an_upload_in_parts_that_fails_is_taken_back)
{
    static const struct {
        const char *prefix;
        err_t put;
        uint64_t left;
    } cases[] = {
        {"f-403-put-1-parts", ERR_FORBIDDEN, 0}, {"f-slowdown-put-9-parts", ERR_OK, 0},
        {"f-nonsense-post-1-parts", ERR_IO, 0},  {"f-403-post-1-parts", ERR_FORBIDDEN, 0},
        {"f-403-delete-1", ERR_OK, 0},           {"f-500-post-3-parts", ERR_OK, 0},
    };
    char content[20000];
    memset(content, 'x', sizeof content);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        s3_store_options_t options = {.wire = quick, .part_size = 4096};
        options.wire.attempts_max = 20;
        blob_store_t *store BLOB_STORE_SCOPED =
            s3_server_store(server_port(), cases[i].prefix, options);
        buf_t out BUF_SCOPED = BUF_INIT;
        uint64_t left = 99;
        err_t put = blob_store_put(store, STR("a"), str_of(content, sizeof content));
        cr_expect(put == cases[i].put, "%s: put gave %s", cases[i].prefix, err_name(put));
        check_err(blob_store_get(store, STR("a"), &out), put == ERR_OK ? ERR_OK : ERR_NOT_FOUND);
        check_ok(blob_store_tidy(store, INT64_MAX, &left));
        cr_expect(left == cases[i].left, "%s: %llu left", cases[i].prefix,
                  (unsigned long long)left);
    }
}

/* The parts are refused, and so is their taking back; more uploads than a page names. */
Test(s3_store, what_an_upload_has_left_is_tidied_when_it_is_old)
{
    s3_store_options_t options = {.wire = quick, .part_size = 4096};
    blob_store_t *store BLOB_STORE_SCOPED =
        s3_server_store(server_port(), "f-403-put-27_f-400-delete-9", options);
    blob_store_t *others BLOB_STORE_SCOPED = opened("others");
    char content[9000] = "";
    uint64_t count = 99;
    for (uint32_t i = 0; i < 9; i++)
        check_err(blob_store_put(store, STR("a"), str_of(content, sizeof content)), ERR_FORBIDDEN);

    check_ok(blob_store_tidy(others, INT64_MAX, &count));
    cr_assert(count == 0, "what is not below the prefix is somebody else's");
    check_ok(blob_store_tidy(store, 1000, &count));
    cr_assert(count == 0, "it may still go on");
    check_ok(blob_store_tidy(store, INT64_MAX, &count));
    cr_assert(count == 9, "%llu", (unsigned long long)count);
}

Test(s3_store, a_server_that_is_away_is_not_waited_for_and_is_found_again)
{
    s3_server_t own;
    blob_store_status_t status;
    buf_t out BUF_SCOPED = BUF_INIT;
    s3_server_start(&own, 0);
    uint32_t port = own.port;
    s3_store_options_t options = {.wire = quick};
    options.wire.attempts_max = 2;
    blob_store_t *store BLOB_STORE_SCOPED = s3_server_store(port, "away", options);
    check_ok(blob_store_put(store, STR("a"), STR("content")));
    s3_server_stop(&own);

    check_err(blob_store_get(store, STR("a"), &out), ERR_UNAVAILABLE);

    blob_store_status(store, &status);
    cr_assert(status.is_away && status.problem[0] != '\0');
    uint64_t retried = status.retried;
    for (uint32_t i = 0; i < 20; i++) /* refused at once, or one attempt */
        check_err(blob_store_put(store, STR("b"), STR("content")), ERR_UNAVAILABLE);
    blob_store_status(store, &status);
    cr_assert(status.retried == retried);
    s3_server_start(&own, port);
    err_t err;
    while ((err = blob_store_put(store, STR("b"), STR("content"))) == ERR_UNAVAILABLE)
        continue; /* a look now and then finds it */
    check_ok(err);
    blob_store_status(store, &status);
    cr_assert(status.is_away == false);
    s3_server_stop(&own);
}

Test(s3_store, over_tls_only_a_certificate_that_is_trusted_will_do)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t file = temporary_in(&folder, "certificate");
    char command[2048], text[1024];
    s3_server_t own;
    s3_address_t address;
    s3_credentials_t credentials = s3_server_credentials();
    s3_store_options_t options = {.wire = quick};
    buf_t out BUF_SCOPED = BUF_INIT;
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout '%s.key' -out '%s' "
             "2>/dev/null && cat '%s.key' >> '%s'",
             file.path, file.path, file.path, file.path);
    cr_assert(system(command) == 0);
    s3_server_start_tls(&own, file.path);
    options.wire.credentials = &credentials;
    options.wire.address = &address;
    for (int is_trusted = 0; is_trusted < 2; is_trusted++) {
        blob_store_t *store BLOB_STORE_SCOPED = NULL;
        snprintf(text, sizeof text,
                 "s3://test.bucket/tls?region=test-region-1&endpoint=https://127.0.0.1:%u%s%s",
                 own.port, is_trusted != 0 ? "&ca=" : "", is_trusted != 0 ? file.path : "");
        check_ok(s3_address_read(str_from(text), &address, &out));
        check_ok(s3_store_open(&options, &store));
        check_err(blob_store_put(store, STR("a"), STR("content")),
                  is_trusted != 0 ? ERR_OK : ERR_FORBIDDEN);
    }
    s3_server_stop(&own);
}

/* ---- many at once ---- */

enum { CALLERS = 40 };

typedef struct caller {
    blob_store_t *store;
    uint32_t number;
    err_t err;
} caller_t;

static void *call(void *context)
{
    caller_t *self = context;
    char key[16];
    snprintf(key, sizeof key, "k%u", self->number);
    self->err = blob_store_put(self->store, str_from(key), str_from(key));
    return NULL;
}

Test(s3_store, no_more_than_the_bound_run_at_once)
{
    s3_server_t own; /* nobody else's requests are counted */
    s3_server_start(&own, 0);
    blob_store_t *store BLOB_STORE_SCOPED =
        s3_server_store(own.port, "many", (s3_store_options_t){.wire = quick});
    pthread_t threads[CALLERS];
    caller_t callers[CALLERS];
    buf_t stats BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < CALLERS; i++) {
        callers[i] = (caller_t){store, i, ERR_INTERNAL};
        pthread_create(&threads[i], NULL, call, &callers[i]);
    }
    for (uint32_t i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < CALLERS; i++)
        check_ok(callers[i].err);
    uint32_t running_max = 0;
    check_ok(blob_store_get(store, STR("server.stats"), &stats));
    const char *found = strstr(buf_terminated(&stats), "\"running_max\": ");
    cr_assert(found != NULL && sscanf(found, "\"running_max\": %u", &running_max) == 1);
    cr_assert(running_max <= S3_RUNNING_MAX, "%u", running_max);
    s3_server_stop(&own);
}

Test(s3_store, closing_ends_nothing_halfway)
{
    for (uint32_t i = 0; i < 10; i++) {
        blob_store_t *store = opened("closing");
        if (i % 2 == 0)
            check_ok(blob_store_put(store, STR("a"), STR("x")));
        blob_store_close(store);
    }
}
