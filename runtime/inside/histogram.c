#include "runtime/inside/histogram.h"

uint64_t histogram_end_ns(uint32_t place)
{
    uint32_t octave = place < HISTOGRAM_STEPS ? 0 : place / HISTOGRAM_STEPS - 1;
    uint64_t step = place < HISTOGRAM_STEPS ? place : place % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
    return (step + 1) << octave << HISTOGRAM_SHIFT;
}

void histogram_merge(histogram_sum_t *self, const histogram_t *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_PLACES; i++) {
        uint32_t count = atomic_load_explicit(&from->counts[i], memory_order_relaxed);
        self->counts[i] += count;
        self->count += count;
    }
    self->sum_ns += atomic_load_explicit(&from->sum_ns, memory_order_relaxed);
    uint64_t max_ns = atomic_load_explicit(&from->max_ns, memory_order_relaxed);
    self->max_ns = MAX(self->max_ns, max_ns);
}

uint64_t histogram_quantile_ns(const histogram_sum_t *self, double share)
{
    if (self->count == 0)
        return 0;
    double wanted = share * (double)self->count;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_PLACES; i++) {
        seen += self->counts[i];
        if (seen > 0 && (double)seen >= wanted)
            return MIN(histogram_end_ns(i), self->max_ns);
    }
    return self->max_ns;
}
