#include "tests/runtime/code/stage.h"
#include "tests/support/patience.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define add(stage, key, value)                                                                     \
    tally_of((stage), ask(&(stage)->asking, tally_at(key), tally_add, .amount = (value)))

Test(replace, a_state_goes_through_its_description_into_the_new_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    add(&stage, "a", 3);
    add(&stage, "b", 40);

    check_replaced(&stage, "tally_v2");
    tally_status_t a = add(&stage, "a", 1), b = tally_now(&stage, "b"), c = tally_now(&stage, "c");

    cr_assert(eq(u64, a.total, 4));
    cr_assert(eq(u64, a.count, 2));
    cr_assert(eq(u64, a.version, 2));
    cr_assert(eq(u64, b.total, 40));
    cr_assert(eq(u64, b.version, 2));
    cr_assert(eq(u64, c.total, 0));
    cr_assert(eq(u64, c.version, 2), "one that starts afterwards has the new code");
}

Test(replace, upgrade_and_replaced_run_once_for_what_was_taken_over)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    add(&stage, "a", 3);
    check_replaced(&stage, "tally_v2");

    asked_t old = ask(&stage.asking, tally_at("a"), tally_read);
    asked_t fresh = ask(&stage.asking, tally_at("b"), tally_read);

    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    schema_to_json(old.schema, old.message, &json);
    cr_expect(str_contains(buf_str(&text), STR("\"upgrades\":1,\"replacements\":1")), "%s",
              buf_terminated(&text));
    buf_reset(&text);
    json = json_to(&text);
    schema_to_json(fresh.schema, fresh.message, &json);
    cr_expect(str_contains(buf_str(&text), STR("\"upgrades\":0,\"replacements\":0")), "%s",
              buf_terminated(&text));
}

Test(replace, a_state_of_functions_and_one_of_events_are_taken_over_too)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    address_t shelf = address_of("shelf", STR("a")), ledger = address_of("ledger", STR("a"));
    check_ok(ask(&stage.asking, shelf, shelf_put, .text = STR("dust")).err);
    for (uint64_t i = 1; i <= 4; i++)
        check_ok(ask(&stage.asking, ledger, ledger_add, .amount = i).err);

    check_replaced(&stage, "tally_v2");
    asked_t asked = ask(&stage.asking, shelf, shelf_read);
    ledger_status_t status = ledger_of(&stage, ask(&stage.asking, ledger, ledger_add, .amount = 5));

    answer_t answer = {.schema = asked.schema, .message = asked.message};
    const shelf_status_t *kept = answer_as(&answer, shelf_status, &stage.asking.arena);
    cr_assert(kept != NULL);
    check_str(kept->text, STR("dust"));
    cr_assert(eq(u64, kept->version, 2));
    cr_assert(eq(u64, status.total, 15));
    cr_assert(eq(u64, status.version, 2));
    cr_assert(eq(sz, journal_memory_count(stage.journal), 5));
}

Test(replace, timers_children_and_references_survive)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    ask(&stage.asking, tally_at("a"), tally_tick_every, .period_ms = 1);
    uint64_t child = tally_of(&stage, ask(&stage.asking, tally_at("a"), tally_spawn)).child;
    address_t to_child = address_of_ref((actor_ref_t){child});
    tally_of(&stage, ask(&stage.asking, to_child, tally_add, .amount = 6));

    check_replaced(&stage, "tally_v2");
    uint64_t ticks = tally_now(&stage, "a").ticks;

    wait_until(tally_now(&stage, "a").ticks > ticks + 3);
    tally_status_t status = tally_of(&stage, ask(&stage.asking, to_child, tally_read));
    cr_assert(eq(u64, status.total, 6));
    cr_assert(eq(u64, status.version, 2));
}

Test(replace, an_ask_whose_continuation_has_a_name_ends_in_the_new_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    ask(&stage.asking, tally_at("a"), tally_read_via, .key = STR("b"));
    wait_until(tally_of(&stage, ask(&stage.asking, tally_at("b"), tally_read)).version == 1);

    check_replaced(&stage, "tally_v2");
    ask(&stage.asking, tally_at("b"), tally_release);

    wait_until(tally_now(&stage, "a").reads > 0);
    cr_assert(eq(u64, tally_now(&stage, "a").reads, 2), "counted by the new version's function");
}

Test(replace, an_ask_whose_continuation_has_none_is_waited_for)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    ask(&stage.asking, tally_at("a"), tally_read_via, .key = STR("b"), .is_nameless = true);
    wait_until(tally_now(&stage, "b").version == 1);

    check_waits_for(&stage, "tally_v2", "the answer to an ask");
    cr_assert(eq(u64, tally_now(&stage, "a").version, 1), "the old one goes on");
    ask(&stage.asking, tally_at("b"), tally_release);
    wait_until(tally_now(&stage, "a").reads > 0);
    check_replaced(&stage, "tally_v2");

    tally_status_t status = tally_now(&stage, "a");
    cr_assert(eq(u64, status.reads, 1000), "nothing was lost, and it ended in the old code");
    cr_assert(eq(u64, status.version, 2));
}

Test(replace, a_job_is_finished_by_the_version_that_began_it)
{
    stage_t stage STAGE_SCOPED;
    int ends[2];
    stage_open(&stage);
    cr_assert(pipe(ends) == 0);
    ask(&stage.asking, tally_at("a"), tally_job, .descriptor = ends[0]);

    check_waits_for(&stage, "tally_v2", "a job");
    cr_assert(eq(u64, tally_now(&stage, "a").version, 1), "the old one goes on");
    cr_assert(write(ends[1], "x", 1) == 1);
    check_replaced(&stage, "tally_v2"); /* whether the job is through by now or not */

    tally_status_t status = tally_now(&stage, "a");
    cr_assert(eq(u64, status.reads, 1));
    cr_assert(eq(u64, status.version, 2));
    close(ends[0]);
    close(ends[1]);
}

Test(replace, a_behaviour_and_what_was_stashed_in_it_survive)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    ask(&stage.asking, tally_at("a"), tally_rest);
    check_ok(runtime_send(stage.runtime, tally_at("a"), tally_add, .amount = 5));
    cr_assert(eq(u64, tally_now(&stage, "a").total, 0), "it waits in the stash");

    check_replaced(&stage, "tally_v2");
    check_ok(runtime_send(stage.runtime, tally_at("a"), tally_add, .amount = 6));
    cr_assert(eq(u64, tally_now(&stage, "a").total, 0), "still resting");
    ask(&stage.asking, tally_at("a"), tally_wake);

    tally_status_t status = tally_now(&stage, "a");
    cr_assert(eq(u64, status.total, 11));
    cr_assert(eq(u64, status.version, 2));
}

Test(replace, one_that_crashed_comes_back_in_the_new_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    check_err(ask(&stage.asking, tally_at("a"), tally_fail).err, ERR_INTERNAL);

    check_replaced(&stage, "tally_v2");

    cr_assert(eq(u64, tally_now(&stage, "a").version, 2));
}

Test(replace, one_state_that_is_refused_keeps_everybody_in_the_old_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    for (uint64_t i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%llu", (unsigned long long)i);
        address_t to = address_of("tally", str_from(key));
        check_ok(ask(&stage.asking, to, tally_add, .amount = i).err);
    }

    check_err(stage_replace(&stage, "refuses_13", 10000), ERR_CORRUPT);

    cr_assert(str_contains(buf_str(&stage.problem), STR("kind 'tally'")), "%s",
              buf_terminated(&stage.problem));
    for (uint64_t i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%llu", (unsigned long long)i);
        tally_status_t status = tally_of(
            &stage, ask(&stage.asking, address_of("tally", str_from(key)), tally_add, .amount = 1));
        cr_expect(eq(u64, status.total, i + 1));
        cr_expect(eq(u64, status.version, 1));
    }
}

Test(replace, a_version_whose_actors_do_not_start_is_found_out_by_one)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    add(&stage, "a", 3);

    check_err(stage_replace(&stage, "fails_to_start", 10000), ERR_UNAVAILABLE);

    cr_assert(str_contains(buf_str(&stage.problem), STR("kind 'tally' does not start")), "%s",
              buf_terminated(&stage.problem));
    tally_status_t a = add(&stage, "a", 1), fresh = tally_now(&stage, "b");
    cr_assert(eq(u64, a.total, 4));
    cr_assert(eq(u64, a.version, 1));
    cr_assert(eq(u64, fresh.version, 1));
}

Test(replace, what_can_be_seen_beforehand_is_refused_before_anybody_is_held)
{
    static const struct {
        const char *plugin;
        err_t want;
        const char *what;
    } cases[] = {
        {"refuses_to_start", ERR_UNAVAILABLE, "there is no moon tonight"},
        {"without_ledger", ERR_CONFLICT, "'ledger' is not in it"},
        {"with_sleeper", ERR_INVALID, "'sleeper' that hibernates, and there is no store"},
        {"wrong_facts", ERR_UNSUPPORTED, "build the plugin again"},
        {"not_elf", ERR_INVALID, "can't be loaded"},
        {"missing", ERR_NOT_FOUND, "can't be read"},
    };
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    add(&stage, "a", 3);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t err = stage_replace(&stage, cases[i].plugin, 1000);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].plugin, err_name(err));
        cr_expect(str_contains(buf_str(&stage.problem), str_from(cases[i].what)), "%s: \"%s\"",
                  cases[i].plugin, buf_terminated(&stage.problem));
    }
    buf_reset(&stage.problem);
    check_err(runtime_replace_plugin(stage.runtime, "nobody", "x", 1, &stage.problem),
              ERR_NOT_FOUND);

    cr_assert(eq(u64, add(&stage, "a", 1).total, 4));
}

Test(replace, thirty_two_times_and_then_the_node_has_to_be_restarted)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);

    for (int i = 0; i < PLUGIN_REPLACEMENTS_MAX; i++) {
        add(&stage, "a", 1);
        check_replaced(&stage, i % 2 == 0 ? "tally_v2" : "tally_v1");
    }
    check_err(stage_replace(&stage, "tally_v2", 1000), ERR_LIMIT);

    cr_assert(str_contains(buf_str(&stage.problem), STR("restart the node")), "%s",
              buf_terminated(&stage.problem));
    cr_assert(eq(u64, add(&stage, "a", 1).total, PLUGIN_REPLACEMENTS_MAX + 1));
}

/* ---- under load ---- */

enum { LOAD_KEYS = 16, LOAD_SENDERS = 2 };

typedef struct load {
    runtime_t *runtime;
    _Atomic bool is_over;
    _Atomic uint64_t tallied[LOAD_KEYS], booked[LOAD_KEYS];
} load_t;

static str_t load_key(uint32_t index, char room[8])
{
    int size = snprintf(room, 8, "k%u", index);
    return str_of(room, (size_t)size);
}

static void *send_load(void *context)
{
    load_t *load = context;
    for (uint32_t i = 0; !atomic_load(&load->is_over); i++) {
        char room[8];
        uint32_t at = i % LOAD_KEYS;
        str_t key = load_key(at, room);
        if (runtime_send(load->runtime, address_of("tally", key), tally_add, .amount = 1) == ERR_OK)
            atomic_fetch_add(&load->tallied[at], 1);
        if (i % 8 == 0 && runtime_send(load->runtime, address_of("ledger", key), ledger_add,
                                       .amount = 1) == ERR_OK)
            atomic_fetch_add(&load->booked[at], 1);
        if (i % 64 == 0)
            uv_sleep(1);
    }
    return NULL;
}

Test(replace, under_load_no_message_is_lost_and_none_is_handled_twice)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    load_t load = {.runtime = stage.runtime};
    pthread_t threads[LOAD_SENDERS];
    for (size_t i = 0; i < LOAD_SENDERS; i++)
        cr_assert(pthread_create(&threads[i], NULL, send_load, &load) == 0);

    for (int i = 0; i < 12; i++)
        check_replaced(&stage, i % 2 == 0 ? "tally_v2" : "tally_v1");
    atomic_store(&load.is_over, true);
    for (size_t i = 0; i < LOAD_SENDERS; i++)
        pthread_join(threads[i], NULL);

    for (uint32_t i = 0; i < LOAD_KEYS; i++) {
        char room[8];
        str_t key = load_key(i, room);
        /* An ask comes behind all that was sent before. */
        tally_status_t tally =
            tally_of(&stage, ask(&stage.asking, address_of("tally", key), tally_read));
        ledger_status_t ledger =
            ledger_of(&stage, ask(&stage.asking, address_of("ledger", key), ledger_read));
        cr_expect(eq(u64, tally.total, atomic_load(&load.tallied[i])));
        cr_expect(eq(u64, tally.count, atomic_load(&load.tallied[i])));
        cr_expect(eq(u64, ledger.total, atomic_load(&load.booked[i])));
        cr_expect(gt(u64, tally.total, 0));
    }
    runtime_stats_t stats;
    runtime_stats(stage.runtime, &stats);
    cr_assert(eq(u64, stats.dead_letters, 0));
    cr_assert(eq(u64, stats.failures, 0));
}
