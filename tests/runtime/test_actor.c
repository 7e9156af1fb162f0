#include "tests/support/actors/caller.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"

typedef struct fixture {
    runtime_t *runtime;
    toy_world_t world;
} fixture_t;

static void fixture_start(fixture_t *self, const runtime_options_t *options)
{
    memset(&self->world, 0, sizeof self->world);
    uv_sem_init(&self->world.blocked, 0);
    check_ok(runtime_new(options, &self->runtime));
    check_ok(runtime_register(self->runtime, &toy_kind, &self->world));
    check_ok(runtime_register(self->runtime, &idle_kind, &self->world));
    check_ok(runtime_register(self->runtime, &last_kind, &self->world));
    check_ok(runtime_register(self->runtime, &first_kind, &self->world));
    check_ok(runtime_start(self->runtime));
}

static void fixture_drain(fixture_t *self)
{
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
}

static void fixture_free(fixture_t *self)
{
    runtime_free(self->runtime);
    uv_sem_destroy(&self->world.blocked);
}

static void fixture_stop(fixture_t *self)
{
    fixture_drain(self);
    fixture_free(self);
}

static void wait_for(_Atomic uint64_t *counter, uint64_t wanted)
{
    wait_until(atomic_load(counter) >= wanted);
}

static address_t toy(const char *key)
{
    return address_of("toy", str_from(key));
}

Test(actor, an_answer_comes_back_and_the_state_stays)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    for (uint64_t i = 0; i < 100; i++) {
        caller_answer_t answer = ask_of(f.runtime, toy("a"), toy_echo, .number = i);
        check_ok(answer.err);
        cr_assert(eq(u64, answer.value, i));
    }

    cr_assert(eq(u64, ask_of(f.runtime, toy("a"), toy_count).value, 100));
    cr_assert(eq(u64, ask_of(f.runtime, toy("b"), toy_count).value, 0));
    cr_assert(eq(u64, atomic_load(&f.world.started), 2));
    fixture_stop(&f);
    cr_assert(eq(u64, atomic_load(&f.world.stopped), 2));
    cr_assert(eq(u64, atomic_load(&f.world.deinited), 2));
}

Test(actor, what_cannot_be_answered_says_why)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 1});
    char long_key[ACTOR_KEY_SIZE_MAX + 1];
    memset(long_key, 'k', sizeof long_key);
    toy_echo_t echo = {1};
    toy_circle_t deep = {STR("b"), ACTOR_CALL_DEPTH_MAX};
    toy_circle_t deeper = {STR("b"), ACTOR_CALL_DEPTH_MAX + 1};
    toy_late_refusal_t refusal = {false};
    toy_late_refusal_t failure = {true};
    toy_silence_t silence;
    const struct {
        const char *what;
        address_t to;
        uint64_t timeout_ms;
        const schema_t *schema;
        const void *message;
        err_t want;
    } cases[] = {
        {"no such kind", address_of("nobody", STR("a")), 0, &toy_echo_schema, &echo, ERR_NOT_FOUND},
        {"no such activation", address_of_ref((actor_ref_t){77}), 0, &toy_echo_schema, &echo,
         ERR_NOT_FOUND},
        {"a key of the longest size", address_of("toy", str_of(long_key, ACTOR_KEY_SIZE_MAX)), 0,
         &toy_echo_schema, &echo, ERR_OK},
        {"a longer key", address_of("toy", str_of(long_key, ACTOR_KEY_SIZE_MAX + 1)), 0,
         &toy_echo_schema, &echo, ERR_LIMIT},
        {"a message the kind does not know", toy("a"), 0, &counter_read_schema, &echo,
         ERR_UNSUPPORTED},
        {"a handler that never answers", toy("a"), 30, &toy_silence_schema, &silence, ERR_TIMEOUT},
        {"a chain as deep as it may be", toy("a"), 0, &toy_circle_schema, &deep, ERR_OK},
        {"a chain that is deeper", toy("a"), 0, &toy_circle_schema, &deeper, ERR_LIMIT},
        {"refused with a token in hand", toy("a"), 0, &toy_late_refusal_schema, &refusal,
         ERR_FORBIDDEN},
        {"failed with a token in hand", toy("a"), 0, &toy_late_refusal_schema, &failure,
         ERR_INTERNAL},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        caller_answer_t got = caller_ask(f.runtime, cases[i].to, cases[i].timeout_ms, STR(""),
                                         cases[i].schema, cases[i].message);
        cr_expect(got.err == cases[i].want, "%s: got %s", cases[i].what, err_name(got.err));
    }
    fixture_stop(&f);
}

Test(actor, an_ask_between_actors_is_answered_or_times_out)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    caller_answer_t answer =
        ask_of(f.runtime, toy("a"), toy_forward, .to = STR("b"), .timeout_ms = PATIENCE_MS);
    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 7));
    fixture_stop(&f);
}

/* Fills the mailbox of an actor that is busy. Returns how many the mailbox took. */
static uint32_t fill(fixture_t *f, address_t to, uint32_t count)
{
    check_ok(runtime_send(f->runtime, to, toy_block, .number = 0));
    uv_sem_wait(&f->world.blocked);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++)
        taken += runtime_send(f->runtime, to, toy_echo, .number = i) == ERR_OK;
    return taken;
}

Test(actor, a_mailbox_holds_its_bound_and_no_more)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    uint32_t taken = fill(&f, toy("full"), 100);
    atomic_store(&f.world.may_pass, true);
    wait_for(&f.world.echoed, 16);

    cr_assert(eq(u32, taken, 16));
    check_ok(ask_of(f.runtime, toy("full"), toy_echo).err);
    fixture_stop(&f);
    cr_assert(eq(u64, atomic_load(&f.world.echoed), 17));
}

Test(actor, a_mailbox_that_drops_the_oldest_keeps_the_newest)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    uint32_t taken = fill(&f, address_of("last", STR("x")), 100);
    atomic_store(&f.world.may_pass, true);
    wait_for(&f.world.echoed, 4);

    cr_assert(eq(u32, taken, 8)); /* twice the bound until the receiver's turn */
    fixture_stop(&f);
    cr_assert(eq(u64, atomic_load(&f.world.echoed), 4));
}

Test(actor, a_mailbox_that_drops_the_newest_takes_all_and_keeps_the_oldest)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});
    runtime_stats_t stats;

    uint32_t taken = fill(&f, address_of("first", STR("x")), 100);
    atomic_store(&f.world.may_pass, true);
    wait_for(&f.world.echoed, 4);

    cr_assert(eq(u32, taken, 100), "nobody is told");
    fixture_drain(&f);
    runtime_stats(f.runtime, &stats);
    cr_assert(eq(u64, atomic_load(&f.world.echoed), 4));
    cr_assert(eq(u64, stats.refused, 96), "but it is counted");
    fixture_free(&f);
}

Test(actor, an_idle_actor_is_passivated_and_comes_back_fresh)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});
    address_t to = address_of("idle", STR("x"));

    check_ok(ask_of(f.runtime, to, toy_echo).err);
    wait_for(&f.world.deinited, 1);

    cr_assert(eq(u64, ask_of(f.runtime, to, toy_count).value, 0));
    cr_assert(eq(u64, atomic_load(&f.world.stopped), 1));
    cr_assert(eq(u64, atomic_load(&f.world.started), 2));
    fixture_stop(&f);
}

Test(actor, an_actor_that_stops_leaves_its_leftovers_to_the_next)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    check_ok(runtime_send(f.runtime, toy("a"), toy_block));
    uv_sem_wait(&f.world.blocked);
    check_ok(runtime_send(f.runtime, toy("a"), toy_stop));
    for (uint64_t i = 0; i < 5; i++)
        check_ok(runtime_send(f.runtime, toy("a"), toy_echo));
    atomic_store(&f.world.may_pass, true);

    wait_for(&f.world.echoed, 5);
    wait_for(&f.world.stopped, 1);
    cr_assert(eq(u64, atomic_load(&f.world.started), 2));
    fixture_stop(&f);
}

Test(actor, timers_fire_once_or_again_or_not_at_all)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    check_ok(ask_of(f.runtime, toy("a"), toy_timer, .delay_ms = 1, .is_cancelled = true).err);
    check_ok(ask_of(f.runtime, toy("a"), toy_timer, .delay_ms = 10).err);
    wait_for(&f.world.ticks, 1);
    cr_assert(eq(u64, atomic_load(&f.world.ticks), 1));
    check_ok(ask_of(f.runtime, toy("b"), toy_timer, .delay_ms = 1, .period_ms = 1).err);
    wait_for(&f.world.ticks, 20);
    fixture_stop(&f);
}

Test(actor, work_that_blocks_comes_back_with_its_result)
{
    fixture_t f;
    fixture_start(&f, &(runtime_options_t){.scheduler_count = 2});

    caller_answer_t answer = ask_of(f.runtime, toy("a"), toy_offload, .number = 21);

    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 42));
    fixture_stop(&f);
}
