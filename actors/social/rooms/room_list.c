#include "actors/social/rooms/room_list.h"

#include "runtime/base/memory.h"

void room_list_deinit(room_list_t *self)
{
    memory_free(self->items);
    *self = (room_list_t){0};
}

static uint32_t index_of(const room_list_t *self, str_t room_id)
{
    uint32_t i = 0;
    while (i < self->count && !str_equal(str_from(self->items[i].id), room_id))
        i++;
    return i;
}

uint32_t room_list_standing(const room_list_t *self, str_t room_id)
{
    uint32_t index = index_of(self, room_id);
    return index == self->count ? ROOM_STANDING_NONE : self->items[index].standing;
}

err_t room_list_reserve(room_list_t *self, str_t room_id)
{
    if (str_is_empty(room_id) || room_id.size > ROOM_ID_SIZE_MAX)
        return ERR_INVALID;
    if (index_of(self, room_id) != self->count || self->count < self->capacity)
        return ERR_OK;
    if (self->count >= USER_ROOMS_MAX)
        return ERR_LIMIT;
    uint32_t wanted = MIN(MAX(8u, self->capacity * 2), (uint32_t)USER_ROOMS_MAX);
    listed_room_t *items = memory_resize(self->items, wanted, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    self->items = items;
    self->capacity = wanted;
    return ERR_OK;
}

err_t room_list_set(room_list_t *self, str_t room_id, uint32_t standing)
{
    uint32_t index = index_of(self, room_id);
    if (standing == ROOM_STANDING_NONE) {
        if (index == self->count)
            return ERR_OK;
        self->count--;
        memmove(self->items + index, self->items + index + 1,
                (self->count - index) * sizeof *self->items);
        return ERR_OK;
    }
    TRY(room_list_reserve(self, room_id));
    if (index == self->count)
        str_to_array(room_id, self->items[self->count++].id, sizeof self->items->id);
    self->items[index].standing = standing;
    return ERR_OK;
}

err_t room_list_to_records(const room_list_t *self, arena_t *arena, const user_room_t **out_items)
{
    user_room_t *items = arena_new_array(arena, self->count + 1, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->count; i++)
        items[i] = (user_room_t){str_from(self->items[i].id), self->items[i].standing};
    *out_items = items;
    return ERR_OK;
}

err_t room_list_from_records(room_list_t *self, const user_room_t *items, uint32_t count)
{
    if (count > USER_ROOMS_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++)
        TRY(room_list_set(self, items[i].room_id, items[i].standing));
    return ERR_OK;
}
