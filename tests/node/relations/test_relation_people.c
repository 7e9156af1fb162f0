/* Follows, activities and rooms in tables, beside what the rules make of the same events; and the
 * same tables from the journal. */

#include "relations_rig.h"

#include "actors/protocol/room.h"
#include "actors/social/rooms/room_rules.h"
#include "actors/social/user_rules.h"
#include "node/relations.h"
#include "runtime/base/random.h"
#include "storage/relations/relation_build.h"
#include "tests/support/check.h"

#include <stdio.h>

/* In pages of a few events, so that rows come in other batches. */
static void expect_same_when_rebuilt(relations_rig_t *rig, const char *name)
{
    buf_t before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT;
    relation_build_report_t report;
    const relation_build_options_t options = {.address = rig->server.address,
                                              .relation =
                                                  relation_find(node_relations(), str_from(name)),
                                              .page = 37};
    rig_digest(rig, &before);
    check_ok(relation_build(&options, &report));
    rig_digest(rig, &after);
    cr_expect(report.events > 0 && report.parked == 0, "%s", name);
    check_str(buf_str(&after), buf_str(&before));
}

/* ---- follows: the table beside what the rules make of the same events ---- */

enum { USERS = 4, FOLLOW_EVENTS = 300 };

typedef struct person {
    user_book_t book;
    uint64_t version;
} person_t;

static void follow(relations_rig_t *rig, person_t people[USERS], size_t user, size_t other,
                   bool is_following)
{
    char stream[16], name[8];
    snprintf(stream, sizeof stream, "user/k%zu", user);
    snprintf(name, sizeof name, "k%zu", other);
    const user_follow_set_t event = {str_from(name), is_following};
    rig_append(rig, str_from(stream), &people[user].version, &user_follow_set_schema, &event);
    check_ok(user_apply_follow(&people[user].book, &event, 1));
}

static void compare_follows(relations_rig_t *rig, size_t user, const user_book_t *book)
{
    char sql[160];
    buf_t got BUF_SCOPED = BUF_INIT, wanted BUF_SCOPED = BUF_INIT;
    snprintf(sql, sizeof sql,
             "SELECT f FROM unnest('{k0,k1,k2,k3}'::text[]) AS f"
             " WHERE EXISTS (SELECT FROM follows WHERE follower_id = 'k%zu' AND followed_id = f)",
             user);
    rig_text(rig, sql, &got);
    for (size_t i = 0; i < USERS; i++) {
        char other[8];
        snprintf(other, sizeof other, "k%zu", i);
        if (links_has(&book->following, str_from(other)))
            buf_printf(&wanted, "%s%s", wanted.size == 0 ? "" : " ", other);
    }
    check_str(buf_str(&got), buf_str(&wanted));
}

Test(relation_people, follows_in_the_table_are_what_the_rules_make_of_them)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {31};
    ms_random_t random = random_seeded(&seed);
    person_t people[USERS] = {0};

    for (size_t i = 0; i < FOLLOW_EVENTS; i++) {
        size_t user = random_below(&random, USERS);
        size_t other = (user + 1 + random_below(&random, USERS - 1)) % USERS;
        follow(&rig, people, user, other, random_below(&random, 2) == 0);
    }
    rig_wait(&rig);

    check_ok(rig.err);
    for (size_t i = 0; i < USERS; i++)
        compare_follows(&rig, i, &people[i].book);
    rig_append(&rig, STR("user/k1"), &people[1].version, &user_erased_schema, &(user_erased_t){});
    rig_wait(&rig);
    user_book_deinit(&people[1].book);
    for (size_t i = 0; i < USERS; i++) {
        compare_follows(&rig, i, &people[i].book);
        user_book_deinit(&people[i].book);
    }
    expect_same_when_rebuilt(&rig, "follows");
}

/* ---- activities ---- */

enum { ACTS = 400 };

static void act(relations_rig_t *rig, person_t *person, const ms_random_t *random)
{
    user_acted_t event = {.kind = 1 + (uint32_t)random_below(random, 2),
                          .track_id = random_below(random, 9), /* 0: as of who is erased */
                          .rating = (uint32_t)random_below(random, 3)};
    activities_next(&person->book.activities, &event);
    if (person->book.activities.count > 20) /* as if no more were kept */
        event.kept_from = person->book.activities.items[1].number;
    const user_act_dropped_t dropped = {1 + random_below(random, event.number)};
    if (random_below(random, 5) == 0) {
        rig_append(rig, STR("user/k0"), &person->version, &user_act_dropped_schema, &dropped);
        activities_apply_dropped(&person->book.activities, dropped.number);
    } else {
        rig_append(rig, STR("user/k0"), &person->version, &user_acted_schema, &event);
        check_ok(activities_apply_acted(&person->book.activities, &event, 1));
    }
}

static void set_sharing(relations_rig_t *rig, person_t *person, str_t word)
{
    const user_setting_set_t event = {STR("activity_shared"), word};
    rig_append(rig, STR("user/k0"), &person->version, &user_setting_set_schema, &event);
    user_apply_setting(&person->book, &event);
}

static void compare_activities(relations_rig_t *rig, const activities_t *wanted_list)
{
    static const char *const kinds[] = {"", "favourite", "rating"};
    buf_t got BUF_SCOPED = BUF_INIT, wanted BUF_SCOPED = BUF_INIT;
    rig_wait(rig);
    check_ok(rig->err);
    rig_text(rig,
             "SELECT number || kind || track_id || coalesce(rating, 0) FROM activities"
             " WHERE user_id = 'k0' ORDER BY number",
             &got);
    for (uint32_t i = 0; i < wanted_list->count; i++) {
        const activity_t *item = &wanted_list->items[i];
        buf_printf(&wanted, "%s%llu%s%llu%u", i == 0 ? "" : " ", (unsigned long long)item->number,
                   kinds[item->kind], (unsigned long long)item->track_id, item->rating);
    }
    check_str(buf_str(&got), buf_str(&wanted));
}

Test(relation_people, activities_in_the_table_are_what_the_rules_make_of_them)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {19};
    ms_random_t random = random_seeded(&seed);
    person_t person = {0};
    set_sharing(&rig, &person, STR("on"));

    for (size_t i = 0; i < ACTS; i++)
        act(&rig, &person, &random);
    compare_activities(&rig, &person.book.activities);
    cr_expect_gt(person.book.activities.count, 5);
    expect_same_when_rebuilt(&rig, "activities");
    set_sharing(&rig, &person, STR("off"));
    compare_activities(&rig, &person.book.activities);

    set_sharing(&rig, &person, STR("on"));
    act(&rig, &person, &random);
    rig_append(&rig, STR("user/k0"), &person.version, &user_erased_schema, &(user_erased_t){});
    user_book_deinit(&person.book);
    compare_activities(&rig, &person.book.activities);
}

/* ---- rooms: the tables beside what room_rules.c makes of the same events ---- */

enum { TALK_EVENTS = 700, TALK_KEPT = 20 };

typedef struct talk {
    relations_rig_t *rig;
    room_t rules;
    uint64_t version;
} talk_t;

static void say(talk_t *talk, const schema_t *schema, const void *event)
{
    rig_append(talk->rig, STR("room/r"), &talk->version, schema, event);
}

static void begin(talk_t *talk)
{
    const room_created_t event = {STR("k0"), STR("Jazz"), true};
    say(talk, &room_created_schema, &event);
    check_ok(room_apply_created(&talk->rules, &event, 1));
}

/* Sometimes as of an author who is erased: without its text, and its size. */
static void post(talk_t *talk, str_t who, bool is_erased)
{
    room_t *room = &talk->rules;
    room_posted_t event = {.author_id = who,
                           .message_id = room->last_message + 1,
                           .text = is_erased ? STR("") : STR("hello"),
                           .size_bytes = is_erased ? 0 : 5};
    if (room->message_count >= TALK_KEPT) /* as if no more were kept */
        event.kept_from = room->messages[1].message_id;
    say(talk, &room_posted_schema, &event);
    check_ok(room_apply_posted(room, &event, 1));
}

static void go(talk_t *talk, str_t who, bool is_forgotten)
{
    const room_forgotten_t forgotten = {who};
    const room_left_t left = {who};
    if (is_forgotten) {
        say(talk, &room_forgotten_schema, &forgotten);
        room_apply_forgotten(&talk->rules, who);
    } else {
        say(talk, &room_left_schema, &left);
        room_apply_left(&talk->rules, who);
    }
}

static void own(talk_t *talk, str_t who, bool is_public)
{
    const room_owner_set_t owner = {who, STR("")};
    const room_public_set_t public_set = {who, is_public};
    say(talk, &room_owner_set_schema, &owner);
    room_apply_owner(&talk->rules, &owner);
    say(talk, &room_public_set_schema, &public_set);
    room_apply_public(&talk->rules, is_public);
}

static void talk_step(talk_t *talk, const ms_random_t *random)
{
    static const str_t people[USERS] = {STR_INIT("k0"), STR_INIT("k1"), STR_INIT("k2"),
                                        STR_INIT("k3")};
    str_t who = people[random_below(random, USERS)];
    const room_joined_t joined = {who};
    room_message_deleted_t deleted = {who, 1 + random_below(random, talk->rules.last_message + 1)};
    switch (random_below(random, 12)) {
    case 0:
    case 1:
        say(talk, &room_joined_schema, &joined);
        check_ok(room_apply_joined(&talk->rules, who, 1));
        return;
    case 2:
        go(talk, who, random_below(random, 6) == 0);
        return;
    case 3:
        own(talk, who, random_below(random, 2) == 0);
        return;
    case 4:
        say(talk, &room_message_deleted_schema, &deleted);
        room_apply_deleted(&talk->rules, deleted.message_id);
        return;
    default:
        post(talk, who, random_below(random, 10) == 0);
    }
}

static void describe_rules(const room_t *room, buf_t *out)
{
    if (!room->is_closed)
        buf_printf(out, "%s%s", room->owner_id, room->is_public ? "true" : "false");
    buf_append(out, STR(" |"));
    for (char person[] = "k0"; person[1] < '0' + USERS; person[1]++)
        if (room_has_member(room, str_from(person)))
            buf_printf(out, " %s", person);
    buf_append(out, STR(" |"));
    for (uint32_t i = 0; i < room->message_count; i++)
        buf_printf(out, " %llu%s5", (unsigned long long)room->messages[i].message_id,
                   room->messages[i].author_id);
}

static void compare_talk(talk_t *talk)
{
    buf_t got BUF_SCOPED = BUF_INIT, wanted BUF_SCOPED = BUF_INIT;
    rig_wait(talk->rig);
    check_ok(talk->rig->err);
    rig_text(
        talk->rig,
        "SELECT coalesce((SELECT user_id || is_public FROM rooms WHERE room_id = 'r'), '')"
        " || ' |' || coalesce((SELECT string_agg(' ' || user_id, '' ORDER BY user_id)"
        "     FROM room_members WHERE room_id = 'r'), '')"
        " || ' |' || coalesce((SELECT string_agg(' ' || message_id || user_id || size_bytes, ''"
        "     ORDER BY message_id) FROM messages WHERE room_id = 'r'), '')",
        &got);
    describe_rules(&talk->rules, &wanted);
    check_str(buf_str(&got), buf_str(&wanted));
}

Test(relation_people, rooms_in_tables_are_what_the_rules_make_of_them)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {5};
    ms_random_t random = random_seeded(&seed);
    talk_t talk = {.rig = &rig};
    begin(&talk);

    for (size_t i = 0; i < TALK_EVENTS; i++) {
        talk_step(&talk, &random);
        if (i % 100 == 0)
            compare_talk(&talk);
    }

    compare_talk(&talk);
    cr_expect_gt(talk.rules.message_count, 5);
    expect_same_when_rebuilt(&rig, "rooms");
    const room_closed_t closed = {STR("k0")};
    say(&talk, &room_closed_schema, &closed);
    room_apply_closed(&talk.rules);
    compare_talk(&talk);
    room_deinit(&talk.rules);
}
