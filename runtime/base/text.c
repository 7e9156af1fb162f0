#include "runtime/base/text.h"

static const char hex_digits[] = "0123456789abcdef";

void hex_append(buf_t *out, str_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        buf_append_char(out, hex_digits[c >> 4]);
        buf_append_char(out, hex_digits[c & 15]);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

err_t hex_decode(buf_t *out, str_t text)
{
    if (text.size % 2 != 0)
        return ERR_INVALID;
    size_t before = out->size;
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0) {
            out->size = before;
            return ERR_INVALID;
        }
        buf_append_char(out, (char)(high << 4 | low));
    }
    return buf_status(out);
}

static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void append_base64(buf_t *out, str_t bytes, const char *alphabet, bool is_padded)
{
    const unsigned char *p = (const unsigned char *)bytes.data;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = MIN(bytes.size - i, (size_t)3);
        uint32_t group = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0u) |
                         (left > 2 ? p[i + 2] : 0u);
        for (size_t k = 0; k < 4; k++) {
            if (k <= left)
                buf_append_char(out, alphabet[group >> (18 - 6 * k) & 63]);
            else if (is_padded)
                buf_append_char(out, '=');
        }
    }
}

void base64url_append(buf_t *out, str_t bytes)
{
    append_base64(out, bytes, base64url_alphabet, false);
}

void base64_append(buf_t *out, str_t bytes)
{
    append_base64(out, bytes, base64_alphabet, true);
}

static int base64url_value(char c)
{
    const char *found = c == '\0' ? NULL : strchr(base64url_alphabet, c);
    return found == NULL ? -1 : (int)(found - base64url_alphabet);
}

err_t base64url_decode(buf_t *out, str_t text)
{
    size_t before = out->size;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = base64url_value(text.data[i]);
        if (value < 0)
            goto invalid;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_append_char(out, (char)(bits >> count & 0xff));
        }
    }
    if (text.size % 4 == 1 || (bits & ((1u << count) - 1)) != 0)
        goto invalid;
    return buf_status(out);
invalid:
    out->size = before;
    return ERR_INVALID;
}

err_t percent_decode(buf_t *out, str_t text, bool is_form)
{
    size_t before = out->size;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.size ? hex_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                out->size = before;
                return ERR_INVALID;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        buf_append_char(out, c);
    }
    return buf_status(out);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void percent_append(buf_t *out, str_t text, const char *keep)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (is_unreserved(c) || (c != '\0' && strchr(keep, c) != NULL))
            buf_append_char(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

bool text_json_nests_within(str_t json, size_t depth_max)
{
    size_t depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < json.size; i++) {
        char c = json.data[i];
        if (is_string && c == '\\')
            i++;
        else if (c == '"')
            is_string = !is_string;
        else if (!is_string && (c == '{' || c == '[') && ++depth > depth_max)
            return false;
        else if (!is_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}
