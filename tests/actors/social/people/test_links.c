/* A list of people beside a naive twin: an array of who is on it, oldest first. */

#include "actors/social/people/links.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <stdio.h>

enum { PEOPLE = 30, PROGRAMS = 40, STEPS = 300, PAGE = 4 };

typedef struct twin {
    uint32_t people[PEOPLE];
    int64_t since[PEOPLE];
    uint32_t count;
} twin_t;

static str_t name_of(uint32_t person, char out[static 8])
{
    snprintf(out, 8, "u%u", person);
    return str_from(out);
}

static uint32_t twin_find(const twin_t *twin, uint32_t person)
{
    uint32_t i = 0;
    while (i < twin->count && twin->people[i] != person)
        i++;
    return i;
}

static void twin_remove(twin_t *twin, uint32_t at)
{
    twin->count--;
    for (uint32_t i = at; i < twin->count; i++) {
        twin->people[i] = twin->people[i + 1];
        twin->since[i] = twin->since[i + 1];
    }
}

static void step(links_t *list, twin_t *twin, const ms_random_t *random, uint32_t now)
{
    char name[8];
    uint32_t person = (uint32_t)random_below(random, PEOPLE), at = twin_find(twin, person);
    bool is_there = at != twin->count;
    cr_assert_eq(links_has(list, name_of(person, name)), is_there);
    if (random_below(random, 3) > 0) {
        check_ok(links_add(list, str_from(name), now));
        if (!is_there) {
            twin->people[twin->count] = person;
            twin->since[twin->count++] = now;
        }
    } else {
        links_remove(list, str_from(name));
        if (is_there)
            twin_remove(twin, at);
    }
}

static void check_pages(const links_t *list, const twin_t *twin)
{
    uint64_t before = 0;
    uint32_t seen = 0;
    for (bool has_next = true; has_next;) {
        user_link_t page[PAGE];
        uint32_t count = links_page(list, before, PAGE, page, &has_next);
        for (uint32_t i = 0; i < count; i++, seen++) {
            char name[8];
            uint32_t at = twin->count - 1 - seen;
            check_str(page[i].user_id, name_of(twin->people[at], name));
            cr_assert(eq(i64, page[i].since, twin->since[at]));
        }
        if (count != 0)
            before = page[count - 1].number;
    }
    cr_assert(eq(u32, seen, twin->count));
}

static void replace_by_records(links_t *list)
{
    arena_t arena ARENA_SCOPED = {0};
    links_t read = {.last = list->last};
    const user_link_t *items;
    check_ok(links_to_records(list, &arena, &items));
    check_ok(links_from_records(&read, items, list->count, PEOPLE));
    links_deinit(list);
    *list = read;
}

Test(links, random_edits_do_the_same_to_a_naive_twin)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        random_seed_t state = {seed};
        ms_random_t random = random_seeded(&state);
        links_t list SCOPED(links_deinit) = {0};
        twin_t twin = {0};
        for (uint32_t now = 1; now <= STEPS; now++) {
            step(&list, &twin, &random, now);
            if (random_below(&random, 20) == 0)
                replace_by_records(&list);
            check_pages(&list, &twin);
        }
    }
}

Test(links, a_number_is_never_given_again)
{
    links_t list SCOPED(links_deinit) = {0};
    user_link_t page[2];
    bool has_next;
    check_ok(links_add(&list, STR("a"), 1));
    check_ok(links_add(&list, STR("b"), 2));

    links_remove(&list, STR("b"));
    replace_by_records(&list);
    check_ok(links_add(&list, STR("b"), 3));

    cr_assert(eq(u32, links_page(&list, 0, 2, page, &has_next), 2));
    cr_assert(eq(u64, page[0].number, 3));
}

Test(links, the_bound_holds_from_both_sides)
{
    links_t list SCOPED(links_deinit) = {0}, other SCOPED(links_deinit) = {0};
    user_link_t records[3] = {{1, STR("a"), 1}, {2, STR("b"), 1}, {3, STR("c"), 1}};
    char longest[LINK_USER_ID_SIZE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    check_ok(links_add(&list, STR("a"), 1));

    check_ok(links_reserve(&list, 2));
    check_ok(links_add(&list, str_of(longest, LINK_USER_ID_SIZE_MAX), 1));
    check_err(links_reserve(&list, 2), ERR_LIMIT);
    check_err(links_add(&list, str_of(longest, LINK_USER_ID_SIZE_MAX + 1), 1), ERR_INVALID);
    check_err(links_add(&list, STR(""), 1), ERR_INVALID);
    cr_assert(eq(u32, list.count, 2));
    check_err(links_from_records(&other, records, 3, 2), ERR_CORRUPT);
    check_ok(links_from_records(&other, records, 3, 3));
}
