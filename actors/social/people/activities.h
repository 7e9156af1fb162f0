#pragma once
/* activities.h -- what a listener did that followers may see: the newest, each with a number that
 * is never given again. Pure.
 *
 * There is one activity at most of a kind and its object: a favourite that is taken back takes its
 * activity along, a new rating puts a new one in its place.
 *
 * Ownership  The list owns its items. Threads None.
 * Errors     Adding after activities_reserve can't fail. */

#include "actors/protocol/user.h"

enum { ACTIVITY_OBJECT_ID_SIZE_MAX = 40 };

typedef struct activity {
    uint64_t number, track_id;
    uint32_t kind, rating;
    int64_t at;
    char object_id[ACTIVITY_OBJECT_ID_SIZE_MAX + 1];
} activity_t;

typedef struct activities {
    activity_t *items; /* by number, ascending; room for USER_ACTIVITIES_MAX, or NULL */
    uint32_t count;
    uint64_t last;
} activities_t;

void activities_deinit(activities_t *self);
/* NO_MEMORY */
err_t activities_reserve(activities_t *self);
/* The number of the one of this kind and object; 0: none. */
uint64_t activities_find(const activities_t *self, uint32_t kind, uint64_t track_id,
                         str_t object_id);
/* Completes the event with its number, and which ones go for it. */
void activities_next(const activities_t *self, user_acted_t *event);

/* One of an erased listener has no object, and is not kept. NO_MEMORY */
err_t activities_apply_acted(activities_t *self, const user_acted_t *event, int64_t wall_ms);
void activities_apply_dropped(activities_t *self, uint64_t number);
void activities_apply_cleared(activities_t *self);

/* Up to `count_max` that were not after `until` (0: all), newest first; borrowed. Returns how many.
 */
uint32_t activities_page(const activities_t *self, int64_t until, uint32_t count_max,
                         user_activity_t *out);

/* As records in the arena that borrow, oldest first, and back; the caller keeps `last`. NO_MEMORY;
 * CORRUPT. */
err_t activities_to_records(const activities_t *self, arena_t *arena,
                            const user_activity_t **out_items);
err_t activities_from_records(activities_t *self, const user_activity_t *items, uint32_t count);
