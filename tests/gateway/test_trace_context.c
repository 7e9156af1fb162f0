/* traceparent as W3C Trace Context writes it (§3.2). */
#include "gateway/trace_context.h"
#include "tests/support/check.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

Test(trace_context, what_is_one_is_read_and_what_is_not_is_refused)
{
    static const struct {
        const char *what, *header;
        bool is_one, is_sampled;
    } cases[] = {
        {"sampled", "00-" ID "-" SPAN "-01", true, true},
        {"not sampled", "00-" ID "-" SPAN "-00", true, false},
        {"other flags", "00-" ID "-" SPAN "-fe", true, false},
        {"all flags", "00-" ID "-" SPAN "-ff", true, true},
        {"a later version", "cc-" ID "-" SPAN "-01", true, true},
        {"a later version that has more", "cc-" ID "-" SPAN "-01-what-will-be", true, true},
        {"a later version that is longer", "cc-" ID "-" SPAN "-01x", false, false},
        {"more than this version has", "00-" ID "-" SPAN "-01-x", false, false},
        {"version 255", "ff-" ID "-" SPAN "-01", false, false},
        {"no trace", "00-00000000000000000000000000000000-" SPAN "-01", false, false},
        {"no span", "00-" ID "-0000000000000000-01", false, false},
        {"upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, false},
        {"no hexadecimal", "00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01", false, false},
        {"other dashes", "00_" ID "-" SPAN "-01", false, false},
        {"cut short", "00-" ID "-" SPAN "-0", false, false},
        {"nothing", "", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        trace_context_t trace = {{7, 7}, false};
        err_t err = trace_context_parse(str_from(cases[i].header), &trace);
        bool is_one = err == ERR_OK;
        cr_expect(is_one == cases[i].is_one, "%s", cases[i].what);
        cr_expect(trace.is_sampled == cases[i].is_sampled, "%s", cases[i].what);
        cr_expect(trace.id.high == (cases[i].is_one ? UINT64_C(0x4bf92f3577b34da6) : 7), "%s",
                  cases[i].what);
    }
}

Test(trace_context, what_is_written_can_be_read)
{
    const trace_context_t trace = {{UINT64_C(0x0123456789abcdef), 1}, true};
    trace_context_t read;
    buf_t text BUF_SCOPED = BUF_INIT;

    trace_context_append(&trace, 0x2a, &text);

    check_str(buf_str(&text), STR("00-0123456789abcdef0000000000000001-000000000000002a-01"));
    check_ok(trace_context_parse(buf_str(&text), &read));
    cr_assert(read.id.high == trace.id.high && read.id.low == trace.id.low && read.is_sampled);
}
