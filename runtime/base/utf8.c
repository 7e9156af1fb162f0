#include "runtime/base/utf8.h"

size_t utf8_decode(str_t s, uint32_t *out_code_point)
{
    if (s.size == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s.data;
    if (p[0] < 0x80) {
        *out_code_point = p[0];
        return 1;
    }
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.size < size)
        return 0;
    uint32_t code_point = p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (p[i] & 0x3fu);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code_point < smallest[size] || code_point > 0x10ffff ||
        (code_point >= 0xd800 && code_point <= 0xdfff))
        return 0;
    *out_code_point = code_point;
    return size;
}

bool utf8_is_valid(str_t s)
{
    uint32_t code_point;
    for (size_t at = 0, size; at < s.size; at += size) {
        size = utf8_decode(str_slice(s, at, s.size), &code_point);
        if (size == 0)
            return false;
    }
    return true;
}

bool utf8_is_line(str_t s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return false;
    return utf8_is_valid(s);
}

size_t utf8_count(str_t s)
{
    size_t count = 0;
    uint32_t code_point;
    for (size_t at = 0; at < s.size; count++)
        at += MAX(utf8_decode(str_slice(s, at, s.size), &code_point), (size_t)1);
    return count;
}

void utf8_append(buf_t *out, uint32_t code_point)
{
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        code_point = 0xfffd;
    if (code_point < 0x80) {
        buf_append_char(out, (char)code_point);
        return;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    char *bytes = buf_extend(out, size);
    if (bytes == NULL)
        return;
    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    bytes[0] = (char)((0xf00u >> size & 0xffu) | code_point);
}

void utf8_append_repaired(buf_t *out, str_t s)
{
    uint32_t code_point;
    for (size_t at = 0, size; at < s.size; at += size) {
        size = utf8_decode(str_slice(s, at, s.size), &code_point);
        if (size == 0) {
            utf8_append(out, 0xfffd);
            size = 1;
        } else {
            buf_append(out, str_slice(s, at, at + size));
        }
    }
}
