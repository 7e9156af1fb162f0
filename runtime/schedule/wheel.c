#include "runtime/schedule/wheel.h"

enum { SLOT_BITS = 6, SLOT_MASK = WHEEL_SLOTS - 1 };

static uint64_t level_span_ms(uint32_t level)
{
    return UINT64_C(1) << (SLOT_BITS * (level + 1));
}

static uint64_t slot_width_ms(uint32_t level)
{
    return UINT64_C(1) << (SLOT_BITS * level);
}

void wheel_init(wheel_t *self, uint64_t now_ms)
{
    *self = (wheel_t){.now_ms = now_ms};
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
            wheel_entry_t *head = &self->slots[level][slot];
            head->next = head->previous = head;
        }
    }
}

static void place(wheel_t *self, wheel_entry_t *entry)
{
    uint64_t delay_ms = entry->due_ms > self->now_ms ? entry->due_ms - self->now_ms : 0;
    uint32_t level = 0;
    while (level < WHEEL_LEVELS - 1 && delay_ms >= level_span_ms(level))
        level++;
    /* Too far for the last level: as far as it reaches, and again from there. */
    uint64_t reach_ms = MIN(delay_ms, level_span_ms(level) - slot_width_ms(level));
    uint64_t at_ms = self->now_ms + reach_ms;
    uint32_t slot = (uint32_t)(at_ms >> (SLOT_BITS * level)) & SLOT_MASK;

    wheel_entry_t *head = &self->slots[level][slot];
    entry->level = (uint16_t)level;
    entry->slot = (uint16_t)slot;
    entry->next = head;
    entry->previous = head->previous;
    head->previous->next = entry;
    head->previous = entry;
    self->occupied[level] |= UINT64_C(1) << slot;
}

void wheel_add(wheel_t *self, wheel_entry_t *entry, uint64_t due_ms)
{
    entry->due_ms = due_ms;
    place(self, entry);
    self->count++;
}

static void take_out(wheel_t *self, wheel_entry_t *entry)
{
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
    entry->next = entry->previous = NULL;
    wheel_entry_t *head = &self->slots[entry->level][entry->slot];
    if (head->next == head)
        self->occupied[entry->level] &= ~(UINT64_C(1) << entry->slot);
}

void wheel_remove(wheel_t *self, wheel_entry_t *entry)
{
    if (!wheel_has(entry))
        return;
    take_out(self, entry);
    self->count--;
}

bool wheel_has(const wheel_entry_t *entry)
{
    return entry->next != NULL;
}

/* The slots that begin at now_ms on the levels above 0 are spread over the levels below. */
static void cascade(wheel_t *self)
{
    for (uint32_t level = WHEEL_LEVELS - 1; level > 0; level--) {
        if (self->now_ms % slot_width_ms(level) != 0)
            continue;
        uint32_t slot = (uint32_t)(self->now_ms >> (SLOT_BITS * level)) & SLOT_MASK;
        wheel_entry_t *head = &self->slots[level][slot];
        wheel_entry_t *last = head->previous; /* what is placed here again is not met twice */
        while (head->next != head) {
            wheel_entry_t *entry = head->next;
            bool is_last = entry == last;
            take_out(self, entry);
            place(self, entry);
            if (is_last)
                break;
        }
    }
}

/* The first millisecond after now_ms at which something must be done. */
static uint64_t next_stop_ms(const wheel_t *self)
{
    uint64_t best_ms = UINT64_MAX;
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        if (self->occupied[level] == 0)
            continue;
        uint64_t tick = self->now_ms >> (SLOT_BITS * level);
        uint32_t from = (uint32_t)(tick + 1) & SLOT_MASK;
        uint64_t turned = self->occupied[level] >> from;
        if (from != 0)
            turned |= self->occupied[level] << (WHEEL_SLOTS - from);
        uint64_t ticks_on = tick + 1 + (uint64_t)__builtin_ctzll(turned);
        best_ms = MIN(best_ms, ticks_on << (SLOT_BITS * level));
    }
    return best_ms;
}

wheel_entry_t *wheel_take_due(wheel_t *self, uint64_t now_ms)
{
    for (;;) {
        wheel_entry_t *head = &self->slots[0][self->now_ms & SLOT_MASK];
        if (head->next != head) {
            wheel_entry_t *entry = head->next;
            take_out(self, entry);
            self->count--;
            return entry;
        }
        if (now_ms <= self->now_ms)
            return NULL;
        uint64_t stop_ms = self->count == 0 ? now_ms : MIN(now_ms, next_stop_ms(self));
        self->now_ms = stop_ms;
        cascade(self);
    }
}

bool wheel_next_ms(const wheel_t *self, uint64_t *out_ms)
{
    if (self->count == 0)
        return false;
    bool is_due = (self->occupied[0] >> (self->now_ms & SLOT_MASK) & 1) != 0;
    *out_ms = is_due ? self->now_ms : next_stop_ms(self);
    return true;
}
