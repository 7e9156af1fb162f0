/* Links and monitors, by the rules that Erlang documents for link/1, unlink/1, exit/2, monitor/2
 * and demonitor/2 (Erlang Reference Manual, Processes). */
#include "tests/runtime/life/puppet.h"

typedef struct pair {
    stage_t stage;
    uint64_t a, b; /* a puppet and a trapper */
} pair_t;

static void pair_start(pair_t *self)
{
    stage_start(&self->stage, 7);
    self->a = stage_ref(&self->stage, "puppet", "a");
    self->b = stage_ref(&self->stage, "trapper", "b");
}

Test(links, who_traps_exits_is_told_how_the_other_ended)
{
    static const struct {
        const char *what;
        const schema_t *schema;
        union {
            puppet_fail_t fail;
            puppet_stop_t stop;
        } message;
        const char *log;
    } cases[] = {
        {"a failure", &puppet_fail_schema, {.fail = {STR_INIT("boom")}}, "b exit failed: boom\n"},
        {"a normal end", &puppet_stop_schema, {.fail = {{NULL, 0}}}, "b exit normal\n"},
        {"a shutdown", &puppet_fail_schema, {.fail = {STR_INIT("shutdown")}}, "b exit shutdown\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int who_asks = 0; who_asks < 2; who_asks++) {
            pair_t f;
            pair_start(&f);
            if (who_asks == 0)
                tell_puppet(&f.stage, at(f.a), puppet_link, .ref_bits = f.b);
            else
                tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a);
            stage_settle(&f.stage);

            check_ok(
                runtime_send_message(f.stage.runtime, at(f.a), cases[i].schema, &cases[i].message));

            const char *log = stage_log(&f.stage);
            cr_expect(strcmp(log, cases[i].log) == 0, "%s: %s", cases[i].what, log);
            stage_stop(&f.stage);
        }
    }
}

Test(links, who_does_not_trap_fails_with_the_other_but_not_with_a_normal_end)
{
    pair_t f;
    pair_start(&f);
    uint64_t c = stage_ref(&f.stage, "puppet", "c");
    tell_puppet(&f.stage, at(f.a), puppet_link, .ref_bits = c);
    tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a);
    stage_settle(&f.stage);

    tell_puppet(&f.stage, at(c), puppet_stop);
    check_log(&f.stage, "");
    c = stage_ref(&f.stage, "puppet", "c");
    tell_puppet(&f.stage, at(f.a), puppet_link, .ref_bits = c);
    stage_settle(&f.stage);
    tell_puppet(&f.stage, at(c), puppet_fail, .reason = STR("boom"));

    check_log(&f.stage, "b exit failed: linked to puppet: boom\n");
    stage_stop(&f.stage);
}

Test(links, a_chain_fails_with_the_first_reason)
{
    pair_t f;
    pair_start(&f);
    uint64_t last = f.b;
    for (int i = 0; i < 5; i++) {
        char name[2] = {(char)('p' + i), '\0'};
        uint64_t next = stage_ref(&f.stage, "puppet", name);
        tell_puppet(&f.stage, at(next), puppet_link, .ref_bits = last);
        stage_settle(&f.stage);
        last = next;
    }

    tell_puppet(&f.stage, at(last), puppet_fail, .reason = STR("boom"));

    check_log(&f.stage, "b exit failed: linked to puppet: boom\n");
    stage_stop(&f.stage);
}

Test(links, who_is_not_there_is_an_exit_of_its_own)
{
    pair_t f;
    pair_start(&f);
    tell_puppet(&f.stage, at(f.a), puppet_stop);
    stage_settle(&f.stage);

    tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a);
    tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = 4242);
    (void)ask_puppet(&f.stage, at(f.b), puppet_link_name, .key = STR("nobody"));

    check_log(&f.stage, "b exit not found\nb exit not found\nb exit not found\n");
    uint64_t c = stage_ref(&f.stage, "puppet", "c");
    cr_assert(eq(u64, ask_puppet(&f.stage, at(f.b), puppet_link_name, .key = STR("c")), c));
    tell_puppet(&f.stage, at(c), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "b exit failed: boom\n");
    stage_stop(&f.stage);
}

Test(links, after_unlink_nothing_is_told_whatever_is_under_way)
{
    pair_t f;
    pair_start(&f);
    tell_puppet(&f.stage, at(f.a), puppet_link, .ref_bits = f.b);
    stage_settle(&f.stage);

    /* The exit waits in b's mailbox behind the command to unlink. */
    tell_puppet(&f.stage, at(f.b), puppet_unlink, .ref_bits = f.a);
    tell_puppet(&f.stage, at(f.a), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "");

    f.a = stage_ref(&f.stage, "puppet", "a");
    tell_puppet(&f.stage, at(f.b), puppet_unlink, .ref_bits = f.a); /* not linked: nothing */
    tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a);
    tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a); /* twice is once */
    stage_settle(&f.stage);
    tell_puppet(&f.stage, at(f.a), puppet_unlink, .ref_bits = f.b); /* either side may */
    stage_settle(&f.stage);
    tell_puppet(&f.stage, at(f.a), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "");
    stage_stop(&f.stage);
}

Test(links, an_exit_of_the_link_before_is_none_of_the_link_now)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        pair_t f;
        stage_start(&f.stage, seed);
        f.a = stage_ref(&f.stage, "puppet", "a");
        f.b = stage_ref(&f.stage, "trapper", "b");
        tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a);
        stage_settle(&f.stage);

        tell_puppet(&f.stage, at(f.a), puppet_fail, .reason = STR("boom"));
        tell_puppet(&f.stage, at(f.b), puppet_unlink, .ref_bits = f.a);
        tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = f.a);

        check_log(&f.stage, "b exit not found\n"); /* of the second link */
        stage_stop(&f.stage);
    }
}

Test(links, an_exit_comes_after_all_that_the_dead_one_sent)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        pair_t f;
        stage_start(&f.stage, seed);
        f.a = stage_ref(&f.stage, "puppet", "a");
        f.b = stage_ref(&f.stage, "trapper", "b");
        tell_puppet(&f.stage, at(f.a), puppet_link, .ref_bits = f.b);
        (void)ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);

        tell_puppet(&f.stage, at(f.a), puppet_say, .ref_bits = f.b, .number = 1);
        tell_puppet(&f.stage, at(f.a), puppet_say, .ref_bits = f.b, .number = 2, .is_last = true);

        const char *log = stage_log(&f.stage);
        bool is_ordered = str_starts_with(str_from(log), STR("b hears 1\nb hears 2\nb "));
        cr_assert(is_ordered, "seed %llu: %s", (unsigned long long)seed, log);
        stage_stop(&f.stage);
    }
}

Test(links, a_told_exit_ends_who_does_not_trap)
{
    pair_t f;
    pair_start(&f);
    uint64_t c = stage_ref(&f.stage, "puppet", "c");
    (void)ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);

    tell_puppet(&f.stage, at(c), puppet_exit, .ref_bits = f.a, .reason = STR("normal"));
    tell_puppet(&f.stage, at(c), puppet_exit, .ref_bits = f.b, .reason = STR("normal"));
    check_log(&f.stage, "b exit normal (told)\n");
    tell_puppet(&f.stage, at(c), puppet_exit, .ref_bits = f.b, .reason = STR("enough"));
    tell_puppet(&f.stage, at(c), puppet_exit, .ref_bits = f.a, .reason = STR("enough"));
    const char *log = stage_log(&f.stage);
    cr_assert(strstr(log, "b exit enough (told)\n") != NULL, "%s", log);
    cr_assert(strstr(log, "b down failed: told by puppet: enough\n") != NULL, "%s", log);
    stage_stop(&f.stage);
}

Test(links, a_kill_ends_also_who_traps)
{
    pair_t f;
    pair_start(&f);
    uint64_t c = stage_ref(&f.stage, "trapper", "c");
    tell_puppet(&f.stage, at(c), puppet_link, .ref_bits = f.b);
    stage_settle(&f.stage);

    tell_puppet(&f.stage, at(f.a), puppet_kill, .ref_bits = f.b);
    check_log(&f.stage, "c exit killed\n");
    tell_puppet(&f.stage, at(f.a), puppet_link, .ref_bits = c);
    stage_settle(&f.stage);
    tell_puppet(&f.stage, at(f.b), puppet_kill, .ref_bits = f.a);
    check_log(&f.stage, "c exit killed\n");
    stage_stop(&f.stage);
}

Test(links, each_monitor_has_its_own_down_and_a_demonitor_takes_one_back)
{
    pair_t f;
    pair_start(&f);
    uint64_t first = ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);
    uint64_t second = ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);
    uint64_t third = ask_puppet(&f.stage, at(f.b), puppet_monitor_name, .key = STR("a"));
    cr_assert(first != 0 && second != 0 && third != 0 && first != second && second != third);

    tell_puppet(&f.stage, at(f.b), puppet_demonitor, .bits = second);
    stage_settle(&f.stage);
    tell_puppet(&f.stage, at(f.a), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "b down failed: boom\nb down failed: boom\n");

    /* The down waits in the mailbox behind the command to demonitor. */
    f.a = stage_ref(&f.stage, "puppet", "a");
    uint64_t last = ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);
    tell_puppet(&f.stage, at(f.b), puppet_demonitor, .bits = last);
    tell_puppet(&f.stage, at(f.a), puppet_stop);
    check_log(&f.stage, "");
    (void)ask_puppet(&f.stage, at(f.b), puppet_monitor_name, .key = STR("nobody"));
    (void)ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);
    check_log(&f.stage, "b down not found\nb down not found\n");
    stage_stop(&f.stage);
}

Test(links, a_restart_forgets_links_and_monitors)
{
    pair_t f;
    pair_start(&f);
    uint64_t c = stage_ref(&f.stage, "trapper", "c");
    tell_puppet(&f.stage, at(f.b), puppet_link, .ref_bits = c);
    (void)ask_puppet(&f.stage, at(f.b), puppet_monitor, .ref_bits = f.a);

    tell_puppet(&f.stage, at(f.b), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "c exit failed: boom\n");
    cr_assert(eq(u64, stage_ref(&f.stage, "trapper", "b"), f.b), "in the same place");
    tell_puppet(&f.stage, at(f.a), puppet_fail, .reason = STR("boom"));
    tell_puppet(&f.stage, at(c), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "");
    stage_stop(&f.stage);
}

Test(links, a_linked_child_is_not_restarted_and_dies_with_its_parent)
{
    pair_t f;
    pair_start(&f);
    uint64_t child = ask_puppet(&f.stage, at(f.b), puppet_spawn, .key = STR("child"));
    uint64_t trapping =
        ask_puppet(&f.stage, at(f.b), puppet_spawn, .key = STR("t"), .is_trapping = true);
    cr_assert(eq(u64, ask_puppet(&f.stage, at(child), puppet_who), child));

    tell_puppet(&f.stage, at(child), puppet_fail, .reason = STR("boom"));
    check_log(&f.stage, "b exit failed: boom\n");
    cr_assert(eq(u64, ask_puppet(&f.stage, at(child), puppet_who), 0));

    child = ask_puppet(&f.stage, at(f.b), puppet_spawn, .key = STR("child"));
    tell_puppet(&f.stage, at(f.b), puppet_fail, .reason = STR("boom"));
    stage_settle(&f.stage);
    cr_assert(eq(u64, ask_puppet(&f.stage, at(child), puppet_who), 0));
    cr_assert(eq(u64, ask_puppet(&f.stage, at(trapping), puppet_who), 0));
    stage_stop(&f.stage);
}
