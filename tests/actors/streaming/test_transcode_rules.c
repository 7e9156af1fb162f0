#include "actors/streaming/transcode_rules.h"

#include "tests/support/check.h"

/* Bit i: segment i is there. */
static bool has_bit(const void *context, uint32_t index)
{
    return (*(const uint32_t *)context >> index) & 1;
}

Test(transcode_rules, a_run_fills_what_is_missing)
{
    static const struct {
        const char *what;
        uint32_t index, ahead, segments, there;
        transcode_range_t runs[TRANSCODE_RUNS_MAX];
        size_t run_count;
        transcode_range_t want;
    } cases[] = {
        {"all missing", 0, 3, 10, 0, {{0}}, 0, {0, 4}},
        {"the end is near", 8, 3, 10, 0, {{0}}, 0, {8, 2}},
        {"past the end", 10, 3, 10, 0, {{0}}, 0, {0, 0}},
        {"all there", 2, 3, 10, 0x3C, {{0}}, 0, {0, 0}},
        {"begins with the first missing one", 2, 3, 10, 0x0C, {{0}}, 0, {4, 2}},
        {"ends before one that is there", 2, 3, 10, 0x10, {{0}}, 0, {2, 2}},
        {"leaves out what is under way", 2, 3, 10, 0, {{2, 2}}, 1, {4, 2}},
        {"ends before another run", 2, 3, 10, 0, {{4, 4}}, 1, {2, 2}},
        {"one more run than there are", 2, 3, 10, 0, {{6, 1}, {8, 1}}, 2, {2, 4}},
        {"no more runs than allowed", 2, 3, 10, 0, {{6, 1}, {8, 1}, {9, 1}}, 3, {0, 0}},
        {"one only", 5, 0, 10, 0, {{0}}, 0, {5, 1}},
        {"no overflow", UINT32_MAX, 3, 10, 0, {{0}}, 0, {0, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        transcode_range_t got =
            transcode_next_run(cases[i].index, cases[i].ahead, cases[i].segments, cases[i].runs,
                               cases[i].run_count, has_bit, &cases[i].there);
        cr_expect(got.first == cases[i].want.first && got.count == cases[i].want.count,
                  "%s: %u, %u", cases[i].what, got.first, got.count);
    }
}

Test(transcode_rules, what_failed_is_tried_again_where_that_helps)
{
    static const struct {
        const char *what;
        err_t err;
        bool is_fetch;
        uint32_t failed;
        uint64_t want_ms;
    } cases[] = {
        {"a node that is away", ERR_UNAVAILABLE, true, 1, TRANSCODE_RETRY_MS},
        {"again", ERR_UNAVAILABLE, true, 2, (uint64_t)TRANSCODE_RETRY_MS * 2},
        {"the longest pause", ERR_TIMEOUT, true, TRANSCODE_FAILED_MAX - 1, TRANSCODE_RETRY_MS_MAX},
        {"too often", ERR_TIMEOUT, true, TRANSCODE_FAILED_MAX, 0},
        {"far too often", ERR_TIMEOUT, true, UINT32_MAX, 0},
        {"cut off", ERR_CORRUPT, true, 1, TRANSCODE_RETRY_MS},
        {"can't be decoded there", ERR_UNSUPPORTED, true, 1, 0},
        {"no space for it", ERR_FULL, true, 1, 0},
        {"no room to begin", ERR_BUSY, false, 1, TRANSCODE_RETRY_MS},
        {"no worker, or it crashed", ERR_UNAVAILABLE, false, 1, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t got_ms = transcode_retry_ms(cases[i].err, cases[i].is_fetch, cases[i].failed);
        cr_expect(got_ms == cases[i].want_ms, "%s: %llu", cases[i].what,
                  (unsigned long long)got_ms);
    }
}

Test(transcode_rules, keys)
{
    uint64_t id = 0;
    rendition_t rendition = RENDITION_FLAC;
    check_ok(transcode_parse_key(STR("4294967297/aac256"), &id, &rendition));
    cr_assert(eq(u64, id, 4294967297));
    cr_assert(rendition == RENDITION_AAC_256);
    check_err(transcode_parse_key(STR("1"), &id, &rendition), ERR_INVALID);
    check_err(transcode_parse_key(STR("x/aac256"), &id, &rendition), ERR_INVALID);
    check_err(transcode_parse_key(STR("1/mp3"), &id, &rendition), ERR_NOT_FOUND);
}
