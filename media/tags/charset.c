#include "media/tags/charset.h"

#include "runtime/base/utf8.h"

/* Windows-1252 from 0x80 to 0x9f; 0: not assigned. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

typedef struct writer {
    char *room;
    size_t size, size_max;
    bool is_full, keeps_lines;
} writer_t;

static void put_code_point(writer_t *out, uint32_t c)
{
    char bytes[4];
    size_t size;
    if (c == '\r')
        return;
    if (c < 0x20 || c == 0x7f)
        c = c == '\n' && out->keeps_lines ? '\n' : ' ';
    if (c == 0xfeff)
        return;
    if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        c = 0xfffd;
    if (c < 0x80) {
        bytes[0] = (char)c;
        size = 1;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xc0 | c >> 6);
        bytes[1] = (char)(0x80 | (c & 0x3f));
        size = 2;
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xe0 | c >> 12);
        bytes[1] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (c & 0x3f));
        size = 3;
    } else {
        bytes[0] = (char)(0xf0 | c >> 18);
        bytes[1] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (c & 0x3f));
        size = 4;
    }
    if (size > out->size_max - out->size) {
        out->is_full = true;
        return;
    }
    memcpy(out->room + out->size, bytes, size);
    out->size += size;
}

static void put_utf8(writer_t *out, str_t raw)
{
    for (size_t at = 0; at < raw.size && !out->is_full;) {
        uint32_t c = 0xfffd;
        size_t size = utf8_decode(str_slice(raw, at, raw.size), &c);
        put_code_point(out, size == 0 ? 0xfffd : c);
        at += MAX(size, (size_t)1);
    }
}

static void put_windows_1252(writer_t *out, str_t raw)
{
    for (size_t at = 0; at < raw.size && !out->is_full; at++) {
        uint32_t c = (unsigned char)raw.data[at];
        if (c >= 0x80 && c < 0xa0)
            c = windows_1252[c - 0x80] == 0 ? 0xfffd : windows_1252[c - 0x80];
        put_code_point(out, c);
    }
}

static uint32_t unit_at(str_t raw, size_t at, bool is_big)
{
    uint32_t a = (unsigned char)raw.data[at], b = (unsigned char)raw.data[at + 1];
    return is_big ? a << 8 | b : b << 8 | a;
}

static void put_utf16(writer_t *out, str_t raw, bool is_big)
{
    for (size_t at = 0; at + 1 < raw.size && !out->is_full; at += 2) {
        uint32_t c = unit_at(raw, at, is_big);
        if (c >= 0xd800 && c < 0xdc00 && at + 3 < raw.size) {
            uint32_t low = unit_at(raw, at + 2, is_big);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                at += 2;
            }
        }
        put_code_point(out, c);
    }
}

/* All of it, or all but a code point that the bound cuts through. */
static bool is_utf8_so_far(str_t raw)
{
    for (size_t cut = 0; cut < 4 && cut <= raw.size; cut++)
        if (utf8_is_valid(str_slice(raw, 0, raw.size - cut)))
            return true;
    return false;
}

str_t charset_text(arena_t *arena, str_t raw, charset_t charset, size_t size_max, bool keeps_lines)
{
    bool is_wide =
        charset == CHARSET_UTF16_BOM || charset == CHARSET_UTF16BE || charset == CHARSET_UTF16LE;
    bool was_cut = raw.size > 2 * size_max;
    raw = str_slice(raw, 0, 2 * size_max);
    /* A byte of Latin-1 gives at most three of UTF-8, a unit of UTF-16 too. */
    size_t room_size = MIN(size_max, 3 * raw.size);
    writer_t out = {arena_new(arena, room_size + 1), 0, room_size, false, keeps_lines};
    if (out.room == NULL)
        return (str_t){0};
    if (is_wide) {
        bool is_big = charset == CHARSET_UTF16BE;
        if (charset == CHARSET_UTF16_BOM && raw.size >= 2)
            is_big = unit_at(raw, 0, true) == 0xfeff;
        put_utf16(&out, raw, is_big);
    } else if (was_cut ? is_utf8_so_far(raw) : utf8_is_valid(raw)) {
        put_utf8(&out, raw);
    } else {
        put_windows_1252(&out, raw);
    }
    return str_trim(str_of(out.room, out.size));
}
