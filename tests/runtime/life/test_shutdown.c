/* How long a supervisor waits for whom, how many children it has, and what a kill of one means. */
#include "runtime/journal_memory.h"
#include "runtime/kernel.h"
#include "runtime/life/supervision.h"
#include "tests/runtime/life/keeper.h"
#include "tests/runtime/life/puppet.h"

#include <stdlib.h>
#include <unistd.h>

#define KID(name, ...)                                                                             \
    {                                                                                              \
        .id = name, .kind = &puppet_kind, .key = STR_INIT(name), __VA_ARGS__                       \
    }
/* One that waits for its journal for as long as the test wants, and can't be killed meanwhile. */
#define STUCK(name, ...)                                                                           \
    {                                                                                              \
        .id = name, .kind = &keeper_kind, .key = STR_INIT(name), __VA_ARGS__                       \
    }

typedef struct fixture {
    stage_t stage;
    journal_memory_t *memory;
    FILE *file;
    ms_log_t log;
    actor_ref_t top;
    uint64_t watcher;
    uint64_t refs[8]; /* as `find` found them */
    bool is_done;     /* the last `ask_later` */
    err_t err;
    err_t fault; /* of all appends from here on */
} fixture_t;

static journal_fault_t fault_of(void *context, const journal_append_t *append)
{
    const fixture_t *self = context;
    (void)append;
    return (journal_fault_t){self->fault, false};
}

static void start(fixture_t *self, const supervisor_spec_t *spec, uint64_t seed)
{
    *self = (fixture_t){.file = tmpfile()};
    self->log.fd = fileno(self->file);
    check_ok(journal_memory_new(true, &self->memory));
    stage_start_with(&self->stage, seed, &self->log, journal_memory_journal(self->memory));
    self->stage.is_verbose = true;
    self->watcher = stage_ref(&self->stage, "trapper", "w");
    check_ok(supervisor_start(self->stage.runtime, spec, &self->top));
    (void)ask_puppet(&self->stage, at(self->watcher), puppet_monitor, .ref_bits = self->top.bits);
    (void)stage_log(&self->stage);
}

static void decide_all(fixture_t *self)
{
    stage_settle(&self->stage);
    while (journal_memory_step(self->memory))
        stage_settle(&self->stage);
}

static void stop(fixture_t *self)
{
    decide_all(self);
    stage_stop(&self->stage);
    journal_memory_free(self->memory);
    fclose(self->file);
}

static bool has_logged(const fixture_t *self, const char *text)
{
    static char all[65536];
    ssize_t size = pread(self->log.fd, all, sizeof all - 1, 0);
    all[MAX(size, (ssize_t)0)] = '\0';
    return strstr(all, text) != NULL;
}

static void on_which(void *context, const answer_t *answer)
{
    fixture_t *self = context;
    const supervisor_children_t *children = answer->message;
    for (uint32_t i = 0; answer->err == ERR_OK && i < children->children.count; i++)
        self->refs[i] = children->children.items[i].ref_bits;
}

static void find(fixture_t *self, uint64_t supervisor)
{
    (void)edge_ask(runtime_edge(self->stage.runtime, 0), at(supervisor), 0, STR(""), on_which, self,
                   supervisor_which, .skip = 0);
    stage_settle(&self->stage);
}

static void on_done(void *context, const answer_t *answer)
{
    fixture_t *self = context;
    self->is_done = true;
    self->err = answer->err;
}

static void stop_later(fixture_t *self, const char *id)
{
    self->is_done = false;
    (void)edge_ask(runtime_edge(self->stage.runtime, 0), at(self->top.bits), 1000000, STR(""),
                   on_done, self, supervisor_stop_child, .id = str_from(id));
    stage_settle(&self->stage);
}

/* It notes something that its journal never keeps. */
static void get_stuck(fixture_t *self, uint64_t keeper)
{
    tell_puppet(&self->stage, at(keeper), keeper_note, .ref_bits = self->watcher, .number = 7);
    stage_settle(&self->stage);
    cr_assert(journal_memory_pending(self->memory) > 0);
}

Test(shutdown, who_does_not_stop_is_killed_and_then_given_up_and_reported)
{
    static const struct {
        const char *what;
        uint32_t shutdown_ms;
        uint64_t wait_ms;
    } cases[] = {
        {"by default", 0, 5000 + SUPERVISOR_KILL_MS},
        {"after its time", 300, 300 + SUPERVISOR_KILL_MS},
        {"killed at once", CHILD_SHUTDOWN_KILL, SUPERVISOR_KILL_MS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const child_spec_t kids[] = {KID("a"), STUCK("s", .shutdown_ms = cases[i].shutdown_ms)};
        const supervisor_spec_t spec = {.name = "top", .children = kids, .child_count = 2};
        fixture_t f;
        start(&f, &spec, i + 1);
        find(&f, f.top.bits);
        get_stuck(&f, f.refs[1]);

        stop_later(&f, "s");
        stage_pass(&f.stage, cases[i].wait_ms - 2);
        cr_expect(f.is_done == false, "%s: too early", cases[i].what);
        stage_pass(&f.stage, 4);
        cr_expect(f.is_done && f.err == ERR_OK, "%s: too late", cases[i].what);
        cr_expect(has_logged(&f, "supervisor top: child s does not end and is given up"));
        (void)stage_log(&f.stage);
        (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_which);
        check_log(&f.stage, "a up 0\ns off 0\n");

        /* In the end it goes by itself, and what it said is heard. */
        decide_all(&f);
        check_log(&f.stage, "w hears 7\n");
        cr_expect(eq(u64, ask_puppet(&f.stage, at(f.refs[1]), keeper_who), 0));
        stop(&f);
    }
}

Test(shutdown, who_is_killed_at_once_does_not_run_its_stop)
{
    static const child_spec_t kids[] = {KID("a"), KID("b", .shutdown_ms = CHILD_SHUTDOWN_KILL)};
    static const supervisor_spec_t spec = {.name = "top", .children = kids, .child_count = 2};
    fixture_t f;
    start(&f, &spec, 5);

    stop_later(&f, "b");
    cr_assert(f.is_done && f.err == ERR_OK);
    check_log(&f.stage, "");
    stop_later(&f, "a");
    check_log(&f.stage, "-a ");
    stop(&f);
}

Test(shutdown, who_takes_its_time_and_ends_within_it_is_not_killed)
{
    static const child_spec_t kids[] = {STUCK("s", .shutdown_ms = 1000)};
    static const supervisor_spec_t spec = {.name = "top", .children = kids, .child_count = 1};
    fixture_t f;
    start(&f, &spec, 6);
    find(&f, f.top.bits);
    get_stuck(&f, f.refs[0]);

    stop_later(&f, "s");
    stage_pass(&f.stage, 990);
    cr_assert(f.is_done == false);
    decide_all(&f);
    cr_assert(f.is_done && f.err == ERR_OK);
    stage_pass(&f.stage, 10000); /* the deadline is cancelled */
    cr_assert(has_logged(&f, "given up") == false);
    stop(&f);
}

static const child_spec_t patient_kids[] = {KID("x"),
                                            STUCK("y", .shutdown_ms = CHILD_SHUTDOWN_INFINITE)};
static const supervisor_spec_t patient = {
    .name = "patient", .children = patient_kids, .child_count = 2};

Test(shutdown, a_supervisor_waits_for_ever_or_as_long_as_it_may)
{
    static const child_spec_t for_ever[] = {{.id = "inner", .supervisor = &patient}};
    static const child_spec_t limited[] = {
        {.id = "inner", .supervisor = &patient, .shutdown_ms = 200}};
    for (int i = 0; i < 2; i++) {
        bool is_limited = i == 1;
        const supervisor_spec_t spec = {
            .name = "top", .children = is_limited ? limited : for_ever, .child_count = 1};
        fixture_t f;
        start(&f, &spec, 7);
        find(&f, f.top.bits);
        find(&f, f.refs[0]);
        uint64_t y = f.refs[1];
        get_stuck(&f, y);

        stop_later(&f, "inner");
        stage_pass(&f.stage, is_limited ? 198 : 900000);
        cr_expect(f.is_done == false, "%d", i);
        if (is_limited)
            stage_pass(&f.stage, 4); /* killed: x is told to go with it, without its stop */
        else
            decide_all(&f);
        stage_settle(&f.stage);
        cr_expect(f.is_done && f.err == ERR_OK, "%d", i);
        const char *log = stage_log(&f.stage);
        bool is_stopped = strstr(log, "-x ") != NULL;
        cr_expect(is_stopped != is_limited, "%s", log);
        decide_all(&f);
        cr_expect(eq(u64, f.stage.alive, 1), "the watcher alone");
        stop(&f);
    }
}

/* Who is given up during a restart of the group ends nevertheless: another one has its place. */
Test(shutdown, who_is_given_up_in_a_restart_has_a_successor_and_ends)
{
    static const child_spec_t kids[] = {KID("a"), STUCK("s", .shutdown_ms = 100)};
    static const supervisor_spec_t spec = {
        .name = "top", .strategy = SUPERVISOR_ONE_FOR_ALL, .children = kids, .child_count = 2};
    fixture_t f;
    start(&f, &spec, 8);
    find(&f, f.top.bits);
    uint64_t a = f.refs[0], before = f.refs[1];
    get_stuck(&f, before);

    tell_puppet(&f.stage, at(a), puppet_fail, .reason = STR("boom"));
    stage_pass(&f.stage, 100 + SUPERVISOR_KILL_MS - 2);
    cr_assert(eq(u64, ask_puppet(&f.stage, at(a), puppet_who), 0), "still waits");
    stage_pass(&f.stage, 4);
    cr_assert(has_logged(&f, "child s does not end and is given up"));
    find(&f, f.top.bits);
    cr_assert(f.refs[1] != 0 && f.refs[1] != before);
    cr_assert(eq(u64, ask_puppet(&f.stage, at(a), puppet_who), a));

    decide_all(&f);
    runtime_stats_t stats;
    runtime_stats(f.stage.runtime, &stats);
    cr_assert(eq(u64, stats.actors, 4), "w, top, a and the new s: %llu",
              (unsigned long long)stats.actors);
    stop(&f);
}

/* ---- how many ---- */

Test(shutdown, a_table_has_so_many_children_and_not_one_more)
{
    child_spec_t *kids = calloc(SUPERVISOR_CHILDREN_MAX, sizeof *kids);
    char(*names)[16] = calloc(SUPERVISOR_CHILDREN_MAX, sizeof *names);
    for (int i = 0; i < SUPERVISOR_CHILDREN_MAX; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        kids[i] = (child_spec_t){.id = names[i], .kind = &puppet_kind, .key = str_from(names[i])};
    }
    const supervisor_spec_t spec = {
        .name = "top", .children = kids, .child_count = SUPERVISOR_CHILDREN_MAX};
    fixture_t f;
    start(&f, &spec, 9);
    cr_assert(eq(u64, f.stage.alive, SUPERVISOR_CHILDREN_MAX + 1));

    (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_start_child, .id = STR("one more"),
                     .kind = STR("puppet"));
    check_err(f.stage.err, ERR_LIMIT);
    stop_later(&f, "c0");
    (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_delete_child, .id = STR("c0"));
    check_ok(f.stage.err);
    (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_start_child, .id = STR("one more"),
                     .kind = STR("puppet"));
    check_ok(f.stage.err);
    stop(&f);
    free(kids);
    free(names);
}

/* A million would take a gigabyte: all but two are pretended. */
Test(shutdown, a_simple_one_has_so_many_children_and_not_one_more)
{
    static const child_spec_t kid[] = {KID("k")};
    static const supervisor_spec_t spec = {
        .name = "top", .strategy = SUPERVISOR_SIMPLE, .children = kid, .child_count = 1};
    fixture_t f;
    start(&f, &spec, 10);
    supervisor_t *inside = registry_slot(f.stage.runtime->registry, (uint32_t)f.top.bits)->state;
    inside->count += SUPERVISOR_SIMPLE_MAX - 1;

    uint64_t last = ask_puppet(&f.stage, at(f.top.bits), supervisor_start_child, .key = STR("k"));
    cr_assert(last != 0);
    (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_start_child, .key = STR("k"));
    check_err(f.stage.err, ERR_LIMIT);
    (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_stop_child, .ref_bits = last);
    check_ok(f.stage.err);
    cr_assert(ask_puppet(&f.stage, at(f.top.bits), supervisor_start_child, .key = STR("k")) != 0);

    inside->count -= SUPERVISOR_SIMPLE_MAX - 1;
    stop(&f);
}

/* ---- what comes last ---- */

/* The down and the exit of a durable actor come behind what it sent, also where that is held. */
Test(shutdown, an_end_comes_after_what_is_held)
{
    static const struct {
        const char *what;
        bool is_stop;
        err_t err;
        const char *log;
    } cases[] = {
        {"a stop", true, ERR_OK, "w hears 1\nw hears 2\nw down normal\nw exit normal\n"},
        {"a failure", false, ERR_OK,
         "w hears 1\nw hears 2\nw down failed: told to\nw exit failed: told to\n"},
        {"a failure behind what is refused", false, ERR_FULL,
         "w down failed: told to\nw exit failed: told to\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            fixture_t f;
            start(&f, &(supervisor_spec_t){.name = "top"}, seed);
            journal_memory_set_faults(f.memory, fault_of, &f);
            uint64_t k = ask_puppet(&f.stage, address_of("keeper", STR("k")), keeper_who);
            tell_puppet(&f.stage, at(f.watcher), puppet_link, .ref_bits = k);
            (void)ask_puppet(&f.stage, at(f.watcher), puppet_monitor, .ref_bits = k);
            (void)stage_log(&f.stage);

            tell_puppet(&f.stage, at(k), keeper_note, .ref_bits = f.watcher, .number = 1);
            tell_puppet(&f.stage, at(k), keeper_note, .ref_bits = f.watcher, .number = 2,
                        .is_last = cases[i].is_stop);
            if (!cases[i].is_stop)
                tell_puppet(&f.stage, at(k), keeper_fail);
            check_log(&f.stage, "");
            f.fault = cases[i].err;
            decide_all(&f);

            const char *log = stage_log(&f.stage);
            cr_expect(strcmp(log, cases[i].log) == 0, "%s, seed %llu: %s", cases[i].what,
                      (unsigned long long)seed, log);
            f.fault = ERR_OK;
            stop(&f);
        }
    }
}

/* A link and a monitor do not wait for the journal: nobody's end is missed meanwhile. */
Test(shutdown, a_monitor_and_a_link_are_ahead_of_what_is_held)
{
    static const struct {
        bool is_linked;
        const char *before, *after;
    } cases[] = {
        {false, "k down failed: boom\n", "+t t hears 1\n"},
        {true, "", "t hears 1\nt exit failed: told to\n"}, /* an exit waits with what it sent */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t f;
        start(&f, &(supervisor_spec_t){.name = "top"}, 13);
        uint64_t k = ask_puppet(&f.stage, address_of("keeper", STR("k")), keeper_who);
        uint64_t t = stage_ref(&f.stage, "trapper", "t");
        tell_puppet(&f.stage, at(k), keeper_bind, .ref_bits = t, .is_linked = cases[i].is_linked);
        (void)stage_log(&f.stage);

        if (cases[i].is_linked)
            tell_puppet(&f.stage, at(k), keeper_fail);
        else
            tell_puppet(&f.stage, at(t), puppet_fail, .reason = STR("boom"));
        check_str(str_from(stage_log(&f.stage)), str_from(cases[i].before));
        decide_all(&f);
        check_str(str_from(stage_log(&f.stage)), str_from(cases[i].after));
        stop(&f);
    }
}

/* Where the state is read again `start` watches again: the monitors of before are gone. */
Test(shutdown, a_state_that_is_read_again_watches_nobody)
{
    fixture_t f;
    start(&f, &(supervisor_spec_t){.name = "top"}, 14);
    uint64_t k = ask_puppet(&f.stage, address_of("keeper", STR("k")), keeper_who);
    uint64_t t = stage_ref(&f.stage, "trapper", "t");
    (void)stage_log(&f.stage);
    tell_puppet(&f.stage, at(k), keeper_bind, .ref_bits = t, .is_refused = true);
    stage_settle(&f.stage);

    tell_puppet(&f.stage, at(t), puppet_fail, .reason = STR("boom"));
    decide_all(&f);
    check_log(&f.stage, "");
    cr_assert(eq(u64, ask_puppet(&f.stage, at(k), keeper_who), k));
    stop(&f);
}

/* Each restart of the group answers one failure or several, but a down from before a wish to run
 * is never one of those after it: see tie_has_heard. */
Test(shutdown, failures_at_once_are_each_answered_once)
{
    static const child_spec_t kids[] = {KID("a"), KID("b"), KID("c")};
    static const supervisor_spec_t spec = {.name = "top",
                                           .strategy = SUPERVISOR_ONE_FOR_ALL,
                                           .intensity = 1000,
                                           .children = kids,
                                           .child_count = 3};
    for (uint64_t seed = 1; seed <= 300; seed++) {
        fixture_t f;
        start(&f, &spec, seed);
        find(&f, f.top.bits);
        for (int i = 0; i < 3; i++)
            tell_puppet(&f.stage, at(f.refs[i]), puppet_fail, .reason = STR("boom"));

        (void)stage_log(&f.stage);
        (void)ask_puppet(&f.stage, at(f.top.bits), supervisor_which);
        const char *log = stage_log(&f.stage);
        unsigned a, b, c;
        int found = sscanf(log, "a up %u\nb up %u\nc up %u\n", &a, &b, &c);
        cr_expect(found == 3 && a + b + c >= 1 && a + b + c <= 3, "seed %llu: %s",
                  (unsigned long long)seed, log);
        for (int i = 0; i < 3; i++)
            cr_expect(eq(u64, ask_puppet(&f.stage, at(f.refs[i]), puppet_who), f.refs[i]));
        stop(&f);
    }
}

/* ---- a supervisor that is killed ---- */

/* As in Erlang it is gone at once, and its children are killed with it, not one after the other:
 * who hears of its end may not rely on theirs, but nothing that is sent after that reaches them. */
Test(shutdown, who_hears_of_a_killed_supervisor_reaches_none_of_its_children)
{
    static const child_spec_t kids[] = {KID("a"), KID("b")};
    static const supervisor_spec_t spec = {.name = "top", .children = kids, .child_count = 2};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        fixture_t f;
        start(&f, &spec, seed);
        find(&f, f.top.bits);
        f.stage.who_hears_of_downs = f.refs[seed % 2];

        tell_puppet(&f.stage, at(f.watcher), puppet_kill, .ref_bits = f.top.bits);

        check_log(&f.stage, "w down killed\n"); /* and no "a hears 0", nor a stop */
        cr_assert(eq(u64, f.stage.alive, 1), "w alone");
        stop(&f);
    }
}

Test(shutdown, a_killed_supervisor_does_not_wait_for_who_can_not_end)
{
    static const child_spec_t kids[] = {KID("a"), STUCK("s")};
    static const supervisor_spec_t spec = {.name = "top", .children = kids, .child_count = 2};
    fixture_t f;
    start(&f, &spec, 12);
    find(&f, f.top.bits);
    get_stuck(&f, f.refs[1]);

    tell_puppet(&f.stage, at(f.watcher), puppet_kill, .ref_bits = f.top.bits);
    check_log(&f.stage, "w down killed\n");
    decide_all(&f);
    check_log(&f.stage, "w hears 7\n");
    cr_assert(eq(u64, ask_puppet(&f.stage, at(f.refs[1]), keeper_who), 0));
    runtime_stats_t stats;
    runtime_stats(f.stage.runtime, &stats);
    cr_assert(eq(u64, stats.actors, 1), "w alone");
    stop(&f);
}
