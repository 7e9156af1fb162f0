#pragma once
/* fold.h -- text as it is compared: without case, accents and spelling habits.
 *
 * NFKD and case folding (Unicode, through utf8proc); combining marks dropped, but the kana voicing
 * marks kept; katakana to hiragana; Arabic letter forms, tatweel and vowel signs evened out; ø ł đ
 * ð ß æ œ þ ı to plain letters; apostrophes dropped ("don't" is "dont"), every other run of
 * punctuation and blanks is one blank. Bytes that are not UTF-8 count as blanks. tests/storage/
 * search/fold.golden pins it: a change needs a new CATALOG_FORMAT and SEARCH_RANKING, since folded
 * text is stored.
 *
 * Threads  None: pure functions. Errors  Through the buffer. */

#include "runtime/base/buf.h"

/* A longer word is cut, at a whole code point. Short enough for osa.h to measure any. */
enum { FOLD_WORD_SIZE_MAX = 63 };

/* Appends the folded form: words with one blank between them, none at the ends. */
void fold_append(buf_t *out, str_t text);
/* Takes the first word off *rest. CJK and kana runs count as words as they stand. */
bool fold_next_word(str_t *rest, str_t *out_word);
/* What sorts it: folded, without a leading "the ", "a " or "an ". */
void fold_sort_append(buf_t *out, str_t text);
