#include "runtime/base/json.h"

#include "runtime/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void value_begins(json_t *self)
{
    if (self->needs_comma)
        buf_append_char(self->out, ',');
    self->needs_comma = true;
}

static void open_with(json_t *self, char bracket)
{
    value_begins(self);
    buf_append_char(self->out, bracket);
    self->needs_comma = false;
}

static void close_with(json_t *self, char bracket)
{
    buf_append_char(self->out, bracket);
    self->needs_comma = true;
}

void json_object_begin(json_t *self)
{
    open_with(self, '{');
}

void json_object_end(json_t *self)
{
    close_with(self, '}');
}

void json_array_begin(json_t *self)
{
    open_with(self, '[');
}

void json_array_end(json_t *self)
{
    close_with(self, ']');
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<';
}

static void append_escaped(buf_t *out, uint32_t code_point, str_t bytes)
{
    switch (code_point) {
    case '"':
        buf_append(out, STR("\\\""));
        break;
    case '\\':
        buf_append(out, STR("\\\\"));
        break;
    case '\n':
        buf_append(out, STR("\\n"));
        break;
    case '\r':
        buf_append(out, STR("\\r"));
        break;
    case '\t':
        buf_append(out, STR("\\t"));
        break;
    default:
        if (code_point < 0x20 || code_point == 0x7f || code_point == '<' || code_point == 0x2028 ||
            code_point == 0x2029)
            buf_printf(out, "\\u%04x", code_point);
        else
            buf_append(out, bytes);
    }
}

static void append_quoted(buf_t *out, str_t value)
{
    buf_append_char(out, '"');
    size_t at = 0;
    while (at < value.size) {
        size_t plain = at;
        while (plain < value.size && is_plain((unsigned char)value.data[plain]))
            plain++;
        buf_append(out, str_slice(value, at, plain));
        at = plain;
        if (at == value.size)
            break;
        uint32_t code_point;
        size_t size = utf8_decode(str_slice(value, at, value.size), &code_point);
        if (size == 0) {
            buf_append(out, STR("\xef\xbf\xbd"));
            at++;
        } else {
            append_escaped(out, code_point, str_slice(value, at, at + size));
            at += size;
        }
    }
    buf_append_char(out, '"');
}

void json_key(json_t *self, str_t key)
{
    value_begins(self);
    append_quoted(self->out, key);
    buf_append_char(self->out, ':');
    self->needs_comma = false;
}

void json_str(json_t *self, str_t value)
{
    value_begins(self);
    append_quoted(self->out, value);
}

void json_u64(json_t *self, uint64_t value)
{
    value_begins(self);
    buf_append_u64(self->out, value);
}

void json_i64(json_t *self, int64_t value)
{
    value_begins(self);
    buf_append_i64(self->out, value);
}

void json_f64(json_t *self, double value)
{
    if (!isfinite(value)) {
        json_null(self);
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (back == value)
            break;
    }
    json_raw(self, str_from(text));
}

void json_bool(json_t *self, bool value)
{
    json_raw(self, value ? STR("true") : STR("false"));
}

void json_null(json_t *self)
{
    json_raw(self, STR("null"));
}

void json_raw(json_t *self, str_t json)
{
    value_begins(self);
    buf_append(self->out, json);
}

void json_key_str(json_t *self, const char *key, str_t value)
{
    json_key(self, str_from(key));
    json_str(self, value);
}

void json_key_u64(json_t *self, const char *key, uint64_t value)
{
    json_key(self, str_from(key));
    json_u64(self, value);
}

void json_key_i64(json_t *self, const char *key, int64_t value)
{
    json_key(self, str_from(key));
    json_i64(self, value);
}

void json_key_f64(json_t *self, const char *key, double value)
{
    json_key(self, str_from(key));
    json_f64(self, value);
}

void json_key_bool(json_t *self, const char *key, bool value)
{
    json_key(self, str_from(key));
    json_bool(self, value);
}
