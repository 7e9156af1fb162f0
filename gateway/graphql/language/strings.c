#include "gateway/graphql/language/strings.h"

#include "runtime/base/utf8.h"

#include <stdio.h>

enum { LINE_SIZE_COMFORTABLE = 70 };

size_t gql_utf16_length(str_t text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point;
        size_t size = utf8_decode(str_slice(text, i, text.size), &code_point);
        length += size == 4 ? 2 : 1;
        i += MAX(size, (size_t)1);
    }
    return length;
}

void gql_character_text(str_t source, size_t at, char out_text[16])
{
    uint32_t code_point;
    str_t rest = str_slice(source, at, source.size);
    if (rest.size == 0)
        snprintf(out_text, 16, "<EOF>");
    else if (utf8_decode(rest, &code_point) == 0)
        snprintf(out_text, 16, "0x%02X", (unsigned char)rest.data[0]);
    else if (code_point == '"')
        snprintf(out_text, 16, "'\"'");
    else if (code_point >= 0x20 && code_point <= 0x7e)
        snprintf(out_text, 16, "\"%c\"", (char)code_point);
    else
        snprintf(out_text, 16, "U+%04X", code_point);
}

static err_t refuse_escape(gql_lexer_t *self, size_t size, const char *what)
{
    str_t shown = str_slice(self->source, self->at, self->at + size);
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, (uint32_t)self->at,
                         "Invalid %s escape sequence: \"%.*s\".", what, STR_ARG(shown));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_scalar(uint32_t code_point)
{
    return code_point < 0xd800 || (code_point > 0xdfff && code_point <= 0x10ffff);
}

/* \u{1F600} */
static err_t read_braced_escape(gql_lexer_t *self, buf_t *out)
{
    uint32_t value = 0;
    size_t size = 3;
    for (; size < 12; size++) {
        size_t at = self->at + size;
        char c = at < self->source.size ? self->source.data[at] : '\0';
        if (c == '}') {
            if (size == 3 || !is_scalar(value))
                break;
            utf8_append(out, value);
            self->at += size + 1;
            return ERR_OK;
        }
        if (hex_digit(c) < 0)
            break;
        value = (value << 4) | (uint32_t)hex_digit(c);
    }
    return refuse_escape(self, size + (size == 12 ? 0 : 1), "Unicode");
}

/* Four hexadecimal digits; -1 for anything else. */
static int32_t read_four(str_t text, size_t at)
{
    int32_t value = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = i < text.size ? hex_digit(text.data[i]) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* \u00e9, or two of them for what lies above U+FFFF */
static err_t read_fixed_escape(gql_lexer_t *self, buf_t *out)
{
    int32_t first = read_four(self->source, self->at + 2);
    if (first >= 0 && is_scalar((uint32_t)first)) {
        utf8_append(out, (uint32_t)first);
        self->at += 6;
        return ERR_OK;
    }
    bool is_leading = first >= 0xd800 && first <= 0xdbff;
    if (is_leading &&
        str_starts_with(str_slice(self->source, self->at + 6, self->source.size), STR("\\u"))) {
        int32_t second = read_four(self->source, self->at + 8);
        if (second >= 0xdc00 && second <= 0xdfff) {
            utf8_append(out,
                        0x10000 + (((uint32_t)first - 0xd800) << 10) + ((uint32_t)second - 0xdc00));
            self->at += 12;
            return ERR_OK;
        }
    }
    return refuse_escape(self, 6, "Unicode");
}

static err_t read_escape(gql_lexer_t *self, buf_t *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = self->at + 1 < self->source.size ? self->source.data[self->at + 1] : '\0';
    if (c == 'u') {
        bool is_braced = self->at + 2 < self->source.size && self->source.data[self->at + 2] == '{';
        return is_braced ? read_braced_escape(self, out) : read_fixed_escape(self, out);
    }
    const char *found = c == '\0' ? NULL : strchr(names, c);
    if (found == NULL)
        return refuse_escape(self, 2, "character");
    buf_append_char(out, values[found - names]);
    self->at += 2;
    return ERR_OK;
}

/* Copies one source character; anything that is not UTF-8 is refused. */
static err_t read_character(gql_lexer_t *self, buf_t *out)
{
    uint32_t code_point;
    str_t rest = str_slice(self->source, self->at, self->source.size);
    size_t size = utf8_decode(rest, &code_point);
    if (size == 0) {
        char shown[16];
        gql_character_text(self->source, self->at, shown);
        return gql_fault_set(self->fault, self->arena, ERR_INVALID, (uint32_t)self->at,
                             "Invalid character within String: %s.", shown);
    }
    buf_append(out, str_slice(rest, 0, size));
    self->at += size;
    return ERR_OK;
}

static err_t keep(gql_lexer_t *self, gql_token_t *token, const buf_t *text)
{
    TRY(buf_status(text));
    token->text = arena_str(self->arena, buf_str(text));
    return token->text.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t gql_read_string(gql_lexer_t *self, gql_token_t *token)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    token->kind = GQL_TOKEN_STRING;
    self->at++;
    while (self->at < self->source.size) {
        char c = self->source.data[self->at];
        if (c == '"') {
            self->at++;
            return keep(self, token, &text);
        }
        if (c == '\n' || c == '\r')
            break;
        TRY(c == '\\' ? read_escape(self, &text) : read_character(self, &text));
    }
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, (uint32_t)self->at,
                         "Unterminated string.");
}

static size_t leading_blanks(str_t line)
{
    size_t i = 0;
    while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
        i++;
    return i;
}

/* Takes the first line off *rest; lines end with LF only (the reader has normalised them). */
static bool next_line(str_t *rest, str_t *out_line)
{
    return str_next(rest, '\n', out_line);
}

/* BlockStringValue(), spec section 2.9.4: common indentation off, blank first and last lines off.
 */
static void dedent(buf_t *out, str_t raw)
{
    size_t common = SIZE_MAX, index = 0, first = SIZE_MAX, last = 0;
    str_t line;
    for (str_t rest = raw; next_line(&rest, &line); index++) {
        size_t blanks = leading_blanks(line);
        if (blanks == line.size)
            continue;
        first = MIN(first, index);
        last = index;
        if (index > 0)
            common = MIN(common, blanks);
    }
    if (first == SIZE_MAX)
        return;
    index = 0;
    for (str_t rest = raw; next_line(&rest, &line) && index <= last; index++) {
        if (index < first)
            continue;
        if (index > first)
            buf_append_char(out, '\n');
        buf_append(out, index == 0 ? line : str_slice(line, common, line.size));
    }
}

err_t gql_read_block_string(gql_lexer_t *self, gql_token_t *token)
{
    buf_t raw BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    token->kind = GQL_TOKEN_BLOCK_STRING;
    self->at += 3;
    while (self->at < self->source.size) {
        str_t rest = str_slice(self->source, self->at, self->source.size);
        if (str_starts_with(rest, STR("\"\"\""))) {
            self->at += 3;
            TRY(buf_status(&raw));
            dedent(&text, raw.size == 0 ? STR("") : buf_str(&raw));
            return keep(self, token, &text);
        }
        if (str_starts_with(rest, STR("\\\"\"\""))) {
            buf_append(&raw, STR("\"\"\""));
            self->at += 4;
        } else if (rest.data[0] == '\r') {
            buf_append_char(&raw, '\n');
            self->at += str_starts_with(rest, STR("\r\n")) ? 2 : 1;
        } else {
            TRY(read_character(self, &raw));
        }
    }
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, (uint32_t)self->at,
                         "Unterminated string.");
}

static void append_escaped(buf_t *out, uint32_t code_point, str_t bytes)
{
    static const char names[] = "btn\0fr";
    if (code_point == '"' || code_point == '\\')
        buf_printf(out, "\\%c", (char)code_point);
    else if (code_point >= 8 && code_point <= 13 && code_point != 11)
        buf_printf(out, "\\%c", names[code_point - 8]);
    else if (code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f))
        buf_printf(out, "\\u%04X", code_point);
    else
        buf_append(out, bytes);
}

void gql_append_quoted(buf_t *out, str_t value)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < value.size;) {
        uint32_t code_point = 0xfffd;
        size_t size = utf8_decode(str_slice(value, i, value.size), &code_point);
        size = MAX(size, (size_t)1);
        append_escaped(out, code_point, str_slice(value, i, i + size));
        i += size;
    }
    buf_append_char(out, '"');
}

/* Would the first line be taken for the measure of the indentation? */
static bool needs_leading_line(str_t value)
{
    str_t rest = value, line;
    size_t index = 0;
    for (; next_line(&rest, &line); index++)
        if (index > 0 && line.size > 0 && leading_blanks(line) == 0)
            return false;
    return index > 1;
}

void gql_append_block(buf_t *out, str_t value)
{
    bool is_one_line = str_find(value, '\n') == value.size;
    bool leads = value.size > 0 && needs_leading_line(value);
    bool ends_tripled = str_ends_with(value, STR("\"\"\""));
    bool trails =
        (str_ends_with(value, STR("\"")) && !ends_tripled) || str_ends_with(value, STR("\\"));
    bool is_tall = !is_one_line || gql_utf16_length(value) > LINE_SIZE_COMFORTABLE || trails ||
                   leads || ends_tripled;
    bool keeps_first = is_one_line && value.size > 0 && leading_blanks(value) > 0;
    buf_append(out, STR("\"\"\""));
    if ((is_tall && !keeps_first) || leads)
        buf_append_char(out, '\n');
    for (size_t i = 0; i < value.size; i++) {
        if (str_starts_with(str_slice(value, i, value.size), STR("\"\"\""))) {
            buf_append(out, STR("\\\"\"\""));
            i += 2;
        } else {
            buf_append_char(out, value.data[i]);
        }
    }
    if (is_tall)
        buf_append_char(out, '\n');
    buf_append(out, STR("\"\"\""));
}
