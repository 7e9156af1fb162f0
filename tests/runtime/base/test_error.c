#include "runtime/base/error.h"

#include "tests/support/check.h"

#include <errno.h>

Test(error, what_failed_is_never_ok_whatever_errno_says)
{
    static const struct {
        const char *what;
        int error_number;
        err_t want;
    } cases[] = {
        {"nothing", 0, ERR_IO},
        {"no such number", -7, ERR_IO},
        {"a missing file", ENOENT, ERR_NOT_FOUND},
        {"a full disk", ENOSPC, ERR_FULL},
        {"no memory", ENOMEM, ERR_NO_MEMORY},
        {"too many files", EMFILE, ERR_BUSY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t got = err_from_errno(cases[i].error_number);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
}
