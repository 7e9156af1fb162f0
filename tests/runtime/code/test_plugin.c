#include "tests/runtime/code/stage.h"

#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

Test(plugin, its_actors_run_like_any)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);

    tally_of(&stage, ask(&stage.asking, tally_at("a"), tally_add, .amount = 3));
    tally_status_t status =
        tally_of(&stage, ask(&stage.asking, tally_at("a"), tally_add, .amount = 4));
    ledger_status_t ledger = ledger_of(
        &stage, ask(&stage.asking, address_of("ledger", STR("a")), ledger_add, .amount = 5));

    cr_assert(eq(u64, status.total, 7));
    cr_assert(eq(u64, status.version, 1));
    cr_assert(eq(u64, ledger.total, 5));
    cr_assert(eq(sz, journal_memory_count(stage.journal), 1));
}

Test(plugin, what_does_not_fit_is_refused_with_what_to_do)
{
    static const struct {
        const char *plugin;
        err_t want;
        const char *what, *advice;
    } cases[] = {
        {"missing", ERR_NOT_FOUND, "can't be read", "No such file"},
        {"", ERR_NOT_FOUND, "can't be read", ""},
        {"not_elf", ERR_INVALID, "can't be loaded", "build it as a shared object"},
        {"no_descriptor", ERR_INVALID, "no symbol `musicstream_plugin`", "PLUGIN("},
        {"wrong_magic", ERR_INVALID, "is not a plugin", "PLUGIN("},
        {"older_interface", ERR_UNSUPPORTED, "made for interface 0", "build the plugin again"},
        {"newer_interface", ERR_UNSUPPORTED, "made for interface 99", "update the program"},
        {"wrong_facts", ERR_UNSUPPORTED, "the size of void * is 4", "build the plugin again"},
        {"no_kinds", ERR_INVALID, "no actor kinds", "PLUGIN_KINDS"},
        {"nameless", ERR_INVALID, "a kind has no name", "a-z"},
        {"twins", ERR_INVALID, "two of its kinds have the same name", ""},
        {"takes_name", ERR_CONFLICT, "'ledger', and there is one", "rename it"},
        {"takes_events", ERR_INVALID, "'taker' that has an event 'outbox_...'", "rename it"},
        {"sleeps_elsewhere", ERR_INVALID, "'sleeper' that hibernates", "no store of states"},
        {"unknown_symbol", ERR_INVALID, "a_function_that_nobody_has", "only what they declare"},
        {"tally_v2", ERR_CONFLICT, "'tally'", "name each once"},
    };
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char room[512];
        buf_t problem BUF_SCOPED = BUF_INIT;
        err_t err =
            runtime_load_plugin(stage.runtime, plugin_path(cases[i].plugin, room), NULL, &problem);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].plugin, err_name(err));
        cr_expect(str_contains(buf_str(&problem), str_from(cases[i].what)), "%s: \"%s\"",
                  cases[i].plugin, buf_terminated(&problem));
        cr_expect(str_contains(buf_str(&problem), str_from(cases[i].advice)), "%s: \"%s\"",
                  cases[i].plugin, buf_terminated(&problem));
    }
    cr_assert(eq(u64, tally_now(&stage, "a").version, 1));
}

/* Of this thread alone, and of what it does with files; to root everything is readable. */
Test(plugin, what_may_not_be_read_is_refused)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    char path[] = "/tmp/plugin-secret-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert(fchmod(fd, 0) == 0);
    close(fd);

    int before = setfsuid(65534);
    err_t err = runtime_load_plugin(stage.runtime, path, NULL, &stage.problem);
    setfsuid((uid_t)before);
    unlink(path);

    check_err(err, ERR_FORBIDDEN);
    cr_assert(str_contains(buf_str(&stage.problem), STR("can't be read: Permission denied")), "%s",
              buf_terminated(&stage.problem));
}

Test(plugin, only_a_regular_file_is_read)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    char pipe[] = "/tmp/plugin-pipe-XXXXXX";
    cr_assert(mkdtemp(pipe) != NULL);
    char path[64];
    snprintf(path, sizeof path, "%s/p", pipe);
    cr_assert(mkfifo(path, 0600) == 0);
    const char *const paths[] = {pipe, path, "/dev/null"};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        buf_reset(&stage.problem);
        err_t err = runtime_load_plugin(stage.runtime, paths[i], NULL, &stage.problem);
        cr_expect(err == ERR_INVALID, "%s: %s", paths[i], err_name(err));
        cr_expect(str_contains(buf_str(&stage.problem), STR("not a regular file")), "%s",
                  buf_terminated(&stage.problem));
    }

    unlink(path);
    rmdir(pipe);
}

Test(plugin, a_kind_whose_name_is_taken_is_refused)
{
    static const actor_kind_t taken = {.name = "shelf"};
    char room[512];
    journal_memory_t *journal = NULL;
    runtime_t *runtime = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    check_ok(journal_memory_new(false, &journal));
    runtime_options_t options = {.scheduler_count = 1, .journal = journal_memory_journal(journal)};
    check_ok(runtime_new(&options, &runtime));
    check_ok(runtime_register(runtime, &taken, NULL));

    check_err(runtime_load_plugin(runtime, plugin_path("tally_v1", room), NULL, &problem),
              ERR_CONFLICT);

    cr_assert(str_contains(buf_str(&problem), STR("'shelf'")), "%s", buf_terminated(&problem));
    runtime_free(runtime);
    journal_memory_free(journal);
}

Test(plugin, one_that_does_not_start_is_not_there)
{
    char room[512];
    journal_memory_t *journal = NULL;
    runtime_t *runtime = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    check_ok(journal_memory_new(false, &journal));
    runtime_options_t options = {.scheduler_count = 1, .journal = journal_memory_journal(journal)};
    check_ok(runtime_new(&options, &runtime));

    check_err(runtime_load_plugin(runtime, plugin_path("refuses_to_start", room), NULL, &problem),
              ERR_UNAVAILABLE);
    check_ok(runtime_load_plugin(runtime, plugin_path("tally_v1", room), NULL, &problem));

    cr_assert(str_contains(buf_str(&problem), STR("does not start: there is no moon tonight")),
              "%s", buf_terminated(&problem));
    runtime_free(runtime);
    journal_memory_free(journal);
}

Test(plugin, a_durable_kind_needs_a_journal)
{
    char room[512];
    runtime_t *runtime = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1}, &runtime));

    check_err(runtime_load_plugin(runtime, plugin_path("tally_v1", room), NULL, &problem),
              ERR_INVALID);

    cr_assert(str_contains(buf_str(&problem), STR("no journal")), "%s", buf_terminated(&problem));
    runtime_free(runtime);
}

Test(plugin, what_is_loaded_can_be_listed)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    buf_t list BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&list);

    runtime_describe_plugins(stage.runtime, &json);

    check_str(buf_str(&list), STR("[{\"name\":\"tally\",\"version\":\"1.0\",\"replacements\":0,"
                                  "\"kinds\":[\"tally\",\"ledger\",\"shelf\",\"waiter\"]}]"));
}
