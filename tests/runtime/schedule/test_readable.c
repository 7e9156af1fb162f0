/* Actors that wait for descriptors: told once each time they asked, late rather than not at all. */
#include "tests/support/actors/caller.h"
#include "tests/support/actors/scene.h"
#include "tests/support/patience.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define DEF_FILE "tests/runtime/schedule/waiter.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/schedule/waiter.def"
#include "runtime/base/schema_define.h"

enum { ROUNDS = 100 };

typedef struct world {
    uv_sem_t heard;
    _Atomic uint64_t told, bytes;
    _Atomic bool is_asking;
} world_t;

typedef struct waiter {
    world_t *world;
    int fd;
    bool is_once;
    reply_token_t owed;
} waiter_t;

#define ACTOR_DEF "tests/runtime/schedule/waiter.def"
#define ACTOR_STATE waiter_t
#define ACTOR_ALSO(X) X(actor_readable)
#include "runtime/actor_kind.h"

ON(waiter_wait)
{
    self->fd = (int)(int64_t)command->fd;
    self->is_once = command->is_once;
    return actor_reply(ctx, waiter_waits, .err = actor_wait_readable(ctx, self->fd));
}

ON(actor_readable)
{
    char room[64];
    ssize_t size;
    while ((size = read((int)command->fd, room, sizeof room)) > 0)
        atomic_fetch_add(&self->world->bytes, (uint64_t)size);
    atomic_fetch_add(&self->world->told, 1);
    err_t err = self->is_once ? ERR_OK : actor_wait_readable(ctx, self->fd);
    uv_sem_post(&self->world->heard);
    return err;
}

static void on_answer(UNUSED void *state, UNUSED context_t *ctx, UNUSED const answer_t *answer,
                      UNUSED void *data, UNUSED size_t data_size)
{
}

/* Awaits what another one owes. */
ON(waiter_ask)
{
    if (str_is_empty(command->key)) {
        self->owed = actor_reply_later(ctx);
        return ERR_OK;
    }
    actor_ask(ctx, address_of("waiter", command->key), 60000, on_answer, NULL, 0, waiter_ask,
              .key = STR(""));
    atomic_store(&self->world->is_asking, true);
    return ERR_OK;
}

ON(waiter_fill)
{
    return ERR_OK;
}

ON(waiter_answer)
{
    actor_reply_to(ctx, self->owed, waiter_waits, .err = 0);
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    waiter_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

ACTOR_KIND(waiter, .start = start, .mailbox_max = 1, .awaits = true);

typedef struct stage {
    world_t world;
    runtime_t *runtime;
    int pipe[2];
} stage_t;

static void begin(stage_t *self)
{
    *self = (stage_t){0};
    uv_sem_init(&self->world.heard, 0);
    cr_assert(pipe2(self->pipe, O_NONBLOCK | O_CLOEXEC) == 0);
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 2}, &self->runtime));
    check_ok(runtime_register(self->runtime, &waiter_kind, &self->world));
    check_ok(runtime_start(self->runtime));
}

static void end(stage_t *self)
{
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(self->runtime);
    close(self->pipe[0]);
    close(self->pipe[1]);
    uv_sem_destroy(&self->world.heard);
}

static err_t wait_for(stage_t *self, int fd, bool is_once)
{
    caller_answer_t answer = ask_of(self->runtime, address_of("waiter", STR("a")), waiter_wait,
                                    .fd = (uint64_t)fd, .is_once = is_once);
    check_ok(answer.err);
    return (err_t)answer.value;
}

static void say(const stage_t *self)
{
    cr_assert(write(self->pipe[1], "word", 4) == 4);
}

Test(readable, each_time_it_is_asked_for_it_is_told_once)
{
    stage_t stage;
    begin(&stage);
    check_ok(wait_for(&stage, stage.pipe[0], false));

    for (uint64_t i = 1; i <= ROUNDS; i++) {
        say(&stage);
        uv_sem_wait(&stage.world.heard);
        cr_assert(eq(u64, atomic_load(&stage.world.bytes), 4 * i));
    }

    cr_assert(eq(u64, atomic_load(&stage.world.told), ROUNDS));
    end(&stage);
}

Test(readable, what_is_there_already_is_told_and_who_does_not_ask_again_is_not)
{
    stage_t stage;
    begin(&stage);
    say(&stage);
    check_ok(wait_for(&stage, stage.pipe[0], true));
    uv_sem_wait(&stage.world.heard);

    say(&stage);
    check_ok(wait_for(&stage, stage.pipe[0], true));
    uv_sem_wait(&stage.world.heard);
    say(&stage);
    end(&stage);

    cr_assert(eq(u64, atomic_load(&stage.world.told), 2));
    cr_assert(eq(u64, atomic_load(&stage.world.bytes), 8));
}

Test(readable, an_end_that_is_closed_is_told_of)
{
    stage_t stage;
    begin(&stage);
    check_ok(wait_for(&stage, stage.pipe[0], true));

    close(stage.pipe[1]);
    uv_sem_wait(&stage.world.heard);

    cr_assert(eq(u64, atomic_load(&stage.world.bytes), 0));
    stage.pipe[1] = -1;
    end(&stage);
}

Test(readable, what_cannot_be_waited_for_is_refused)
{
    stage_t stage;
    begin(&stage);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    cr_expect(wait_for(&stage, file, true) != ERR_OK, "a file can always be read");
    check_err(wait_for(&stage, -1, true), ERR_LIMIT);
    check_err(wait_for(&stage, 65536, true), ERR_LIMIT);
    cr_expect(wait_for(&stage, 65535, true) != ERR_OK, "not open");
    check_ok(wait_for(&stage, stage.pipe[0], true));

    close(file);
    end(&stage);
}

Test(readable, a_simulation_has_no_descriptors)
{
    static const actor_kind_t *const kinds[] = {&waiter_kind};
    scene_t scene;
    world_t world = {0};
    scene_begin(&scene,
                &(scene_options_t){.seed = 1, .kinds = kinds, .kind_count = 1, .service = &world});

    scene_answer_t answer =
        scene_asked(&scene, address_of("waiter", STR("a")), waiter_wait, .fd = 0);

    check_err((err_t)answer.value, ERR_UNSUPPORTED);
    scene_end(&scene);
}

static uint64_t refused(const stage_t *self)
{
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    return stats.refused;
}

/* It awaits an answer, and its mailbox is full: there is no place for the word that there is
 * something to read. It comes when there is one. */
Test(readable, a_full_mailbox_makes_it_late_and_not_lost)
{
    stage_t stage;
    begin(&stage);
    address_t busy = address_of("waiter", STR("a")), other = address_of("waiter", STR("b"));
    check_ok(wait_for(&stage, stage.pipe[0], true));
    check_ok(runtime_send(stage.runtime, busy, waiter_ask, .key = STR("b")));
    while (!atomic_load(&stage.world.is_asking))
        uv_sleep(1);
    while (runtime_send(stage.runtime, busy, waiter_fill) == ERR_OK)
        ;
    uint64_t before = refused(&stage);

    say(&stage);
    while (refused(&stage) == before)
        uv_sleep(1);
    cr_assert(eq(u64, atomic_load(&stage.world.told), 0));
    check_ok(runtime_send(stage.runtime, other, waiter_answer));
    uv_sem_wait(&stage.world.heard);

    cr_assert(eq(u64, atomic_load(&stage.world.bytes), 4));
    end(&stage);
}
