#include "runtime/life/id_map.h"

#include "runtime/base/random.h"
#include "tests/support/check.h"

enum { IDS = 300, ACTS = 20000 };

/* Beside an array that is looked through: ids that crowd together, and ids far apart. */
static void run(uint64_t seed)
{
    uint64_t twin[IDS] = {0}; /* value + 1; 0: not there */
    uint32_t count = 0;
    id_map_t map = {0};
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    uint64_t stride = seed % 2 == 0 ? 1 : UINT64_C(0x100000001);

    for (uint32_t i = 0; i < ACTS; i++) {
        uint64_t at = random_below(&random, IDS), id = (at + 1) * stride;
        id_value_t value = {.number = i};
        id_value_t *found = id_map_at(&map, id);
        bool is_there = found != NULL;
        cr_assert(is_there == (twin[at] != 0), "seed %llu", (unsigned long long)seed);
        cr_assert(found == NULL || found->number == twin[at] - 1);
        if (twin[at] == 0 && random_below(&random, 3) > 0) {
            check_ok(id_map_put(&map, id, value));
            twin[at] = (uint64_t)i + 1;
            count++;
        } else if (id_map_take(&map, id, &value)) {
            cr_assert(eq(u64, value.number, twin[at] - 1));
            twin[at] = 0;
            count--;
        }
        cr_assert(eq(u32, map.count, count));
    }

    id_entry_t entry;
    uint32_t walked = 0;
    for (uint32_t cursor = 0; id_map_next(&map, &cursor, &entry); walked++)
        cr_assert(eq(u64, entry.value.number, twin[entry.id / stride - 1] - 1));
    cr_assert(eq(u32, walked, count));
    cr_assert(map.count * 4 <= map.capacity * 3);
    id_map_deinit(&map);
}

Test(id_map, it_is_what_an_array_is)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        run(seed);
}

Test(id_map, an_empty_one_has_nothing_and_owns_nothing)
{
    id_map_t map = {0};
    id_value_t value = {.number = 7};
    id_entry_t entry;
    uint32_t cursor = 0;

    cr_assert(id_map_at(&map, 1) == NULL);
    cr_assert(id_map_take(&map, 1, &value) == false && value.number == 7);
    cr_assert(id_map_next(&map, &cursor, &entry) == false);
}
