#include "tests/runtime/life/puppet.h"

#include <unistd.h>

static buf_t crashes_of(const stage_t *stage)
{
    buf_t text = BUF_INIT;
    json_t json = json_to(&text);
    runtime_crashes(stage->runtime, &json);
    (void)buf_terminated(&text);
    return text;
}

static void check_has(const stage_t *stage, const char *const *wanted, size_t count)
{
    buf_t text BUF_SCOPED = crashes_of(stage);
    for (size_t i = 0; i < count; i++)
        cr_expect(strstr(text.data, wanted[i]) != NULL, "%s is not in %s", wanted[i], text.data);
}
#define check_report(stage, ...)                                                                   \
    check_has((stage), (const char *const[]){__VA_ARGS__},                                         \
              COUNT_OF(((const char *const[]){__VA_ARGS__})))

Test(crash_report, it_says_who_what_and_how_it_goes_on)
{
    stage_t stage;
    stage_start(&stage, 9);
    uint64_t a = stage_ref(&stage, "puppet", "a"), b = stage_ref(&stage, "trapper", "b");
    tell_puppet(&stage, at(a), puppet_link, .ref_bits = b);
    (void)ask_puppet(&stage, at(a), puppet_monitor, .ref_bits = b);
    (void)ask_puppet(&stage, at(b), puppet_monitor, .ref_bits = a);

    tell_puppet(&stage, at(a), puppet_fail, .reason = STR("boom"));
    tell_puppet(&stage, at(a), puppet_hear, .number = 1); /* waits behind it */
    stage_settle(&stage);

    check_report(&stage, "\"count\":1", "\"kind\":\"puppet\",\"key\":\"a\"", "\"reason\":\"boom\"",
                 "\"handling\":\"puppet_fail\"", "\"incarnation\":1", "\"links\":1",
                 "\"monitors\":1", "\"watchers\":1", "\"decision\":\"starts with a message\"");

    /* From the first failure on it remembers. */
    stage_pass(&stage, 30);
    tell_puppet(&stage, at(a), puppet_hear, .number = 2);
    stage_pass(&stage, 20);
    tell_puppet(&stage, at(a), puppet_fail, .reason = STR("again"));
    stage_settle(&stage);
    check_report(&stage, "\"count\":2", "\"reason\":\"again\"", "\"incarnation\":2",
                 "\"last\":[{\"type\":\"puppet_fail\",\"before_ms\":0},{\"type\":\"puppet_hear\","
                 "\"before_ms\":20},{\"type\":\"puppet_hear\"");
    stage_stop(&stage);
}

Test(crash_report, it_says_how_long_it_ran_also_of_one_that_never_did_anything_else)
{
    stage_t stage;
    stage_start(&stage, 4);
    uint64_t a = stage_ref(&stage, "puppet", "a");

    stage_pass(&stage, 70);
    tell_puppet(&stage, at(a), puppet_fail, .reason = STR("boom"));
    stage_settle(&stage);
    check_report(&stage, "\"up_ms\":70");
    tell_puppet(&stage, at(a), puppet_hear, .number = 1);
    stage_pass(&stage, 30);
    tell_puppet(&stage, at(a), puppet_fail, .reason = STR("again"));
    stage_settle(&stage);
    check_report(&stage, "\"up_ms\":30");
    stage_stop(&stage);
}

static const child_spec_t kids[] = {
    {.id = "a", .kind = &puppet_kind, .key = STR_INIT("a")},
    {.id = "t", .kind = &puppet_kind, .key = STR_INIT("t"), .restart = CHILD_TEMPORARY},
};

/* The reference of a child by its key, found by who it is. */
static void fail_child(stage_t *stage, uint64_t supervisor, const char *key)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    runtime_describe(stage->runtime, &json);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"kind\":\"puppet\",\"key\":\"%s\",\"ref\":", key);
    const char *found = strstr(buf_terminated(&text), wanted);
    cr_assert(found != NULL && supervisor != 0, "%s", text.data);
    uint64_t ref = strtoull(found + strlen(wanted), NULL, 10);
    tell_puppet(stage, at(ref), puppet_fail, .reason = str_from(key));
    stage_settle(stage);
}

Test(crash_report, a_supervisor_says_what_it_decided)
{
    static const struct {
        const char *what, *key, *decision;
        supervisor_spec_t spec;
    } cases[] = {
        {"restarted", "a", "\"decision\":\"restarts\"", {.name = "s"}},
        {"temporary", "t", "\"decision\":\"ends\"", {.name = "s"}},
        {"later", "a", "\"decision\":\"restarts later\"", {.name = "s", .backoff_first_ms = 1000}},
        {"group",
         "a",
         "\"decision\":\"restarts with others\"",
         {.name = "s", .strategy = SUPERVISOR_ONE_FOR_ALL}},
        {"too often", "a", "\"decision\":\"given up\"", {.name = "s", .never_restarts = true}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        stage_t stage;
        stage_start(&stage, i + 1);
        supervisor_spec_t spec = cases[i].spec;
        spec.children = kids;
        spec.child_count = COUNT_OF(kids);
        actor_ref_t top;
        check_ok(supervisor_start(stage.runtime, &spec, &top));
        stage_settle(&stage);

        fail_child(&stage, top.bits, cases[i].key);

        buf_t text BUF_SCOPED = crashes_of(&stage);
        cr_expect(strstr(text.data, cases[i].decision) != NULL, "%s: %s", cases[i].what, text.data);
        stage_stop(&stage);
    }
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

Test(crash_report, many_are_counted_few_are_kept_and_logged)
{
    FILE *file = tmpfile();
    ms_log_t log = {.fd = fileno(file)};
    stage_t stage;
    stage_start_with(&stage, 2, &log, NULL);
    uint64_t a = stage_ref(&stage, "puppet", "a");

    for (int i = 0; i < 200; i++)
        tell_puppet(&stage, at(a), puppet_fail, .reason = STR("boom"));
    stage_pass(&stage, 1500);
    tell_puppet(&stage, at(a), puppet_fail, .reason = STR("boom"));
    stage_settle(&stage);

    buf_t kept BUF_SCOPED = crashes_of(&stage);
    cr_expect(strstr(kept.data, "\"count\":201") != NULL, "%s", kept.data);
    cr_expect(eq(sz, count_of(kept.data, "\"kind\""), 64));
    char text[65536] = "";
    ssize_t size = pread(log.fd, text, sizeof text - 1, 0);
    cr_assert(size > 0);
    cr_expect(eq(sz, count_of(text, "puppet failed: boom"), 11), "%s", text);
    cr_expect(strstr(text, "handling=puppet_fail") != NULL, "%s", text);
    cr_expect(strstr(text, "not_logged=190") != NULL, "%s", text);
    cr_expect(strstr(text, "key") == NULL, "no key in a log: %s", text);
    stage_stop(&stage);
    fclose(file);
}
