#include "cluster/link/spin.h"

uint64_t spin_for(const spin_t *self)
{
    return self->shorts >= SPIN_SHORT_ALL / 2 ? self->most_ns : 0;
}

void spin_waited(spin_t *self, uint64_t waited_ns, bool has_slept)
{
    bool is_short = waited_ns <= self->most_ns * (has_slept ? 2 : 1);
    self->shorts -= self->shorts / SPIN_LATE;
    if (is_short)
        self->shorts += SPIN_SHORT_ALL / SPIN_LATE;
}
