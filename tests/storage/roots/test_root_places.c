/* Which folder can be read where. */

#include "storage/roots/root_places.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

#include <stdio.h>

/* A cluster of two other nodes: the first reads "shared". */
static size_t readers(void *context, str_t root, str_t key, root_node_t *out, size_t count_max)
{
    const bool *is_alive = context;
    (void)key;
    if (!*is_alive || count_max == 0 || !str_equal(root, STR("shared")))
        return 0;
    out[0] = (root_node_t){2, "192.0.2.2:9"};
    return 1;
}

static size_t keepers(void *context, str_t key, root_node_t *out, size_t count_max)
{
    (void)context, (void)key;
    for (size_t i = 0; i < 2 && i < count_max; i++)
        out[i] = (root_node_t){.node = 2 + i};
    return MIN((size_t)2, count_max);
}

static root_where_t where(root_places_t *places, const char *root)
{
    arena_t arena ARENA_SCOPED = {0};
    root_place_t place;
    check_ok(root_places_find(places, str_from(root), &arena, &place));
    return place.where;
}

Test(root_places, a_node_alone_knows_its_own)
{
    root_places_t *places ROOT_PLACES_SCOPED = NULL;
    arena_t arena ARENA_SCOPED = {0};
    root_place_t place;
    root_node_t node;
    check_ok(root_places_new(NULL, &places));

    cr_assert(eq(int, where(places, "music"), ROOT_UNKNOWN));
    cr_assert(root_places_has(places, STR("music")), "what is not known may be there");
    check_ok(root_places_set(places, STR("music"), STR("/srv/music"), STR("")));
    check_ok(root_places_find(places, STR("music"), &arena, &place));
    cr_assert(eq(int, place.where, ROOT_HERE));
    check_str(place.path, STR("/srv/music"));

    check_ok(root_places_set(places, STR("music"), STR("/srv/music"), STR("there is no folder")));
    check_ok(root_places_find(places, STR("music"), &arena, &place));
    cr_assert(eq(int, place.where, ROOT_NOWHERE));
    check_str(place.reason, STR("there is no folder"));
    cr_assert_not(root_places_has(places, STR("music")));
    cr_assert_not(root_places_are_many(places));
    cr_assert(eq(sz, root_places_readers(places, STR("music"), STR("k"), &node, 1), 0));
    cr_assert(eq(sz, root_places_keepers(places, STR("k"), &node, 1), 0));
}

Test(root_places, of_several_nodes_others_are_asked)
{
    bool is_alive = true;
    const root_nodes_t nodes = {&is_alive, readers, keepers};
    root_places_t *places ROOT_PLACES_SCOPED = NULL;
    root_node_t found[3];
    check_ok(root_places_new(&nodes, &places));

    cr_assert(eq(int, where(places, "shared"), ROOT_ELSEWHERE));
    check_ok(root_places_set(places, STR("shared"), STR("/srv"), STR("")));
    cr_assert(eq(int, where(places, "shared"), ROOT_HERE));
    check_ok(root_places_set(places, STR("shared"), STR("/srv"), STR("it can't be read")));
    cr_assert(eq(int, where(places, "shared"), ROOT_ELSEWHERE));
    cr_assert(root_places_has(places, STR("shared")));
    is_alive = false;
    cr_assert(eq(int, where(places, "shared"), ROOT_NOWHERE));
    cr_assert_not(root_places_has(places, STR("shared")));
    cr_assert(eq(sz, root_places_keepers(places, STR("k"), found, 3), 2));
    cr_assert(root_places_are_many(places));
}

Test(root_places, there_is_room_for_so_many)
{
    root_places_t *places ROOT_PLACES_SCOPED = NULL;
    char name[16];
    check_ok(root_places_new(NULL, &places));

    for (int i = 0; i < ROOT_PLACES_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        check_ok(root_places_set(places, str_from(name), STR("/"), STR("")));
    }
    check_err(root_places_set(places, STR("more"), STR("/"), STR("")), ERR_LIMIT);
    check_ok(root_places_set(places, STR("7"), STR("/else"), STR("")));
    cr_assert(eq(int, where(places, "7"), ROOT_HERE));
    cr_assert(eq(int, where(places, "more"), ROOT_UNKNOWN));
}

Test(root_places, a_long_reason_is_cut)
{
    root_places_t *places ROOT_PLACES_SCOPED = NULL;
    char reason[ROOT_REASON_SIZE + 50];
    arena_t arena ARENA_SCOPED = {0};
    root_place_t place;
    memset(reason, 'x', sizeof reason);
    check_ok(root_places_new(NULL, &places));

    check_ok(root_places_set(places, STR("music"), STR("/"), str_of(reason, sizeof reason)));
    check_ok(root_places_find(places, STR("music"), &arena, &place));
    cr_assert(eq(sz, place.reason.size, ROOT_REASON_SIZE - 1));
}

static err_t use(void *context)
{
    root_places_t **places = context;
    arena_t arena ARENA_SCOPED = {0};
    root_place_t place;
    TRY(root_places_new(NULL, places));
    TRY(root_places_set(*places, STR("music"), STR("/srv"), STR("")));
    TRY(root_places_set(*places, STR("music"), STR("/else"), STR("")));
    return root_places_find(*places, STR("music"), &arena, &place);
}

static void end(void *context)
{
    root_places_t **places = context;
    root_places_free(STEAL(*places));
}

Test(root_places, without_memory_it_says_so)
{
    root_places_t *places = NULL;
    uint64_t rounds = 0;
    buf_t problem BUF_SCOPED = BUF_INIT;
    each_failing_t each = {.use = use, .end = end, .context = &places};

    bool holds = each_failing_holds(&each, &rounds, &problem);

    cr_assert(holds, "%.*s", STR_ARG(buf_str(&problem)));
    cr_assert(gt(u64, rounds, 3));
}
