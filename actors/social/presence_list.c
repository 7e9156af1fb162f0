#include "actors/social/presence_list.h"

#include "runtime/base/memory.h"

void presence_listeners_deinit(presence_listeners_t *self)
{
    memory_free(self->places);
    *self = (presence_listeners_t){0};
}

static presence_place_t *find(presence_listeners_t *self, str_t user_id)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (str_equal(str_from(self->places[i].user_id), user_id))
            return &self->places[i];
    return NULL;
}

static err_t add(presence_listeners_t *self, str_t user_id, presence_place_t **out_place)
{
    if (str_is_empty(user_id) || user_id.size > PRESENCE_USER_ID_SIZE_MAX)
        return ERR_INVALID;
    if (self->count == PRESENCE_MAX)
        return ERR_LIMIT;
    if (self->count == self->capacity) {
        uint32_t capacity = MIN(MAX(8u, self->capacity * 2), (uint32_t)PRESENCE_MAX);
        presence_place_t *places = memory_resize(self->places, capacity, sizeof *places);
        if (places == NULL)
            return ERR_NO_MEMORY;
        self->places = places;
        self->capacity = capacity;
    }
    presence_place_t *place = &self->places[self->count++];
    *place = (presence_place_t){0};
    str_to_array(user_id, place->user_id, sizeof place->user_id);
    *out_place = place;
    return ERR_OK;
}

err_t presence_listeners_set(presence_listeners_t *self, const presence_listener_t *listener,
                             uint64_t now_ms, bool *out_is_change)
{
    presence_place_t *place = find(self, listener->user_id);
    bool is_change = place == NULL || place->track_id != listener->track_id ||
                     place->is_playing != listener->is_playing;
    if (place == NULL)
        TRY(add(self, listener->user_id, &place));
    place->track_id = listener->track_id;
    place->is_playing = listener->is_playing;
    place->heard_ms = now_ms;
    *out_is_change = is_change;
    return ERR_OK;
}

bool presence_listeners_clear(presence_listeners_t *self, str_t user_id)
{
    presence_place_t *place = find(self, user_id);
    if (place == NULL)
        return false;
    size_t index = (size_t)(place - self->places);
    self->count--;
    memmove(place, place + 1, (self->count - index) * sizeof *place);
    return true;
}

bool presence_listeners_prune(presence_listeners_t *self, uint64_t now_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (now_ms - self->places[i].heard_ms < PRESENCE_LOST_MS)
            self->places[kept++] = self->places[i];
    bool is_change = kept != self->count;
    self->count = kept;
    return is_change;
}

void presence_listeners_copy(const presence_listeners_t *self, presence_listener_t *out)
{
    for (uint32_t i = 0; i < self->count; i++)
        out[i] = (presence_listener_t){str_from(self->places[i].user_id), self->places[i].track_id,
                                       self->places[i].is_playing};
}
