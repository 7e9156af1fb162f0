#include "node/catalog/catalog_build.h"
#include "runtime/base/assert.h"
#include "tests/node/catalog/catalog_history.h"
#include "tests/support/check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What happens after a step of the build. */
typedef struct building {
    history_t *history;
    atomic_bool is_stopped;
    uint32_t stop_at, kill_at, grow_at; /* a step; 0: never */
    uint32_t steps;
    uint64_t first;
} building_t;

static void stepped(void *context, uint64_t position)
{
    building_t *self = context;
    self->steps++;
    if (self->steps == 1)
        self->first = position;
    if (self->steps == self->kill_at)
        kill(getpid(), SIGKILL);
    if (self->steps == self->stop_at)
        atomic_store(&self->is_stopped, true);
    if (self->steps == self->grow_at)
        history_grow(self->history, 10);
}

static err_t build(building_t *self)
{
    return catalog_build(&(catalog_build_t){.catalog = self->history->catalog,
                                            .projection = self->history->projection,
                                            .journal = journal_lmdb_journal(self->history->journal),
                                            .is_stopped = &self->is_stopped,
                                            .stepped = stepped,
                                            .context = self});
}

static uint64_t head_of(const history_t *history)
{
    journal_t *journal = journal_lmdb_journal(history->journal);
    return journal->table->head(journal);
}

Test(catalog_build, what_is_built_anew_is_what_was_built_as_it_came)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        history_t history HISTORY_SCOPED;
        history_init(&history, seed);
        history_grow(&history, 100);
        history_catch_up(&history);
        uint64_t digest = history_digest(history.catalog);
        building_t building = {.history = &history};

        check_ok(build(&building));

        cr_expect(history_digest(history.catalog) == digest, "seed %d", (int)seed);
        cr_expect(projection_position(history.projection) == head_of(&history));
        history_grow(&history, 20); /* and goes on being followed */
        history_catch_up(&history);
        digest = history_digest(history.catalog);
        check_ok(build(&building));
        cr_expect(history_digest(history.catalog) == digest, "seed %d, again", (int)seed);
    }
}

Test(catalog_build, what_comes_meanwhile_is_in_both)
{
    history_t history HISTORY_SCOPED;
    building_t building = {.history = &history, .grow_at = 1};
    history_init(&history, 7);
    history_grow(&history, 90);

    check_ok(build(&building));

    cr_assert(projection_position(history.projection) == head_of(&history));
    uint64_t digest = history_digest(history.catalog);
    check_ok(build(&building));
    cr_assert(history_digest(history.catalog) == digest);
}

Test(catalog_build, cut_short_it_leaves_the_old_one_and_goes_on_where_it_ended)
{
    history_t history HISTORY_SCOPED;
    history_init(&history, 11);
    history_grow(&history, 200); /* four steps, at 64 a step */
    history_catch_up(&history);
    uint64_t digest = history_digest(history.catalog);
    building_t cut = {.history = &history, .stop_at = 2}, rest = {.history = &history};

    check_err(build(&cut), ERR_CANCELLED);
    cr_assert(history_digest(history.catalog) == digest);
    check_ok(build(&rest));

    cr_assert(cut.steps == 2 && rest.first > cut.first && rest.steps == 2, "it began again");
    cr_assert(history_digest(history.catalog) == digest);
}

Test(catalog_build, killed_after_any_step_it_leaves_the_old_one_and_the_next_call_ends_it)
{
    history_t history HISTORY_SCOPED;
    history_init(&history, 13);
    history_grow(&history, 200);
    history_catch_up(&history);
    uint64_t digest = history_digest(history.catalog);
    for (uint32_t kill_at = 1; kill_at <= 4; kill_at++) {
        history_close(&history);
        pid_t child = fork();
        if (child == 0) {
            building_t building = {.history = &history, .kill_at = 1 + kill_at % 2};
            history_open(&history);
            _exit(build(&building) == ERR_OK ? 0 : 1);
        }
        int status = 0;
        cr_assert(waitpid(child, &status, 0) == child);
        bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        cr_expect(is_killed, "it ended by itself");
        history_open(&history);
        cr_expect(history_digest(history.catalog) == digest, "killed for the %uth time", kill_at);
        if (kill_at % 2 == 0) {
            building_t rest = {.history = &history};
            check_ok(build(&rest));
            cr_expect(history_digest(history.catalog) == digest);
        }
    }
}

static void waited(void *context, err_t err)
{
    *(err_t *)context = err;
}

Test(catalog_build, one_of_an_older_version_is_read_until_its_successor_is_there)
{
    history_t history HISTORY_SCOPED;
    bool is_behind;
    uint64_t ticket;
    err_t reached = ERR_BUSY;
    history_init(&history, 17);
    history_grow(&history, 40);
    history_catch_up(&history);
    uint64_t digest = history_digest(history.catalog);
    history_outdate(&history, CATALOG_FORMAT_READ * 1000);
    history_close(&history);

    history_open(&history);

    cr_assert(projection_is_outdated(history.projection));
    cr_assert(history_digest(history.catalog) == digest);
    check_err(projection_step(history.projection, &is_behind), ERR_BUSY);
    history_finish(&history);
    check_ok(projection_wait(history.projection, head_of(&history), waited, &reached, &ticket));
    cr_assert(reached == ERR_BUSY, "it takes nothing");
    building_t building = {.history = &history};
    check_ok(build(&building));
    cr_assert(reached == ERR_OK, "who waits for a write sees it in the new one");
    cr_assert(history_digest(history.catalog) == digest);
    cr_assert(projection_is_outdated(history.projection) == false);

    history_outdate(&history, 1); /* too old to be read */
    history_close(&history);
    history_open(&history);
    cr_assert(projection_position(history.projection) == 0);
    cr_assert(projection_is_outdated(history.projection) == false);
}
