#pragma once
/* words.h -- made-up words and names in many scripts, as a large music library has them.
 *
 * A script is a list of syllables; word N of it is N written in them, so that words with a small
 * number are short. The same numbers give the same text on every machine.
 *
 * Threads  Any: pure functions. Errors  They append to a buf_t, which keeps its own. */

#include "runtime/base/buf.h"

typedef enum words_script {
    SCRIPT_LATIN,
    SCRIPT_LATIN_MARKED, /* with diacritics */
    SCRIPT_CYRILLIC,
    SCRIPT_GREEK,
    SCRIPT_ARABIC,
    SCRIPT_HEBREW,
    SCRIPT_DEVANAGARI,
    SCRIPT_THAI,
    SCRIPT_HAN,
    SCRIPT_KANA,
    SCRIPT_HANGUL,
    SCRIPT_COUNT
} words_script_t;

enum { WORDS_COMMON = 20000, WORDS_ALL = 1 << 20 };

/* One of `number`'s 64 bits' worth of libraries: more than half Latin, a few of each other. */
words_script_t words_script(uint64_t number);
/* `number` mixed to 64 bits that look random (SplitMix64's finaliser, Steele, Lea, Flood, 2014). */
uint64_t words_mix(uint64_t number);
/* A rank below `count` by Zipf's law with exponent 1: the inverse of ln, at a place in it that
 * `mixed` says. */
uint64_t words_zipf(uint64_t mixed, uint64_t count);

void words_append(buf_t *out, words_script_t script, uint64_t number);
/* `count` words, drawn by Zipf's law from WORDS_COMMON, as titles have them. */
void words_append_title(buf_t *out, words_script_t script, uint64_t seed, uint32_t count);
/* Of somebody: one to three words that seldom are another's. */
void words_append_name(buf_t *out, words_script_t script, uint64_t seed);
