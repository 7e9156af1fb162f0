#pragma once
/* charset.h -- the text of tags as valid UTF-8, whatever the file claims.
 *
 * Text that says Latin-1 or UTF-8 is taken as UTF-8 when it is valid UTF-8, else as Windows-1252
 * (what taggers wrote under both names). UTF-16 without its halves gives U+FFFD. Control characters
 * become blanks (line ends stay where `keeps_lines`), blanks at both ends go, and a text over
 * size_max ends at the last whole code point. Nothing fails: without memory the text is empty.
 *
 * Threads  None: pure, the result lies in the arena. */

#include "runtime/base/arena.h"

typedef enum charset {
    CHARSET_LATIN1,
    CHARSET_UTF16_BOM,
    CHARSET_UTF16BE,
    CHARSET_UTF8,
    CHARSET_UTF16LE
} charset_t;

str_t charset_text(arena_t *arena, str_t raw, charset_t charset, size_t size_max, bool keeps_lines);
