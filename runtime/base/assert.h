#pragma once
/* assert.h -- for a caller's bug only, on in release builds too. Input is never asserted on. */

#include "runtime/base/attributes.h"

NORETURN void assert_failed(const char *expression, const char *file, int line);

#define ASSERT(expression)                                                                         \
    do {                                                                                           \
        if (UNLIKELY(!(expression)))                                                               \
            assert_failed(#expression, __FILE_NAME__, __LINE__);                                   \
    } while (0)
