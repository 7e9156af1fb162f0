#include "bench/search/tongue.h"

#include "bench/catalog/words.h"
#include "bench/search/tongue_words.h"
#include "runtime/base/utf8.h"

enum { SUFFIXES_FROM = 24, SUFFIXED_WORDS = 280, KOREAN_BASE = 0xac00 };

typedef struct tongue_facts {
    const char *code;
    const char *const *words;
    uint32_t word_count;
    const char *const *syllables; /* NULL: of `script` */
    uint32_t syllable_count;
    words_script_t script;
    uint32_t share; /* of 100 names */
} tongue_facts_t;

#define LIST(list) list, COUNT_OF(list)
static const tongue_facts_t facts[TONGUE_COUNT] = {
    [TONGUE_ENGLISH] = {"en", LIST(english_words), LIST(english_syllables), SCRIPT_LATIN, 52},
    [TONGUE_SPANISH] = {"es", LIST(spanish_words), LIST(spanish_syllables), SCRIPT_LATIN, 9},
    [TONGUE_FRENCH] = {"fr", LIST(french_words), LIST(french_syllables), SCRIPT_LATIN, 6},
    [TONGUE_GERMAN] = {"de", LIST(german_words), LIST(german_syllables), SCRIPT_LATIN, 6},
    [TONGUE_PORTUGUESE] = {"pt", LIST(portuguese_words), LIST(portuguese_syllables), SCRIPT_LATIN,
                           5},
    [TONGUE_ITALIAN] = {"it", LIST(italian_words), LIST(italian_syllables), SCRIPT_LATIN, 3},
    [TONGUE_POLISH] = {"pl", LIST(polish_words), LIST(polish_syllables), SCRIPT_LATIN, 2},
    [TONGUE_RUSSIAN] = {"ru", LIST(russian_words), NULL, 0, SCRIPT_CYRILLIC, 3},
    [TONGUE_ARABIC] = {"ar", LIST(arabic_words), NULL, 0, SCRIPT_ARABIC, 3},
    [TONGUE_HEBREW] = {"he", LIST(hebrew_words), NULL, 0, SCRIPT_HEBREW, 1},
    [TONGUE_JAPANESE] = {"ja", LIST(japanese_words), NULL, 0, SCRIPT_KANA, 8},
    [TONGUE_KOREAN] = {"ko", LIST(korean_words), NULL, 0, SCRIPT_HANGUL, 2},
};

static const char *const suffixes[] = {"s", "ing", "ed", "er", "ly", "less", "ful", "y"};

str_t tongue_code(tongue_t self)
{
    return str_from(facts[self].code);
}

tongue_t tongue_of(uint64_t number)
{
    uint32_t at = (uint32_t)(words_mix(number) % 100), tongue = 0;
    while (tongue + 1 < TONGUE_COUNT && at >= facts[tongue].share)
        at -= facts[tongue++].share;
    return (tongue_t)tongue;
}

bool tongue_has_blanks(tongue_t self)
{
    return self != TONGUE_JAPANESE;
}

bool tongue_has_marks(tongue_t self)
{
    return self == TONGUE_ARABIC || self == TONGUE_HEBREW;
}

/* ---- a word ---- */

/* Two to four syllables, the commoner the fewer; which ones, by the mixed number. */
static void append_syllables(buf_t *out, const tongue_facts_t *tongue, uint64_t number)
{
    uint64_t mixed = words_mix(number * TONGUE_COUNT + tongue->share);
    uint32_t count = number <= 2000 ? 2 : number > 60000 && mixed >> 60 > 3 ? 4 : 3;
    for (uint32_t i = 0; i < count; i++) {
        buf_append(out, str_from(tongue->syllables[mixed % tongue->syllable_count]));
        mixed /= tongue->syllable_count;
    }
}

/* Composed syllables of 14 consonants, 10 vowels and 6 endings, two or three of them (The Unicode
 * Standard, 3.12: SBase + (L * 21 + V) * 28 + T). */
static void append_korean(buf_t *out, uint64_t number)
{
    static const uint32_t leads[] = {0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18};
    static const uint32_t vowels[] = {0, 2, 4, 6, 8, 12, 13, 17, 18, 20};
    static const uint32_t tails[] = {0, 0, 0, 1, 4, 8, 16, 21};
    uint64_t mixed = words_mix(number);
    for (uint32_t i = 0; i < 2 + (number > 20000); i++) {
        uint32_t lead = leads[mixed % COUNT_OF(leads)];
        uint32_t vowel = vowels[mixed / 16 % COUNT_OF(vowels)];
        utf8_append(out,
                    KOREAN_BASE + (lead * 21 + vowel) * 28 + tails[mixed / 256 % COUNT_OF(tails)]);
        mixed >>= 16;
    }
}

/* Kana, characters, or characters with an ending in kana. */
static void append_japanese(buf_t *out, uint64_t number)
{
    uint64_t mixed = words_mix(number);
    if (mixed % 3 > 0)
        words_append(out, SCRIPT_HAN, 32 + mixed / 8 % 30000);
    if (mixed % 3 < 2)
        words_append(out, SCRIPT_KANA, 24 + mixed / 1024 % (mixed % 3 == 0 ? 300000 : 500));
}

void tongue_append_word(buf_t *out, tongue_t self, uint64_t number)
{
    const tongue_facts_t *tongue = &facts[self];
    if (number < tongue->word_count) {
        buf_append(out, str_from(tongue->words[number]));
        return;
    }
    number -= tongue->word_count;
    uint64_t suffixed = COUNT_OF(suffixes) * (uint64_t)SUFFIXED_WORDS;
    if (self == TONGUE_ENGLISH && number < suffixed) {
        buf_append(out, str_from(english_words[SUFFIXES_FROM + number % SUFFIXED_WORDS]));
        buf_append(out, str_from(suffixes[number / SUFFIXED_WORDS]));
    } else if (self == TONGUE_KOREAN) {
        append_korean(out, number);
    } else if (self == TONGUE_JAPANESE) {
        append_japanese(out, number);
    } else if (tongue->syllables == NULL) {
        words_append(out, tongue->script, 600 + number);
    } else {
        append_syllables(out, tongue, number);
    }
}

/* ---- titles and names ---- */

static void capitalise(buf_t *out, size_t begin)
{
    if (begin < out->size && out->data[begin] >= 'a' && out->data[begin] <= 'z')
        out->data[begin] = (char)(out->data[begin] - 'a' + 'A');
}

void tongue_append_title(buf_t *out, tongue_t self, uint64_t seed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && tongue_has_blanks(self))
            buf_append_char(out, ' ');
        size_t begin = out->size;
        tongue_append_word(out, self, words_zipf(words_mix(seed + i), TONGUE_TITLE_WORDS));
        if (i == 0 || self == TONGUE_ENGLISH)
            capitalise(out, begin);
    }
}

void tongue_append_name(buf_t *out, tongue_t self, uint64_t seed)
{
    uint64_t mixed = words_mix(seed);
    uint32_t count = mixed % 8 < 2 ? 1 : mixed % 8 < 7 ? 2 : 3;
    if (self == TONGUE_ENGLISH && mixed >> 32 & 1)
        buf_append(out, STR("The "));
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && tongue_has_blanks(self))
            buf_append_char(out, ' ');
        size_t begin = out->size;
        tongue_append_word(out, self, words_mix(seed + 1 + i) % TONGUE_ALL_WORDS);
        capitalise(out, begin);
    }
}

void tongue_append_marked(buf_t *out, tongue_t self, str_t text)
{
    static const uint32_t arabic[] = {0x064e, 0x064f, 0x0650, 0x0652}; /* fatha to sukun */
    static const uint32_t hebrew[] = {0x05b7, 0x05b8, 0x05b4, 0x05bc}; /* patah to dagesh */
    const uint32_t *marks = self == TONGUE_ARABIC ? arabic : hebrew;
    for (size_t at = 0, letter = 0; at < text.size; letter++) {
        uint32_t c;
        size_t size = MAX(utf8_decode(str_slice(text, at, text.size), &c), (size_t)1);
        buf_append(out, str_slice(text, at, at + size));
        at += size;
        if (tongue_has_marks(self) && c > 0x80 && letter % 3 < 2)
            utf8_append(out, marks[(c + letter) % COUNT_OF(arabic)]);
    }
}
