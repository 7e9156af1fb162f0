#include "media/protocol/segments.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <math.h>

static void check_plan(const segment_plan_t *plan, const char *what)
{
    uint64_t frames = 0, samples = 0;
    for (uint32_t k = 0; k < plan->segment_count; k++) {
        segment_t s = segment_at(plan, k);
        cr_assert(s.frame_begin == frames && s.frame_end > s.frame_begin, "%s: segment %u", what,
                  k);
        cr_assert(s.start_samples == samples, "%s: segment %u", what, k);
        frames = s.frame_end;
        samples += s.duration_samples;
        cr_assert(segment_seconds(plan, k) <= segment_target_seconds(plan), "%s", what);
        uint64_t first =
            s.start_samples < plan->priming_samples ? 0 : s.start_samples - plan->priming_samples;
        if (first < plan->total_samples)
            cr_assert(segment_find(plan, first) == k, "%s: %llu is found in %u, not %u", what,
                      (unsigned long long)first, segment_find(plan, first), k);
    }
    cr_assert(frames == plan->frame_count, "%s", what);
    cr_assert(samples == plan->priming_samples + plan->total_samples + plan->padding_samples, "%s",
              what);
    cr_assert(plan->padding_samples < plan->frame_samples, "%s", what);
}

Test(segments, cover_every_sample_once)
{
    static const uint32_t rates[] = {8000,  11025, 22050, 32000, 37800,
                                     44100, 48000, 88200, 96000, 192000};
    random_seed_t seed = {4};
    ms_random_t random = random_seeded(&seed);
    for (uint32_t i = 0; i < 20000; i++) {
        segment_source_t source = {rates[i % COUNT_OF(rates)], 1 + i % 8, i % 3 * 8 + 8, 0};
        uint64_t most = i % 2 == 0 ? source.sample_rate * 12ULL : source.sample_rate * 900ULL;
        source.total_samples = 1 + random_below(&random, most);
        for (rendition_t r = 0; r < RENDITION_COUNT; r++) {
            segment_plan_t plan;
            check_ok(segment_plan(r, &source, &plan));
            check_plan(&plan, rendition_name(r));
        }
    }
}

Test(segments, of_all_aac_renditions_are_cut_at_the_same_places)
{
    segment_source_t source = {44100, 2, 16, 44100 * 200 + 17};
    segment_plan_t low, high;
    check_ok(segment_plan(RENDITION_AAC_64, &source, &low));
    check_ok(segment_plan(RENDITION_AAC_256, &source, &high));
    cr_assert(low.segment_count == high.segment_count);
    for (uint32_t k = 0; k < low.segment_count; k++)
        cr_assert(segment_at(&low, k).start_samples == segment_at(&high, k).start_samples);
}

Test(segments, begin_with_a_short_one_and_end_without_a_crumb)
{
    segment_source_t source = {44100, 2, 16, 44100 * 200};
    segment_plan_t plan;
    check_ok(segment_plan(RENDITION_AAC_128, &source, &plan));
    cr_assert(fabs(segment_seconds(&plan, 0) - 1) < 0.05);
    cr_assert(fabs(segment_seconds(&plan, 1) - 4) < 0.05);
    cr_assert(segment_seconds(&plan, plan.segment_count - 1) > 0.45);
}

Test(segments, refuse_what_can_not_be_carried)
{
    static const struct {
        const char *what;
        rendition_t rendition;
        segment_source_t source;
        err_t want;
    } cases[] = {
        {"no samples", RENDITION_AAC_128, {44100, 2, 16, 0}, ERR_INVALID},
        {"no channels", RENDITION_AAC_128, {44100, 0, 16, 9}, ERR_UNSUPPORTED},
        {"nine channels", RENDITION_FLAC, {44100, 9, 16, 9}, ERR_UNSUPPORTED},
        {"no rate", RENDITION_AAC_128, {0, 2, 16, 9}, ERR_UNSUPPORTED},
        {"lossless of a lossy source", RENDITION_FLAC, {44100, 2, 0, 9}, ERR_UNSUPPORTED},
        {"a rate over FLAC's", RENDITION_FLAC, {655351, 2, 16, 9}, ERR_UNSUPPORTED},
        {"longer than the bound",
         RENDITION_AAC_128,
         {44100, 2, 16, 44100ULL * 4 * (SEGMENTS_MAX + 10)},
         ERR_LIMIT},
        {"not a rendition", RENDITION_COUNT, {44100, 2, 16, 9}, ERR_INVALID},
        {"FLAC's highest rate", RENDITION_FLAC, {655350, 2, 16, 9}, ERR_OK},
        {"one sample", RENDITION_AAC_64, {44100, 1, 16, 1}, ERR_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        segment_plan_t plan;
        err_t got = segment_plan(cases[i].rendition, &cases[i].source, &plan);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
}

Test(segments, renditions_are_named_both_ways)
{
    for (rendition_t r = 0; r < RENDITION_COUNT; r++) {
        rendition_t back;
        check_ok(rendition_from_name(str_from(rendition_name(r)), &back));
        cr_assert(back == r);
    }
    rendition_t none;
    check_err(rendition_from_name(STR("aac512"), &none), ERR_NOT_FOUND);
}
