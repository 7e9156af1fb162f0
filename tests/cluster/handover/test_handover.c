/* What one node believes, and what it says: handover.h, step by step. */

#include "cluster/handover/handover.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

enum { ME = 1, OTHER = 2, PARTITION = 7 };

typedef struct stage {
    handover_t *handover;
    view_t view;
    placement_t *placement;
    uint64_t now_ms;
    bool is_free;
} stage_t;

static bool is_free(void *context, uint64_t node, uint64_t now_ms)
{
    (void)node, (void)now_ms;
    return ((stage_t *)context)->is_free;
}

static void begin(stage_t *self)
{
    *self = (stage_t){.placement = memory_new(sizeof(placement_t))};
    check_ok(handover_new(&(handover_options_t){ME, is_free, self}, &self->handover));
    for (uint64_t node = ME; node <= OTHER; node++)
        check_ok(view_put(&self->view, &(member_t){.node = node, .status = MEMBER_ACTIVE}));
}

static void end(stage_t *self)
{
    handover_free(self->handover);
    view_deinit(&self->view);
    memory_free(self->placement);
}

/* All partitions but one are the other's, always. */
static void take(stage_t *self, uint64_t owner)
{
    self->placement->version = ++self->view.version;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        self->placement->owners[i] = i == PARTITION ? owner : OTHER;
    check_ok(handover_take(self->handover, &self->view, self->placement, self->now_ms));
}

static void set_status(stage_t *self, uint64_t node, member_status_t status)
{
    check_ok(view_put(&self->view, &(member_t){.node = node, .status = status}));
}

static void hear(stage_t *self, handover_message_kind_t kind, uint64_t epoch)
{
    handover_item_t item = {PARTITION, epoch, 0};
    size_t count = kind == HANDOVER_VIEW || kind == HANDOVER_TAKEN ? 0 : 1;
    handover_message_t message = {kind, self->view.version, count, &item};
    handover_heard(self->handover, OTHER, &message, self->now_ms);
}

static void answer(stage_t *self, uint64_t owner, uint64_t epoch)
{
    handover_item_t row = {PARTITION, epoch, owner};
    handover_rows(self->handover, self->view.version, &row, 1, self->now_ms);
}

/* Takes what is to be done, and forgets it; whether that was among it, about the partition. */
static bool does(stage_t *self, handover_effect_kind_t kind, handover_message_kind_t message)
{
    handover_effect_t effect;
    bool is_there = false;
    while (handover_next(self->handover, &effect))
        for (size_t i = 0; i < effect.count; i++)
            is_there |= effect.kind == kind && effect.items[i].partition == PARTITION &&
                        (kind != HANDOVER_DO_SEND || effect.message.kind == message);
    return is_there;
}
#define sends(stage, message) does(stage, HANDOVER_DO_SEND, message)
#define reads(stage) does(stage, HANDOVER_DO_READ, 0)
#define claims(stage) does(stage, HANDOVER_DO_CLAIM, 0)

static uint64_t route(const stage_t *self)
{
    return handover_route(self->handover, PARTITION);
}

/* It serves the partition at epoch 4, and all have the view. */
static void own(stage_t *self)
{
    take(self, ME);
    check_true(reads(self));
    answer(self, ME, 4);
    hear(self, HANDOVER_TAKEN, 0);
    hear(self, HANDOVER_VIEW, 0);
    check_true(!claims(self));
    cr_assert(eq(u64, handover_epoch(self->handover, PARTITION), 4));
}

static void give(stage_t *self)
{
    static const uint32_t partition = PARTITION;
    take(self, OTHER);
    hear(self, HANDOVER_TAKEN, 0);
    hear(self, HANDOVER_VIEW, 0);
    hear(self, HANDOVER_WANT, 4);
    check_true(sends(self, HANDOVER_DRAINING));
    hear(self, HANDOVER_HOLDING, 4);
    handover_vacated(self->handover, &partition, 1, self->now_ms);
    check_true(sends(self, HANDOVER_RELEASED));
}

static void want(stage_t *self, uint64_t epoch)
{
    take(self, ME);
    check_true(reads(self));
    answer(self, OTHER, epoch);
    check_true(sends(self, HANDOVER_WANT));
}

Test(handover, a_release_of_another_epoch_is_not_believed)
{
    stage_t stage;
    begin(&stage);
    want(&stage, 5);

    hear(&stage, HANDOVER_RELEASED, 4);
    check_true(!claims(&stage));
    hear(&stage, HANDOVER_RELEASED, 5);
    check_true(claims(&stage));

    answer(&stage, ME, 6);
    cr_assert(eq(u64, route(&stage), ME));
    end(&stage);
}

Test(handover, what_was_given_up_is_served_at_the_next_epoch_only)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    give(&stage);

    take(&stage, ME);
    check_true(reads(&stage));
    answer(&stage, ME, 4); /* nobody has claimed it */
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 0));
    check_true(claims(&stage));
    answer(&stage, ME, 5);

    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 5));
    end(&stage);
}

Test(handover, who_is_asked_for_an_epoch_it_does_not_know_reads_first)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    give(&stage);

    hear(&stage, HANDOVER_WANT, 4);
    check_true(sends(&stage, HANDOVER_RELEASED));
    hear(&stage, HANDOVER_WANT, 6); /* a claim of ours whose answer was lost */
    check_true(reads(&stage));
    answer(&stage, ME, 6);

    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 6));
    hear(&stage, HANDOVER_WANT, 6);
    check_true(sends(&stage, HANDOVER_DRAINING));
    end(&stage);
}

Test(handover, nothing_is_forwarded_or_drained_before_all_route_by_the_view)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    take(&stage, OTHER);
    hear(&stage, HANDOVER_TAKEN, 0);
    hear(&stage, HANDOVER_WANT, 4);
    check_true(!sends(&stage, HANDOVER_DRAINING));
    cr_assert(eq(u64, route(&stage), ME));

    hear(&stage, HANDOVER_VIEW, 0);
    check_true(sends(&stage, HANDOVER_DRAINING));

    cr_assert(eq(u64, route(&stage), HANDOVER_HELD));
    cr_assert(eq(u64, handover_counts(stage.handover).late_views, 0));
    end(&stage);
}

Test(handover, who_does_not_tell_is_waited_for_so_long)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    take(&stage, OTHER);
    hear(&stage, HANDOVER_WANT, 4);
    stage.now_ms += 2 * HANDOVER_FLUSH_MS - 1;
    handover_tick(stage.handover, stage.now_ms);
    check_true(!sends(&stage, HANDOVER_DRAINING));

    stage.now_ms++;
    handover_tick(stage.handover, stage.now_ms);

    check_true(sends(&stage, HANDOVER_DRAINING));
    cr_assert(eq(u64, handover_counts(stage.handover).late_views, 1));
    end(&stage);
}

Test(handover, the_new_owner_holds_until_it_is_told_that_it_may_forward)
{
    stage_t stage;
    begin(&stage);
    want(&stage, 5);
    cr_assert(eq(u64, route(&stage), HANDOVER_HELD));

    hear(&stage, HANDOVER_SERVING, 5);
    cr_assert(eq(u64, route(&stage), OTHER));
    hear(&stage, HANDOVER_DRAINING, 5);
    check_true(sends(&stage, HANDOVER_HOLDING));

    cr_assert(eq(u64, route(&stage), HANDOVER_HELD));
    end(&stage);
}

Test(handover, a_dead_nodes_partition_is_claimed_when_it_is_free)
{
    stage_t stage;
    begin(&stage);
    set_status(&stage, OTHER, MEMBER_DEAD);
    take(&stage, ME);
    check_true(reads(&stage));
    answer(&stage, OTHER, 5);
    handover_tick(stage.handover, stage.now_ms);
    check_true(!claims(&stage));

    stage.is_free = true;
    handover_tick(stage.handover, stage.now_ms);

    check_true(claims(&stage));
    answer(&stage, ME, 6);
    cr_assert(eq(u64, handover_counts(stage.handover).taken_over, 1));
    end(&stage);
}

/* The row is of a version that this node has not read: who owns it may have come since. */
Test(handover, an_owner_that_a_view_behind_does_not_know_is_not_free)
{
    stage_t stage;
    begin(&stage);
    stage.is_free = true;
    set_status(&stage, OTHER, MEMBER_JOINING);
    take(&stage, ME);
    check_true(reads(&stage));
    handover_item_t row = {PARTITION, 5, OTHER};
    handover_rows(stage.handover, stage.view.version + 1, &row, 1, stage.now_ms);
    check_true(!claims(&stage));

    set_status(&stage, OTHER, MEMBER_ACTIVE);
    take(&stage, ME);

    check_true(reads(&stage));
    answer(&stage, OTHER, 5);
    check_true(sends(&stage, HANDOVER_WANT));
    end(&stage);
}

Test(handover, a_claim_without_an_answer_is_read_after_a_pause)
{
    stage_t stage;
    begin(&stage);
    want(&stage, 5);
    hear(&stage, HANDOVER_RELEASED, 5);
    check_true(claims(&stage));

    handover_away(stage.handover, stage.now_ms);
    check_true(!reads(&stage));
    stage.now_ms += HANDOVER_FENCE_PAUSE_MS;
    handover_tick(stage.handover, stage.now_ms);
    check_true(reads(&stage));
    answer(&stage, ME, 6); /* it had landed */

    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 6));
    end(&stage);
}

Test(handover, a_view_that_moves_back_keeps_what_is_not_given_yet)
{
    static const uint32_t partition = PARTITION;
    stage_t stage;
    begin(&stage);
    own(&stage);
    take(&stage, OTHER);
    hear(&stage, HANDOVER_TAKEN, 0);
    hear(&stage, HANDOVER_VIEW, 0);
    hear(&stage, HANDOVER_WANT, 4);
    check_true(sends(&stage, HANDOVER_DRAINING));

    take(&stage, ME);
    handover_vacated(stage.handover, &partition, 1, stage.now_ms);

    cr_assert(eq(u64, route(&stage), ME));
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 4));
    end(&stage);
}

Test(handover, who_leaves_with_nobody_there_gives_to_nobody)
{
    static const uint32_t partition = PARTITION;
    stage_t stage;
    begin(&stage);
    own(&stage);
    set_status(&stage, ME, MEMBER_LEAVING);
    take(&stage, HANDOVER_NOBODY);
    hear(&stage, HANDOVER_VIEW, 0);
    check_true(!handover_is_empty(stage.handover));
    check_true(does(&stage, HANDOVER_DO_VACATE, 0));
    handover_vacated(stage.handover, &partition, 1, stage.now_ms);

    check_true(does(&stage, HANDOVER_DO_ROUTE, 0));
    check_true(handover_is_empty(stage.handover));
    cr_assert(eq(u64, route(&stage), HANDOVER_NOBODY));
    end(&stage);
}

/* ---- another server, which does not know the newest changes ---- */

static void take_other_history(stage_t *self, uint64_t owner)
{
    self->view.version |= UINT64_C(1) << VIEW_HISTORY_SHIFT;
    take(self, owner);
    hear(self, HANDOVER_TAKEN, 0);
    hear(self, HANDOVER_VIEW, 0);
}

static void rest(stage_t *self)
{
    static const uint32_t partition = PARTITION;
    handover_vacated(self->handover, &partition, 1, self->now_ms);
}

Test(handover, after_a_fail_over_what_is_its_own_still_is_served_on)
{
    stage_t stage;
    begin(&stage);
    own(&stage);

    take_other_history(&stage, ME);
    cr_assert(eq(u64, route(&stage), ME), "meanwhile, too");
    check_true(reads(&stage));
    answer(&stage, ME, 4);

    check_true(
        does(&stage, HANDOVER_DO_ROUTE, 0)); /* the journal is told again that it may append */
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 4));
    cr_assert(eq(u64, handover_counts(stage.handover).lost, 0));
    check_true(!reads(&stage)); /* once */
    end(&stage);
}

Test(handover, after_a_fail_over_a_lost_claim_is_noticed_and_made_again_at_an_epoch_never_served)
{
    stage_t stage;
    begin(&stage);
    own(&stage);

    take_other_history(&stage, ME);
    check_true(reads(&stage));
    answer(&stage, OTHER, 3);
    check_true(does(&stage, HANDOVER_DO_VACATE, 0));
    cr_assert(eq(u64, route(&stage), HANDOVER_HELD));
    rest(&stage);
    check_true(reads(&stage)); /* its row may have changed */
    answer(&stage, OTHER, 3);
    check_true(sends(&stage, HANDOVER_WANT));
    hear(&stage, HANDOVER_RELEASED, 3);
    check_true(claims(&stage));
    answer(&stage, ME, 4);

    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 0), "it served at 4 before");
    check_true(claims(&stage));
    answer(&stage, ME, 5);
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 5));
    cr_assert(eq(u64, handover_counts(stage.handover).lost, 1));
    end(&stage);
}

Test(handover, after_a_fail_over_who_is_not_meant_to_have_it_gives_it_up)
{
    stage_t stage;
    begin(&stage);
    own(&stage);

    take_other_history(&stage, OTHER);
    check_true(reads(&stage));
    answer(&stage, OTHER, 3);
    check_true(does(&stage, HANDOVER_DO_VACATE, 0));
    rest(&stage);

    cr_assert(eq(u64, route(&stage), OTHER));
    hear(&stage, HANDOVER_WANT, 4);
    check_true(sends(&stage, HANDOVER_RELEASED)); /* what it served it serves no more */
    end(&stage);
}

Test(handover, what_is_lost_while_it_drains_is_not_kept)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    take(&stage, OTHER);
    hear(&stage, HANDOVER_TAKEN, 0);
    hear(&stage, HANDOVER_VIEW, 0);
    hear(&stage, HANDOVER_WANT, 4);
    check_true(sends(&stage, HANDOVER_DRAINING));

    take_other_history(&stage, ME); /* it would keep it */
    check_true(reads(&stage));
    answer(&stage, OTHER, 3);
    rest(&stage);

    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 0));
    check_true(reads(&stage));
    end(&stage);
}

Test(handover, rows_of_the_server_before_say_nothing_of_the_one_after)
{
    stage_t stage;
    begin(&stage);
    want(&stage, 9);
    hear(&stage, HANDOVER_RELEASED, 9);
    check_true(claims(&stage));
    uint64_t before = stage.view.version;

    take_other_history(&stage, ME);
    handover_rows(stage.handover, before, &(handover_item_t){PARTITION, 10, ME}, 1, stage.now_ms);
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 0), "that claim is lost");
    stage.now_ms += HANDOVER_FENCE_PAUSE_MS;
    handover_tick(stage.handover, stage.now_ms);
    check_true(reads(&stage));
    answer(&stage, OTHER, 8); /* below what was known */

    check_true(sends(&stage, HANDOVER_WANT));
    end(&stage);
}

Test(handover, rows_of_a_server_that_the_view_does_not_know_yet_are_read_again_with_it)
{
    stage_t stage;
    begin(&stage);
    take(&stage, ME);
    check_true(reads(&stage));
    uint64_t version = UINT64_C(1) << VIEW_HISTORY_SHIFT;
    handover_rows(stage.handover, version, &(handover_item_t){PARTITION, 3, ME}, 1, stage.now_ms);
    stage.now_ms += HANDOVER_FENCE_PAUSE_MS;
    handover_tick(stage.handover, stage.now_ms);
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 0));
    check_true(!reads(&stage));

    take_other_history(&stage, ME);
    check_true(reads(&stage));
    answer(&stage, ME, 3);
    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 3));
    end(&stage);
}

Test(handover, what_the_fence_refused_is_looked_at_again)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    handover_doubt(stage.handover, PARTITION);
    handover_tick(stage.handover, stage.now_ms);
    check_true(reads(&stage));
    handover_away(stage.handover, stage.now_ms);
    stage.now_ms += HANDOVER_FENCE_PAUSE_MS;
    handover_tick(stage.handover, stage.now_ms);
    check_true(reads(&stage)); /* also after the fence was away */
    answer(&stage, OTHER, 7);
    check_true(does(&stage, HANDOVER_DO_VACATE, 0));
    rest(&stage);

    cr_assert(eq(u64, handover_epoch(stage.handover, PARTITION), 0));
    handover_doubt(stage.handover, PARTITION);
    cr_assert(eq(u64, handover_counts(stage.handover).lost, 1));
    end(&stage);
}

Test(handover, a_peers_nonsense_changes_nothing)
{
    stage_t stage;
    begin(&stage);
    own(&stage);
    handover_item_t items[] = {{PARTITION_COUNT, 4, 0}, {UINT32_MAX, 4, 0}, {PARTITION, 4, 0}};
    for (unsigned kind = 0; kind < 20; kind++) {
        handover_message_t message = {(handover_message_kind_t)kind, 1, COUNT_OF(items), items};
        handover_heard(stage.handover, 99, &message, stage.now_ms);
        check_true(!sends(&stage, HANDOVER_DRAINING));
    }

    cr_assert(eq(u64, route(&stage), ME));
    check_err(handover_take(stage.handover, &stage.view, stage.placement, 0), ERR_LIMIT);
    end(&stage);
}
