/* The list of an actor's children: those that end say nothing, and are forgotten when it is full,
 * counts, or is told to stop. */
#include "runtime/kernel.h"
#include "runtime/life/relations.h"
#include "tests/runtime/life/puppet.h"

static uint64_t spawn(stage_t *stage, uint64_t parent)
{
    return ask_puppet(stage, at(parent), puppet_spawn, .key = STR("child"));
}

static void end(stage_t *stage, uint64_t ref)
{
    tell_puppet(stage, at(ref), puppet_stop);
    stage_settle(stage);
}

static bool is_alive(stage_t *stage, uint64_t ref)
{
    return ask_puppet(stage, at(ref), puppet_who) == ref;
}

Test(children, a_parent_has_children_max_alive_and_those_that_ended_do_not_count)
{
    stage_t stage;
    stage_start(&stage, 1);
    uint64_t parent = stage_ref(&stage, "puppet", "parent"), last = 0;

    for (uint32_t i = 0; i < ACTOR_CHILDREN_MAX; i++) {
        last = spawn(&stage, parent);
        check_ok(stage.err);
    }
    (void)spawn(&stage, parent);
    check_err(stage.err, ERR_LIMIT);
    end(&stage, last);
    uint64_t another = spawn(&stage, parent);
    check_ok(stage.err);
    (void)spawn(&stage, parent);
    check_err(stage.err, ERR_LIMIT);
    check_true(is_alive(&stage, another));
    stage_stop(&stage);
}

Test(children, the_list_of_who_has_one_child_after_the_other_stays_small)
{
    stage_t stage;
    stage_start(&stage, 2);
    uint64_t parent = stage_ref(&stage, "puppet", "parent");
    const actor_t *actor = registry_slot(stage.runtime->registry, parent);

    for (uint32_t i = 0; i < 1000; i++)
        end(&stage, spawn(&stage, parent));

    check_true(actor_peek(actor)->children->capacity <= 8);
    stage_stop(&stage);
}

Test(children, those_that_live_end_with_their_parent)
{
    stage_t stage;
    stage_start(&stage, 3);
    uint64_t parent = stage_ref(&stage, "puppet", "parent");
    uint64_t other = stage_ref(&stage, "puppet", "other");
    uint64_t gone = spawn(&stage, parent), living = spawn(&stage, parent);
    uint64_t stranger = spawn(&stage, other);

    end(&stage, gone);
    end(&stage, parent);

    check_true(!is_alive(&stage, living));
    check_true(is_alive(&stage, stranger));
    stage_stop(&stage);
}

/* After 2^24 activations a reference may be another's. */
Test(children, a_word_to_stop_that_names_another_parent_is_not_obeyed)
{
    stage_t stage;
    stage_start(&stage, 4);
    uint64_t parent = stage_ref(&stage, "puppet", "parent");
    uint64_t other = stage_ref(&stage, "puppet", "other");
    uint64_t child = spawn(&stage, parent);

    check_true(system_send(stage.runtime, child, MESSAGE_STOP, other));
    stage_settle(&stage);
    check_true(is_alive(&stage, child));
    check_true(system_send(stage.runtime, child, MESSAGE_STOP, parent));
    stage_settle(&stage);
    check_true(!is_alive(&stage, child));
    stage_stop(&stage);
}
