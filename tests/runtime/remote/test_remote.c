/* Messages between nodes: to names, to references, and their answers. */
#include "runtime/kernel.h"
#include "runtime/remote/remote.h"
#include "tests/support/remote/fleet.h"

Test(remote, a_name_is_asked_where_it_is_placed_and_there_alone)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    fleet_place(&fleet, "agent", "a", 2);

    for (uint64_t on = 1; on <= 3; on++) {
        scene_answer_t answer = fleet_asked(&fleet, on, agent_at("a"), agent_echo, .number = on);
        check_ok(answer.err);
        cr_assert(eq(u64, answer.value, 2000 + on));
        cr_assert(eq(u32, answer.count, 1));
    }

    cr_assert(eq(u64, fleet_stats(&fleet, 2).asks_open, 0));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).asks_open, 0));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).sent, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).received, 2));
    fleet_end(&fleet);
}

Test(remote, a_refusal_comes_back_with_its_sentence)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);

    scene_answer_t answer =
        fleet_asked(&fleet, 2, agent_at("a"), agent_refuse, .text = STR("not so"));

    check_err(answer.err, ERR_FORBIDDEN);
    check_str(str_from(answer.text), STR("not so"));
    fleet_end(&fleet);
}

Test(remote, an_ask_ends_at_its_deadline_and_what_comes_later_is_counted)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    scene_answer_t answer;
    scene_ask(&fleet.nodes[2], &answer, agent_at("a"), 50, agent_silence);

    fleet_pass(&fleet, 60);

    check_err(answer.err, ERR_TIMEOUT);
    fleet_send(&fleet, 1, agent_at("a"), agent_say_now);
    fleet_settle(&fleet);
    cr_assert(eq(u32, answer.count, 1));
    cr_assert(eq(u64, scene_dead(&fleet.nodes[2], DEAD_LATE_REPLY), 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).asks_open, 0));
    fleet_end(&fleet);
}

/* Its node does not get round to it in the time that is left: then it is not handled any more. */
Test(remote, the_time_that_is_left_travels)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    scene_answer_t answer;
    scene_ask(&fleet.nodes[2], &answer, agent_at("a"), 50, agent_echo);
    simulation_detach(fleet.simulation, fleet_runtime(&fleet, 1));

    scene_pass(&fleet.nodes[2], 60);
    check_err(answer.err, ERR_TIMEOUT);
    simulation_attach(fleet.simulation, fleet_runtime(&fleet, 1));
    fleet_settle(&fleet);

    cr_assert(eq(u64, scene_dead(&fleet.nodes[1], DEAD_EXPIRED), 1));
    cr_assert(eq(u64, atomic_load(&fleet.log.echoed), 0));
    fleet_end(&fleet);
}

Test(remote, who_waits_for_a_node_that_is_lost_is_told_at_once)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    scene_answer_t lost, other;
    fleet_place(&fleet, "agent", "b", 3);
    scene_ask(&fleet.nodes[2], &lost, agent_at("a"), 0, agent_silence);
    scene_ask(&fleet.nodes[2], &other, agent_at("b"), 0, agent_silence);
    fleet_settle(&fleet);
    cr_assert(lost.is_there == false);

    fleet_kill(&fleet, 1);
    fleet_settle(&fleet);

    check_err(lost.err, ERR_UNAVAILABLE);
    cr_assert(lost.is_there && !other.is_there);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).asks_lost, 1));
    fleet_send(&fleet, 3, agent_at("b"), agent_say_now);
    fleet_settle(&fleet);
    check_ok(other.err);
    fleet_end(&fleet);
}

/* It may be back at once: what is not asked waits for it, and so does who watches it. */
Test(remote, who_asks_a_node_that_does_not_answer_is_refused_until_it_does)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    scene_answer_t before, meanwhile, passed_on, after;
    scene_ask(&fleet.nodes[2], &before, agent_at("a"), 0, agent_silence);
    fleet_settle(&fleet);
    check_ok(runtime_place(fleet_runtime(&fleet, 3), remote_partition(&agent_kind, STR("a")), 2));
    network_stall(fleet.network, 2, 1, true);

    runtime_set_reachable(fleet_runtime(&fleet, 2), 1, false);
    scene_ask(&fleet.nodes[2], &meanwhile, agent_at("a"), 0, agent_echo);
    scene_ask(&fleet.nodes[3], &passed_on, agent_at("a"), 0, agent_echo);
    fleet_send(&fleet, 2, agent_at("a"), agent_note, .number = 1);
    fleet_settle(&fleet);

    check_err(before.err, ERR_UNAVAILABLE);
    check_err(meanwhile.err, ERR_UNAVAILABLE);
    check_err(passed_on.err, ERR_UNAVAILABLE);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).asks_open, 0));
    network_stall(fleet.network, 2, 1, false);
    runtime_set_reachable(fleet_runtime(&fleet, 2), 1, true);
    scene_ask(&fleet.nodes[2], &after, agent_at("a"), 0, agent_echo);
    fleet_settle(&fleet);
    check_ok(after.err);
    check_str(str_from(fleet_log(&fleet)), STR("1.a note 1\n"));
    cr_assert(eq(u64, atomic_load(&fleet.log.echoed), 1));
    fleet_end(&fleet);
}

/* Also an actor, which asked on its own account. */
Test(remote, an_actor_that_asks_is_told_too)
{
    static const str_t path[] = {{"a", 1}};
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    fleet_place(&fleet, "agent", "b", 2);
    scene_answer_t answer;
    network_stall(fleet.network, 2, 1, true);
    scene_ask(&fleet.nodes[2], &answer, agent_at("b"), 0, agent_forward, .kind = STR("agent"),
              .path = {path, 1});
    fleet_settle(&fleet);

    network_cut(fleet.network, 1, 2);
    fleet_settle(&fleet);

    check_err(answer.err, ERR_UNAVAILABLE);
    fleet_end(&fleet);
}

Test(remote, what_cannot_be_sent_is_refused_and_a_dead_letter)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    network_set_queue_max(fleet.network, 2);
    network_stall(fleet.network, 2, 1, true);

    check_ok(runtime_send(fleet_runtime(&fleet, 2), agent_at("a"), agent_note, .number = 1));
    check_ok(runtime_send(fleet_runtime(&fleet, 2), agent_at("a"), agent_note, .number = 2));
    check_err(runtime_send(fleet_runtime(&fleet, 2), agent_at("a"), agent_note, .number = 3),
              ERR_BUSY);
    network_stall(fleet.network, 2, 1, false);
    fleet_settle(&fleet);
    network_cut(fleet.network, 1, 2);
    scene_answer_t answer = fleet_asked(&fleet, 2, agent_at("a"), agent_echo);
    check_err(answer.err, ERR_UNAVAILABLE);

    check_str(str_from(fleet_log(&fleet)), STR("1.a note 1\n1.a note 2\n"));
    cr_assert(eq(u64, scene_dead(&fleet.nodes[2], DEAD_UNREACHABLE), 2));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).refused, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).unreachable, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).asks_open, 0));
    fleet_end(&fleet);
}

Test(remote, nothing_is_served_without_a_lease_or_an_owner)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);

    runtime_set_serving(fleet_runtime(&fleet, 1), false);
    scene_answer_t answer = fleet_asked(&fleet, 2, agent_at("a"), agent_echo);
    check_err(answer.err, ERR_UNAVAILABLE);
    answer = fleet_asked(&fleet, 1, agent_at("a"), agent_echo);
    check_err(answer.err, ERR_UNAVAILABLE);
    runtime_set_serving(fleet_runtime(&fleet, 1), true);
    network_end_lease(fleet.network, 1, true); /* it was stopped, and goes on: nobody told it yet */
    answer = fleet_asked(&fleet, 1, agent_at("a"), agent_echo);
    check_err(answer.err, ERR_UNAVAILABLE);
    network_end_lease(fleet.network, 1, false);
    fleet_place_all(&fleet, ROUTER_NOBODY);
    answer = fleet_asked(&fleet, 1, agent_at("a"), agent_echo);
    check_err(answer.err, ERR_UNAVAILABLE);

    cr_assert(eq(u64, scene_dead(&fleet.nodes[1], DEAD_NOT_SERVED), 4));
    cr_assert(eq(u64, atomic_load(&fleet.log.echoed), 0));
    fleet_end(&fleet);
}

Test(remote, who_is_asked_for_what_has_moved_passes_it_on)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    /* 2 believes that it is with 1, which knows better. */
    const actor_kind_t *kind = runtime_kind(fleet_runtime(&fleet, 1), "agent");
    uint32_t partition = remote_partition(kind, STR("a"));
    check_ok(runtime_place(fleet_runtime(&fleet, 1), partition, 3));
    check_ok(runtime_place(fleet_runtime(&fleet, 3), partition, 3));

    scene_answer_t answer = fleet_asked(&fleet, 2, agent_at("a"), agent_echo, .number = 1);

    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 3001));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).passed_on, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).asks_open, 0)); /* 3 answers 2 */
    fleet_end(&fleet);
}

Test(remote, a_message_does_not_go_round_for_ever)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    const actor_kind_t *kind = runtime_kind(fleet_runtime(&fleet, 1), "agent");
    uint32_t partition = remote_partition(kind, STR("a"));
    check_ok(runtime_place(fleet_runtime(&fleet, 1), partition, 2));
    check_ok(runtime_place(fleet_runtime(&fleet, 2), partition, 1));

    scene_answer_t answer = fleet_asked(&fleet, 2, agent_at("a"), agent_echo);

    check_err(answer.err, ERR_UNAVAILABLE);
    cr_assert(eq(u64, network_carried(fleet.network), ROUTER_HOPS_MAX + (ROUTER_HOPS_MAX % 2)));
    fleet_end(&fleet);
}

Test(remote, a_reference_is_good_on_every_node_that_it_is_told_to)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 3, NULL);
    fleet_place(&fleet, "agent", "b", 2);
    fleet_place(&fleet, "agent", "c", 3);
    uint64_t here = fleet_ref(&fleet, 3, "agent", "c"); /* 3's own */
    uint64_t from_1 = fleet_ref(&fleet, 1, "agent", "c"),
             from_2 = fleet_ref(&fleet, 2, "agent", "c");
    cr_assert(ref_seat(here) == 0 && ref_seat(from_1) != 0 && ref_seat(from_2) != 0);
    cr_assert(eq(u64, ref_plain(from_1), here));
    cr_assert(eq(u64, runtime_node_of(fleet_runtime(&fleet, 1), (actor_ref_t){from_1}), 3));

    /* 1 tells 2 of 3's actor; of 2's own; and of its own. */
    uint64_t own = fleet_ref(&fleet, 1, "agent", "a"), theirs = fleet_ref(&fleet, 1, "agent", "b");
    fleet_send(&fleet, 1, agent_at("b"), agent_tell, .ref_bits = from_1, .number = 1);
    fleet_settle(&fleet);
    fleet_send(&fleet, 1, agent_at("b"), agent_tell, .ref_bits = theirs, .number = 2);
    fleet_settle(&fleet);
    fleet_send(&fleet, 1, agent_at("b"), agent_tell, .ref_bits = own, .number = 3);
    fleet_settle(&fleet);
    const agent_item_t items[] = {{from_1, STR("c")}, {own, STR("a")}};
    fleet_send(&fleet, 1, agent_at("b"), agent_tell_all, .to = {items, 2}, .number = 4);
    fleet_settle(&fleet);
    fleet_send(&fleet, 2, ref_at(from_2), agent_note, .number = 5);
    fleet_settle(&fleet);

    const char *log = fleet_log(&fleet);
    static const char *const lines[] = {"3.c note 1\n", "2.b note 2\n", "1.a note 3\n",
                                        "3.c note 4\n", "1.a note 4\n", "3.c note 5\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        cr_expect(strstr(log, lines[i]) != NULL, "%s is missing in:\n%s", lines[i], log);
    cr_assert(eq(u64, atomic_load(&fleet.log.notes), COUNT_OF(lines)));
    fleet_end(&fleet);
}

Test(remote, a_reference_to_one_that_has_ended_is_a_dead_letter_there)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    uint64_t ref = fleet_ref(&fleet, 2, "agent", "a");
    fleet_send(&fleet, 2, ref_at(ref), agent_stop);
    fleet_settle(&fleet);

    scene_answer_t answer = fleet_asked(&fleet, 2, ref_at(ref), agent_echo);

    check_err(answer.err, ERR_NOT_FOUND);
    cr_assert(eq(u64, scene_dead(&fleet.nodes[1], DEAD_GONE), 1));
    fleet_end(&fleet);
}

/* waiting/a on 1 asks waiting/b on 2, which would ask a again: known at once, not at the deadline.
 */
Test(remote, a_circle_of_asks_across_nodes_is_an_error_at_once)
{
    static const str_t path[] = {{"b", 1}, {"a", 1}};
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    fleet_place(&fleet, "waiting", "b", 2);

    scene_answer_t answer = fleet_asked(&fleet, 2, address_of("waiting", STR("a")), agent_forward,
                                        .kind = STR("waiting"), .path = {path, 2});

    check_err(answer.err, ERR_CONFLICT);
    cr_assert(eq(u64, scene_dead(&fleet.nodes[1], DEAD_CALL_CYCLE), 1));
    fleet_end(&fleet);
}

/* Each step a node further. */
Test(remote, a_chain_of_asks_is_as_deep_as_on_one_node)
{
    static const str_t steps[] = {{"b", 1}, {"a", 1}};
    str_t path[ACTOR_CALL_DEPTH_MAX + 4];
    for (size_t i = 0; i < COUNT_OF(path); i++)
        path[i] = steps[i % 2];
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    fleet_place(&fleet, "agent", "b", 2);

    scene_answer_t answer = fleet_asked(&fleet, 1, agent_at("a"), agent_forward,
                                        .kind = STR("agent"), .path = {path, 10});
    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 1));
    answer = fleet_asked(&fleet, 1, agent_at("a"), agent_forward, .kind = STR("agent"),
                         .path = {path, COUNT_OF(path)});
    check_err(answer.err, ERR_LIMIT);
    fleet_end(&fleet);
}

Test(remote, what_is_not_understood_is_refused_and_counted)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    /* A kind that node 1 has not. */
    scene_answer_t answer = fleet_asked(&fleet, 2, agent_at("a"), agent_echo);
    check_ok(answer.err);
    static const char *const garbage[] = {"",   "x",       "\1",        "\1\0\0", "\1\377\377abc",
                                          "\2", "\2\7abc", "\1\1\0\201"};
    static const size_t sizes[] = {0, 1, 1, 3, 6, 1, 5, 4};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        check_err(runtime_receive(fleet_runtime(&fleet, 1), 2, str_of(garbage[i], sizes[i])),
                  ERR_INVALID);
    cr_assert(eq(u64, fleet_stats(&fleet, 1).invalid, COUNT_OF(sizes)));
    check_err(runtime_receive(fleet_runtime(&fleet, 1), 1, STR("x")), ERR_INVALID);
    check_err(runtime_receive(fleet_runtime(&fleet, 1), 0, STR("x")), ERR_INVALID);
    fleet_end(&fleet);
}

Test(remote, where_a_name_is_can_be_asked)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 2, NULL);
    cr_assert(eq(u64, runtime_node(fleet_runtime(&fleet, 1)), 1));
    located_t at;
    check_ok(runtime_locate(fleet_runtime(&fleet, 2), STR("agent"), STR("a"), &at));
    cr_assert(eq(u64, at.node, 1));
    cr_assert(eq(u32, at.partition, partition_of(STR("agent/a"))));
    check_err(runtime_locate(fleet_runtime(&fleet, 2), STR("no"), STR("a"), &at), ERR_NOT_FOUND);
    fleet_end(&fleet);
}

/* ---- partitions on the move ---- */

typedef struct holder {
    router_held_t *first, **end;
    uint32_t count, travelling, leftover, views;
} holder_t;

static err_t hold(void *context, UNUSED uint32_t partition, router_held_t *held)
{
    holder_t *self = context;
    if (self->count == 3)
        return ERR_BUSY;
    self->count++;
    self->travelling += held->is_travelling;
    self->leftover += held->is_leftover;
    held->next = NULL;
    *self->end = held;
    self->end = &held->next;
    return ERR_OK;
}

static router_held_t *take(holder_t *self)
{
    router_held_t *held = self->first;
    self->first = held->next;
    self->end = self->first == NULL ? &self->first : self->end;
    self->count--;
    return held;
}

static void hear_view(void *context, UNUSED uint64_t from, UNUSED uint64_t version)
{
    ((holder_t *)context)->views++;
}

static void hold_on(fleet_t *fleet, uint64_t node, holder_t *holder)
{
    *holder = (holder_t){.end = &holder->first};
    runtime_set_holder(fleet_runtime(fleet, node), &(router_holder_t){holder, hold, hear_view});
}

Test(remote_moving, what_is_held_goes_to_whoever_has_it_then)
{
    fleet_t fleet;
    holder_t holder;
    fleet_begin(&fleet, 1, 3, NULL);
    hold_on(&fleet, 1, &holder);
    scene_answer_t near, far, many;
    uint32_t partition = partition_of(STR("agent/a"));
    check_ok(runtime_place(fleet_runtime(&fleet, 1), partition, ROUTER_HELD));
    scene_ask(&fleet.nodes[1], &near, agent_at("a"), 0, agent_echo, .number = 1);
    scene_ask(&fleet.nodes[2], &far, agent_at("a"), 0, agent_echo, .number = 2);
    fleet_settle(&fleet);
    cr_assert(eq(u32, holder.count, 2));
    scene_check_sum(&fleet.nodes[1]);
    check_ok(runtime_send(fleet_runtime(&fleet, 1), agent_at("a"), agent_note));
    scene_ask(&fleet.nodes[1], &many, agent_at("a"), 0, agent_echo);
    fleet_settle(&fleet);
    check_err(many.err, ERR_BUSY); /* as many are held as may be */

    fleet_place(&fleet, "agent", "a", 3);
    while (holder.first != NULL)
        remote_release(fleet_runtime(&fleet, 1), take(&holder));
    fleet_settle(&fleet);

    cr_assert(near.err == ERR_OK && near.value == 3001 && far.err == ERR_OK && far.value == 3002);
    cr_assert(eq(u64, fleet_stats(&fleet, 1).held, 3));
    fleet_end(&fleet);
}

Test(remote_moving, held_messages_travel_ahead_or_are_served_or_refused)
{
    fleet_t fleet;
    holder_t old, fresh;
    fleet_begin(&fleet, 1, 2, NULL);
    hold_on(&fleet, 1, &old);
    hold_on(&fleet, 2, &fresh);
    scene_answer_t travels, refused;
    uint32_t partition = partition_of(STR("agent/a"));
    check_ok(runtime_place(fleet_runtime(&fleet, 1), partition, ROUTER_HELD));
    check_ok(runtime_place(fleet_runtime(&fleet, 2), partition, ROUTER_HELD));
    scene_ask(&fleet.nodes[1], &travels, agent_at("a"), 0, agent_echo, .number = 1);
    scene_ask(&fleet.nodes[1], &refused, agent_at("a"), 0, agent_echo);
    router_held_t *first = take(&old);
    cr_assert(router_held_deadline_ns(first) > 0 && router_held_size(first) > sizeof *first);
    remote_travel(fleet_runtime(&fleet, 1), first, 2, true);
    remote_refuse(fleet_runtime(&fleet, 1), take(&old), ERR_UNAVAILABLE);
    fleet_settle(&fleet);
    cr_assert(fresh.count == 1 && fresh.travelling == 1);
    check_err(refused.err, ERR_UNAVAILABLE);

    remote_serve(fleet_runtime(&fleet, 2), take(&fresh)); /* before the entry says so */
    fleet_settle(&fleet);

    cr_assert(travels.err == ERR_OK && travels.value == 2001);
    fleet_end(&fleet);
}

/* What lies in the mailbox of one that comes to rest is not for a next activation here. */
Test(remote_moving, leftovers_of_an_activation_go_where_its_partition_goes)
{
    fleet_t fleet;
    holder_t holder;
    fleet_begin(&fleet, 1, 2, NULL);
    hold_on(&fleet, 1, &holder);
    check_ok(runtime_send(fleet_runtime(&fleet, 1), agent_at("a"), agent_stop));
    check_ok(runtime_send(fleet_runtime(&fleet, 1), agent_at("a"), agent_note, .number = 1));
    check_ok(runtime_send(fleet_runtime(&fleet, 1), agent_at("a"), agent_note, .number = 2));
    check_ok(runtime_place(fleet_runtime(&fleet, 1), partition_of(STR("agent/a")), ROUTER_HELD));

    fleet_settle(&fleet);

    cr_assert(holder.count == 2 && holder.leftover == 2);
    fleet_place(&fleet, "agent", "a", 2);
    while (holder.first != NULL)
        remote_release(fleet_runtime(&fleet, 1), take(&holder));
    fleet_settle(&fleet);
    check_str(str_from(fleet_log(&fleet)), STR("2.a note 1\n2.a note 2\n"));
    fleet_end(&fleet);
}

/* A sender that looked at the place before it changed. */
Test(remote_moving, no_activation_begins_once_its_partition_is_not_here)
{
    fleet_t fleet;
    fleet_begin(&fleet, 1, 1, NULL);
    runtime_t *runtime = fleet_runtime(&fleet, 1);
    const actor_kind_t *kind = runtime_kind(runtime, "agent");
    const _Atomic uint16_t held = PLACE_HELD, here = PLACE_HERE;
    const agent_note_t note = {.number = 1};
    message_t *message = message_new_plain(MESSAGE_COMMAND, &agent_note_schema, &note);
    message_t *second = message_new_plain(MESSAGE_COMMAND, &agent_note_schema, &note);

    check_err(registry_send_placed(runtime->registry, kind, STR("a"), &held, message), ERR_STALE);
    cr_assert(eq(u64, registry_count(runtime->registry), 0));
    count_sent(runtime);
    check_ok(registry_send_placed(runtime->registry, kind, STR("a"), &here, message));
    /* One that is there gets what is meant for it: it comes to rest in its own time. */
    count_sent(runtime);
    check_ok(registry_send_placed(runtime->registry, kind, STR("a"), &held, second));
    fleet_end(&fleet);
}

Test(remote_moving, who_is_of_another_view_is_told_of)
{
    fleet_t fleet;
    holder_t holder;
    fleet_begin(&fleet, 1, 2, NULL);
    hold_on(&fleet, 1, &holder);
    check_ok(fleet_asked(&fleet, 2, agent_at("a"), agent_echo).err);
    cr_assert(eq(u32, holder.views, 0));
    runtime_set_view(fleet_runtime(&fleet, 2), 9);
    check_ok(fleet_asked(&fleet, 2, agent_at("a"), agent_echo).err);
    cr_assert(eq(u32, holder.views, 1));
    cr_assert(eq(u64, runtime_view(fleet_runtime(&fleet, 2)), 9));
    fleet_end(&fleet);
}

/* ---- what others send ---- */

typedef struct heard {
    char bytes[16];
    uint64_t from;
} heard_t;

static void hear(void *context, uint64_t from, str_t bytes)
{
    heard_t *self = context;
    self->from = from;
    (void)str_to_array(bytes, self->bytes, sizeof self->bytes);
}

static err_t fill(UNUSED void *what, buf_t *out)
{
    buf_append(out, STR("topics"));
    return ERR_OK;
}

Test(remote, other_parts_tell_each_other_what_they_like)
{
    fleet_t fleet;
    heard_t heard = {0};
    fleet_begin(&fleet, 1, 2, NULL);
    runtime_hear(fleet_runtime(&fleet, 2), ROUTER_TOPICS, hear, &heard);

    check_ok(runtime_tell(fleet_runtime(&fleet, 1), 2, ROUTER_TOPICS, fill, NULL));
    check_ok(runtime_tell(fleet_runtime(&fleet, 1), 2, ROUTER_MOVES, fill, NULL));
    check_err(runtime_tell(fleet_runtime(&fleet, 1), 9, ROUTER_MOVES, fill, NULL), ERR_UNAVAILABLE);
    fleet_settle(&fleet);

    check_str(str_from(heard.bytes), STR("topics"));
    cr_assert(eq(u64, heard.from, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).invalid, 1)); /* nobody hears of names */
    cr_assert(runtime_schema(fleet_runtime(&fleet, 1), STR("agent_number")) ==
              &agent_number_schema);
    cr_assert(runtime_schema(fleet_runtime(&fleet, 1), STR("actor_timer")) == NULL);
    check_ok(runtime_add_schema(fleet_runtime(&fleet, 1), &dead_letter_schema));
    cr_assert(runtime_schema(fleet_runtime(&fleet, 1), STR("dead_letter")) == &dead_letter_schema);
    fleet_end(&fleet);
}
