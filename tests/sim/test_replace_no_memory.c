/* A plugin is replaced with the n-th allocation failing, for every n: it happens or not, but nobody
 * loses anything, everybody runs the same version, and no block is left. */

#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/runtime/code/plugins/tally.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"

#include <stdio.h>
#include <stdlib.h>

/* Where memory fails nobody may come to rest; the whole of it may take long on a slow machine. */
enum { SHORT_MS = 20, LONG_MS = 20000 };

typedef struct node {
    simulation_t *simulation;
    journal_memory_t *journal;
    runtime_t *runtime;
} node_t;

typedef struct look {
    uint64_t total, version;
    err_t err;
} look_t;

static const char *plugin_path(const char *name, char room[512])
{
    const char *build = getenv("MS_BUILD");
    snprintf(room, 512, "%s/plugins/%s.so", build == NULL ? "." : build, name);
    return room;
}

static void on_answer(void *context, const answer_t *answer)
{
    look_t *look = context;
    arena_t arena ARENA_SCOPED = {0};
    const tally_status_t *tally = answer_as(answer, tally_status, &arena);
    const ledger_status_t *ledger = answer_as(answer, ledger_status, &arena);
    look->err = answer->err;
    if (tally != NULL)
        *look = (look_t){tally->total, tally->version, ERR_OK};
    else if (ledger != NULL)
        *look = (look_t){ledger->total, ledger->version, ERR_OK};
}

#define asked(node, kind, key, command, ...)                                                       \
    asked_message((node), address_of((kind), STR(key)), &command##_schema,                         \
                  &(command##_t){__VA_ARGS__})
static look_t asked_message(node_t *node, address_t to, const schema_t *schema, const void *message)
{
    look_t look = {.err = ERR_TIMEOUT};
    edge_ask_message(runtime_edge(node->runtime, 0), to, 5000, STR(""), on_answer, &look, schema,
                     message);
    simulation_settle(node->simulation);
    return look;
}

static void begin(node_t *node, uint64_t seed)
{
    char room[512];
    buf_t problem BUF_SCOPED = BUF_INIT;
    check_ok(simulation_new(seed, &node->simulation));
    check_ok(journal_memory_new(false, &node->journal));
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(node->simulation),
                                 .random = simulation_random(node->simulation),
                                 .journal = journal_memory_journal(node->journal),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &node->runtime));
    check_ok(runtime_load_plugin(node->runtime, plugin_path("tally_v1", room), NULL, &problem));
    check_ok(runtime_start(node->runtime));
    simulation_attach(node->simulation, node->runtime);
    check_ok(asked(node, "tally", "a", tally_add, .amount = 3).err);
    check_ok(asked(node, "tally", "b", tally_add, .amount = 4).err);
    check_ok(asked(node, "tally", "a", tally_read_via, .key = STR("b")).err);
    check_ok(asked(node, "ledger", "a", ledger_add, .amount = 5).err);
    check_ok(runtime_send(node->runtime, address_of("tally", STR("a")), tally_add, .amount = 10));
}

static void end(node_t *node)
{
    simulation_detach(node->simulation, node->runtime);
    runtime_free(node->runtime);
    journal_memory_free(node->journal);
    simulation_free(node->simulation);
}

/* False: no allocation was left to fail. */
static bool try_replacing_within(uint64_t failing, uint64_t timeout_ms, err_t *out_err)
{
    char room[512];
    node_t node;
    int64_t live = memory_faults_live();
    begin(&node, failing);
    plugin_path("tally_v2", room);
    buf_t problem = BUF_INIT;
    memory_faults_reset();
    memory_faults_choose(&failing, 1);
    memory_faults_arm(true);
    err_t err = runtime_replace_plugin(node.runtime, "tally", room, timeout_ms, &problem);
    memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    simulation_settle(node.simulation);

    look_t a = asked(&node, "tally", "a", tally_read), b = asked(&node, "tally", "b", tally_read);
    look_t ledger = asked(&node, "ledger", "a", ledger_read);
    uint64_t version = err == ERR_OK ? 2 : 1;
    cr_expect(eq(u64, a.version, version), "allocation %llu", (unsigned long long)failing);
    cr_expect(eq(u64, b.version, version), "allocation %llu", (unsigned long long)failing);
    cr_expect(eq(u64, ledger.version, version), "allocation %llu", (unsigned long long)failing);
    cr_expect(eq(u64, a.total, 13), "allocation %llu", (unsigned long long)failing);
    cr_expect(eq(u64, b.total, 4), "allocation %llu", (unsigned long long)failing);
    cr_expect(eq(u64, ledger.total, 5), "allocation %llu", (unsigned long long)failing);
    buf_deinit(&problem);
    end(&node);
    cr_expect(memory_faults_live() == live,
              "runtime_replace_plugin with allocation %llu leaves %lld blocks",
              (unsigned long long)failing, (long long)(memory_faults_live() - live));
    *out_err = err;
    return has_failed;
}

static bool try_replacing(uint64_t failing, err_t *out_err)
{
    bool has_failed = try_replacing_within(failing, SHORT_MS, out_err);
    if (!has_failed && *out_err == ERR_TIMEOUT) /* it was not reached in time */
        has_failed = try_replacing_within(failing, LONG_MS, out_err);
    return has_failed;
}

Test(replace_no_memory, whatever_fails_everybody_runs_one_version_and_nothing_is_lost)
{
    uint64_t failing = 1, refused = 0;
    err_t err = ERR_OK;
    while (try_replacing(failing, &err)) {
        refused += err != ERR_OK;
        failing++;
    }

    check_ok(err);
    cr_assert(gt(u64, failing, 20), "there was something to fail");
    cr_assert(gt(u64, refused, 5), "and it made a difference");
}

/* False: no allocation was left to fail. */
static bool try_loading(uint64_t failing)
{
    char room[512];
    node_t node = {0};
    int64_t live = memory_faults_live();
    check_ok(simulation_new(failing, &node.simulation));
    check_ok(journal_memory_new(false, &node.journal));
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(node.simulation),
                                 .random = simulation_random(node.simulation),
                                 .journal = journal_memory_journal(node.journal),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &node.runtime));
    buf_t problem = BUF_INIT;
    memory_faults_reset();
    memory_faults_choose(&failing, 1);
    memory_faults_arm(true);
    err_t err = runtime_load_plugin(node.runtime, plugin_path("tally_v1", room), NULL, &problem);
    memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;

    cr_expect(err == ERR_OK || (has_failed && err == ERR_NO_MEMORY),
              "runtime_load_plugin with allocation %llu: %s", (unsigned long long)failing,
              err_name(err));
    if (err != ERR_OK)
        check_ok(runtime_load_plugin(node.runtime, plugin_path("tally_v1", room), NULL, &problem));
    check_ok(runtime_start(node.runtime));
    simulation_attach(node.simulation, node.runtime);
    check_ok(asked(&node, "tally", "a", tally_add, .amount = 3).err);
    buf_deinit(&problem);
    end(&node);
    cr_expect(memory_faults_live() == live, "allocation %llu leaves %lld blocks",
              (unsigned long long)failing, (long long)(memory_faults_live() - live));
    return has_failed;
}

Test(replace_no_memory, a_plugin_is_loaded_or_not_and_can_be_afterwards)
{
    uint64_t failing = 1;
    while (try_loading(failing))
        failing++;

    cr_assert(gt(u64, failing, 1), "there was something to fail");
}
