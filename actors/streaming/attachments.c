#include "actors/streaming/attachments.h"

#include "runtime/base/memory.h"

enum { PLACES_MAX = SESSION_DEVICES_MAX * SESSION_CONNECTIONS_MAX };

void attachments_deinit(attachments_t *self)
{
    memory_free(self->places);
    *self = (attachments_t){0};
}

static bool is_of(const attachment_t *place, str_t device_id)
{
    return str_equal(str_from(place->device_id), device_id);
}

/* The place of this socket, or the one that it may take over; NULL: it needs a new one. */
static attachment_t *place_for(attachments_t *self, str_t device_id, uint64_t connection)
{
    attachment_t *oldest = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        attachment_t *place = &self->places[i];
        if (!is_of(place, device_id))
            continue;
        if (place->connection == connection)
            return place;
        if (oldest == NULL || place->heard_ms < oldest->heard_ms)
            oldest = place;
        count++;
    }
    return count < SESSION_CONNECTIONS_MAX ? NULL : oldest;
}

static err_t grow(attachments_t *self)
{
    if (self->count < self->capacity)
        return ERR_OK;
    if (self->count == PLACES_MAX)
        return ERR_LIMIT;
    uint32_t capacity = MIN(MAX(4u, self->capacity * 2), (uint32_t)PLACES_MAX);
    attachment_t *places = memory_resize(self->places, capacity, sizeof *places);
    if (places == NULL)
        return ERR_NO_MEMORY;
    self->places = places;
    self->capacity = capacity;
    return ERR_OK;
}

err_t attachments_add(attachments_t *self, str_t device_id, uint64_t connection, uint64_t now_ms)
{
    attachment_t *place = place_for(self, device_id, connection);
    if (place == NULL) {
        TRY(grow(self));
        place = &self->places[self->count++];
        str_to_array(device_id, place->device_id, sizeof place->device_id);
    }
    place->connection = connection;
    place->heard_ms = now_ms;
    return ERR_OK;
}

void attachments_remove(attachments_t *self, str_t device_id, uint64_t connection)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (self->places[i].connection != connection || !is_of(&self->places[i], device_id))
            self->places[kept++] = self->places[i];
    self->count = kept;
}

void attachments_prune(attachments_t *self, uint64_t now_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (now_ms - self->places[i].heard_ms < SESSION_ATTACH_LOST_MS)
            self->places[kept++] = self->places[i];
    self->count = kept;
}

bool attachments_have(const attachments_t *self, str_t device_id)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (is_of(&self->places[i], device_id))
            return true;
    return false;
}
