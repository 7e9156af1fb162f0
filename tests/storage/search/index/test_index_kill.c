/* Processes that update an index, build one beside it and put that in its place are killed: at each
 * of their steps, and at random moments of each phase. Whatever the moment: the next one opens it
 * without a repair, all that was acknowledged is there, and it is what the model is at the position
 * that it names.
 *
 * MS_ROUNDS=n kills n times as often. */

#include "storage/search/index/index_parts.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/scale.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, ROUNDS_LONG = 400, CHANGES = 6, WAIT_US_MAX = 1000 };

/* What a process is in the middle of. */
#define PHASE_LIST(ROW)                                                                            \
    ROW(OPENING, "opening")                                                                        \
    ROW(UPDATE, "an update")                                                                       \
    ROW(BUILD, "a build")                                                                          \
    ROW(SWAP, "a swap, before the old one's name goes")                                            \
    ROW(UNNAMED, "a swap, between the names")                                                      \
    ROW(NAMED, "a swap, before the old one is gone")
typedef enum phase {
#define PHASE_ROW(name, text) PHASE_##name,
    PHASE_LIST(PHASE_ROW)
#undef PHASE_ROW
        PHASE_COUNT
} phase_t;

static const char *const phase_texts[PHASE_COUNT] = {
#define PHASE_TEXT(name, text) [PHASE_##name] = text,
    PHASE_LIST(PHASE_TEXT)
#undef PHASE_TEXT
};

/* What is left of a process when it is dead. */
typedef struct shared {
    _Atomic phase_t phase;
    _Atomic uint64_t acknowledged; /* a position: up to there it is durable */
    uint64_t steps, last_step;     /* so far; the one at which it ends itself: 0: none */
} shared_t;

/* Of a process: each test is one of its own. */
static shared_t *shared;

static shared_t *shared_new(void)
{
    shared_t *self =
        mmap(NULL, sizeof *self, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(self, MAP_FAILED);
    return self;
}

/* ---- the steps: the linker leads these calls of the code under test here (CMakeLists.txt) ---- */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);
err_t __real_kv_commit(kv_tx_t *tx);
err_t __wrap_kv_commit(kv_tx_t *tx);
err_t __real_kv_sync(kv_t *self);
err_t __wrap_kv_sync(kv_t *self);

static void step(void)
{
    if (shared != NULL && ++shared->steps == shared->last_step)
        raise(SIGKILL);
}

int __wrap_rename(const char *from, const char *to)
{
    step();
    int rc = __real_rename(from, to);
    phase_t phase = shared == NULL ? PHASE_OPENING : atomic_load(&shared->phase);
    if (rc == 0 && (phase == PHASE_SWAP || phase == PHASE_UNNAMED))
        atomic_store(&shared->phase, phase + 1);
    return rc;
}

int __wrap_unlink(const char *path)
{
    step();
    return __real_unlink(path);
}

int __wrap_rmdir(const char *path)
{
    step();
    return __real_rmdir(path);
}

err_t __wrap_kv_commit(kv_tx_t *tx)
{
    step();
    return __real_kv_commit(tx);
}

err_t __wrap_kv_sync(kv_t *self)
{
    step();
    return __real_kv_sync(self);
}

/* ---- who is killed ---- */

static void must(err_t err)
{
    if (err != ERR_OK)
        _exit((int)err);
}

static void enter(phase_t phase)
{
    atomic_store(&shared->phase, phase);
}

/* The changes of a position follow from it alone. */
static size_t changes_at(rig_t *rig, uint64_t position, search_change_t changes[CHANGES])
{
    rig->seed = (random_seed_t){position};
    return rig_change(rig, changes, CHANGES);
}

static void update(rig_t *rig, search_index_t *index, uint64_t position)
{
    search_change_t changes[CHANGES];
    size_t count = changes_at(rig, position, changes);
    enter(PHASE_UPDATE);
    must(search_index_update(index, changes, count, (search_position_t){1, position}));
    atomic_store(&shared->acknowledged, position);
}

static void build_and_swap(rig_t *rig, search_index_t *index, uint64_t position)
{
    search_build_options_t options = rig_build_options(rig);
    search_index_t *fresh = NULL;
    options.position = (search_position_t){1, position};
    enter(PHASE_BUILD);
    must(search_build(rig->fresh_path.path, &options));
    must(search_index_open(&(search_index_options_t){.path = rig->fresh_path.path}, &fresh));
    enter(PHASE_SWAP);
    must(search_index_swap(index, fresh));
}

/* turns 0: for ever. */
static void run_child(rig_t *rig, uint64_t position, uint64_t turns)
{
    search_index_t *index = NULL;
    enter(PHASE_OPENING);
    must(search_swap_settle(rig->path.path));
    must(search_index_open(&(search_index_options_t){.path = rig->path.path}, &index));
    for (uint64_t turn = 0; turns == 0 || turn < turns; turn++) {
        update(rig, index, ++position);
        build_and_swap(rig, index, position);
        update(rig, index, ++position);
    }
    _exit(0);
}

/* ---- what it leaves ---- */

typedef struct killer {
    rig_t rig;
    uint64_t position;         /* of the model */
    uint64_t met[PHASE_COUNT]; /* kills by phase */
} killer_t;

static void killer_init(killer_t *self)
{
    shared = shared_new();
    rig_init(&self->rig, 1);
}

static void killer_deinit(killer_t *self)
{
    rig_deinit(&self->rig);
    check_true(munmap(STEAL(shared), sizeof *shared) == 0);
}
#define KILLER_SCOPED SCOPED(killer_deinit)

static pid_t start_child(killer_t *self, uint64_t turns, uint64_t last_step)
{
    *shared = (shared_t){.last_step = last_step};
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        run_child(&self->rig, self->position, turns);
    return child;
}

/* False: it ended by itself, and well. */
static bool was_killed(killer_t *self, pid_t child)
{
    int status = 0;
    check_true(waitpid(child, &status, 0) == child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    cr_assert(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "it ended with %d",
              status);
    if (is_killed)
        self->met[atomic_load(&shared->phase)]++;
    return is_killed;
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
    uint64_t acknowledged = MAX(atomic_load(&shared->acknowledged), self->position);
    shared->last_step = 0; /* these steps are the test's own */
    check_ok(search_swap_settle(self->rig.path.path));
    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(self->rig.path.path);
    uint64_t position = search_index_position(index).position;
    cr_assert_geq(position, acknowledged);
    cr_assert_leq(position, acknowledged + 1);
    catch_up(self, position);
    check_ok(search_read_begin(index, &arena, &read));
    check_ok(index_base_get(&read.tx, &base));
    search_read_end(&read);
    memcpy(self->rig.model.plays_max, base.plays_max, sizeof base.plays_max);
    model_check(&self->rig.model, index);
}

static void report(const killer_t *self)
{
    for (size_t i = 0; i < PHASE_COUNT; i++)
        fprintf(stderr, "index_kill: %llu in %s\n", (unsigned long long)self->met[i],
                phase_texts[i]);
}

/* ---- the tests ---- */

/* An update, a build, its swap and an update: killed before each of their steps, from the first to
 * the last. */
Test(search_index_kill, killed_at_each_step_what_was_acknowledged_is_there)
{
    killer_t killer KILLER_SCOPED = {0};
    killer_init(&killer);
    check_true(was_killed(&killer, start_child(&killer, 1, 1))); /* while it makes an empty one */
    check_left(&killer);

    for (uint64_t last_step = 1;; last_step++) {
        pid_t child = start_child(&killer, 1, last_step);
        bool is_killed = was_killed(&killer, child);
        check_left(&killer);
        if (!is_killed)
            break;
    }

    report(&killer);
    for (size_t i = 0; i < PHASE_COUNT; i++)
        cr_expect(killer.met[i] > 0, "nobody was killed in %s", phase_texts[i]);
}

/* At a random moment after it has come to a phase. */
static void aim(pid_t child, phase_t phase, const ms_random_t *random)
{
    struct timespec wait = {0, (long)random_below(random, WAIT_US_MAX) * 1000};
    wait_until(atomic_load(&shared->phase) == phase);
    (void)ppoll(NULL, 0, &wait, NULL); /* into whatever it does next */
    kill(child, SIGKILL);
}

Test(search_index_kill, killed_at_random_moments_what_was_acknowledged_is_there)
{
    killer_t killer KILLER_SCOPED = {0};
    uint64_t rounds = ROUNDS * scale_rounds();
    random_seed_t seed = {scale_number("MS_SEED", (uint64_t)getpid())};
    ms_random_t random = random_seeded(&seed);
    killer_init(&killer);

    for (uint64_t round = 0; round < rounds; round++) {
        pid_t child = start_child(&killer, 0, 0);
        aim(child, (phase_t)(PHASE_UPDATE + round % 3), &random);
        check_true(was_killed(&killer, child));
        check_left(&killer);
    }

    report(&killer);
    uint64_t in_swaps =
        killer.met[PHASE_SWAP] + killer.met[PHASE_UNNAMED] + killer.met[PHASE_NAMED];
    if (rounds >= ROUNDS_LONG)
        cr_expect(killer.met[PHASE_UPDATE] > 0 && killer.met[PHASE_BUILD] > 0 && in_swaps > 0);
}
