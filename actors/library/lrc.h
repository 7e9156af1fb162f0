#pragma once
/* lrc.h -- time-synced lyrics as they lie in .lrc files and tags.
 *
 * A line is any number of [mm:ss], [mm:ss.x], [mm:ss.xx] or [mm:ss.xxx] stamps and a text; one with
 * several stamps is sung as often. [offset:N] moves everything N ms earlier, wherever it stands.
 * Other [key:value] lines are left out, and so are word stamps <mm:ss.xx> inside a text. Text
 * without any stamp is plain lyrics. The canonical form is one "[mm:ss.mmm]text" line a line,
 * ordered by time; parsing it again gives the same.
 *
 * Input may be anything: bytes that are not UTF-8 are repaired, a byte order mark is skipped,
 * \r\n, \r and \n end a line, what is past the limits is left out.
 *
 * Ownership  Lines and their text lie in the arena. Threads  None: pure functions. */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

enum {
    LRC_LINES_MAX = 10000,
    LRC_LINE_SIZE_MAX = 2000,  /* bytes of a text; longer ones are cut between characters */
    LRC_STAMPS_MAX = 64,       /* on one line */
    LRC_SIZE_MAX = 256 * 1024, /* of a file that is looked at */
};

typedef struct lrc_line {
    uint32_t start_ms; /* 0 in plain lyrics */
    str_t text;
} lrc_line_t;

typedef struct lrc {
    bool is_synced;
    const lrc_line_t *lines;
    size_t line_count;
} lrc_t;

/* NO_MEMORY. Whatever the input, the result is well-formed; it may have no lines. */
err_t lrc_parse(str_t text, arena_t *arena, lrc_t *out_lrc);
/* The canonical form; plain lyrics as lines. */
void lrc_append(const lrc_t *lrc, buf_t *out);
