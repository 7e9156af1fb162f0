#pragma once
/* links.h -- other people on a listener's list, newest last: whom one follows, who follows one.
 * Pure.
 *
 * Each has a number that grows with time and is never given again: the cursor of pages, which go
 * from the newest back. Nobody is on a list twice.
 *
 * Ownership  The list owns its items. Threads None.
 * Errors     A refused call changes nothing. Adding after links_reserve can't fail. */

#include "actors/protocol/user.h"

enum { LINK_USER_ID_SIZE_MAX = 32 };

typedef struct link {
    char user_id[LINK_USER_ID_SIZE_MAX + 1];
    int64_t since;
    uint64_t number;
} link_t;

typedef struct links {
    link_t *items; /* by number, ascending */
    uint32_t count, capacity;
    uint64_t last; /* the number that was given last; they start at 1 */
} links_t;

void links_deinit(links_t *self);

bool links_has(const links_t *self, str_t user_id);
/* Room for one more. LIMIT: it has count_max; NO_MEMORY. */
err_t links_reserve(links_t *self, uint32_t count_max);
/* Nothing where they are on it. INVALID: no id of a user; NO_MEMORY. */
err_t links_add(links_t *self, str_t user_id, int64_t since);
void links_remove(links_t *self, str_t user_id);

/* Up to `count_max` below `before` (0: all), newest first; borrowed from the list. Returns how
 * many.
 */
uint32_t links_page(const links_t *self, uint64_t before, uint32_t count_max, user_link_t *out,
                    bool *out_has_next);

/* All, oldest first, as records in the arena that borrow; and back. NO_MEMORY; CORRUPT: more than
 * count_max. The caller keeps `last`. */
err_t links_to_records(const links_t *self, arena_t *arena, const user_link_t **out_items);
err_t links_from_records(links_t *self, const user_link_t *items, uint32_t count,
                         uint32_t count_max);
