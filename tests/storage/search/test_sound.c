#include "storage/search/sound.h"
#include "tests/support/check.h"

static sound_t sound(const char *word)
{
    sound_t self;
    sound_of(str_from(word), &self);
    return self;
}

Test(sound, the_consonants_that_are_read)
{
    static const struct {
        const char *word, *key;
    } cases[] = {
        {"light", "lt"},
        {"lite", "lt"},
        {"jude", "jd"},
        {"queen", "kn"},
        {"phone", "fn"},
        {"knight", "nt"},
        {"write", "rt"},
        {"rhythm", "rtm"},
        {"cinema", "snm"},
        {"school", "scl"},
        {"church", "crc"},
        {"christ", "krst"},
        {"shadow", "cd"},
        {"match", "mc"},
        {"jackson", "jksn"},
        {"jaxon", "jksn"},
        {"xylophone", "slfn"},
        {"comb", "km"},
        {"ghost", "gst"},
        {"gnome", "nm"},
        {"sign", "sn"},
        {"angel", "anjl"},
        {"hello", "hl"},
        {"world", "wrld"},
        {"zigzag", "sgsg"},
        {"oversea", "afrs"},
        {"a", ""},
        {"aye", ""},
        {"me", ""},
        {"", ""},
        {"ночь", ""},
        {"b2b", ""},
        {"bcdfgbcdfgbcdfgbcdfg", "bkdfgbkdfgbkdfgb"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        sound_t got = sound(cases[i].word);
        cr_expect(str_equal(str_of(got.key, got.size), str_from(cases[i].key)), "\"%s\": \"%.*s\"",
                  cases[i].word, (int)got.size, got.key);
    }
}

Test(sound, words_that_are_alike)
{
    static const struct {
        const char *a, *b;
        bool is_alike;
    } cases[] = {
        {"jood", "jude", true},
        {"lite", "light", true},
        {"fase", "face", true},
        {"hendrics", "hendrix", true},
        {"comfterbly", "comfortably", true}, /* two swapped of seven */
        {"superstishun", "superstition", true},
        {"brekfasts", "breakfast", true}, /* one more */
        {"brekfast", "breakfasts", true}, /* one less */
        {"brekfastr", "breakfastl", true},
        {"brekfastrs", "breakfastll", false},
        {"light", "late", true}, /* no more than a hint */
        {"light", "lights", false},
        {"light", "night", false},
        {"a", "a", false},
        {"ночь", "ночь", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        sound_t a = sound(cases[i].a), b = sound(cases[i].b);
        cr_expect(sound_is_alike(&a, &b) == cases[i].is_alike, "\"%s\", \"%s\"", cases[i].a,
                  cases[i].b);
        cr_expect(sound_is_alike(&b, &a) == cases[i].is_alike, "\"%s\", \"%s\"", cases[i].b,
                  cases[i].a);
    }
}
