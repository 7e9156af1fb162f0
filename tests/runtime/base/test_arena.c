#include "runtime/base/arena.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    random_seed_t seed = {2};
    ms_random_t random = random_seeded(&seed);
    arena_t arena ARENA_SCOPED = {0};

    for (int round = 0; round < 20; round++) {
        unsigned char *pieces[200];
        size_t sizes[200];
        for (size_t i = 0; i < 200; i++) {
            sizes[i] = random_below(&random, i % 50 == 0 ? 100000 : 200);
            pieces[i] = arena_new(&arena, sizes[i]);
            cr_assert(pieces[i] != NULL && (uintptr_t)pieces[i] % 16 == 0);
            for (size_t k = 0; k < sizes[i]; k++)
                cr_assert(pieces[i][k] == 0);
            memset(pieces[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < 200; i++)
            for (size_t k = 0; k < sizes[i]; k++)
                cr_assert(pieces[i][k] == (unsigned char)i);
        arena_reset(&arena);
        cr_assert(arena.size == 0);
    }
}

Test(arena, gives_nothing_past_its_limit)
{
    arena_t arena ARENA_SCOPED = {.size_max = 64};

    cr_assert(arena_new(&arena, 48) != NULL);
    cr_assert(arena_new(&arena, 17) == NULL);
    cr_assert(arena_new(&arena, 16) != NULL);
    cr_assert(arena_new(&arena, 1) == NULL);
    cr_assert(arena_new(&arena, SIZE_MAX) == NULL);
    cr_assert(arena_new_array(&arena, SIZE_MAX / 2, 3) == NULL);
    cr_assert(arena_str(&arena, STR("text")).data == NULL);
    arena_reset(&arena);
    cr_assert(arena_new(&arena, 64) != NULL);
}

Test(arena, strings_are_terminated_copies)
{
    arena_t arena ARENA_SCOPED = {0};
    char text[] = "text";

    str_t copy = arena_str(&arena, str_from(text)), empty = arena_str(&arena, (str_t){NULL, 0});
    str_t printed = arena_printf(&arena, "%d %s", 42, text);
    const char *dup = arena_dup(&arena, text, 2);
    text[0] = 'n';

    check_str(copy, STR("text"));
    cr_assert(copy.data[4] == '\0' && empty.data != NULL && empty.size == 0);
    check_str(printed, STR("42 text"));
    cr_assert(printed.data[7] == '\0' && memcmp(dup, "te", 2) == 0);
}

Test(arena, takes_all_of_another_whose_pieces_stay_where_they_are)
{
    arena_t arena ARENA_SCOPED = {.size_max = 4096}, other ARENA_SCOPED = {0},
                  empty ARENA_SCOPED = {0};
    str_t own = arena_str(&arena, STR("own")), text = arena_str(&other, STR("another's"));
    cr_assert(own.data != NULL && arena_new(&other, 100000) != NULL);
    size_t size = arena.size + other.size;

    arena_take(&arena, &other);
    arena_take(&arena, &other);
    arena_take(&empty, &arena);
    arena_take(&arena, &empty);

    check_str(own, STR("own"));
    check_str(text, STR("another's"));
    cr_assert(arena.size == size && other.size == 0 && other.blocks == NULL);
    cr_assert(arena_new(&arena, 1) == NULL); /* past its limit, with what it took */
    arena_reset(&arena);
    cr_assert(arena_new(&arena, 4096) != NULL && arena_new(&other, 1) != NULL);
}
