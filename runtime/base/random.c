#include "runtime/base/random.h"

#include "runtime/base/assert.h"
#include "runtime/base/mix.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static void system_fill(void *context, void *out, size_t size)
{
    (void)context;
    char *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, MIN(size, (size_t)256), 0);
        ASSERT(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}

static uint64_t seed_next(random_seed_t *seed)
{
    return mix64(seed->state += 0x9e3779b97f4a7c15u);
}

static void seeded_fill(void *context, void *out, size_t size)
{
    char *at = out;
    for (size_t filled = 0; filled < size; filled += sizeof(uint64_t)) {
        uint64_t value = seed_next(context);
        memcpy(at + filled, &value, MIN(sizeof value, size - filled));
    }
}

ms_random_t random_system(void)
{
    return (ms_random_t){system_fill, NULL};
}

ms_random_t random_seeded(random_seed_t *seed)
{
    return (ms_random_t){seeded_fill, seed};
}

void random_fill(const ms_random_t *random, void *out, size_t size)
{
    random->fill(random->context, out, size);
}

uint64_t random_u64(const ms_random_t *random)
{
    uint64_t value;
    random_fill(random, &value, sizeof value);
    return value;
}

uint64_t random_below(const ms_random_t *random, uint64_t below)
{
    if (below == 0)
        return 0;
    uint64_t limit = UINT64_MAX - UINT64_MAX % below;
    uint64_t value;
    do
        value = random_u64(random);
    while (value >= limit);
    return value % below;
}
