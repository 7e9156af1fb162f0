/* Rooms and the listeners in them, on a running runtime. */

#include "actors/protocol/room.h"
#include "tests/actors/social/social_world.h"
#include "tests/support/patience.h"

static address_t user(const char *name)
{
    return address_of(USER_KIND, str_from(name));
}

static str_t make(world_t *world, const char *owner, str_t command_id, bool is_public)
{
    const user_create_room_t command = {STR(" Late jazz "), is_public};
    return asked_as(ask_with_id(&world->asking, user(owner), command_id, &user_create_room_schema,
                                &command),
                    room_view)
        ->room_id;
}

static asked_t join(world_t *world, const char *who, str_t room)
{
    return ask(&world->asking, user(who), user_join_room, .room_id = room);
}

static address_t at(str_t room)
{
    return address_of(ROOM_KIND, room);
}

static asked_t post(world_t *world, const char *who, str_t room, str_t text)
{
    return ask(&world->asking, at(room), room_post, .user_id = str_from(who), .text = text);
}

static asked_t get(world_t *world, const char *who, str_t room)
{
    return ask(&world->asking, at(room), room_get, .user_id = str_from(who));
}

static uint32_t rooms_of(world_t *world, const char *who)
{
    return asked_as(ask(&world->asking, user(who), user_get_rooms), user_rooms)->room_ids.count;
}

static const room_messages_t *said(world_t *world, const char *who, str_t room)
{
    return asked_as(
        ask(&world->asking, at(room), room_get_messages, .user_id = str_from(who), .first = 500),
        room_messages);
}

Test(rooms, what_was_said_is_there_for_its_members_also_after_a_restart)
{
    world_t world;
    listening_t changes;
    world_init(&world);
    str_t room = make(&world, "ann", STR("c1"), true);
    char topic[80];
    snprintf(topic, sizeof topic, "room/%.*s", STR_ARG(room));
    listening_start(&changes, world.asking.runtime, str_from(topic));

    check_str(make(&world, "ann", STR("c1"), true), room); /* the same command: the same room */
    check_ok(join(&world, "bob", room).err);
    check_ok(post(&world, "ann", room, STR("hello")).err);
    const room_said_t *hi = asked_as(post(&world, "bob", room, STR(" hi \n")), room_said);
    const room_changed_t *second = listening_at(&changes, 2, &room_changed_schema);
    cr_assert(eq(u64, second->version, 4));
    listening_stop(&changes);
    world_restart(&world);

    check_str(hi->text, STR("hi"));
    const room_messages_t *all = said(&world, "bob", room);
    cr_assert(eq(u32, all->messages.count, 2));
    check_str(all->messages.items[0].text, STR("hi"));
    check_str(all->messages.items[0].author_id, STR("bob"));
    const room_view_t *view = asked_as(get(&world, "ann", room), room_view);
    check_str(view->name, STR("Late jazz"));
    check_true(view->is_member && view->member_count == 2 && view->message_count == 2);
    cr_assert(eq(u32, rooms_of(&world, "ann"), 1));
    cr_assert(eq(u32, rooms_of(&world, "bob"), 1));
    world_deinit(&world);
}

Test(rooms, who_is_not_in_reads_nothing_and_edits_nothing)
{
    world_t world;
    world_init(&world);
    str_t room = make(&world, "ann", STR("c1"), true), eve = STR("eve");
    check_ok(post(&world, "ann", room, STR("hello")).err);
    const err_t answers[] = {ERR_FORBIDDEN, ERR_NOT_FOUND}; /* of a public one, of a private one */

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        err_t want = answers[i];
        check_err(get(&world, "eve", room).err, i == 0 ? ERR_OK : ERR_NOT_FOUND);
        check_err(post(&world, "eve", room, STR("x")).err, want);
        check_err(ask(&world.asking, at(room), room_get_messages, .user_id = eve).err, want);
        check_err(ask(&world.asking, at(room), room_get_members, .user_id = eve).err, want);
        check_err(ask(&world.asking, at(room), room_rename, .user_id = eve, .name = STR("x")).err,
                  want);
        check_err(ask(&world.asking, at(room), room_set_public, .user_id = eve).err, want);
        check_err(ask(&world.asking, at(room), room_close, .user_id = eve).err, want);
        check_err(
            ask(&world.asking, at(room), room_delete_message, .user_id = eve, .message_id = 1).err,
            want);
        check_err(ask(&world.asking, at(room), room_leave, .user_id = eve).err,
                  i == 0 ? ERR_OK : ERR_NOT_FOUND);
        check_ok(ask(&world.asking, at(room), room_set_public, .user_id = STR("ann")).err);
    }
    check_err(join(&world, "eve", room).err, ERR_NOT_FOUND);
    cr_assert(eq(u32, rooms_of(&world, "eve"), 0));
    check_err(join(&world, "eve", STR("none")).err, ERR_NOT_FOUND);
    world_deinit(&world);
}

Test(rooms, members_do_what_is_theirs_and_owners_what_is_theirs)
{
    world_t world;
    world_init(&world);
    str_t room = make(&world, "ann", STR("c1"), true), bob = STR("bob"), ann = STR("ann");
    check_ok(join(&world, "bob", room).err);
    check_ok(post(&world, "bob", room, STR("mine")).err);

    check_err(ask(&world.asking, at(room), room_rename, .user_id = bob, .name = STR("x")).err,
              ERR_FORBIDDEN);
    check_err(
        ask(&world.asking, at(room), room_delete_message, .user_id = ann, .message_id = 1).err,
        ERR_FORBIDDEN);
    check_ok(
        ask(&world.asking, at(room), room_delete_message, .user_id = bob, .message_id = 1).err);
    check_err(ask(&world.asking, at(room), room_rename, .user_id = ann, .name = STR(" ")).err,
              ERR_INVALID);
    check_ok(ask(&world.asking, at(room), room_rename, .user_id = ann, .name = STR("New")).err);

    cr_assert(eq(u32, said(&world, "ann", room)->messages.count, 0));
    check_str(asked_as(get(&world, "bob", room), room_view)->name, STR("New"));
    world_deinit(&world);
}

Test(rooms, who_leaves_leaves_their_words_and_an_owner_the_room)
{
    world_t world;
    world_init(&world);
    str_t room = make(&world, "ann", STR("c1"), true);
    check_ok(join(&world, "bob", room).err);
    check_ok(post(&world, "ann", room, STR("hello")).err);

    check_ok(ask(&world.asking, at(room), room_leave, .user_id = STR("ann")).err);

    const room_view_t *view = asked_as(get(&world, "bob", room), room_view);
    check_str(view->owner_id, STR("bob"));
    check_str(view->name, STR("Late jazz"));
    cr_assert(eq(u32, said(&world, "bob", room)->messages.count, 1));
    wait_until(rooms_of(&world, "ann") == 0);
    check_ok(ask(&world.asking, at(room), room_leave, .user_id = STR("bob")).err);
    check_err(get(&world, "bob", room).err, ERR_NOT_FOUND); /* the last one closes it */
    wait_until(rooms_of(&world, "bob") == 0);
    world_deinit(&world);
}

Test(rooms, a_closed_room_is_off_every_list)
{
    world_t world;
    world_init(&world);
    str_t room = make(&world, "ann", STR("c1"), true);
    check_ok(join(&world, "bob", room).err);

    for (int i = 0; i < 2; i++) /* again is no error */
        check_ok(ask(&world.asking, at(room), room_close, .user_id = STR("ann")).err);

    check_err(get(&world, "bob", room).err, ERR_NOT_FOUND);
    check_err(join(&world, "cid", room).err, ERR_NOT_FOUND);
    wait_until(rooms_of(&world, "ann") + rooms_of(&world, "bob") == 0);
    world_deinit(&world);
}

/* As audit_actor.c does: BUSY says that a room told of something late. */
static void erase(world_t *world, const char *who)
{
    err_t err;
    do {
        while (asked_as(ask(&world->asking, user(who), user_part), user_parted)->left > 0)
            ;
        err = ask(&world->asking, user(who), user_erase).err;
    } while (err == ERR_BUSY);
    check_ok(err);
}

/* Also where they had left, with their words still there. */
Test(rooms, an_erased_listener_is_forgotten_by_all_rooms_which_stay_whole)
{
    world_t world;
    world_init(&world);
    str_t own = make(&world, "ann", STR("c1"), true), others = make(&world, "bob", STR("c2"), true);
    str_t alone = make(&world, "ann", STR("c3"), false);
    check_ok(join(&world, "bob", own).err);
    check_ok(join(&world, "ann", others).err);
    check_ok(post(&world, "ann", own, STR("one")).err);
    check_ok(post(&world, "bob", own, STR("two")).err);
    check_ok(post(&world, "ann", others, STR("three")).err);
    check_ok(post(&world, "bob", others, STR("four")).err);
    check_ok(ask(&world.asking, at(others), room_leave, .user_id = STR("ann")).err);
    wait_until(rooms_of(&world, "ann") == 2);

    erase(&world, "ann");

    const room_messages_t *in_own = said(&world, "bob", own),
                          *in_others = said(&world, "bob", others);
    cr_assert(eq(u32, in_own->messages.count, 1));
    check_str(in_own->messages.items[0].text, STR("two"));
    cr_assert(eq(u32, in_others->messages.count, 1));
    check_str(in_others->messages.items[0].text, STR("four"));
    const room_view_t *view = asked_as(get(&world, "bob", own), room_view);
    check_str(view->owner_id, STR("bob"));
    check_str(view->name, STR("")); /* it was ann who named it */
    check_err(get(&world, "bob", alone).err, ERR_NOT_FOUND);
    world_deinit(&world);
}

/* What a crash between a room and its member leaves: the room tells it again. */
typedef struct fault {
    int left;
} fault_t;

static journal_fault_t fail_user_once(void *context, const journal_append_t *append)
{
    fault_t *fault = context;
    if (fault->left == 0 || !str_starts_with(append->stream, STR("user/")))
        return (journal_fault_t){ERR_OK, false};
    fault->left--;
    return (journal_fault_t){ERR_FULL, false};
}

Test(rooms, a_room_that_was_made_is_listed_whatever_failed_in_between)
{
    world_t world = {0};
    fault_t fault = {1};
    check_ok(journal_memory_new(false, &world.journal));
    journal_memory_set_faults(world.journal, fail_user_once, &fault);
    world_start(&world);
    const user_create_room_t command = {STR("Jazz"), true};

    asked_t asked =
        ask_with_id(&world.asking, user("ann"), STR("c"), &user_create_room_schema, &command);

    cr_assert_eq(fault.left, 0);
    check_true(asked.err == ERR_OK || asked.err == ERR_FULL); /* what failed may be the note */
    wait_until(rooms_of(&world, "ann") == 1);
    world_deinit(&world);
}
