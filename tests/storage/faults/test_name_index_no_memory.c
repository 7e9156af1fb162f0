/* Names, with the n-th allocation failing, n from 1 until none is left to fail: what is refused
 * changed nothing, what was there is found, and no block is left. */

#include "storage/search/names/name_index.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"
#include "tests/support/faults/memory_faults.h"

#include <stdio.h>

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

/* ---- what is given back ---- */

enum { WIPED_NAMES = 300 };

/* Names whose letters are all over what a base is made of: text, and code points in its nodes. */
static void put_many(name_index_t *names, const char *owner)
{
    char key[16], name[64];
    for (int i = 0; i < WIPED_NAMES; i++) {
        snprintf(key, sizeof key, "%s%d", owner, i);
        snprintf(name, sizeof name, "Quodlibet%d of quodlibet%d", i, i * 7);
        check_ok(name_index_put(names, &(name_index_entry_t){NAME_INDEX_PLAYLIST, str_from(key),
                                                             str_from(owner), str_from(name),
                                                             i % 2 == 0}));
    }
}

static uint64_t seen_in(void (*use)(name_index_t *names), const char *text)
{
    name_index_t *names;
    check_ok(name_index_new(0, &names));
    memory_faults_watch(text, strlen(text));
    use(names);
    name_index_free(names);
    uint64_t seen = memory_faults_seen();
    memory_faults_watch(NULL, 0);
    return seen;
}

static void fill_and_free(name_index_t *names)
{
    put_many(names, "ana");
}

static void settle_again(name_index_t *names)
{
    put_many(names, "ana");
    check_ok(name_index_settle(names));
    check_ok(name_index_settle(names));
}

static void erase_and_settle(name_index_t *names)
{
    put_many(names, "ana");
    put_many(names, "bob");
    check_ok(name_index_settle(names));
    name_index_remove_owner(names, STR("bob"));
    check_ok(name_index_settle(names));
}

static void rename_and_clear(name_index_t *names)
{
    put_many(names, "ana");
    check_ok(name_index_settle(names));
    check_ok(name_index_put(names, &(name_index_entry_t){NAME_INDEX_PLAYLIST, STR("ana0"),
                                                         STR("ana"), STR("x"), true}));
    name_index_clear(names);
}

Test(name_index_no_memory, what_is_given_back_has_nobodys_name)
{
    static const struct {
        const char *what;
        void (*use)(name_index_t *names);
    } cases[] = {{"filled", fill_and_free},
                 {"settled", settle_again},
                 {"erased", erase_and_settle},
                 {"renamed", rename_and_clear}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cr_expect(seen_in(cases[i].use, "uodlibet") == 0, "%s: folded or not", cases[i].what);
        cr_expect(seen_in(cases[i].use, "Quodlibet1 ") == 0, "%s: as it was written",
                  cases[i].what);
    }
}

/* The watch sees what is there: else the test above could not fail. */
static void leave_some(name_index_t *names)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    (void)names;
    buf_append(&text, STR("a quodlibet"));
}

Test(name_index_no_memory, what_is_left_is_seen)
{
    cr_assert(eq(u64, seen_in(leave_some, "uodlibet"), 1));
}
