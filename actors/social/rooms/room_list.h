#pragma once
/* room_list.h -- the rooms of a listener: those they are in, and those where something is kept that
 * they said. Pure.
 *
 * Ownership  The list owns its items. Threads None.
 * Errors     Setting after room_list_reserve can't fail. */

#include "actors/protocol/room.h"

enum { ROOM_ID_SIZE_MAX = 40 };

typedef struct listed_room {
    char id[ROOM_ID_SIZE_MAX + 1];
    uint32_t standing; /* room_standing_t, not NONE */
} listed_room_t;

typedef struct room_list {
    listed_room_t *items; /* in the order of their coming */
    uint32_t count, capacity;
} room_list_t;

void room_list_deinit(room_list_t *self);
uint32_t room_list_standing(const room_list_t *self, str_t room_id);
/* Room for one more, unless it is on the list. INVALID: no id; LIMIT: USER_ROOMS_MAX; NO_MEMORY. */
err_t room_list_reserve(room_list_t *self, str_t room_id);
/* NONE: off the list. NO_MEMORY. */
err_t room_list_set(room_list_t *self, str_t room_id, uint32_t standing);

/* As records in the arena that borrow, and back. NO_MEMORY; CORRUPT. */
err_t room_list_to_records(const room_list_t *self, arena_t *arena, const user_room_t **out_items);
err_t room_list_from_records(room_list_t *self, const user_room_t *items, uint32_t count);
