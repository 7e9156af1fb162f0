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

/* ---- age ---- */

enum { UUID_SIZE = 36, UUID_VERSION_AT = 14, UUID_TIME_SIZE = 13 /* twelve digits and a dash */ };

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The milliseconds that a UUID of version 7 begins with. False: it is none. */
static bool time_of(str_t id, int64_t *out_ms)
{
    int64_t ms = 0;
    if (id.size != UUID_SIZE || id.data[UUID_VERSION_AT] != '7')
        return false;
    for (size_t i = 0; i < UUID_TIME_SIZE; i++) {
        char digit = id.data[i];
        bool is_dash = i == 8;
        if (is_dash ? digit != '-' : digit_of(digit) < 0)
            return false;
        if (!is_dash)
            ms = ms * 16 + digit_of(digit);
    }
    *out_ms = ms;
    return true;
}

bool command_id_is_stale(str_t id, const ms_clock_t *clock)
{
    int64_t made_ms;
    return time_of(id, &made_ms) && made_ms < clock_wall_ms(clock) - DURABLE_COMMAND_KEPT_MS;
}

/* ---- answered later ---- */

void later_commands_deinit(later_commands_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        memory_free(self->items[i].id);
    memory_free(self->items);
    *self = (later_commands_t){0};
}

static void drop_later(later_commands_t *self, uint32_t i)
{
    memory_free(self->items[i].id);
    self->items[i] = self->items[--self->count];
}

err_t later_commands_put(later_commands_t *self, str_t id, const later_command_t *at)
{
    if (self->items == NULL)
        self->items = memory_new_array(DURABLE_LATER_MAX, sizeof *self->items);
    char *copy = self->items == NULL ? NULL : memory_new(id.size);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    if (self->count == DURABLE_LATER_MAX) {
        memory_free(copy);
        return ERR_LIMIT;
    }
    memcpy(copy, id.data, id.size);
    self->items[self->count] = *at;
    self->items[self->count].id = copy;
    self->items[self->count++].id_size = (uint32_t)id.size;
    return ERR_OK;
}

bool later_commands_has(later_commands_t *self, str_t id, uint64_t now_ns)
{
    for (uint32_t i = self->count; i > 0; i--)
        if (self->items[i - 1].until_ns < now_ns)
            drop_later(self, i - 1);
    for (uint32_t i = 0; i < self->count; i++)
        if (str_equal(str_of(self->items[i].id, self->items[i].id_size), id))
            return true;
    return false;
}

bool later_commands_take(later_commands_t *self, reply_token_t token, buf_t *out_id)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const later_command_t *later = &self->items[i];
        if (later->token.asker != token.asker || later->token.correlation != token.correlation)
            continue;
        buf_append_bytes(out_id, later->id, later->id_size);
        drop_later(self, i);
        return true;
    }
    return false;
}
