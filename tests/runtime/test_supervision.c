#include "tests/support/actors/caller.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"

typedef struct fixture {
    runtime_t *runtime;
    toy_world_t world;
} fixture_t;

static void fixture_start(fixture_t *self)
{
    memset(&self->world, 0, sizeof self->world);
    uv_sem_init(&self->world.blocked, 0);
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 2}, &self->runtime));
    check_ok(runtime_register(self->runtime, &toy_kind, &self->world));
    check_ok(runtime_start(self->runtime));
}

static void fixture_stop(fixture_t *self)
{
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(self->runtime);
    uv_sem_destroy(&self->world.blocked);
}

static void wait_for(_Atomic uint64_t *counter, uint64_t wanted)
{
    wait_until(atomic_load(counter) >= wanted);
}

static const address_t toy = {"toy", STR_INIT("a"), {0}};

Test(supervision, a_failure_unwinds_every_frame_and_the_asker_is_told)
{
    fixture_t f;
    fixture_start(&f);

    check_ok(ask_of(f.runtime, toy, toy_echo).err);
    caller_answer_t answer = ask_of(f.runtime, toy, toy_fail, .is_deep = true);
    caller_answer_t count = ask_of(f.runtime, toy, toy_count);

    check_err(answer.err, ERR_INTERNAL);
    cr_assert(eq(u64, atomic_load(&f.world.cleaned), 10));
    check_ok(count.err);
    cr_assert(eq(u64, count.value, 0), "started again with a fresh state");
    cr_assert(eq(u64, atomic_load(&f.world.deinited), 1));
    cr_assert(eq(u64, atomic_load(&f.world.stopped), 0), "stop is not for failures");
    fixture_stop(&f);
}

Test(supervision, a_key_that_keeps_failing_is_parked_and_comes_back)
{
    fixture_t f;
    fixture_start(&f);

    for (int i = 0; i < 4; i++) /* restarts_max is 3 */
        check_err(ask_of(f.runtime, toy, toy_fail).err, ERR_INTERNAL);
    caller_answer_t parked = ask_of(f.runtime, toy, toy_count);
    while (parked.err ==
           ERR_OK) { /* we were held up until it was back: next time it is so longer */
        check_err(ask_of(f.runtime, toy, toy_fail).err, ERR_INTERNAL);
        parked = ask_of(f.runtime, toy, toy_count);
    }
    caller_answer_t other = ask_of(f.runtime, address_of("toy", STR("b")), toy_count);
    caller_answer_t later = parked;
    while (later.err == ERR_UNAVAILABLE)
        later = ask_of(f.runtime, toy, toy_count);

    check_err(parked.err, ERR_UNAVAILABLE);
    check_ok(other.err);
    check_ok(later.err);
    fixture_stop(&f);
}

Test(supervision, a_child_is_restarted_in_place_until_it_is_given_up)
{
    fixture_t f;
    fixture_start(&f);

    caller_answer_t spawned = ask_of(f.runtime, toy, toy_spawn, .is_watched = true);
    address_t child = address_of_ref((actor_ref_t){spawned.value});
    check_ok(ask_of(f.runtime, child, toy_count).err);
    check_err(ask_of(f.runtime, child, toy_fail).err, ERR_INTERNAL);
    wait_for(&f.world.down_failures, 1);
    check_ok(ask_of(f.runtime, child, toy_count).err); /* waits for the back-off */
    check_err(ask_of(f.runtime, child, toy_fail).err, ERR_INTERNAL);
    check_err(ask_of(f.runtime, child, toy_fail).err, ERR_INTERNAL); /* restarts_max is 2 */

    caller_answer_t answer = ask_of(f.runtime, child, toy_count);
    check_err(answer.err, ERR_NOT_FOUND);
    fixture_stop(&f);
}

Test(supervision, a_watcher_is_told_of_an_end_and_of_what_is_not_there)
{
    fixture_t f;
    fixture_start(&f);
    address_t other = address_of("toy", STR("b"));

    uint64_t ref = ask_of(f.runtime, other, toy_who).value;
    check_ok(ask_of(f.runtime, toy, toy_watch, .ref_bits = ref).err);
    check_ok(ask_of(f.runtime, toy, toy_watch, .ref_bits = 4242).err);
    wait_for(&f.world.downs, 1);
    check_ok(ask_of(f.runtime, other, toy_stop).err);
    wait_for(&f.world.downs, 2);

    cr_assert(eq(u64, atomic_load(&f.world.down_failures), 0));
    fixture_stop(&f);
}

Test(supervision, an_actor_that_does_not_start_says_why)
{
    fixture_t f;
    fixture_start(&f);

    atomic_store(&f.world.is_start_failing, true);
    caller_answer_t refused = ask_of(f.runtime, toy, toy_count);
    atomic_store(&f.world.is_start_failing, false);
    caller_answer_t allowed = ask_of(f.runtime, toy, toy_count);

    check_err(refused.err, ERR_FORBIDDEN);
    check_ok(allowed.err);
    fixture_stop(&f);
}
