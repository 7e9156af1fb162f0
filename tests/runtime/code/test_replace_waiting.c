#include "runtime/supervisor.h"
#include "tests/runtime/code/stage.h"

#include <pthread.h>

/* Who waits for something while its kind is replaced: for an answer and nothing else, for many
 * answers, or for what its supervisor decides. */

static address_t waiter_at(const char *key)
{
    return address_of("waiter", str_from(key));
}

static waiter_status_t waiter_of(stage_t *stage, asked_t asked)
{
    answer_t answer = {.err = asked.err, .schema = asked.schema, .message = asked.message};
    const waiter_status_t *status = answer_as(&answer, waiter_status, &stage->asking.arena);
    cr_assert(status != NULL, "answered with %s", err_name(asked.err));
    return *status;
}

/* It is answered when nothing is awaited any more. */
#define waiter_now(stage, key)                                                                     \
    waiter_of((stage), ask(&(stage)->asking, waiter_at(key), waiter_read))

static void note(stage_t *stage, const char *key)
{
    check_ok(runtime_send(stage->runtime, waiter_at(key), waiter_note));
}

/* ---- one that awaits ---- */

Test(replace_waiting, one_that_awaits_goes_on_awaiting_in_the_new_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    check_ok(ask(&stage.asking, waiter_at("a"), waiter_order, .key = STR("t")).err);
    note(&stage, "a");

    check_replaced(&stage, "tally_v2");
    note(&stage, "a");
    check_replaced(&stage, "tally_v1");
    check_replaced(&stage, "tally_v2");
    note(&stage, "a");
    check_ok(ask(&stage.asking, tally_at("t"), tally_release).err);

    waiter_status_t status = waiter_now(&stage, "a");
    cr_assert(eq(u64, status.served, 2), "by the function of the newest version");
    cr_assert(eq(u64, status.notes, 3), "what was sent meanwhile is handled afterwards");
    cr_assert(eq(u64, status.early, 0), "and not before");
    cr_assert(eq(u64, status.version, 2));
}

Test(replace_waiting, one_that_awaits_without_a_name_keeps_everybody_in_the_old_version_until_then)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    check_ok(
        ask(&stage.asking, waiter_at("a"), waiter_order, .key = STR("t"), .is_nameless = true).err);
    note(&stage, "a");

    check_waits_for(&stage, "tally_v2", "the answer to an ask");
    cr_assert(eq(u64, tally_now(&stage, "t").version, 1));
    note(&stage, "a");
    check_ok(ask(&stage.asking, tally_at("t"), tally_release).err);
    waiter_status_t before = waiter_now(&stage, "a");
    check_replaced(&stage, "tally_v2");
    waiter_status_t after = waiter_now(&stage, "a");

    cr_assert(eq(u64, before.version, 1));
    cr_assert(eq(u64, before.served, 1000));
    cr_assert(eq(u64, after.version, 2));
    cr_assert(eq(u64, after.served, 1000));
    cr_assert(eq(u64, after.notes, 2));
    cr_assert(eq(u64, after.early, 0));
}

Test(replace_waiting, a_circle_that_was_begun_in_the_old_version_is_found_in_the_new_one)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    check_ok(ask(&stage.asking, waiter_at("b"), waiter_order, .key = STR("t")).err);
    check_ok(
        ask(&stage.asking, waiter_at("a"), waiter_circle, .over = STR("b"), .back_to = STR("a"))
            .err);

    check_replaced(&stage, "tally_v2"); /* what "a" asked waits in the mailbox of "b" */
    check_ok(ask(&stage.asking, tally_at("t"), tally_release).err);

    waiter_status_t a = waiter_now(&stage, "a"), b = waiter_now(&stage, "b");
    cr_assert(eq(u64, b.served, 2), "its order, in the new version");
    cr_assert(eq(u64, b.conflicts, 1), "it can't ask back");
    cr_assert(eq(u64, a.conflicts, 1), "which is what \"a\" hears");
    cr_assert(eq(u64, a.early + b.early, 0));
}

/* ---- one that has asked many ---- */

Test(replace_waiting, an_ask_of_many_is_waited_for_until_all_have_answered)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    check_ok(
        ask(&stage.asking, tally_at("a"), tally_read_both, .first = STR("x"), .second = STR("y"))
            .err);

    check_waits_for(&stage, "tally_v2", "the answer to an ask");
    check_ok(ask(&stage.asking, tally_at("x"), tally_release).err);
    check_waits_for(&stage, "tally_v2", "the answer to an ask");
    cr_assert(eq(u64, tally_now(&stage, "a").reads, 0), "one of two has answered");
    check_ok(ask(&stage.asking, tally_at("y"), tally_release).err);
    check_replaced(&stage, "tally_v2"); /* whether the answer is there by now or not */

    tally_status_t status = tally_now(&stage, "a");
    cr_assert(eq(u64, status.reads, 200), "both, and in the code that asked");
    cr_assert(eq(u64, status.version, 2));
}

/* ---- one that has a supervisor ---- */

static const actor_kind_t tally_by_name = {.name = "tally"}; /* the registered one is started */
static const child_spec_t children[] = {
    {.id = "one", .kind = &tally_by_name, .key = STR_INIT("one")},
    {.id = "two", .kind = &tally_by_name, .key = STR_INIT("two"), .restart = CHILD_TRANSIENT},
};
static const supervisor_spec_t at_once = {.name = "keeper",
                                          .intensity = 10,
                                          .period_ms = 60000,
                                          .children = children,
                                          .child_count = COUNT_OF(children)};
static const supervisor_spec_t after_a_while = {.name = "keeper",
                                                .intensity = 10,
                                                .period_ms = 60000,
                                                .backoff_first_ms = 30,
                                                .backoff_max_ms = 30,
                                                .children = children,
                                                .child_count = COUNT_OF(children)};

typedef struct kept {
    stage_t *stage;
    actor_ref_t supervisor;
} kept_t;

static kept_t kept_by(stage_t *stage, const supervisor_spec_t *spec)
{
    kept_t kept = {.stage = stage};
    check_ok(supervisor_start(stage->runtime, spec, &kept.supervisor));
    return kept;
}

static supervisor_row_t row_of(const kept_t *self, uint32_t index)
{
    asked_t asked = ask(&self->stage->asking, address_of_ref(self->supervisor), supervisor_which);
    const supervisor_children_t *all = asked_as(asked, supervisor_children);
    cr_assert(eq(u32, all->total, 2));
    return all->children.items[index];
}

static address_t child_of(const kept_t *self, uint32_t index)
{
    return address_of_ref((actor_ref_t){row_of(self, index).ref_bits});
}

#define child_now(kept, to) tally_of((kept)->stage, ask(&(kept)->stage->asking, (to), tally_read))

Test(replace_waiting, a_child_keeps_its_place_and_its_supervisor_restarts_it_in_the_new_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    kept_t kept = kept_by(&stage, &at_once);
    address_t one = child_of(&kept, 0), two = child_of(&kept, 1);
    tally_of(&stage, ask(&stage.asking, one, tally_add, .amount = 6));
    tally_of(&stage, ask(&stage.asking, two, tally_add, .amount = 7));

    check_replaced(&stage, "tally_v2");
    tally_status_t taken_over = child_now(&kept, one);
    check_err(ask(&stage.asking, one, tally_fail).err, ERR_INTERNAL);
    tally_status_t restarted = child_now(&kept, one), other = child_now(&kept, two);

    cr_assert(eq(u64, taken_over.total, 6));
    cr_assert(eq(u64, taken_over.version, 2));
    cr_assert(eq(u64, restarted.total, 0), "it begins anew, at the same reference");
    cr_assert(eq(u64, restarted.version, 2));
    cr_assert(eq(u64, other.total, 7));
    cr_assert(eq(u64, other.version, 2));
    cr_assert(eq(u32, row_of(&kept, 0).restarts, 1));
    cr_assert(eq(u32, row_of(&kept, 1).restarts, 0));
}

Test(replace_waiting, a_child_that_waits_for_its_restart_comes_back_in_the_new_version)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    kept_t kept = kept_by(&stage, &after_a_while);
    address_t one = child_of(&kept, 0);
    check_err(ask(&stage.asking, one, tally_fail).err, ERR_INTERNAL);

    check_replaced(&stage, "tally_v2"); /* before it is back, meanwhile, or after */
    tally_status_t status = child_now(&kept, one);

    cr_assert(eq(u64, status.version, 2));
    cr_assert(eq(u32, row_of(&kept, 0).restarts, 1));
}

static void *replace_it(void *context)
{
    check_replaced((stage_t *)context, "tally_v2");
    return NULL;
}

Test(replace_waiting, a_child_that_is_stopped_meanwhile_ends_and_the_others_are_replaced)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    kept_t kept = kept_by(&stage, &at_once);
    address_t one = child_of(&kept, 0), supervisor = address_of_ref(kept.supervisor);
    pthread_t thread;

    cr_assert(pthread_create(&thread, NULL, replace_it, &stage) == 0);
    asked_t stopped = ask(&stage.asking, supervisor, supervisor_stop_child, .id = STR("two"));
    pthread_join(thread, NULL);

    check_ok(stopped.err);
    check_str(row_of(&kept, 1).state, STR("off"));
    cr_assert(eq(u64, child_now(&kept, one).version, 2));
    asked_t back = ask(&stage.asking, supervisor, supervisor_restart_child, .id = STR("two"));
    address_t two = address_of_ref((actor_ref_t){asked_as(back, supervisor_child)->ref_bits});
    cr_assert(eq(u64, child_now(&kept, two).version, 2));
}

Test(replace_waiting, a_supervisor_stops_its_children_after_a_replacement_that_was_given_up)
{
    stage_t stage STAGE_SCOPED;
    stage_open(&stage);
    kept_t kept = kept_by(&stage, &at_once);
    address_t one = child_of(&kept, 0), supervisor = address_of_ref(kept.supervisor);
    tally_of(&stage, ask(&stage.asking, one, tally_add, .amount = 13));

    check_err(stage_replace(&stage, "refuses_13", 20000), ERR_CORRUPT);
    tally_status_t status = child_now(&kept, one);
    check_ok(ask(&stage.asking, supervisor, supervisor_stop_child, .id = STR("one")).err);

    cr_assert(eq(u64, status.total, 13));
    cr_assert(eq(u64, status.version, 1));
    check_str(row_of(&kept, 0).state, STR("off"));
}
