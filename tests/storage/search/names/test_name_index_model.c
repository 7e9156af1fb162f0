/* A random program on the names and on a naive twin: an array that every question goes through. */

#include "runtime/base/random.h"
#include "storage/search/names/name_index.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { OWNERS = 6, KEYS = 120, STEPS = 3000, NAME_SIZE = 64 };

typedef struct twin_name {
    bool is_there, is_public;
    int owner;
    char name[NAME_SIZE];
} twin_name_t;

typedef struct world {
    name_index_t *names;
    twin_name_t twins[NAME_INDEX_KIND_COUNT][KEYS];
    ms_random_t random;
    uint64_t questions, found;
} world_t;

static const char *const words[] = {"sun",  "sunday", "sunny",  "mix", "mixes", "rock", "rocks",
                                    "jazz", "night",  "nights", "a",   "be",    "cafe", "東京"};

static uint64_t pick(world_t *world, uint64_t below)
{
    return random_below(&world->random, below);
}

static void make_name(world_t *world, char out[NAME_SIZE])
{
    size_t size = 0;
    for (uint64_t i = 0, count = 1 + pick(world, 3); i < count; i++)
        size += (size_t)snprintf(out + size, NAME_SIZE - size, "%s%s", i > 0 ? " " : "",
                                 words[pick(world, COUNT_OF(words))]);
}

static void key_of(uint64_t index, char out[16])
{
    snprintf(out, 16, "k%d", (int)index);
}

static void change(world_t *world)
{
    name_index_kind_t kind = pick(world, 4) == 0 ? NAME_INDEX_PERSON : NAME_INDEX_PLAYLIST;
    uint64_t index = pick(world, kind == NAME_INDEX_PERSON ? OWNERS : KEYS);
    twin_name_t *twin = &world->twins[kind][index];
    char key[16], owner[16];
    key_of(index, key);
    if (pick(world, 4) == 0) {
        name_index_remove(world->names, kind, str_from(key));
        twin->is_there = false;
        return;
    }
    twin->is_there = true;
    twin->is_public = pick(world, 2) == 0;
    twin->owner = kind == NAME_INDEX_PERSON ? (int)index : (int)pick(world, OWNERS);
    make_name(world, twin->name);
    key_of((uint64_t)twin->owner, owner);
    check_ok(
        name_index_put(world->names, &(name_index_entry_t){kind, str_from(key), str_from(owner),
                                                           str_from(twin->name), twin->is_public}));
}

static void erase(world_t *world)
{
    char owner[16];
    int index = (int)pick(world, OWNERS);
    key_of((uint64_t)index, owner);
    name_index_remove_owner(world->names, str_from(owner));
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        for (int i = 0; i < KEYS; i++)
            if (world->twins[kind][i].owner == index)
                world->twins[kind][i].is_there = false;
}

/* Is a word in the name, or, where it may go on, the beginning of one? */
static bool has(const char *name, str_t word, bool is_prefix)
{
    str_t rest = str_from(name);
    while (rest.size > 0) {
        size_t end = MIN(str_find(rest, ' '), rest.size);
        str_t one = str_slice(rest, 0, end);
        if (str_equal(one, word) || (is_prefix && str_starts_with(one, word)))
            return true;
        rest = str_slice(rest, MIN(end + 1, rest.size), rest.size);
    }
    return false;
}

static bool may_see(const twin_name_t *twin, int kind, int asker)
{
    return kind == NAME_INDEX_PERSON || twin->is_public || twin->owner == asker;
}

static void compare(world_t *world)
{
    arena_t arena ARENA_SCOPED = {0};
    name_index_found_t found;
    int asker = (int)pick(world, OWNERS + 1);
    bool is_typing = pick(world, 2) == 0;
    str_t word = str_from(words[pick(world, COUNT_OF(words))]);
    if (is_typing && word.size > 3 && word.data[0] > 0)
        word = str_slice(word, 0, 1 + pick(world, word.size));
    char owner[16], text[NAME_SIZE];
    const char *second = words[pick(world, 4)];
    bool has_second = pick(world, 2) == 0;
    key_of((uint64_t)asker, owner);
    snprintf(text, sizeof text, "%s %.*s", has_second ? second : "", STR_ARG(word));
    check_ok(name_index_find(
        world->names, &arena,
        &(name_index_query_t){.text = str_from(text),
                              .asker = str_from(owner),
                              .is_typing = is_typing,
                              .is_exact = true,
                              .first = {NAME_INDEX_FIRST_MAX, NAME_INDEX_FIRST_MAX}},
        &found));
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++) {
        uint32_t count = 0;
        for (int i = 0; i < KEYS; i++) {
            const twin_name_t *twin = &world->twins[kind][i];
            count += twin->is_there && may_see(twin, kind, asker) &&
                             has(twin->name, word, is_typing) &&
                             (!has_second || has(twin->name, str_from(second), false))
                         ? 1
                         : 0;
        }
        cr_assert(found.totals[kind] == count, "\"%s\": %u, not %u", text,
                  (unsigned)found.totals[kind], (unsigned)count);
        world->found += count;
    }
    world->questions++;
}

static void run(uint64_t seed)
{
    random_seed_t seeded = {seed};
    world_t *world = calloc(1, sizeof *world);
    cr_assert(world != NULL);
    world->random = random_seeded(&seeded);
    check_ok(name_index_new(0, &world->names));
    for (int i = 0; i < STEPS; i++) {
        uint64_t what = pick(world, 100);
        if (what < 60)
            change(world);
        else if (what < 61)
            erase(world);
        else if (what < 63)
            check_ok(name_index_settle(world->names));
        else
            compare(world);
    }
    cr_assert(world->questions > 0 && world->found > 0);
    name_index_free(world->names);
    free(world);
}

Test(name_index_model, any_program_finds_what_a_walk_through_all_finds)
{
    for (uint64_t seed = 1; seed <= 8; seed++)
        run(seed);
}
