#include "actors/library/root_rules.h"

#include "tests/support/check.h"

#include <stdio.h>

static void list_end(root_entry_t (*entries)[ROOTS_MAX + 1])
{
    for (size_t i = 0; i <= ROOTS_MAX; i++)
        root_entry_deinit(&(*entries)[i]);
}

Test(root_rules, what_may_be_added)
{
    static const struct {
        const char *what, *name, *path;
        bool can_move;
        err_t want;
        root_change_kind_t kind;
        const char *want_name;
    } cases[] = {
        {"another", "other", "/data/other", false, ERR_OK, ROOT_ADDED, "other"},
        {"the same again", "music", "/data/music", false, ERR_OK, ROOT_UNCHANGED, "music"},
        {"the same, unnamed", "", "/data/music", false, ERR_OK, ROOT_UNCHANGED, "music"},
        {"unnamed", "", "/data/My Songs!", false, ERR_OK, ROOT_ADDED, "My-Songs-"},
        {"unnamed, and the name is taken", "", "/mnt/music", false, ERR_OK, ROOT_ADDED, "music-2"},
        {"hidden", "", "/data/.x", false, ERR_OK, ROOT_ADDED, "-x"},
        {"its name elsewhere", "music", "/mnt/music", false, ERR_CONFLICT, 0, NULL},
        {"its name elsewhere, moved", "music", "/mnt/music", true, ERR_OK, ROOT_MOVED, "music"},
        {"its path under another name", "other", "/data/music", false, ERR_CONFLICT, 0, NULL},
        {"inside", "other", "/data/music/rock", false, ERR_CONFLICT, 0, NULL},
        {"around", "other", "/data", false, ERR_CONFLICT, 0, NULL},
        {"everything", "other", "/", false, ERR_CONFLICT, 0, NULL},
        {"a longer name beside", "other", "/data/music2", false, ERR_OK, ROOT_ADDED, "other"},
        {"relative", "other", "music", false, ERR_INVALID, 0, NULL},
        {"a bad name", "a b", "/x", false, ERR_INVALID, 0, NULL},
        {"a hidden name", ".a", "/x", false, ERR_INVALID, 0, NULL},
    };
    root_entry_t entries[ROOTS_MAX + 1] SCOPED(list_end) = {0};
    check_ok(root_entry_init(&entries[0], STR("music"), STR("/data/music"), 7));

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        root_change_t change = {0};
        err_t got = roots_decide_add(entries, 1, str_from(cases[i].name), str_from(cases[i].path),
                                     cases[i].can_move, &arena, &change);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
        if (got != ERR_OK || cases[i].want != ERR_OK)
            continue;
        cr_expect(change.kind == cases[i].kind, "%s: kind", cases[i].what);
        cr_expect(str_equal(change.name, str_from(cases[i].want_name)), "%s: %.*s", cases[i].what,
                  STR_ARG(change.name));
        cr_expect(change.number == (change.kind == ROOT_ADDED ? 8 : 7), "%s: number",
                  cases[i].what);
    }
}

Test(root_rules, there_is_a_last_one)
{
    arena_t arena ARENA_SCOPED = {0};
    root_entry_t entries[ROOTS_MAX + 1] SCOPED(list_end) = {0};
    root_change_t change;
    for (uint32_t i = 0; i < ROOTS_MAX; i++) {
        char path[32];
        snprintf(path, sizeof path, "/roots/%u", i);
        check_ok(
            roots_decide_add(entries, i, (str_t){"", 0}, str_from(path), false, &arena, &change));
        check_ok(root_entry_init(&entries[i], change.name, str_from(path), change.number));
    }
    check_err(roots_decide_add(entries, ROOTS_MAX, (str_t){"", 0}, STR("/one/more"), false, &arena,
                               &change),
              ERR_LIMIT);
}
