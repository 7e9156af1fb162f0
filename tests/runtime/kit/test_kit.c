#include "runtime/test_kit.h"

#include "docs/samples/counter/counter.h"
#include "tests/support/actors/toy.h"
#include "tests/support/check.h"

/* A toy in a kit, with its world. */
typedef struct room {
    toy_world_t world;
    kit_t *kit;
} room_t;

static void room_open(room_t *self)
{
    *self = (room_t){0};
    self->kit = kit_open_with(
        &(kit_options_t){.kind = &toy_kind, .key = STR("me"), .service = &self->world});
    check_true(self->kit != NULL);
}

static void room_close(room_t *self)
{
    kit_close(self->kit);
}
#define ROOM_SCOPED SCOPED(room_close)

Test(kit, an_answer_is_there_at_once_or_when_it_is_given)
{
    room_t room ROOM_SCOPED;
    room_open(&room);

    const kit_answer_t *now = kit_ask(room.kit, toy_echo, .number = 7);
    const kit_answer_t *refused = kit_ask(room.kit, toy_late_refusal);
    const kit_answer_t *later = kit_ask(room.kit, toy_late_answer, .delay_ms = 50);

    cr_assert(eq(u64, kit_answer_as(now, toy_number)->number, 7));
    check_true(!later->is_there);
    check_err(refused->err, ERR_FORBIDDEN);
    check_str(refused->text, STR("after all"));
    check_true(kit_answer_as(refused, toy_number) == NULL);
    check_kit(room.kit, kit_armed(room.kit, 50, 0, toy_answer_now) != NULL);
    kit_pass(room.kit, 49);
    check_true(!later->is_there);
    kit_pass(room.kit, 1);
    cr_assert(eq(u64, kit_answer_as(later, toy_number)->number, 3));
    check_true(kit_is_quiet(room.kit));
}

Test(kit, an_ask_is_answered_refused_or_runs_into_its_deadline_by_hand)
{
    room_t room ROOM_SCOPED;
    room_open(&room);
    address_t other = address_of("toy", STR("other"));

    const kit_answer_t *answered =
        kit_ask(room.kit, toy_forward, .to = STR("other"), .timeout_ms = 100);
    const kit_answer_t *refused =
        kit_ask(room.kit, toy_forward, .to = STR("other"), .timeout_ms = 100);
    const kit_answer_t *late =
        kit_ask(room.kit, toy_forward, .to = STR("other"), .timeout_ms = 100);
    const toy_echo_t *asked = kit_asked(room.kit, other, toy_echo);
    check_kit(room.kit, asked != NULL);
    cr_assert(eq(u64, asked->number, 7));
    check_kit(room.kit, kit_asked(room.kit, other, toy_echo) != NULL);
    check_kit(room.kit, kit_asked(room.kit, other, toy_echo) != NULL);

    check_true(kit_reply(room.kit, toy_number, .number = 12));
    check_true(kit_refuse(room.kit, ERR_BUSY));
    kit_pass(room.kit, 100);

    cr_assert(eq(u64, kit_answer_as(answered, toy_number)->number, 12));
    check_err(refused->err, ERR_BUSY);
    check_err(late->err, ERR_TIMEOUT);
    check_true(kit_refuse(room.kit, ERR_BUSY));
    check_true(!kit_refuse(room.kit, ERR_BUSY));
}

/* There is nowhere to sleep in a kit; and a plugin that is replaced is rehearsed in one. */
Test(kit, a_kind_that_hibernates_is_tried_out_awake)
{
    actor_kind_t sleeper = toy_kind;
    sleeper.hibernates = true;
    sleeper.idle_ms = 10;
    toy_world_t world = {0};

    kit_t *kit KIT_SCOPED = kit_open_with(
        &(kit_options_t){.kind = &sleeper, .key = STR("a"), .service = &world, .seed = 1});

    cr_assert(kit != NULL);
    cr_assert(eq(u64, kit_answer_as(kit_ask(kit, toy_echo, .number = 7), toy_number)->number, 7));
}

Test(kit, jobs_run_when_told)
{
    room_t room ROOM_SCOPED;
    room_open(&room);

    const kit_answer_t *good = kit_ask(room.kit, toy_offload, .number = 21);
    const kit_answer_t *bad = kit_ask(room.kit, toy_offload, .number = 21);

    check_kit(room.kit, kit_offloaded(room.kit, OFFLOAD_COMPUTE));
    check_kit(room.kit, kit_offloaded(room.kit, OFFLOAD_COMPUTE));
    check_true(!good->is_there);
    check_true(kit_run_job(room.kit));
    check_true(kit_fail_job(room.kit, ERR_IO));
    check_true(!kit_run_job(room.kit));
    cr_assert(eq(u64, kit_answer_as(good, toy_number)->number, 42));
    check_err(bad->err, ERR_IO);
}

Test(kit, topics_are_heard_and_published_to)
{
    room_t room ROOM_SCOPED;
    room_open(&room);
    kit_tell(room.kit, toy_subscribe, .topic = STR("news"));
    kit_publish(room.kit, STR("news"), toy_tick, .number = 5);
    kit_publish(room.kit, STR("olds"), toy_tick, .number = 6);
    kit_tell(room.kit, toy_publish, .topic = STR("out"), .number = 8);

    const toy_tick_t *tick = kit_published(room.kit, STR("out"), toy_tick);

    cr_assert(eq(u64, atomic_load(&room.world.last_tick), 5));
    check_kit(room.kit, tick != NULL);
    cr_assert(eq(u64, tick->number, 8));
}

Test(kit, a_child_is_there_to_be_watched_and_to_end)
{
    room_t room ROOM_SCOPED;
    room_open(&room);
    actor_ref_t child = {0};
    kit_tell(room.kit, toy_spawn, .is_watched = true);
    check_kit(room.kit, kit_spawned(room.kit, "child", STR("child"), &child));
    kit_tell(room.kit, toy_break_child);
    check_kit(room.kit, kit_sent(room.kit, address_of_ref(child), toy_fail) != NULL);
    cr_assert(eq(u64, atomic_load(&room.world.downs), 0));

    kit_end(room.kit, child);
    cr_assert(eq(u64, atomic_load(&room.world.downs), 1));
    cr_assert(eq(u64, atomic_load(&room.world.down_failures), 0));

    actor_ref_t stranger = kit_stranger(room.kit);
    kit_tell(room.kit, toy_watch, .ref_bits = stranger.bits);
    kit_kill(room.kit, stranger);
    cr_assert(eq(u64, atomic_load(&room.world.downs), 2));
    check_true(kit_is_quiet(room.kit));
}

Test(kit, failures_and_ends_are_effects_and_it_starts_again_after_them)
{
    room_t room ROOM_SCOPED;
    room_open(&room);

    check_err(kit_ask(room.kit, toy_fail)->err, ERR_INTERNAL);
    check_kit(room.kit, kit_failed(room.kit, "told to"));
    check_ok(kit_ask(room.kit, toy_echo)->err);
    kit_tell(room.kit, toy_stop);
    check_kit(room.kit, kit_stopped(room.kit));
    check_true(kit_state(room.kit) == NULL);
    check_ok(kit_ask(room.kit, toy_echo)->err);

    check_true(kit_state(room.kit) != NULL);
    cr_assert(eq(u64, atomic_load(&room.world.started), 3));
}

Test(kit, what_is_not_there_is_said_and_nothing_is_taken)
{
    room_t room ROOM_SCOPED;
    room_open(&room);
    kit_tell(room.kit, toy_publish, .topic = STR("out"), .number = 8);

    check_true(!kit_is_quiet(room.kit));
    check_str(str_from(kit_wrong(room.kit)), STR("it published toy_tick 'out'"));
    check_true(kit_sent(room.kit, address_of("bell", STR("front")), toy_tick) == NULL);
    check_str(str_from(kit_wrong(room.kit)),
              STR("it published toy_tick 'out', not: it sent toy_tick to bell 'front'"));
    check_kit(room.kit, kit_published(room.kit, STR("out"), toy_tick) != NULL);
    check_true(!kit_stopped(room.kit));
    check_str(str_from(kit_wrong(room.kit)), STR("it did nothing more, not: it stopped"));
}

Test(kit, a_send_may_be_told_to_fail)
{
    room_t room ROOM_SCOPED;
    room_open(&room);
    kit_tell(room.kit, toy_spawn);
    kit_skip(room.kit);

    kit_set_send_result(room.kit, ERR_BUSY);

    check_err(kit_ask(room.kit, toy_break_child)->err, ERR_BUSY);
    check_true(kit_is_quiet(room.kit));
}

/* ---- a durable one ---- */

Test(kit, a_durable_actor_comes_back_from_its_events)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));
    check_true(kit != NULL);
    kit_ask(kit, counter_add, .amount = 3);
    const counter_added_t *event = kit_emitted(kit, counter_added);
    check_kit(kit, event != NULL);
    cr_assert(eq(u32, event->amount, 3));

    kit_restart(kit);

    cr_assert(eq(u64, ((const counter_t *)kit_state(kit))->value, 3));
    check_true(kit_is_quiet(kit));
}

static journal_fault_t full(void *context, const journal_append_t *append)
{
    (void)context, (void)append;
    return (journal_fault_t){.err = ERR_FULL};
}

Test(kit, a_refused_append_is_seen_by_who_asked)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));
    check_true(kit != NULL);
    journal_memory_set_faults(kit_journal(kit), full, NULL);

    const kit_answer_t *answer = kit_ask(kit, counter_add, .amount = 3);

    check_err(answer->err, ERR_FULL);
    cr_assert(eq(u64, ((const counter_t *)kit_state(kit))->value, 0));
}
