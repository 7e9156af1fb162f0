#include "tests/runtime/life/puppet.h"

static const child_spec_t inner_kids[] = {
    {.id = "x", .kind = &puppet_kind, .key = STR_INIT("x"), .restart = CHILD_TEMPORARY},
    {.id = "y", .kind = &puppet_kind, .key = STR_INIT("y")}};
static const supervisor_spec_t inner = {
    .name = "inner", .strategy = SUPERVISOR_REST_FOR_ONE, .children = inner_kids, .child_count = 2};
static const child_spec_t kids[] = {
    {.id = "a", .kind = &puppet_kind, .key = STR_INIT("1")},
    {.id = "inner", .supervisor = &inner},
    {.id = "late", .kind = &puppet_kind},
};
static const supervisor_spec_t top = {
    .name = "top", .backoff_first_ms = 1000, .children = kids, .child_count = 3};

static void set_up(stage_t *stage)
{
    stage_start(stage, 5);
    actor_ref_t ref;
    check_ok(supervisor_start(stage->runtime, &top, &ref));
    stage_settle(stage);
    uint64_t parent = stage_ref(stage, "trapper", "parent");
    (void)ask_puppet(stage, at(parent), puppet_spawn, .key = STR("kid"));
    (void)stage_ref(stage, "puppet", "alone");
}

Test(tree, it_shows_who_was_started_by_whom_and_how_they_are)
{
    stage_t stage;
    buf_t text BUF_SCOPED = BUF_INIT;
    set_up(&stage);

    runtime_tree_text(stage.runtime, &text);
    cr_expect(strcmp(buf_terminated(&text), "runtime\n"
                                            "├─ top (supervisor, one for one)\n"
                                            "│  ├─ a: puppet 1\n"
                                            "│  ├─ inner (supervisor, rest for one)\n"
                                            "│  │  ├─ x: puppet x\n"
                                            "│  │  └─ y: puppet y\n"
                                            "│  └─ late: puppet\n"
                                            "└─ trapper parent\n"
                                            "   └─ puppet kid\n"
                                            "trapper: 1 by name\n"
                                            "puppet: 1 by name\n") == 0,
              "%s", buf_terminated(&text));
    stage_stop(&stage);
}

/* The reference of a child, out of the JSON text. */
static uint64_t ref_of(str_t json, const char *id)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, ",\"id\":\"%s\"", id);
    const char *found = strstr(json.data, wanted);
    while (found != NULL && strncmp(found, "\"ref\":", 6) != 0)
        found--;
    return found == NULL ? 0 : strtoull(found + 6, NULL, 10);
}

Test(tree, restarts_and_who_is_down_are_seen)
{
    stage_t stage;
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_t json_text BUF_SCOPED = BUF_INIT;
    set_up(&stage);
    json_t json = json_to(&json_text);
    runtime_describe_tree(stage.runtime, &json);
    (void)buf_terminated(&json_text);
    uint64_t a = ref_of(buf_str(&json_text), "a"), y = ref_of(buf_str(&json_text), "y");
    uint64_t x = ref_of(buf_str(&json_text), "x");
    cr_assert(a != 0 && x != 0 && y != 0, "%s", json_text.data);

    tell_puppet(&stage, at(y), puppet_fail, .reason = STR("boom"));
    tell_puppet(&stage, at(x), puppet_fail, .reason = STR("boom"));
    stage_settle(&stage);
    tell_puppet(&stage, at(y), puppet_fail, .reason = STR("boom"));
    tell_puppet(&stage, at(a), puppet_fail, .reason = STR("boom"));
    stage_settle(&stage);
    runtime_tree_text(stage.runtime, &text);

    const char *shown = buf_terminated(&text);
    cr_expect(strstr(shown, "a: puppet 1, down\n") != NULL, "%s", shown);
    cr_expect(strstr(shown, "y: puppet y, restarted 2 times\n") != NULL, "%s", shown);
    cr_expect(strstr(shown, "x: puppet") == NULL, "%s", shown);
    stage_stop(&stage);
}
