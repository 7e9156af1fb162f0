#pragma once
/* check.h -- Criterion, with its macros' conversions quiet: every test includes this instead of
 * <criterion/...>. */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#pragma GCC diagnostic pop
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"

#include "runtime/base/error.h"
#include "runtime/base/str.h"

#define check_ok(expression)                                                                       \
    do {                                                                                           \
        err_t check_err_ = (expression);                                                           \
        cr_assert(check_err_ == ERR_OK, #expression " gave %s", err_name(check_err_));             \
    } while (0)
#define check_err(expression, wanted)                                                              \
    do {                                                                                           \
        err_t check_err_ = (expression);                                                           \
        cr_assert(check_err_ == (wanted), #expression " gave %s", err_name(check_err_));           \
    } while (0)
#define check_str(got, wanted)                                                                     \
    do {                                                                                           \
        str_t check_got_ = (got), check_wanted_ = (wanted);                                        \
        cr_assert(str_equal(check_got_, check_wanted_), #got " is \"%.*s\", not \"%.*s\"",         \
                  STR_ARG(check_got_), STR_ARG(check_wanted_));                                    \
    } while (0)
#define check_true(expression)                                                                     \
    do {                                                                                           \
        bool check_is_true_ = (expression);                                                        \
        cr_assert(check_is_true_, "%s", #expression);                                              \
    } while (0)
/* A look into a test kit (runtime/test_kit.h). */
#define check_kit(kit, look)                                                                       \
    do {                                                                                           \
        bool check_is_seen_ = (look);                                                              \
        cr_assert(check_is_seen_, "%s: %s", #look, kit_wrong(kit));                                \
    } while (0)
