#pragma once
/* scale.h -- numbers that whoever runs the tests gives in the environment: MS_ROUNDS, how many
 * times as much (script/test --long: 20), and MS_SEED, the one seed to run. */

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t scale_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}
static inline uint64_t scale_rounds(void)
{
    return scale_number("MS_ROUNDS", 1);
}
