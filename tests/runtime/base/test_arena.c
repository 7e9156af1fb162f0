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
