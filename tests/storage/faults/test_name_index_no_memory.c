/* Names, with the n-th allocation failing, n from 1 until none is left to fail: what is refused
 * changed nothing, what was there is found, and no block is left. */

#include "storage/search/names/name_index.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

typedef struct world {
    name_index_t *names;
    uint32_t changes; /* of the last use that were taken */
} world_t;

static const name_index_entry_t entries[] = {
    {NAME_INDEX_PERSON, STR_INIT("ana"), STR_INIT(""), STR_INIT("Ana Tables"), false},
    {NAME_INDEX_PLAYLIST, STR_INIT("p1"), STR_INIT("ana"), STR_INIT("Morning tables"), true},
    {NAME_INDEX_PLAYLIST, STR_INIT("p2"), STR_INIT("ana"), STR_INIT("Evening tables"), false},
    {NAME_INDEX_PLAYLIST, STR_INIT("p1"), STR_INIT("ana"), STR_INIT("Renamed tables"), true},
};

static err_t ask(world_t *self, uint32_t *out_total)
{
    arena_t arena ARENA_SCOPED = {0};
    name_index_found_t found;
    TRY(name_index_find(
        self->names, &arena,
        &(name_index_query_t){.text = STR("tabels"), .asker = STR("ana"), .first = {5, 5}},
        &found));
    *out_total = found.totals[NAME_INDEX_PERSON] + found.totals[NAME_INDEX_PLAYLIST];
    return ERR_OK;
}

static err_t use(void *context)
{
    world_t *self = context;
    uint32_t total;
    self->changes = 0;
    TRY(name_index_new(0, &self->names));
    for (; self->changes < COUNT_OF(entries); self->changes++)
        TRY(name_index_put(self->names, &entries[self->changes]));
    TRY(name_index_settle(self->names));
    return ask(self, &total);
}

/* With nothing failing any more. */
static void end(void *context)
{
    world_t *self = context;
    uint32_t total = 0;
    if (self->names == NULL)
        return;
    check_ok(ask(self, &total));
    cr_expect(total == MIN(self->changes, 3u), "%u after %u", (unsigned)total,
              (unsigned)self->changes);
    check_ok(name_index_settle(self->names));
    name_index_free(STEAL(self->names));
}

Test(name_index_no_memory, what_is_refused_changed_nothing)
{
    world_t world = {0};
    uint64_t rounds = 0;
    buf_t problem BUF_SCOPED = BUF_INIT;
    each_failing_t failing = {.use = use, .end = end, .context = &world};
    bool holds = each_failing_holds(&failing, &rounds, &problem);
    cr_assert(holds, "%s", buf_terminated(&problem));
    cr_assert(gt(u64, rounds, 10));
}
