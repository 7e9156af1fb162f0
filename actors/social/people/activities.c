#include "actors/social/people/activities.h"

#include "runtime/base/memory.h"

void activities_deinit(activities_t *self)
{
    memory_free(self->items);
    *self = (activities_t){0};
}

err_t activities_reserve(activities_t *self)
{
    if (self->items == NULL)
        self->items = memory_new_array(USER_ACTIVITIES_MAX, sizeof *self->items);
    return self->items == NULL ? ERR_NO_MEMORY : ERR_OK;
}

uint64_t activities_find(const activities_t *self, uint32_t kind, uint64_t track_id,
                         str_t object_id)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const activity_t *item = &self->items[i];
        if (item->kind == kind && item->track_id == track_id &&
            str_equal(str_from(item->object_id), object_id))
            return item->number;
    }
    return 0;
}

void activities_next(const activities_t *self, user_acted_t *event)
{
    event->number = self->last + 1;
    if (self->count == USER_ACTIVITIES_MAX)
        event->kept_from = self->items[1].number;
}

/* Those below `from`, and the one with `number`. */
static void drop(activities_t *self, uint64_t from, uint64_t number)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (self->items[i].number >= from && self->items[i].number != number)
            self->items[kept++] = self->items[i];
    self->count = kept;
}

static err_t add(activities_t *self, const user_activity_t *from)
{
    TRY(activities_reserve(self));
    if (self->count == USER_ACTIVITIES_MAX)
        return ERR_CORRUPT;
    activity_t *item = &self->items[self->count++];
    *item = (activity_t){.number = from->number,
                         .track_id = from->track_id,
                         .kind = from->kind,
                         .rating = from->rating,
                         .at = from->at};
    str_to_array(from->object_id, item->object_id, sizeof item->object_id);
    return ERR_OK;
}

err_t activities_apply_acted(activities_t *self, const user_acted_t *event, int64_t wall_ms)
{
    drop(self, event->kept_from, 0);
    self->last = event->number;
    if (event->track_id == 0 && str_is_empty(event->object_id))
        return ERR_OK;
    return add(self, &(user_activity_t){.number = event->number,
                                        .kind = event->kind,
                                        .track_id = event->track_id,
                                        .object_id = event->object_id,
                                        .rating = event->rating,
                                        .at = wall_ms});
}

void activities_apply_dropped(activities_t *self, uint64_t number)
{
    drop(self, 0, number);
}

void activities_apply_cleared(activities_t *self)
{
    self->count = 0;
}

/* ---- reading ---- */

static user_activity_t record_of(const activity_t *item)
{
    return (user_activity_t){.number = item->number,
                             .kind = item->kind,
                             .track_id = item->track_id,
                             .object_id = str_from(item->object_id),
                             .rating = item->rating,
                             .at = item->at};
}

uint32_t activities_page(const activities_t *self, int64_t until, uint32_t count_max,
                         user_activity_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = self->count; i > 0 && count < count_max; i--)
        if (until == 0 || self->items[i - 1].at <= until)
            out[count++] = record_of(&self->items[i - 1]);
    return count;
}

/* ---- snapshot ---- */

err_t activities_to_records(const activities_t *self, arena_t *arena,
                            const user_activity_t **out_items)
{
    user_activity_t *items = arena_new_array(arena, self->count + 1, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->count; i++)
        items[i] = record_of(&self->items[i]);
    *out_items = items;
    return ERR_OK;
}

err_t activities_from_records(activities_t *self, const user_activity_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        TRY(add(self, &items[i]));
    return ERR_OK;
}
