#include "cluster/suspicion.h"

void suspicion_add(suspicion_t *self, uint64_t took_ms)
{
    uint32_t took = (uint32_t)MIN(took_ms, (uint64_t)SUSPICION_TOOK_MAX_MS);
    if (self->count == SUSPICION_SAMPLES) {
        uint64_t oldest = self->took_ms[self->next];
        self->sum -= oldest;
        self->sum_of_squares -= oldest * oldest;
    } else {
        self->count++;
    }
    self->took_ms[self->next] = took;
    self->next = (self->next + 1) % SUSPICION_SAMPLES;
    self->sum += took;
    self->sum_of_squares += (uint64_t)took * took;
}

/* The least whose square is not less. */
static uint64_t square_root_up(uint64_t x)
{
    uint64_t low = 0, high = UINT32_MAX;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (middle * middle < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t suspicion_limit_ms(const suspicion_t *self, uint64_t least_ms, uint64_t greatest_ms)
{
    if (self->count < SUSPICION_SAMPLES_MIN)
        return greatest_ms;
    /* count^2 times the variance: of integers, and never negative. */
    uint64_t count = self->count;
    uint64_t spread = count * self->sum_of_squares - self->sum * self->sum;
    uint64_t limit = (100 * self->sum + 561 * square_root_up(spread)) / (100 * count) + 1;
    return MIN(MAX(limit, least_ms), greatest_ms);
}
