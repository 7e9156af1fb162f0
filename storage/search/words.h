#pragma once
/* words.h -- folded text (fold.h) taken apart, by one rule for documents, requests and ranking.
 *
 * A run is a word between blanks, or, where a script puts no blanks between words (Han, kana, Thai,
 * Lao, Khmer, Burmese: "CJK" in this folder), as many of its characters as stand together.
 * "abc東京 def" is "abc", "東京", "def". A character of a CJK run is a code point with the kana
 * voicing mark behind it, so it is short: further marks are characters of their own.
 *
 * The terms of a document (SEARCH_SPACE_WORD) are its words, and of CJK runs each character and
 * each two neighbours; two CJK runs with one blank between them are neighbours, too: the middle dot
 * of "アンダー・ザ・シー" folds to a blank, and who types the title leaves it out.
 *
 * Korean has blanks and is words; its syllables are folded to letters, so a typo is one edit.
 *
 * Threads  None: pure functions. */

#include "runtime/base/str.h"

typedef struct words_run {
    str_t text;
    bool is_cjk;
} words_run_t;

/* Takes the next run off *rest. A word longer than FOLD_WORD_SIZE_MAX is cut, at a whole code
 * point; a CJK run is not. */
bool words_next(str_t *rest, words_run_t *out_run);
bool words_is_cjk(uint32_t code_point);
/* Bytes of the first character of a CJK run; 0: it is empty. */
size_t words_character(str_t run);
uint32_t words_characters(str_t run);
/* Whether a CJK part stands in a text at whole characters: か is not in が. */
bool words_has(str_t text, str_t part);
/* Does the text start with a kana voicing mark? Then it goes on with the character before. */
bool words_goes_on(str_t text);
