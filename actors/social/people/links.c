#include "actors/social/people/links.h"

#include "runtime/base/memory.h"

void links_deinit(links_t *self)
{
    memory_free(self->items);
    *self = (links_t){0};
}

static uint32_t index_of(const links_t *self, str_t user_id)
{
    uint32_t i = 0;
    while (i < self->count && !str_equal(str_from(self->items[i].user_id), user_id))
        i++;
    return i;
}

bool links_has(const links_t *self, str_t user_id)
{
    return index_of(self, user_id) != self->count;
}

static err_t grow(links_t *self, uint32_t wanted)
{
    link_t *items = memory_resize(self->items, wanted, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    self->items = items;
    self->capacity = wanted;
    return ERR_OK;
}

err_t links_reserve(links_t *self, uint32_t count_max)
{
    if (self->count >= count_max)
        return ERR_LIMIT;
    return self->count < self->capacity ? ERR_OK : grow(self, MAX(16u, self->capacity * 2));
}

err_t links_add(links_t *self, str_t user_id, int64_t since)
{
    if (str_is_empty(user_id) || user_id.size > LINK_USER_ID_SIZE_MAX)
        return ERR_INVALID;
    if (links_has(self, user_id))
        return ERR_OK;
    TRY(links_reserve(self, UINT32_MAX));
    link_t *link = &self->items[self->count++];
    *link = (link_t){.since = since, .number = ++self->last};
    str_to_array(user_id, link->user_id, sizeof link->user_id);
    return ERR_OK;
}

void links_remove(links_t *self, str_t user_id)
{
    uint32_t index = index_of(self, user_id);
    if (index == self->count)
        return;
    self->count--;
    memmove(self->items + index, self->items + index + 1,
            (self->count - index) * sizeof *self->items);
}

/* ---- reading ---- */

static user_link_t record_of(const link_t *link)
{
    return (user_link_t){link->number, str_from(link->user_id), link->since};
}

/* The index of the first whose number is at least this. */
static uint32_t index_from(const links_t *self, uint64_t number)
{
    uint32_t low = 0, high = self->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t links_page(const links_t *self, uint64_t before, uint32_t count_max, user_link_t *out,
                    bool *out_has_next)
{
    uint32_t end = before == 0 ? self->count : index_from(self, before);
    uint32_t count = MIN(end, count_max);
    for (uint32_t i = 0; i < count; i++)
        out[i] = record_of(&self->items[end - 1 - i]);
    *out_has_next = count < end;
    return count;
}

/* ---- snapshot ---- */

err_t links_to_records(const links_t *self, arena_t *arena, const user_link_t **out_items)
{
    user_link_t *items = arena_new_array(arena, self->count + 1, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->count; i++)
        items[i] = record_of(&self->items[i]);
    *out_items = items;
    return ERR_OK;
}

err_t links_from_records(links_t *self, const user_link_t *items, uint32_t count,
                         uint32_t count_max)
{
    if (count > count_max)
        return ERR_CORRUPT;
    TRY(grow(self, MAX(count, 1u)));
    for (uint32_t i = 0; i < count; i++) {
        link_t *link = &self->items[self->count++];
        *link = (link_t){.since = items[i].since, .number = items[i].number};
        str_to_array(items[i].user_id, link->user_id, sizeof link->user_id);
    }
    return ERR_OK;
}
