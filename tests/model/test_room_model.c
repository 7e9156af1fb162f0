/* A random program of what happens in a room, beside a naive twin: flags by person and by message.
 */

#include "actors/social/rooms/room_rules.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <stdio.h>

enum { PEOPLE = 6, STEPS = 3000, SAID_MAX = STEPS + 2, PROGRAMS = 8 };

typedef struct twin {
    bool is_in[PEOPLE];
    uint32_t author[SAID_MAX]; /* by message id; the person, or PEOPLE: it is not kept */
    uint32_t last, kept, most;
    uint64_t version;
} twin_t;

typedef struct program {
    room_t room;
    twin_t twin;
    ms_random_t random;
} program_t;

static uint32_t below(program_t *self, uint32_t bound)
{
    return (uint32_t)random_below(&self->random, bound);
}

static str_t name_of(uint32_t person, char out[static 8])
{
    snprintf(out, 8, "p%u", person);
    return str_from(out);
}

static void twin_drop(twin_t *twin, uint32_t message)
{
    twin->kept -= twin->author[message] != PEOPLE;
    twin->author[message] = PEOPLE;
}

static void join(program_t *self, uint32_t person)
{
    char name[8];
    bool is_change = false;
    check_ok(room_decide_join(&self->room, name_of(person, name), &is_change));
    cr_assert_eq(is_change, !self->twin.is_in[person]);
    if (is_change)
        check_ok(room_apply_joined(&self->room, str_from(name), 1));
    self->twin.is_in[person] = true;
    self->twin.version += is_change;
}

static void leave(program_t *self, uint32_t person)
{
    char name[8];
    room_apply_left(&self->room, name_of(person, name));
    self->twin.is_in[person] = false;
    self->twin.version++;
}

static void forget(program_t *self, uint32_t person)
{
    char name[8];
    room_apply_forgotten(&self->room, name_of(person, name));
    self->twin.is_in[person] = false;
    self->twin.version++;
    for (uint32_t i = 1; i <= self->twin.last; i++)
        if (self->twin.author[i] == person)
            twin_drop(&self->twin, i);
}

/* Sometimes its author is erased by now: then it comes without its text. */
static void post(program_t *self, uint32_t person)
{
    char name[8], text[16];
    room_posted_t event;
    twin_t *twin = &self->twin;
    snprintf(text, sizeof text, "t%u", twin->last + 1);
    const room_post_t command = {name_of(person, name), str_from(text)};
    err_t err = room_decide_post(&self->room, &command, &event);
    if (!twin->is_in[person]) {
        check_err(err, ERR_FORBIDDEN);
        return;
    }
    check_ok(err);
    bool is_erased = below(self, 8) == 0, is_full = twin->kept == ROOM_MESSAGES_MAX;
    if (is_erased)
        event.text = STR("");
    check_ok(room_apply_posted(&self->room, &event, 5));
    twin->version++;
    for (uint32_t i = 1; i <= twin->last && is_full; i++)
        if (twin->author[i] != PEOPLE) {
            twin_drop(twin, i);
            is_full = false;
        }
    twin->author[++twin->last] = is_erased ? PEOPLE : person;
    twin->kept += !is_erased;
    twin->most = MAX(twin->most, twin->kept);
}

static void delete_one(program_t *self, uint32_t person)
{
    char name[8];
    uint32_t id = 1 + below(self, self->twin.last + 1), author = self->twin.author[id];
    if (id > self->twin.last)
        author = PEOPLE;
    const room_delete_message_t command = {name_of(person, name), id};
    err_t err = room_decide_delete(&self->room, &command);
    if (!self->twin.is_in[person]) {
        check_err(err, ERR_FORBIDDEN);
    } else if (author == PEOPLE) {
        check_err(err, ERR_NOT_FOUND);
    } else if (author != person) {
        check_err(err, ERR_FORBIDDEN);
    } else {
        check_ok(err);
        room_apply_deleted(&self->room, id);
        self->twin.version++;
        twin_drop(&self->twin, id);
    }
}

static void replace_by_snapshot(room_t *room)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT;
    room_state_t state, read;
    check_ok(room_to_state(room, &arena, &state));
    schema_encode(&room_state_schema, &state, &wire);
    check_ok(schema_decode(&room_state_schema, buf_str(&wire), &arena, &read));
    room_deinit(room);
    check_ok(room_from_state(room, &read));
}

/* All messages, page by page, newest first. */
static void check_messages(const room_t *room, const twin_t *twin)
{
    uint64_t before = 0;
    uint32_t at = twin->last, seen = 0;
    for (bool has_next = true; has_next;) {
        room_message_t page[ROOM_PAGE_MAX];
        uint32_t count = room_page(room, before, ROOM_PAGE_MAX, page, &has_next);
        for (uint32_t i = 0; i < count; i++, at--, seen++) {
            char name[8], text[16];
            while (twin->author[at] == PEOPLE)
                at--;
            snprintf(text, sizeof text, "t%u", at);
            cr_assert(eq(u64, page[i].message_id, at));
            check_str(page[i].author_id, name_of(twin->author[at], name));
            check_str(page[i].text, str_from(text));
        }
        if (count != 0)
            before = page[count - 1].message_id;
    }
    cr_assert(eq(u32, seen, twin->kept));
}

static void check_same(const room_t *room, const twin_t *twin)
{
    cr_assert(eq(u64, room->version, twin->version));
    cr_assert(eq(u64, room->last_message, twin->last));
    cr_assert(eq(u32, room->message_count, twin->kept));
    for (uint32_t i = 0; i < PEOPLE; i++) {
        char name[8];
        cr_assert_eq(room_has_member(room, name_of(i, name)), twin->is_in[i]);
    }
}

static void step(program_t *self)
{
    static void (*const steps[])(program_t *, uint32_t) = {post, post, post, post,       post,
                                                           post, join, join, delete_one, leave};
    uint32_t what = below(self, 2000), person = 1 + below(self, PEOPLE - 1);
    if (what == 0)
        forget(self, person);
    else if (what < 10)
        replace_by_snapshot(&self->room);
    else
        steps[what % COUNT_OF(steps)](self, what % 10 > 8 ? person : below(self, PEOPLE));
}

Test(room_model, what_happens_in_a_room_does_the_same_to_a_naive_twin)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        random_seed_t state = {seed};
        program_t program = {.random = random_seeded(&state)};
        const room_created_t created = {STR("p0"), STR("Jazz"), true};
        check_ok(room_apply_created(&program.room, &created, 1));
        program.twin.is_in[0] = true;
        program.twin.version = 1;
        for (uint32_t i = 0; i < STEPS; i++) {
            step(&program);
            check_same(&program.room, &program.twin);
        }
        check_messages(&program.room, &program.twin);
        cr_expect_eq(program.twin.most, ROOM_MESSAGES_MAX); /* the bound was met */
        room_deinit(&program.room);
    }
}
