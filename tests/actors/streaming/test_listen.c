#include "actors/streaming/listen.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

typedef struct word {
    int64_t elapsed_ms, from_ms, to_ms;
} word_t;

enum { MINUTE = 60000, WORDS_MAX = 4 };

Test(listen, what_counts_as_a_play)
{
    static const struct {
        const char *what;
        uint32_t duration_ms;
        word_t words[WORDS_MAX];
        bool want;
    } cases[] = {
        {"half of a short track", 40000, {{20000, 0, 20000}}, true},
        {"a little less", 40000, {{19999, 0, 19999}}, false},
        {"in two parts", 40000, {{10000, 0, 10000}, {10000, 30000, 40000}}, true},
        {"a seek to the end", 40000, {{1000, 0, 40000}}, false},
        {"a seek back", 40000, {{15000, 0, 15000}, {10000, 15000, 0}}, false},
        {"what was heard before a seek back stays",
         40000,
         {{15000, 0, 15000}, {10000, 15000, 0}, {5000, 0, 5000}},
         true},
        {"a jump, however long it took", 40000, {{25000, 0, 39000}}, false},
        {"a jump within what clocks may be off", 4000, {{1000, 0, 3000}}, false},
        {"the position not told", 40000, {{20000, 0, -1}}, true},
        {"a silent device", 120000, {{600000, 0, 60000}}, false},
        {"a silent device, not told", 120000, {{600000, 0, -1}}, false},
        {"buffering is no listening", 40000, {{30000, 0, 10000}}, false},
        {"a clock that went back", 40000, {{-50000, 0, -1}, {20000, 0, 19000}}, false},
        {"the shortest track", 1, {{1, 0, 1}}, true},
        {"an unknown duration", 0, {{30000, 0, 30000}}, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        listen_t listen;
        listen_start(&listen, 5);
        bool counts = false;
        for (size_t j = 0; j < WORDS_MAX; j++)
            counts |= listen_credit(&listen, cases[i].duration_ms, cases[i].words[j].elapsed_ms,
                                    cases[i].words[j].from_ms, cases[i].words[j].to_ms);
        cr_expect(counts == cases[i].want, "%s: %lld ms", cases[i].what,
                  (long long)listen.listened_ms);
    }
}

Test(listen, four_minutes_of_a_long_track_are_enough)
{
    static const uint32_t durations[] = {3600000, 0};
    for (size_t d = 0; d < COUNT_OF(durations); d++) {
        listen_t listen;
        listen_start(&listen, 0);
        int64_t at = 0;
        while (!listen_credit(&listen, durations[d], 10000, at, at + 10000))
            at += 10000;
        cr_assert(eq(i64, at + 10000, LISTEN_PLAY_MS));
        cr_assert_not(listen_credit(&listen, durations[d], 10000, at, at + 10000)); /* once */
    }
}

Test(listen, a_track_that_begins_again_is_heard_anew)
{
    static const struct {
        const char *what;
        bool is_counted;
        int64_t from_ms, to_ms;
        bool want;
    } cases[] = {
        {"counted, and back to the start", true, 150000, 0, true},
        {"counted, and back a little", true, 150000, 100000, false},
        {"not counted, and back to the start", false, 50000, 0, false},
        {"it had ended", false, 200000, 9000, true},
        {"going on", true, 100000, 110000, false},
        {"at the start already", true, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        listen_t listen = {.is_counted = cases[i].is_counted};
        bool got = listen_is_again(&listen, 200000, cases[i].from_ms, cases[i].to_ms);
        cr_expect(got == cases[i].want, "%s", cases[i].what);
    }
}

/* A listener who really plays and seeks, against a naive sum of what was heard. */
Test(listen, random_listening_is_credited_as_it_was_heard)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        random_seed_t state = {seed};
        ms_random_t random = random_seeded(&state);
        listen_t listen;
        listen_start(&listen, 0);
        int64_t position = 0, heard = 0;
        for (int i = 0; i < 100; i++) {
            int64_t played = (int64_t)random_below(&random, LISTEN_GAP_MAX_MS);
            bool is_told = random_below(&random, 3) != 0;
            listen_credit(&listen, 3600000, played, position, is_told ? position + played : -1);
            heard += played;
            position = (int64_t)random_below(&random, 3600000); /* a seek, which is told apart */
        }
        cr_assert(eq(i64, listen.listened_ms, heard));
        cr_assert(listen.is_counted == (heard >= LISTEN_PLAY_MS));
    }
}
