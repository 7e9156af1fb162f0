/* Processes that update an index, build one beside it and put that in its place are killed at
 * random moments. Whatever the moment: the next one opens it without a repair, all that was
 * acknowledged is there, and it is what the model is at the position that it names.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "storage/search/index/index_parts.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, CHANGES = 6, BUILD_EVERY = 5, ANSWERS_MAX = 14, WAIT_US_MAX = 6000 };

typedef struct answer {
    uint64_t position; /* up to where it is durable */
    uint64_t is_build; /* one begins now */
} answer_t;

/* The changes of a position follow from it alone. */
static size_t changes_at(rig_t *rig, uint64_t position, search_change_t changes[CHANGES])
{
    rig->seed = (random_seed_t){position};
    return rig_change(rig, changes, CHANGES);
}

/* ---- who is killed ---- */

static void must(err_t err)
{
    if (err != ERR_OK)
        _exit((int)err);
}

static void answer(int pipe, uint64_t position, bool is_build)
{
    answer_t said = {position, is_build};
    if (write(pipe, &said, sizeof said) != sizeof said)
        _exit(100);
}

static void build_and_swap(rig_t *rig, search_index_t *index, uint64_t position)
{
    search_build_options_t options = rig_build_options(rig);
    search_index_t *fresh = NULL;
    options.position = (search_position_t){1, position};
    must(search_build(rig->fresh_path.path, &options));
    must(search_index_open(&(search_index_options_t){.path = rig->fresh_path.path}, &fresh));
    must(search_index_swap(index, fresh));
}

static void run_child(rig_t *rig, uint64_t position, int pipe)
{
    search_index_t *index = NULL;
    must(search_swap_settle(rig->path.path));
    must(search_index_open(&(search_index_options_t){.path = rig->path.path}, &index));
    for (;;) {
        search_change_t changes[CHANGES];
        size_t count = changes_at(rig, ++position, changes);
        must(search_index_update(index, changes, count, (search_position_t){1, position}));
        answer(pipe, position, false);
        if (position % BUILD_EVERY != 0)
            continue;
        answer(pipe, position, true);
        build_and_swap(rig, index, position);
    }
}

/* ---- who kills ---- */

typedef struct killer {
    rig_t rig;
    uint64_t position; /* of the model */
    uint64_t acknowledged, builds;
} killer_t;

/* Answers until it is time; false: the child has ended. */
static bool listen_for(killer_t *self, int pipe, uint64_t answers)
{
    answer_t said;
    for (; answers > 0; answers--) {
        if (read(pipe, &said, sizeof said) != sizeof said)
            return false;
        self->acknowledged = said.position;
        self->builds += said.is_build;
    }
    return true;
}

/* What it said while it was still alive. */
static void listen_to_the_end(killer_t *self, int pipe)
{
    while (listen_for(self, pipe, 1))
        continue;
}

static void kill_one(killer_t *self, const ms_random_t *random)
{
    int pipes[2];
    check_true(pipe(pipes) == 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        run_child(&self->rig, self->position, pipes[1]);
    close(pipes[1]);
    bool is_alive = listen_for(self, pipes[0], 1 + random_below(random, ANSWERS_MAX));
    struct timespec wait = {0, (long)random_below(random, WAIT_US_MAX) * 1000};
    (void)ppoll(NULL, 0, &wait, NULL); /* into whatever it does next */
    kill(child, SIGKILL);
    listen_to_the_end(self, pipes[0]);
    close(pipes[0]);
    int status;
    check_true(waitpid(child, &status, 0) == child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    cr_assert(is_alive && is_killed, "the child ended by itself: %x", (unsigned)status);
}

static void catch_up(killer_t *self, uint64_t position)
{
    search_change_t changes[CHANGES];
    while (self->position < position)
        (void)changes_at(&self->rig, ++self->position, changes);
}

static void check_left(killer_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    index_base_t base;
    check_ok(search_swap_settle(self->rig.path.path));
    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(self->rig.path.path);
    uint64_t position = search_index_position(index).position;
    cr_assert_geq(position, self->acknowledged);
    cr_assert_leq(position, self->acknowledged + 1);
    catch_up(self, position);
    check_ok(search_read_begin(index, &arena, &read));
    check_ok(index_base_get(&read.tx, &base));
    search_read_end(&read);
    memcpy(self->rig.model.plays_max, base.plays_max, sizeof base.plays_max);
    model_check(&self->rig.model, index);
}

Test(search_index_kill, what_was_acknowledged_is_there)
{
    killer_t killer = {0};
    uint64_t rounds = ROUNDS * scale_rounds();
    random_seed_t seed = {scale_number("MS_SEED", (uint64_t)getpid())};
    ms_random_t random = random_seeded(&seed);
    rig_init(&killer.rig, 1);

    for (uint64_t round = 0; round < rounds; round++) {
        kill_one(&killer, &random);
        check_left(&killer);
    }

    fprintf(stderr, "index_kill: %llu kills, %llu updates, %llu builds begun\n",
            (unsigned long long)rounds, (unsigned long long)killer.acknowledged,
            (unsigned long long)killer.builds);
    cr_assert_geq(killer.acknowledged, rounds);
    rig_deinit(&killer.rig);
}
