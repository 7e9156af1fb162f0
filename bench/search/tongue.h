#pragma once
/* tongue.h -- words as titles in twelve languages have them, commonest first.
 *
 * The head of each list is real words of the language, the rest is made of its syllables (words.h
 * for the scripts that it has), so that a catalog has many words beside each other that differ by
 * an edit or two, as people's languages do. Word N is the same on every machine.
 *
 * Threads  Any: pure functions. Errors  They append to a buf_t, which keeps its own. */

#include "runtime/base/buf.h"

typedef enum tongue {
    TONGUE_ENGLISH,
    TONGUE_SPANISH,
    TONGUE_FRENCH,
    TONGUE_GERMAN,
    TONGUE_PORTUGUESE,
    TONGUE_ITALIAN,
    TONGUE_POLISH,
    TONGUE_RUSSIAN,
    TONGUE_ARABIC,
    TONGUE_HEBREW,
    TONGUE_JAPANESE,
    TONGUE_KOREAN,
    TONGUE_COUNT
} tongue_t;

enum { TONGUE_TITLE_WORDS = 60000, TONGUE_ALL_WORDS = 400000 };

str_t tongue_code(tongue_t self); /* ISO 639-1 */
/* One of `number`'s: half English, one in a hundred Hebrew. */
tongue_t tongue_of(uint64_t number);
/* Japanese has no blanks between words. */
bool tongue_has_blanks(tongue_t self);
/* Arabic and Hebrew are written with vowel marks or without, and mean the same. */
bool tongue_has_marks(tongue_t self);

void tongue_append_word(buf_t *out, tongue_t self, uint64_t number);
/* `count` words drawn by Zipf's law. In English each with a capital letter, else only the first. */
void tongue_append_title(buf_t *out, tongue_t self, uint64_t seed, uint32_t count);
/* Of a singer or a band: one to three words that are seldom another's. */
void tongue_append_name(buf_t *out, tongue_t self, uint64_t seed);
/* `text` with a vowel mark behind two letters of three, where the tongue has them. */
void tongue_append_marked(buf_t *out, tongue_t self, str_t text);
