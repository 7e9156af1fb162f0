#pragma once
/* root_rules.h -- the list of music folders: names, paths, numbers; pure.
 *
 * A name is 1 to ROOT_NAME_SIZE_MAX letters, digits, '-', '_', '.', and does not begin with a dot.
 * No root lies inside another. Numbers count from 1 and are never used twice.
 *
 * Ownership  An entry owns its strings. Threads  None. */

#include "actors/protocol/roots.h"
#include "runtime/base/arena.h"

typedef struct root_entry {
    str_t name, path;
    uint32_t number;
} root_entry_t;

err_t root_entry_init(root_entry_t *self, str_t name, str_t path, uint32_t number);
void root_entry_deinit(root_entry_t *self);
root_info_t root_entry_info(const root_entry_t *self);
root_entry_t *roots_find(root_entry_t *entries, size_t count, str_t name);

bool root_name_is_valid(str_t name);
/* A valid name from a folder's: other characters become '-'; "music" when nothing is left. */
str_t root_name_of(str_t path, arena_t *arena);

typedef enum root_change_kind { ROOT_UNCHANGED, ROOT_ADDED, ROOT_MOVED } root_change_kind_t;
typedef struct root_change {
    root_change_kind_t kind;
    str_t name; /* in the arena, or an entry's */
    uint32_t number;
} root_change_t;

/* INVALID, CONFLICT, LIMIT, as roots.def says; NO_MEMORY. An empty name: of the folder's, made
 * unique with a number. */
err_t roots_decide_add(root_entry_t *entries, size_t count, str_t name, str_t path, bool can_move,
                       arena_t *arena, root_change_t *out_change);
