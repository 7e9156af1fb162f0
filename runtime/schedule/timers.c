#include "runtime/schedule/timers.h"

#include "runtime/base/memory.h"

enum { TIMERS_FIRST = 4, TIMERS_MAX = UINT16_MAX / 2 + 1 }; /* alarm_t.place */

void timer_table_deinit(timer_table_t *self)
{
    timer_table_clear(self);
    memory_free(self->places);
    *self = (timer_table_t){0};
}

static err_t grow(timer_table_t *self)
{
    if (self->capacity >= TIMERS_MAX)
        return ERR_LIMIT;
    uint32_t capacity = MAX(self->capacity * 2, (uint32_t)TIMERS_FIRST);
    timer_place_t *places = memory_resize(self->places, capacity, sizeof *places);
    if (places == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = capacity; i > self->capacity; i--) {
        places[i - 1] = (timer_place_t){.next_free = self->first_free};
        self->first_free = i;
    }
    self->places = places;
    self->capacity = capacity;
    return ERR_OK;
}

err_t timer_table_add(timer_table_t *self, alarm_t *alarm, uint64_t *out_id)
{
    if (self->first_free == 0)
        TRY(grow(self));
    uint32_t index = self->first_free - 1;
    timer_place_t *place = &self->places[index];
    self->first_free = place->next_free;
    place->generation++;
    place->alarm = alarm;
    alarm->place = (uint16_t)index;
    self->count++;
    *out_id = (uint64_t)place->generation << 32 | index;
    return ERR_OK;
}

static alarm_t *take(timer_table_t *self, uint32_t index)
{
    timer_place_t *place = &self->places[index];
    place->next_free = self->first_free;
    self->first_free = index + 1;
    self->count--;
    return STEAL(place->alarm);
}

bool timer_table_has(const timer_table_t *self, const alarm_t *alarm)
{
    return alarm->place < self->capacity && self->places[alarm->place].alarm == alarm;
}

void timer_table_take(timer_table_t *self, const alarm_t *alarm)
{
    (void)take(self, alarm->place);
}

void timer_table_drop(timer_table_t *self, uint64_t id, scheduler_t *here)
{
    uint32_t index = (uint32_t)id;
    if (index >= self->capacity || self->places[index].generation != id >> 32 ||
        self->places[index].alarm == NULL)
        return;
    alarm_cancel_from(take(self, index), here);
}

void timer_table_clear(timer_table_t *self)
{
    for (uint32_t i = 0; i < self->capacity && self->count > 0; i++) {
        alarm_t *alarm = self->places[i].alarm == NULL ? NULL : take(self, i);
        alarm_cancel(&alarm);
    }
}
