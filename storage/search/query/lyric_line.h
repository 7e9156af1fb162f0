#pragma once
/* lyric_line.h -- the line of a song's lyrics in which most of some words stand, in their order.
 *
 * Lyrics are LRC ("[mm:ss.mmm]text" lines) or plain. What is remembered of a line may run on into
 * the next: two lines together count when they have more than either.
 *
 * Threads  None: pure, but for scratch. Errors  NO_MEMORY */

#include "runtime/base/buf.h"
#include "storage/search/query/question.h"

typedef struct lyric_line {
    str_t text;      /* as written, without its time; borrowed from the lyrics */
    int64_t at_ms;   /* -1: not synced */
    size_t in_order; /* words of the question that stand there in order */
    bool is_phrase;  /* with nothing between them */
} lyric_line_t;

/* in_order 0: none. */
err_t lyric_line_find(str_t lyrics, const question_t *question, buf_t *scratch,
                      lyric_line_t *out_line);
/* Takes the stamps "[01:02.34]" off the start of a line; -1: there are none. Tags such as "[ar:x]"
 * leave nothing. */
int64_t lyric_line_time(str_t *line);
