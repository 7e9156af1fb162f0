#include "gateway/problem.h"
#include "tests/support/check.h"

Test(problem, an_error_says_what_why_and_where)
{
    buf_t full BUF_SCOPED = BUF_INIT, bare BUF_SCOPED = BUF_INIT, status BUF_SCOPED = BUF_INIT;

    problem_append(&full, ERR_NOT_FOUND, STR("no \"track\""), STR("id-1"));
    problem_append(&bare, ERR_BUSY, STR(""), STR(""));
    problem_append_status(&status, 431, STR("too large"), STR(""));

    check_str(
        buf_str(&full),
        STR("{\"type\":\"about:blank\",\"title\":\"there is no such thing\",\"status\":404,"
            "\"code\":\"NOT_FOUND\",\"detail\":\"no \\\"track\\\"\",\"request_id\":\"id-1\"}"));
    check_str(buf_str(&bare),
              STR("{\"type\":\"about:blank\",\"title\":\"too much at once, try again shortly\","
                  "\"status\":429,\"code\":\"BUSY\"}"));
    check_str(buf_str(&status),
              STR("{\"type\":\"about:blank\",\"title\":\"Request Header Fields Too "
                  "Large\",\"status\":431,\"detail\":\"too large\"}"));
}

Test(problem, a_status_has_its_reason_and_an_unknown_one_a_word)
{
    cr_assert(eq(str, (char *)(uintptr_t)http_status_text(404), "Not Found"));
    cr_assert(eq(str, (char *)(uintptr_t)http_status_text(799), "Status"));
}
