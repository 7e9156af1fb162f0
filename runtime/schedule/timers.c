#include "runtime/schedule/timers.h"

#include "runtime/base/memory.h"

enum { TIMERS_FIRST = 4 };

void timer_table_deinit(timer_table_t *self)
{
    timer_table_clear(self);
    memory_free(self->places);
    *self = (timer_table_t){0};
}

static err_t grow(timer_table_t *self)
{
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

err_t timer_table_add(timer_table_t *self, alarm_t *alarm)
{
    if (self->first_free == 0)
        TRY(grow(self));
    uint32_t index = self->first_free - 1;
    timer_place_t *place = &self->places[index];
    self->first_free = place->next_free;
    place->generation++;
    place->alarm = alarm;
    alarm->id = (uint64_t)place->generation << 32 | index;
    self->count++;
    return ERR_OK;
}

static timer_place_t *place_of(const timer_table_t *self, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index >= self->capacity)
        return NULL;
    timer_place_t *place = &self->places[index];
    return place->alarm != NULL && place->generation == id >> 32 ? place : NULL;
}

alarm_t *timer_table_at(const timer_table_t *self, uint64_t id)
{
    const timer_place_t *place = place_of(self, id);
    return place == NULL ? NULL : place->alarm;
}

void timer_table_drop(timer_table_t *self, uint64_t id)
{
    timer_place_t *place = place_of(self, id);
    if (place == NULL)
        return;
    place->next_free = self->first_free;
    self->first_free = (uint32_t)id + 1;
    self->count--;
    alarm_cancel(&place->alarm);
}

void timer_table_clear(timer_table_t *self)
{
    for (uint32_t i = 0; i < self->capacity && self->count > 0; i++) {
        if (self->places[i].alarm != NULL)
            timer_table_drop(self, self->places[i].alarm->id);
    }
}
