#pragma once
/* search_text.h -- the folded text of an entity, and whether words are in it.
 *
 * "title words\0more words": the part before the zero byte is the title.
 * Threads  None: pure functions. */

#include "runtime/base/buf.h"

typedef struct search_text {
    str_t title, more;
} search_text_t;

/* Appends the stored form, each part cut at SEARCH_TEXT_SIZE_MAX at the end of a word. */
void search_text_append(buf_t *out, str_t title, str_t more);
search_text_t search_text_of(str_t stored);
/* The next word of the title, then of the rest; *rest starts as a copy of the text. */
bool search_text_next(search_text_t *rest, str_t *out_word, bool *out_is_title);
/* Is it a word, or with is_prefix the start of one? */
bool search_has_word(str_t text, str_t word, bool is_prefix);
