#pragma once
/* attributes.h -- the compiler attributes that the whole tree uses, under names that say why. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Between these two a header declares what users of the library may call: seen from outside of the
 * shared object, and from C++. The rest of the runtime is compiled with hidden visibility. */
#ifdef __cplusplus
#define API_BEGIN                                                                                  \
    _Pragma("GCC visibility push(default)") extern "C"                                             \
    {
#define API_END                                                                                    \
    }                                                                                              \
    _Pragma("GCC visibility pop")
#else
#define API_BEGIN _Pragma("GCC visibility push(default)")
#define API_END _Pragma("GCC visibility pop")
#endif

#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A local that owns: `kv_t *kv SCOPED(kv_scope_end) = NULL;`. Runs on return and when an actor's
 * failure unwinds. */
#define SCOPED(function) __attribute__((cleanup(function)))

/* Hands a scoped local over to somebody else: yields its value and leaves an empty one behind. */
#define STEAL(variable)                                                                            \
    __extension__({                                                                                \
        __typeof__(variable) stolen_ = (variable);                                                 \
        (variable) = (__typeof__(variable)){0};                                                    \
        stolen_;                                                                                   \
    })

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
