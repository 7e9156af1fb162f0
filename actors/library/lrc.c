#include "actors/library/lrc.h"

#include "runtime/base/utf8.h"

#include <stdlib.h>

typedef struct parser {
    arena_t *arena;
    lrc_line_t *lines;
    size_t count;
    bool is_synced;
    int64_t offset_ms;
} parser_t;

typedef struct sortable {
    lrc_line_t line;
    size_t order;
} sortable_t;

static bool take_digits(str_t *rest, size_t digits_max, uint32_t *out_value, size_t *out_digits)
{
    uint32_t value = 0;
    size_t digits = 0;
    while (digits < rest->size && digits < digits_max && rest->data[digits] >= '0' &&
           rest->data[digits] <= '9')
        value = value * 10 + (uint32_t)(rest->data[digits++] - '0');
    *rest = str_slice(*rest, digits, rest->size);
    *out_value = value;
    *out_digits = digits;
    return digits > 0;
}

static bool take_char(str_t *rest, char c)
{
    if (rest->size == 0 || rest->data[0] != c)
        return false;
    *rest = str_slice(*rest, 1, rest->size);
    return true;
}

/* mm:ss with an optional fraction after '.' or ':'. */
static bool stamp_parse(str_t text, uint32_t *out_ms)
{
    uint32_t minutes = 0, seconds = 0, fraction = 0;
    size_t digits = 0;
    if (!take_digits(&text, 4, &minutes, &digits) || !take_char(&text, ':') ||
        !take_digits(&text, 2, &seconds, &digits) || seconds > 59)
        return false;
    if (take_char(&text, '.') || take_char(&text, ':')) {
        if (!take_digits(&text, 3, &fraction, &digits))
            return false;
        for (; digits < 3; digits++)
            fraction *= 10;
    }
    *out_ms = minutes * 60000 + seconds * 1000 + fraction;
    return text.size == 0;
}

/* Takes "[mm:ss.xx]" off the front. */
static bool take_stamp(str_t *rest, uint32_t *out_ms)
{
    if (rest->size == 0 || rest->data[0] != '[')
        return false;
    size_t end = str_find(*rest, ']');
    if (end == rest->size || !stamp_parse(str_slice(*rest, 1, end), out_ms))
        return false;
    *rest = str_slice(*rest, end + 1, rest->size);
    return true;
}

/* "[ar:Somebody]" and the like; the offset is kept. */
static bool take_metadata(parser_t *self, str_t line)
{
    if (line.size < 3 || line.data[0] != '[' || line.data[line.size - 1] != ']')
        return false;
    str_t inside = str_slice(line, 1, line.size - 1);
    size_t colon = str_find(inside, ':');
    if (colon == 0 || colon == inside.size)
        return false;
    str_t key = str_trim(str_slice(inside, 0, colon));
    for (size_t i = 0; i < key.size; i++)
        if ((key.data[i] < 'a' || key.data[i] > 'z') && (key.data[i] < 'A' || key.data[i] > 'Z') &&
            key.data[i] != '#')
            return false;
    if (str_equal_ignoring_case(key, STR("offset"))) {
        str_t value = str_trim(str_slice(inside, colon + 1, inside.size));
        take_char(&value, '+');
        int64_t offset_ms = 0;
        if (str_to_i64(value, &offset_ms) == ERR_OK && offset_ms > -3600000 && offset_ms < 3600000)
            self->offset_ms = offset_ms;
    }
    return true;
}

static str_t cut_to(str_t text, size_t size_max)
{
    if (text.size <= size_max)
        return text;
    size_t size = size_max;
    while (size > 0 && ((uint8_t)text.data[size] & 0xC0) == 0x80)
        size--;
    return str_slice(text, 0, size);
}

/* The text without word stamps, repaired, trimmed and cut, in the arena. */
static err_t clean_text(parser_t *self, str_t text, str_t *out_text)
{
    buf_t clean BUF_SCOPED = BUF_INIT;
    buf_t repaired BUF_SCOPED = BUF_INIT;
    while (text.size > 0) {
        size_t end = str_find(text, '>');
        uint32_t ignored = 0;
        if (text.data[0] == '<' && end < text.size &&
            stamp_parse(str_slice(text, 1, end), &ignored)) {
            text = str_slice(text, end + 1, text.size);
            continue;
        }
        size_t next = 1 + str_find(str_slice(text, 1, text.size), '<');
        buf_append(&clean, str_slice(text, 0, next));
        text = str_slice(text, next, text.size);
    }
    utf8_append_repaired(&repaired, buf_str(&clean));
    TRY(buf_status(&clean));
    TRY(buf_status(&repaired));
    *out_text = arena_str(self->arena, str_trim(cut_to(buf_str(&repaired), LRC_LINE_SIZE_MAX)));
    return out_text->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void add_line(parser_t *self, uint32_t start_ms, str_t text)
{
    if (self->count < LRC_LINES_MAX)
        self->lines[self->count++] = (lrc_line_t){start_ms, text};
}

static err_t take_line(parser_t *self, str_t line, bool wants_synced)
{
    uint32_t stamps[LRC_STAMPS_MAX];
    size_t stamp_count = 0;
    str_t text = {NULL, 0};
    str_t rest = str_trim(line);
    while (stamp_count < LRC_STAMPS_MAX && take_stamp(&rest, &stamps[stamp_count])) {
        stamp_count++;
        rest = str_trim(rest);
    }
    if (stamp_count == 0 && take_metadata(self, rest))
        return ERR_OK;
    if (stamp_count > 0)
        self->is_synced = true;
    if (wants_synced != (stamp_count > 0))
        return ERR_OK;
    TRY(clean_text(self, rest, &text));
    for (size_t i = 0; i < stamp_count; i++)
        add_line(self, stamps[i], text);
    if (stamp_count == 0)
        add_line(self, 0, text);
    return ERR_OK;
}

static str_t next_line(str_t *rest)
{
    size_t end = 0;
    while (end < rest->size && rest->data[end] != '\n' && rest->data[end] != '\r')
        end++;
    str_t line = str_slice(*rest, 0, end);
    if (end + 1 < rest->size && rest->data[end] == '\r' && rest->data[end + 1] == '\n')
        end++;
    *rest = str_slice(*rest, end + 1, rest->size);
    return line;
}

static err_t take_lines(parser_t *self, str_t text, bool wants_synced)
{
    self->count = 0;
    while (text.size > 0 && self->count < LRC_LINES_MAX)
        TRY(take_line(self, next_line(&text), wants_synced));
    return ERR_OK;
}

static int by_time(const void *a, const void *b)
{
    const sortable_t *x = a, *y = b;
    if (x->line.start_ms != y->line.start_ms)
        return x->line.start_ms < y->line.start_ms ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static err_t sort_lines(parser_t *self)
{
    sortable_t *sorted = arena_new_array(self->arena, self->count, sizeof *sorted);
    if (sorted == NULL && self->count > 0)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++) {
        int64_t moved = (int64_t)self->lines[i].start_ms - self->offset_ms;
        self->lines[i].start_ms = (uint32_t)MAX(moved, 0);
        sorted[i] = (sortable_t){self->lines[i], i};
    }
    if (self->count > 0)
        qsort(sorted, self->count, sizeof *sorted, by_time);
    for (size_t i = 0; i < self->count; i++)
        self->lines[i] = sorted[i].line;
    return ERR_OK;
}

/* Leading and trailing empty lines of plain lyrics say nothing. */
static void drop_empty_ends(parser_t *self)
{
    while (self->count > 0 && self->lines[self->count - 1].text.size == 0)
        self->count--;
    while (self->count > 0 && self->lines[0].text.size == 0) {
        self->lines++;
        self->count--;
    }
}

err_t lrc_parse(str_t text, arena_t *arena, lrc_t *out_lrc)
{
    parser_t self = {.arena = arena};
    self.lines = arena_new_array(arena, LRC_LINES_MAX, sizeof *self.lines);
    if (self.lines == NULL)
        return ERR_NO_MEMORY;
    text = str_slice(text, 0, LRC_SIZE_MAX);
    if (str_starts_with(text, STR("\xEF\xBB\xBF")))
        text = str_slice(text, 3, text.size);

    TRY(take_lines(&self, text, true));
    if (self.is_synced) {
        TRY(sort_lines(&self));
    } else {
        TRY(take_lines(&self, text, false));
        drop_empty_ends(&self);
    }
    *out_lrc = (lrc_t){self.is_synced, self.lines, self.count};
    return ERR_OK;
}

void lrc_append(const lrc_t *lrc, buf_t *out)
{
    for (size_t i = 0; i < lrc->line_count; i++) {
        const lrc_line_t *line = &lrc->lines[i];
        if (lrc->is_synced)
            buf_printf(out, "[%02u:%02u.%03u]", line->start_ms / 60000, line->start_ms / 1000 % 60,
                       line->start_ms % 1000);
        buf_append(out, line->text);
        buf_append_char(out, '\n');
    }
}
