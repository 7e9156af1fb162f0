#include "media/flac_frame.h"

static unsigned crc8(str_t bytes)
{
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned char)bytes.data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc & 0x80) != 0 ? (crc << 1 ^ 0x07) & 0xff : crc << 1;
    }
    return crc;
}

/* Four bits at a time: a table of 16 is enough here. */
static unsigned crc16(str_t bytes)
{
    static const uint16_t table[16] = {0x0000, 0x8005, 0x800f, 0x000a, 0x801b, 0x001e,
                                       0x0014, 0x8011, 0x8033, 0x0036, 0x003c, 0x8039,
                                       0x0028, 0x802d, 0x8027, 0x0022};
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned byte = (unsigned char)bytes.data[i];
        crc = (crc << 4 & 0xffff) ^ table[(crc >> 12 ^ byte >> 4) & 15];
        crc = (crc << 4 & 0xffff) ^ table[(crc >> 12 ^ byte) & 15];
    }
    return crc;
}

static size_t number_size(unsigned char first)
{
    return first < 0x80 ? 1 : (size_t)__builtin_clz(~((unsigned)first << 24));
}

/* As UTF-8, of up to 36 bits. */
static void append_number(buf_t *out, uint64_t number)
{
    if (number < 0x80) {
        buf_append_char(out, (char)number);
        return;
    }
    unsigned more = 1;
    while (more < 6 && number >> (6 * more + (6 - more)) != 0)
        more++;
    unsigned lead = more == 6 ? 0xfe : (0xff00U >> (more + 1)) & 0xff;
    buf_append_char(out, (char)(lead | (unsigned)(number >> (6 * more))));
    for (unsigned i = more; i > 0; i--)
        buf_append_char(out, (char)(0x80 | (number >> (6 * (i - 1)) & 0x3f)));
}

err_t flac_frame_renumber(str_t frame, uint64_t number, buf_t *out)
{
    if (frame.size < 10 || (unsigned char)frame.data[0] != 0xff ||
        (unsigned char)frame.data[1] != 0xf8)
        return ERR_INVALID;
    unsigned block = (unsigned char)frame.data[2] >> 4, rate = (unsigned char)frame.data[2] & 15;
    size_t tail = (block == 6   ? 1U
                   : block == 7 ? 2U
                                : 0U) +
                  (rate == 12   ? 1U
                   : rate >= 13 ? 2U
                                : 0U);
    size_t old = 4 + number_size((unsigned char)frame.data[4]);
    if (old > 11 || old + tail + 3 > frame.size)
        return ERR_INVALID;
    size_t begin = out->size;
    buf_append(out, str_slice(frame, 0, 4));
    append_number(out, number);
    buf_append(out, str_slice(frame, old, old + tail));
    buf_append_char(out, (char)crc8(str_slice(buf_str(out), begin, out->size)));
    buf_append(out, str_slice(frame, old + tail + 1, frame.size - 2));
    unsigned crc = crc16(str_slice(buf_str(out), begin, out->size));
    buf_append_char(out, (char)(crc >> 8));
    buf_append_char(out, (char)(crc & 0xff));
    return buf_status(out);
}
