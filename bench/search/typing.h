#pragma once
/* typing.h -- what fingers do to a text: mistakes, words torn apart and run together.
 *
 * A mistake is one edit as optimal string alignment counts it: a letter more, less, or another, or
 * two neighbours swapped. Other letters are of the same script: neighbours on the keyboard for
 * Latin ones, another vowel for a Korean syllable, a letter of the same text for others. Words of
 * fewer than four letters stay as they are; only words of six and more get two.
 *
 * Threads  Any: pure functions. Errors  Through the buffer. */

#include "runtime/base/buf.h"

/* Appends `text` with `count` mistakes. False, and nothing is appended: its words are too short, or
 * one mistake undid the other. */
bool typing_mistaken(buf_t *out, str_t text, uint64_t luck, uint32_t count);
/* With one wrong character, any, of a text without blanks: five times of eight another one of its
 * script (kana; else Han, as conversion gives them), else missing, twice, or swapped with the next.
 * False as above. */
bool typing_other_character(buf_t *out, str_t text, uint64_t luck);
/* With another first letter in one of its words. */
bool typing_first_letter(buf_t *out, str_t text, uint64_t luck);
/* One word of six letters and more in two of three and more. */
bool typing_torn(buf_t *out, str_t text, uint64_t luck);
/* Two words in one. */
bool typing_run_together(buf_t *out, str_t text, uint64_t luck);
/* The first `count` characters. */
str_t typing_begun(str_t text, size_t count);
