#include "media/tags/lyrics.h"

#include "media/tags/charset.h"
#include "media/tags/source.h"
#include "runtime/base/buf.h"

enum { LINES_LOOKED_AT = 12, SYLT_MILLISECONDS = 2, LINE_MAX = 1024 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "[m:ss" or "[mm:ss" at the start. */
static bool starts_with_time(str_t line)
{
    size_t at = 1;
    if (line.size < 6 || line.data[0] != '[')
        return false;
    while (at < 4 && at < line.size && is_digit(line.data[at]))
        at++;
    return at > 1 && at + 2 < line.size && line.data[at] == ':' && is_digit(line.data[at + 1]) &&
           is_digit(line.data[at + 2]);
}

bool lyrics_is_lrc(str_t text)
{
    uint32_t timed = 0, lines = 0;
    str_t line;
    while (lines < LINES_LOOKED_AT && str_next(&text, '\n', &line)) {
        line = str_trim(line);
        bool is_header = line.size > 3 && line.data[0] == '[' && !is_digit(line.data[1]);
        if (line.size == 0 || is_header) /* "[ar:...]" */
            continue;
        lines++;
        timed += starts_with_time(line) ? 1 : 0;
    }
    return timed > 0 && timed * 2 >= lines;
}

static str_t take_terminated(str_t *rest, bool is_wide)
{
    size_t step = is_wide ? 2 : 1, at = 0;
    while (at + step <= rest->size && (rest->data[at] != 0 || (is_wide && rest->data[at + 1] != 0)))
        at += step;
    str_t text = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at + step, rest->size);
    return text;
}

static void append_line(buf_t *out, uint32_t ms, str_t text)
{
    if (out->size > 0)
        buf_append_char(out, '\n');
    buf_printf(out, "[%02u:%02u.%02u]%.*s", ms / 60000, ms / 1000 % 60, ms / 10 % 100,
               STR_ARG(text));
}

str_t lyrics_from_sylt(arena_t *arena, str_t frame, size_t size_max)
{
    if (frame.size < 6 || frame.data[0] < 0 || frame.data[0] > 3 ||
        frame.data[4] != SYLT_MILLISECONDS)
        return (str_t){0};
    charset_t charset = (charset_t)frame.data[0];
    bool is_wide = charset == CHARSET_UTF16_BOM || charset == CHARSET_UTF16BE;
    str_t rest = str_slice(frame, 6, frame.size);
    take_terminated(&rest, is_wide); /* the descriptor */
    buf_t out BUF_SCOPED = {.size_max = size_max};
    while (rest.size >= 4 && out.size + LINE_MAX + 16 < size_max) {
        str_t raw = take_terminated(&rest, is_wide);
        if (rest.size < 4)
            break;
        uint32_t ms = be32(rest.data);
        rest = str_slice(rest, 4, rest.size);
        append_line(&out, ms, charset_text(arena, raw, charset, LINE_MAX, false));
    }
    if (out.size == 0 || buf_status(&out) != ERR_OK)
        return (str_t){0};
    return arena_str(arena, buf_str(&out));
}
