/* Supervisors, by the rules of Erlang's supervisor(3): strategies, restart types, intensity, shut
 * down in reverse order, significant children, children that are started and stopped at run time.
 */
#include "tests/runtime/life/puppet.h"
#include "tests/support/patience.h"

#define KIDS(...)                                                                                  \
    .children = (const child_spec_t[]){__VA_ARGS__},                                               \
    .child_count = sizeof((const child_spec_t[]){__VA_ARGS__}) / sizeof(child_spec_t)
#define KID(name, ...)                                                                             \
    {                                                                                              \
        .id = name, .kind = &puppet_kind, .key = STR_INIT(name), __VA_ARGS__                       \
    }

typedef struct fixture {
    stage_t stage;
    actor_ref_t top;
    uint64_t watcher;
} fixture_t;

static void start(fixture_t *self, const supervisor_spec_t *spec)
{
    stage_start(&self->stage, 11);
    self->stage.is_verbose = true;
    self->watcher = stage_ref(&self->stage, "trapper", "w");
    (void)stage_log(&self->stage);
    check_ok(supervisor_start(self->stage.runtime, spec, &self->top));
    (void)ask_puppet(&self->stage, at(self->watcher), puppet_monitor, .ref_bits = self->top.bits);
}

static void stop(fixture_t *self)
{
    stage_stop(&self->stage);
}

#define ask_top(f, command, ...) ask_puppet(&(f)->stage, at((f)->top.bits), command, __VA_ARGS__)

/* The references of its children, by their place. */
static uint64_t refs[16];

static void on_which(void *context, const answer_t *answer)
{
    (void)context;
    memset(refs, 0, sizeof refs);
    if (answer->err != ERR_OK)
        return;
    const supervisor_children_t *children = answer->message;
    for (uint32_t i = 0; i < children->children.count && i < COUNT_OF(refs); i++)
        refs[i] = children->children.items[i].ref_bits;
}

static void find(fixture_t *self, uint64_t supervisor)
{
    (void)edge_ask(runtime_edge(self->stage.runtime, 0), at(supervisor), 0, STR(""), on_which, NULL,
                   supervisor_which, .skip = 0);
    stage_settle(&self->stage);
}

static void fail(fixture_t *self, uint64_t ref)
{
    tell_puppet(&self->stage, at(ref), puppet_fail, .reason = STR("boom"));
    stage_settle(&self->stage);
}

static void end(fixture_t *self, uint64_t ref)
{
    tell_puppet(&self->stage, at(ref), puppet_stop);
    stage_settle(&self->stage);
}

static void end_top(fixture_t *self)
{
    check_ok(runtime_drain(self->stage.runtime, PATIENCE_MS));
}

Test(supervisor, children_start_in_order_and_stop_in_reverse)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top", KIDS(KID("a"), KID("b"), KID("c"))});

    check_log(&f.stage, "+a +b +c ");
    (void)ask_top(&f, supervisor_which);
    check_log(&f.stage, "a up 0\nb up 0\nc up 0\n");
    (void)ask_top(&f, supervisor_count);
    check_log(&f.stage, "specs 3 active 3 supervisors 0 workers 3\n");
    end_top(&f);
    const char *log = stage_log(&f.stage);
    cr_assert(strstr(log, "-c -b -a ") != NULL, "%s", log);
    stop(&f);
}

Test(supervisor, each_strategy_restarts_whom_it_says_in_order)
{
    static const struct {
        const char *what;
        supervisor_strategy_t strategy;
        const char *log;
    } cases[] = {
        {"one for one", SUPERVISOR_ONE_FOR_ONE, "+b "},
        {"one for all", SUPERVISOR_ONE_FOR_ALL, "-c -a +a +b +c "},
        {"rest for one", SUPERVISOR_REST_FOR_ONE, "-c +b +c "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t f;
        start(&f, &(supervisor_spec_t){.name = "top",
                                       .strategy = cases[i].strategy,
                                       KIDS(KID("a"), KID("b"), KID("c"))});
        (void)stage_log(&f.stage);
        find(&f, f.top.bits);
        uint64_t before[3] = {refs[0], refs[1], refs[2]};

        fail(&f, before[1]);

        const char *log = stage_log(&f.stage);
        cr_expect(strcmp(log, cases[i].log) == 0, "%s: %s", cases[i].what, log);
        find(&f, f.top.bits);
        cr_expect(memcmp(before, refs, sizeof before) == 0, "%s: references stay good",
                  cases[i].what);
        cr_expect(eq(u64, ask_puppet(&f.stage, at(before[1]), puppet_who), before[1]));
        stop(&f);
    }
}

Test(supervisor, a_restart_type_says_after_which_ends)
{
    static const struct {
        const char *what;
        child_restart_t restart;
        bool is_normal, is_shutdown;
        const char *log, *left;
    } cases[] = {
        {"permanent, failed", CHILD_PERMANENT, false, false, "+a ", "a up 1\n"},
        {"permanent, normal", CHILD_PERMANENT, true, false, "-a +a ", "a up 1\n"},
        {"transient, failed", CHILD_TRANSIENT, false, false, "+a ", "a up 1\n"},
        {"transient, normal", CHILD_TRANSIENT, true, false, "-a ", "a off 0\n"},
        {"transient, shutdown", CHILD_TRANSIENT, false, true, "", "a off 0\n"},
        {"temporary, failed", CHILD_TEMPORARY, false, false, "", ""},
        {"temporary, normal", CHILD_TEMPORARY, true, false, "-a ", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t f;
        start(&f, &(supervisor_spec_t){.name = "top", KIDS(KID("a", .restart = cases[i].restart))});
        (void)stage_log(&f.stage);
        find(&f, f.top.bits);

        if (cases[i].is_normal)
            tell_puppet(&f.stage, at(refs[0]), puppet_stop);
        else
            tell_puppet(&f.stage, at(refs[0]), puppet_fail,
                        .reason = cases[i].is_shutdown ? STR("shutdown") : STR("boom"));

        const char *log = stage_log(&f.stage);
        cr_expect(strcmp(log, cases[i].log) == 0, "%s: %s", cases[i].what, log);
        (void)ask_top(&f, supervisor_which);
        log = stage_log(&f.stage);
        cr_expect(strcmp(log, cases[i].left) == 0, "%s: %s", cases[i].what, log);
        stop(&f);
    }
}

Test(supervisor, one_restart_too_many_within_the_period_ends_it)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){
                  .name = "top", .intensity = 2, .period_ms = 1000, KIDS(KID("a"), KID("b"))});
    (void)stage_log(&f.stage);
    find(&f, f.top.bits);
    uint64_t a = refs[0];

    fail(&f, a);
    fail(&f, a);
    check_log(&f.stage, "+a +a ");
    stage_pass(&f.stage, 1001); /* the first two are forgotten */
    fail(&f, a);
    fail(&f, a);
    check_log(&f.stage, "+a +a ");
    fail(&f, a);
    check_log(&f.stage, "-b w down shutdown: too many restarts\n");
    cr_assert(eq(u64, ask_puppet(&f.stage, at(a), puppet_who), 0));
    stop(&f);
}

Test(supervisor, without_restarts_the_first_failure_ends_it)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top", .never_restarts = true, KIDS(KID("a"))});
    (void)stage_log(&f.stage);
    find(&f, f.top.bits);

    fail(&f, refs[0]);

    check_log(&f.stage, "w down shutdown: too many restarts\n");
    stop(&f);
}

static const child_spec_t inner_kids[] = {KID("x"), KID("y")};
static const supervisor_spec_t inner = {
    .name = "inner", .intensity = 1, .children = inner_kids, .child_count = 2};

Test(supervisor, who_gives_up_is_restarted_by_the_one_above)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top",
                                   .intensity = 1,
                                   KIDS({.id = "inner", .supervisor = &inner}, KID("z"))});
    check_log(&f.stage, "+x +y +z ");
    find(&f, f.top.bits);
    uint64_t inside = refs[0];
    find(&f, inside);
    uint64_t x = refs[0];

    fail(&f, x);
    check_log(&f.stage, "+x ");
    fail(&f, x);
    check_log(&f.stage, "-y +x +y "); /* all of it, in its slot */
    (void)ask_top(&f, supervisor_which);
    check_log(&f.stage, "inner up 1 supervisor\nz up 0\n");
    (void)ask_top(&f, supervisor_count);
    check_log(&f.stage, "specs 2 active 2 supervisors 1 workers 1\n");

    for (int i = 0; i < 2; i++) { /* and once more, which is one too many above */
        find(&f, inside);
        fail(&f, refs[0]);
    }
    check_log(&f.stage, "+x -y -z w down shutdown: too many restarts\n");
    stop(&f);
}

Test(supervisor, a_start_that_fails_ends_what_was_started)
{
    fixture_t f;
    stage_start(&f.stage, 3);
    f.watcher = stage_ref(&f.stage, "trapper", "w");
    f.stage.is_verbose = true;
    f.stage.starts_to_fail_after = 2; /* the third */
    f.stage.starts_to_fail = 1;
    const supervisor_spec_t spec = {.name = "top", KIDS(KID("a"), KID("b"), KID("c"))};
    check_ok(supervisor_start(f.stage.runtime, &spec, &f.top));
    (void)ask_puppet(&f.stage, at(f.watcher), puppet_monitor, .ref_bits = f.top.bits);

    const char *log = stage_log(&f.stage);
    bool is_right = strstr(log, "+a +b -b -a ") != NULL && strstr(log, "w down ") != NULL;
    cr_assert(is_right, "%s", log);
    stop(&f);
}

Test(supervisor, a_restart_whose_start_fails_counts_and_is_tried_again)
{
    static const supervisor_strategy_t strategies[] = {
        SUPERVISOR_ONE_FOR_ONE, SUPERVISOR_ONE_FOR_ALL, SUPERVISOR_REST_FOR_ONE};
    for (size_t i = 0; i < COUNT_OF(strategies); i++) {
        fixture_t f;
        start(&f, &(supervisor_spec_t){.name = "top",
                                       .strategy = strategies[i],
                                       .intensity = 3,
                                       KIDS(KID("a", .restart = CHILD_TRANSIENT))});
        (void)stage_log(&f.stage);
        find(&f, f.top.bits);

        f.stage.starts_to_fail = 2;
        fail(&f, refs[0]);
        check_log(&f.stage, "+a ");
        f.stage.starts_to_fail = 1;
        fail(&f, refs[0]);
        check_log(&f.stage, "w down shutdown: too many restarts\n");
        stop(&f);
    }
}

Test(supervisor, children_come_and_go_at_run_time)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top", KIDS(KID("a"))});
    (void)stage_log(&f.stage);

    uint64_t b =
        ask_top(&f, supervisor_start_child, .id = STR("b"), .kind = STR("puppet"), .key = STR("b"));
    check_log(&f.stage, "+b ");
    cr_assert(eq(u64, ask_puppet(&f.stage, at(b), puppet_who), b));
    (void)ask_top(&f, supervisor_start_child, .id = STR("b"), .kind = STR("puppet"));
    check_err(f.stage.err, ERR_CONFLICT);
    (void)ask_top(&f, supervisor_start_child, .id = STR("c"), .kind = STR("nobody"));
    check_err(f.stage.err, ERR_NOT_FOUND);
    (void)ask_top(&f, supervisor_start_child, .kind = STR("puppet"));
    check_err(f.stage.err, ERR_INVALID);
    f.stage.starts_to_fail = 1;
    (void)ask_top(&f, supervisor_start_child, .id = STR("c"), .kind = STR("puppet"));
    check_err(f.stage.err, ERR_INTERNAL);
    (void)ask_top(&f, supervisor_which);
    check_log(&f.stage, "a up 0\nb up 0\n");

    (void)ask_top(&f, supervisor_delete_child, .id = STR("b"));
    check_err(f.stage.err, ERR_CONFLICT);
    (void)ask_top(&f, supervisor_restart_child, .id = STR("b"));
    check_err(f.stage.err, ERR_CONFLICT);
    (void)ask_top(&f, supervisor_stop_child, .id = STR("b"));
    check_ok(f.stage.err);
    check_log(&f.stage, "-b ");
    uint64_t again = ask_top(&f, supervisor_restart_child, .id = STR("b"));
    check_log(&f.stage, "+b ");
    cr_assert(again != 0 && again != b, "another reference");
    (void)ask_top(&f, supervisor_stop_child, .id = STR("b"));
    (void)ask_top(&f, supervisor_delete_child, .id = STR("b"));
    check_ok(f.stage.err);
    (void)ask_top(&f, supervisor_stop_child, .id = STR("b"));
    check_err(f.stage.err, ERR_NOT_FOUND);
    (void)ask_top(&f, supervisor_which);
    check_log(&f.stage, "-b a up 0\n");
    stop(&f);
}

Test(supervisor, a_simple_one_has_any_number_of_one_spec)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top",
                                   .strategy = SUPERVISOR_SIMPLE,
                                   .intensity = 1000,
                                   KIDS(KID("reader", .restart = CHILD_TRANSIENT))});
    uint64_t kids[100];
    for (size_t i = 0; i < COUNT_OF(kids); i++) {
        kids[i] = ask_top(&f, supervisor_start_child, .key = STR("k"));
        cr_assert(kids[i] != 0);
    }
    (void)stage_log(&f.stage);
    (void)ask_top(&f, supervisor_count);
    check_log(&f.stage, "specs 1 active 100 supervisors 0 workers 100\n");

    fail(&f, kids[3]);
    check_log(&f.stage, "+k ");
    end(&f, kids[4]);
    check_log(&f.stage, "-k ");
    (void)ask_top(&f, supervisor_stop_child, .ref_bits = kids[5]);
    check_ok(f.stage.err);
    (void)ask_top(&f, supervisor_stop_child, .ref_bits = kids[5]);
    check_err(f.stage.err, ERR_NOT_FOUND);
    check_log(&f.stage, "-k ");
    f.stage.starts_to_fail = 1;
    (void)ask_top(&f, supervisor_start_child, .key = STR("k"));
    check_err(f.stage.err, ERR_INTERNAL);
    (void)ask_top(&f, supervisor_count);
    check_log(&f.stage, "specs 1 active 98 supervisors 0 workers 98\n");
    stop(&f);
}

Test(supervisor, a_significant_child_takes_it_down)
{
    static const struct {
        const char *what;
        supervisor_auto_shutdown_t mode;
        const char *first, *second;
    } cases[] = {
        {"any", SUPERVISOR_ANY_SIGNIFICANT, "-a -c -b w down shutdown: what it was for has ended\n",
         ""},
        {"all", SUPERVISOR_ALL_SIGNIFICANT, "-a ",
         "-b -c w down shutdown: what it was for has ended\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t f;
        start(&f,
              &(supervisor_spec_t){
                  .name = "top",
                  .auto_shutdown = cases[i].mode,
                  KIDS(KID("a", .restart = CHILD_TRANSIENT, .is_significant = true),
                       KID("b", .restart = CHILD_TEMPORARY, .is_significant = true), KID("c"))});
        (void)stage_log(&f.stage);
        find(&f, f.top.bits);
        uint64_t a = refs[0], b = refs[1];

        end(&f, a);
        const char *log = stage_log(&f.stage);
        cr_expect(strcmp(log, cases[i].first) == 0, "%s: %s", cases[i].what, log);
        IGNORE_ERR(runtime_send(f.stage.runtime, at(b), puppet_stop)); /* or gone */
        log = stage_log(&f.stage);
        cr_expect(strcmp(log, cases[i].second) == 0, "%s: %s", cases[i].what, log);
        stop(&f);
    }
}

Test(supervisor, a_back_off_doubles_and_a_shutdown_does_not_wait_for_it)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top",
                                   .intensity = 100,
                                   .backoff_first_ms = 100,
                                   .backoff_max_ms = 400,
                                   KIDS(KID("a"), KID("b"))});
    (void)stage_log(&f.stage);
    find(&f, f.top.bits);
    uint64_t a = refs[0];

    static const uint64_t full_ms[] = {100, 200, 400, 400};
    for (size_t i = 0; i < COUNT_OF(full_ms); i++) {
        fail(&f, a);
        stage_pass(&f.stage, full_ms[i] / 2 - 2);
        check_log(&f.stage, "");
        stage_pass(&f.stage, full_ms[i] / 2 + 4);
        check_log(&f.stage, "+a ");
    }
    fail(&f, a);
    (void)ask_top(&f, supervisor_stop_child, .id = STR("a"));
    check_ok(f.stage.err);
    (void)ask_top(&f, supervisor_which);
    check_log(&f.stage, "a off 5\nb up 0\n");
    stop(&f);
}

Test(supervisor, a_killed_one_leaves_nobody)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top",
                                   KIDS({.id = "inner", .supervisor = &inner}, KID("z"))});
    (void)stage_log(&f.stage);
    find(&f, f.top.bits);
    uint64_t inside = refs[0], z = refs[1];

    tell_puppet(&f.stage, at(f.watcher), puppet_kill, .ref_bits = inside);
    check_log(&f.stage, "+x +y "); /* restarted by the one above */
    cr_assert(eq(u64, f.stage.alive, 4), "the old ones are gone: %llu",
              (unsigned long long)f.stage.alive);
    tell_puppet(&f.stage, at(f.watcher), puppet_kill, .ref_bits = z);
    check_log(&f.stage, "+z ");
    tell_puppet(&f.stage, at(f.watcher), puppet_kill, .ref_bits = f.top.bits);
    check_log(&f.stage, "w down killed\n");
    cr_assert(eq(u64, f.stage.alive, 1), "w alone: %llu", (unsigned long long)f.stage.alive);
    stop(&f);
}

Test(supervisor, a_table_that_breaks_a_rule_is_refused)
{
    static const child_spec_t same[] = {KID("a"), KID("a")};
    static const child_spec_t nameless[] = {{.kind = &puppet_kind}};
    static const child_spec_t both[] = {{.id = "a", .kind = &puppet_kind, .supervisor = &inner}};
    static const child_spec_t neither[] = {{.id = "a"}};
    static const child_spec_t significant[] = {KID("a", .is_significant = true)};
    static supervisor_spec_t circle;
    static const child_spec_t within[] = {{.id = "a", .supervisor = &circle}};
    circle = (supervisor_spec_t){.name = "circle", .children = within, .child_count = 1};
    const struct {
        const char *what;
        supervisor_spec_t spec;
        err_t want;
    } cases[] = {
        {"two of one id", {.name = "t", .children = same, .child_count = 2}, ERR_INVALID},
        {"no id", {.name = "t", .children = nameless, .child_count = 1}, ERR_INVALID},
        {"two things", {.name = "t", .children = both, .child_count = 1}, ERR_INVALID},
        {"nothing", {.name = "t", .children = neither, .child_count = 1}, ERR_INVALID},
        {"permanent and significant",
         {.name = "t",
          .auto_shutdown = SUPERVISOR_ANY_SIGNIFICANT,
          .children = significant,
          .child_count = 1},
         ERR_INVALID},
        {"a simple one of two",
         {.name = "t", .strategy = SUPERVISOR_SIMPLE, .children = inner_kids, .child_count = 2},
         ERR_INVALID},
        {"no name", {.children = inner_kids, .child_count = 2}, ERR_INVALID},
        {"a circle", circle, ERR_LIMIT},
        {"too many", {.name = "t", .child_count = SUPERVISOR_CHILDREN_MAX + 1}, ERR_LIMIT},
        {"too often", {.name = "t", .intensity = SUPERVISOR_INTENSITY_MAX + 1}, ERR_LIMIT},
    };
    stage_t stage;
    stage_start(&stage, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        actor_ref_t ref = {77};
        err_t got = supervisor_start(stage.runtime, &cases[i].spec, &ref);
        cr_expect(got == cases[i].want && ref.bits == 77, "%s: %s", cases[i].what, err_name(got));
    }
    stage_stop(&stage);
}
