#pragma once
/* common_words.h -- the commonest words of sung text, folded, in the languages that the engine
 * knows: a line of them alone would have to be looked for in most lyrics, so each also stands in a
 * pair with its neighbour (SEARCH_SPACE_LYRIC_PAIR).
 *
 * A word more or less changes terms: a change needs a new SEARCH_RANKING. Threads  None: pure. */

#include "runtime/base/str.h"

bool common_words_has(str_t word);
