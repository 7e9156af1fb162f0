#include "runtime/base/memory.h"
#include "runtime/durable/durable.h"

void seen_commands_deinit(seen_commands_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        memory_free(self->ring[i].id);
    memory_free(self->ring);
    *self = (seen_commands_t){0};
}

seen_command_t *seen_commands_find(const seen_commands_t *self, str_t id)
{
    for (uint32_t i = 0; i < self->count; i++) {
        if (str_equal(str_of(self->ring[i].id, self->ring[i].id_size), id))
            return &self->ring[i];
    }
    return NULL;
}

static seen_command_t *place_for(seen_commands_t *self, str_t id)
{
    seen_command_t *known = seen_commands_find(self, id);
    if (known != NULL)
        return known;
    seen_command_t *oldest = &self->ring[self->next];
    self->next = (self->next + 1) % DURABLE_COMMANDS_MAX;
    self->count = MIN(self->count + 1, (uint32_t)DURABLE_COMMANDS_MAX);
    return oldest;
}

err_t seen_commands_put(seen_commands_t *self, str_t id, str_t result, const seen_command_t *at)
{
    if (self->ring == NULL)
        self->ring = memory_new_array(DURABLE_COMMANDS_MAX, sizeof(seen_command_t));
    char *copy = memory_new(id.size + result.size);
    if (self->ring == NULL || copy == NULL) {
        memory_free(copy);
        return ERR_NO_MEMORY;
    }
    memcpy(copy, id.data, id.size);
    if (result.size > 0)
        memcpy(copy + id.size, result.data, result.size);
    seen_command_t *place = place_for(self, id);
    memory_free(place->id);
    *place = *at;
    place->id = copy;
    place->id_size = (uint32_t)id.size;
    place->result_size = (uint32_t)result.size;
    return ERR_OK;
}
