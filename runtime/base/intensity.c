#include "runtime/base/intensity.h"

#include "runtime/base/memory.h"

enum { ROOM_FIRST = 4 };

void intensity_deinit(intensity_t *self)
{
    memory_free(self->times);
    *self = (intensity_t){.times = NULL};
}

static void forget(intensity_t *self, uint64_t period_ns, uint64_t now_ns)
{
    while (self->count > 0 && now_ns - self->times[self->oldest] > period_ns) {
        self->oldest = (self->oldest + 1) % self->room;
        self->count--;
    }
}

static bool grow(intensity_t *self, uint32_t max)
{
    uint64_t twice = MAX((uint64_t)self->room * 2, (uint64_t)ROOM_FIRST);
    uint32_t room = (uint32_t)MIN(twice, (uint64_t)max);
    uint64_t *times = memory_new_array(room, sizeof *times);
    if (times == NULL)
        return false;
    for (uint32_t i = 0; i < self->count; i++)
        times[i] = self->times[(self->oldest + i) % self->room];
    memory_free(self->times);
    self->times = times;
    self->room = room;
    self->oldest = 0;
    return true;
}

bool intensity_add(intensity_t *self, uint32_t max, uint64_t period_ns, uint64_t now_ns)
{
    forget(self, period_ns, now_ns);
    if (self->count >= max || (self->count == self->room && !grow(self, max)))
        return false;
    self->times[(self->oldest + self->count) % self->room] = now_ns;
    self->count++;
    return true;
}
