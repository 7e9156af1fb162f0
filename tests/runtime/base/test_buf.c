#include "runtime/base/buf.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

Test(buf, what_is_appended_is_there_in_order)
{
    buf_t buf BUF_SCOPED = BUF_INIT;

    buf_append(&buf, STR("one"));
    buf_append(&buf, (str_t){NULL, 0});
    buf_append_char(&buf, ' ');
    buf_append_u64(&buf, UINT64_MAX);
    buf_append_char(&buf, ' ');
    buf_append_i64(&buf, INT64_MIN);
    buf_printf(&buf, " %s-%d", "x", 7);

    check_ok(buf_status(&buf));
    check_str(buf_str(&buf), STR("one 18446744073709551615 -9223372036854775808 x-7"));
    cr_assert(strlen(buf_terminated(&buf)) == buf.size);
}

Test(buf, a_failure_keeps_the_content_and_stays_until_reset)
{
    buf_t buf BUF_SCOPED = {.size_max = 4};

    buf_append(&buf, STR("four"));
    check_ok(buf_status(&buf));
    buf_append(&buf, STR("!"));
    check_err(buf_status(&buf), ERR_LIMIT);
    check_str(buf_str(&buf), STR("four"));
    buf_append(&buf, (str_t){NULL, 0});
    cr_assert(buf_extend(&buf, 1) == NULL);
    check_err(buf_reserve(&buf, SIZE_MAX), ERR_LIMIT);

    buf_reset(&buf);
    check_ok(buf_status(&buf));
    buf_append(&buf, STR("ok"));
    check_str(buf_str(&buf), STR("ok"));
}

Test(buf, random_use_agrees_with_an_array)
{
    random_seed_t seed = {1};
    ms_random_t random = random_seeded(&seed);
    static char twin[1 << 16];
    size_t size = 0;
    buf_t buf BUF_SCOPED = BUF_INIT;

    for (int round = 0; round < 5000; round++) {
        char bytes[64];
        size_t count = random_below(&random, sizeof bytes);
        if (random_below(&random, 3) == 0) {
            buf_consume(&buf, count * 4);
            size_t gone = MIN(count * 4, size);
            memmove(twin, twin + gone, size - gone);
            size -= gone;
        } else if (size + count < sizeof twin) {
            random_fill(&random, bytes, count);
            buf_append_bytes(&buf, bytes, count);
            memcpy(twin + size, bytes, count);
            size += count;
        }
        cr_assert(str_equal(buf_str(&buf), str_of(twin, size)), "round %d", round);
        cr_assert(buf.size <= buf.capacity);
    }
}
