#include "actors/social/rooms/room_list.h"
#include "actors/social/rooms/room_rules.h"
#include "tests/support/check.h"

#include <stdio.h>

static const str_t ANN = STR_INIT("ann"), BOB = STR_INIT("bob"), CID = STR_INIT("cid");

static err_t create(room_t *room, str_t user_id, str_t name, bool is_public)
{
    const room_create_t command = {.user_id = user_id, .name = name, .is_public = is_public};
    room_created_t event;
    bool is_change = false;
    TRY(room_decide_create(room, &command, &event, &is_change));
    return is_change ? room_apply_created(room, &event, 1) : ERR_OK;
}

static err_t join(room_t *room, str_t user_id)
{
    bool is_change = false;
    TRY(room_decide_join(room, user_id, &is_change));
    return is_change ? room_apply_joined(room, user_id, 2) : ERR_OK;
}

static err_t post(room_t *room, str_t user_id, str_t text)
{
    const room_post_t command = {.user_id = user_id, .text = text};
    room_posted_t event;
    TRY(room_decide_post(room, &command, &event));
    return room_apply_posted(room, &event, 3);
}

Test(room_rules, a_public_room_is_seen_by_all_and_read_by_its_members)
{
    room_t room ROOM_SCOPED = {0}, none ROOM_SCOPED = {0};
    check_ok(create(&room, ANN, STR("Jazz"), true));

    check_ok(room_check_seen(&room, BOB));
    check_err(room_check_member(&room, BOB), ERR_FORBIDDEN);
    check_ok(join(&room, BOB));
    check_ok(join(&room, BOB)); /* twice is once */
    check_ok(room_check_member(&room, BOB));
    check_err(room_check_owner(&room, BOB), ERR_FORBIDDEN);
    check_ok(room_check_owner(&room, ANN));
    cr_assert(eq(u32, room.members.count, 2));
    check_err(room_check_seen(&none, BOB), ERR_NOT_FOUND);
    check_err(join(&none, BOB), ERR_NOT_FOUND);
}

Test(room_rules, of_a_private_room_nobody_else_hears)
{
    room_t room ROOM_SCOPED = {0};
    check_ok(create(&room, ANN, STR("Jazz"), true));
    check_ok(join(&room, BOB));

    room_apply_public(&room, false);

    check_err(room_check_seen(&room, CID), ERR_NOT_FOUND);
    check_err(room_check_member(&room, CID), ERR_NOT_FOUND);
    check_err(room_check_owner(&room, CID), ERR_NOT_FOUND);
    check_err(join(&room, CID), ERR_NOT_FOUND);
    check_err(post(&room, CID, STR("hello")), ERR_NOT_FOUND);
    check_ok(post(&room, BOB, STR("hello"))); /* who was in stays in */
}

Test(room_rules, making_it_again_is_for_its_owner_only_and_never_after_closing)
{
    room_t room ROOM_SCOPED = {0};
    check_ok(create(&room, ANN, STR("Jazz"), false));

    check_ok(create(&room, ANN, STR("Another name"), true));
    check_str(str_from(room.name), STR("Jazz"));
    check_err(create(&room, BOB, STR("Jazz"), true), ERR_CONFLICT);
    room_apply_closed(&room);
    check_err(create(&room, ANN, STR("Jazz"), false), ERR_CONFLICT);
    check_err(room_check_seen(&room, ANN), ERR_NOT_FOUND);
}

Test(room_rules, names_and_texts_that_may_be_and_may_not)
{
    char longest[ROOM_TEXT_SIZE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    const struct {
        const char *what;
        str_t text;
        err_t name, said;
    } cases[] = {
        {"the longest name", str_of(longest, ROOM_NAME_SIZE_MAX), ERR_OK, ERR_OK},
        {"one longer", str_of(longest, ROOM_NAME_SIZE_MAX + 1), ERR_INVALID, ERR_OK},
        {"the longest text", str_of(longest, ROOM_TEXT_SIZE_MAX), ERR_INVALID, ERR_OK},
        {"one longer", str_of(longest, ROOM_TEXT_SIZE_MAX + 1), ERR_INVALID, ERR_INVALID},
        {"empty", STR(""), ERR_INVALID, ERR_INVALID},
        {"blank", STR(" \t\n"), ERR_INVALID, ERR_INVALID},
        {"two lines", STR("a\nb"), ERR_INVALID, ERR_OK},
        {"a bell", STR("a\ab"), ERR_INVALID, ERR_INVALID},
        {"a NUL", STR("a\0b"), ERR_INVALID, ERR_INVALID},
        {"not UTF-8", STR("\xc3"), ERR_INVALID, ERR_INVALID},
        {"any letters", STR("\xe9\x9f\xb3\xe6\xa5\xbd"), ERR_OK, ERR_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        room_t room ROOM_SCOPED = {0};
        err_t name = room_check_name(cases[i].text);
        check_ok(create(&room, ANN, STR("Jazz"), false));
        err_t said = post(&room, ANN, cases[i].text);
        cr_expect(name == cases[i].name, "%s as a name: %s", cases[i].what, err_name(name));
        cr_expect(said == cases[i].said, "%s said: %s", cases[i].what, err_name(said));
    }
}

Test(room_rules, members_are_bounded_from_both_sides)
{
    room_t room ROOM_SCOPED = {0};
    check_ok(create(&room, ANN, STR("Jazz"), true));
    for (uint32_t i = 1; i < ROOM_MEMBERS_MAX; i++) {
        char name[8];
        snprintf(name, sizeof name, "u%u", i);
        check_ok(join(&room, str_from(name)));
    }

    check_err(join(&room, BOB), ERR_LIMIT);
    check_ok(join(&room, ANN)); /* who is in is in */
    room_apply_left(&room, STR("u7"));
    check_ok(join(&room, BOB));
    cr_assert(eq(u32, room.members.count, ROOM_MEMBERS_MAX));
}

Test(room_rules, the_last_messages_are_kept_and_ids_go_on)
{
    room_t room ROOM_SCOPED = {0};
    room_message_t page[ROOM_PAGE_MAX];
    bool has_next = false;
    check_ok(create(&room, ANN, STR("Jazz"), true));
    check_ok(join(&room, BOB));
    check_ok(post(&room, BOB, STR("first")));

    for (uint32_t i = 1; i < ROOM_MESSAGES_MAX; i++)
        check_ok(post(&room, ANN, STR("more")));
    cr_assert(room_has_words_of(&room, BOB, 0));
    check_ok(post(&room, ANN, STR(" last ")));

    cr_assert(eq(u32, room.message_count, ROOM_MESSAGES_MAX));
    cr_assert_not(room_has_words_of(&room, BOB, 0));
    cr_assert(eq(u32, room_page(&room, 0, 2, page, &has_next), 2));
    check_true(has_next);
    check_str(page[0].text, STR("last"));
    cr_assert(eq(u64, page[0].message_id, ROOM_MESSAGES_MAX + 1));
    cr_assert(eq(u32, room_page(&room, 3, 9, page, &has_next), 1));
    cr_assert_not(has_next);
    cr_assert(eq(u64, page[0].message_id, 2));
}

Test(room_rules, one_deletes_what_one_said_and_nothing_else)
{
    room_t room ROOM_SCOPED = {0};
    check_ok(create(&room, ANN, STR("Jazz"), true));
    check_ok(join(&room, BOB));
    check_ok(post(&room, ANN, STR("mine")));
    check_ok(post(&room, BOB, STR("yours")));

    check_err(room_decide_delete(&room, &(room_delete_message_t){ANN, 2}), ERR_FORBIDDEN);
    check_err(room_decide_delete(&room, &(room_delete_message_t){ANN, 3}), ERR_NOT_FOUND);
    check_err(room_decide_delete(&room, &(room_delete_message_t){CID, 2}), ERR_FORBIDDEN);
    check_ok(room_decide_delete(&room, &(room_delete_message_t){BOB, 2}));
    room_apply_deleted(&room, 2);

    cr_assert(eq(u32, room.message_count, 1));
    cr_assert_not(room_has_words_of(&room, BOB, 0));
}

Test(room_rules, who_is_forgotten_leaves_the_rest_whole)
{
    room_t room ROOM_SCOPED = {0};
    check_ok(create(&room, ANN, STR("Jazz"), true));
    check_ok(join(&room, BOB));
    check_ok(join(&room, CID));
    check_ok(post(&room, ANN, STR("one")));
    check_ok(post(&room, BOB, STR("two")));
    check_ok(post(&room, ANN, STR("three")));

    check_str(room_heir(&room, ANN), BOB); /* who has been in longest */
    cr_assert_eq(room_standing_of(&room, ANN), ROOM_STANDING_MEMBER);
    room_apply_forgotten(&room, ANN);
    room_apply_owner(&room, &(room_owner_set_t){BOB, STR("")});

    cr_assert_eq(room_standing_of(&room, ANN), ROOM_STANDING_NONE);
    cr_assert(eq(u32, room.message_count, 1));
    check_str(str_from(room.messages[0].text), STR("two"));
    check_str(str_from(room.name), STR(""));
    check_ok(room_check_owner(&room, BOB));
    room_apply_left(&room, BOB);
    cr_assert_eq(room_standing_of(&room, BOB), ROOM_STANDING_LEFT);
    check_str(room_heir(&room, CID), STR(""));
}

/* ---- the rooms of a listener ---- */

Test(room_list, a_list_is_set_and_bounded_from_both_sides)
{
    room_list_t list SCOPED(room_list_deinit) = {0};
    char longest[ROOM_ID_SIZE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    for (uint32_t i = 0; i < USER_ROOMS_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%u", i);
        check_ok(room_list_reserve(&list, str_from(id)));
        check_ok(room_list_set(&list, str_from(id), ROOM_STANDING_MEMBER));
    }

    check_err(room_list_reserve(&list, STR("new")), ERR_LIMIT);
    check_ok(room_list_reserve(&list, STR("r7")));
    check_ok(room_list_set(&list, STR("r7"), ROOM_STANDING_LEFT));
    cr_assert(eq(u32, room_list_standing(&list, STR("r7")), ROOM_STANDING_LEFT));
    check_ok(room_list_set(&list, STR("r7"), ROOM_STANDING_NONE));
    check_ok(room_list_set(&list, STR("r7"), ROOM_STANDING_NONE));
    cr_assert(eq(u32, room_list_standing(&list, STR("r7")), ROOM_STANDING_NONE));
    check_ok(room_list_set(&list, str_of(longest, ROOM_ID_SIZE_MAX), ROOM_STANDING_MEMBER));
    cr_assert(eq(u32, list.count, USER_ROOMS_MAX));
    check_err(room_list_reserve(&list, str_of(longest, ROOM_ID_SIZE_MAX + 1)), ERR_INVALID);
    check_err(room_list_reserve(&list, STR("")), ERR_INVALID);
}
