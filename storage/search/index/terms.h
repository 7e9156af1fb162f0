#pragma once
/* terms.h -- a folded document as the terms that find it (search_space_t), by the rule of words.h.
 *
 * A word gives itself and its first 1, 2 and 3 code points as prefixes; CJK gives each character
 * and each two neighbours. Title, artist, album and further names are one to this. Lyrics give
 * words and, where one of two neighbours is very common (common_words.h), the pair.
 *
 * Threads  None: pure functions. Errors  NO_MEMORY, and what `each` returned. */

#include "storage/search/index/folded.h"

enum { TERM_TITLE_SIZE_MAX = 200, TERM_FACET_SIZE_MAX = 200, TERM_SIZE_MAX = 1 + 200 };

/* Does it start with a CJK character? Such words are in no dictionary. */
bool terms_starts_cjk(str_t text);
/* Bytes of the first `count` code points; 0 when there are fewer. */
size_t terms_prefix_size(str_t text, size_t count);
/* The first bytes, at most `size_max`, at a whole code point. */
str_t terms_cut(str_t text, size_t size_max);

/* What a whole title is as a term, without the space: folded, without its blanks, so that who runs
 * words together or tears them apart has the title all the same; cut at TERM_TITLE_SIZE_MAX. */
void terms_title_append(buf_t *out, str_t folded);

/* What a facet's value is as a term, without the space: folded, but a root as it stands, since two
 * that differ in case are two; what folds to nothing, too. */
void terms_facet_append(buf_t *out, search_space_t space, str_t value);

/* Behind the CJK character that starts or ends a title, or what of it is CJK, as terms of
 * SEARCH_SPACE_WORD: titles that are one but for a character in between are found by them. */
typedef enum terms_edge { TERMS_STARTS = '^', TERMS_ENDS = '$' } terms_edge_t;

/* A line of lyrics without its times, folded, appended. */
void terms_fold_lyrics_line(buf_t *out, str_t line);

/* Every term of a document, with its space in front; some more than once. `name`: of a facet, as it
 * was put in; else empty. Borrowed for the call. */
typedef err_t (*terms_fn)(void *context, str_t term, str_t name);
err_t terms_each(const folded_t *document, buf_t *scratch, terms_fn each, void *context);
