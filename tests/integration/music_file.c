#include "tests/integration/music_file.h"

#include "tests/support/check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

enum { SAMPLE_RATE = 44100, FRAME_SAMPLES = 4096, FRAME_SIZE = 512 };

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST, "mkdir %s", path);
        *slash = '/';
    }
}

void music_file_write_bytes(const char *folder, const char *name, str_t content)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    make_folders(path);
    FILE *out = fopen(path, "wb");
    cr_assert(out != NULL, "open %s", path);
    cr_assert(fwrite(content.data, 1, content.size, out) == content.size);
    cr_assert(fclose(out) == 0);
}

static void append_le(buf_t *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_append_char(out, (char)(value >> (8 * i)));
}

static void append_be(buf_t *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_append_char(out, (char)(value >> (8 * i)));
}

static uint32_t append_comment(buf_t *out, const char *key, const char *value)
{
    if (value == NULL)
        return 0;
    append_le(out, strlen(key) + 1 + strlen(value), 4);
    buf_printf(out, "%s=%s", key, value);
    return 1;
}

static uint32_t append_number(buf_t *out, const char *key, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    return number == 0 ? 0 : append_comment(out, key, text);
}

static void append_tags(buf_t *out, const music_file_t *file)
{
    buf_t list BUF_SCOPED = BUF_INIT;
    uint32_t count = 0;
    count += append_comment(&list, "TITLE", file->title);
    count += append_comment(&list, "ARTIST", file->artist);
    count += append_comment(&list, "ALBUMARTIST", file->album_artist);
    count += append_comment(&list, "ALBUM", file->album);
    count += append_comment(&list, "MUSICBRAINZ_TRACKID", file->recording);
    count += append_comment(&list, "MUSICBRAINZ_ALBUMID", file->release);
    count += append_comment(&list, "LYRICS", file->lyrics);
    count += append_number(&list, "DISCNUMBER", file->disc);
    count += append_number(&list, "TRACKNUMBER", file->number);
    buf_append_char(out, (char)(0x80 | 4)); /* the last block: VORBIS_COMMENT */
    append_be(out, 4 + 4 + 4 + list.size, 3);
    append_le(out, 4, 4);
    buf_append(out, STR("test"));
    append_le(out, count, 4);
    buf_append(out, buf_str(&list));
}

/* RFC 9639 section 9.1: the header of a frame, its number, and a CRC-8 (polynomial 0x07). */
static void append_frame_header(buf_t *out, uint32_t frame)
{
    size_t begin = out->size;
    uint8_t crc = 0;
    append_be(out, 0xFFF8C918, 4);
    if (frame < 0x80)
        append_be(out, frame, 1);
    else
        append_be(out, (0xC0 | frame >> 6) << 8 | 0x80 | (frame & 0x3F), 2);
    for (size_t i = begin; i < out->size; i++) {
        crc ^= (uint8_t)out->data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
    }
    buf_append_char(out, (char)crc);
}

void music_file_write(const char *folder, const char *name, const music_file_t *file)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    uint64_t ms = file->duration_ms == 0 ? 10000 : file->duration_ms;
    uint64_t samples = ms * SAMPLE_RATE / 1000;
    uint32_t noise = file->sound * 2654435761u + 1;
    buf_append(&out, STR("fLaC"));
    append_be(&out, 34, 4); /* STREAMINFO, RFC 9639 section 8.2 */
    append_be(&out, FRAME_SAMPLES, 2);
    append_be(&out, FRAME_SAMPLES, 2);
    append_be(&out, 0, 6);
    append_be(&out, (uint64_t)SAMPLE_RATE << 44 | (uint64_t)1 << 41 | (uint64_t)15 << 36 | samples,
              8);
    append_be(&out, file->sound + 1, 8); /* MD5 of the sound */
    append_be(&out, noise, 8);
    append_tags(&out, file);
    for (uint64_t at = 0; at < samples; at += FRAME_SAMPLES) {
        append_frame_header(&out, (uint32_t)(at / FRAME_SAMPLES));
        for (int i = 0; i < FRAME_SIZE; i++) {
            noise = noise * 1664525 + 1013904223;
            buf_append_char(&out, (char)(noise >> 25)); /* below 0x80: no sync code in it */
        }
    }
    music_file_write_bytes(folder, name, buf_str(&out));
}

void music_file_write_wav(const char *folder, const char *name, uint32_t sample_rate,
                          double seconds, double hertz)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    uint32_t count = (uint32_t)(seconds * sample_rate);
    buf_append(&out, STR("RIFF"));
    append_le(&out, 36 + (uint64_t)count * 4, 4);
    buf_append(&out, STR("WAVEfmt "));
    append_le(&out, 16, 4);
    append_le(&out, 1, 2); /* PCM */
    append_le(&out, 2, 2);
    append_le(&out, sample_rate, 4);
    append_le(&out, (uint64_t)sample_rate * 4, 4);
    append_le(&out, 4, 2);
    append_le(&out, 16, 2);
    buf_append(&out, STR("data"));
    append_le(&out, (uint64_t)count * 4, 4);
    for (uint32_t i = 0; i < count; i++) {
        int sample = (int)(12000 * sin(2 * M_PI * hertz * i / sample_rate));
        append_le(&out, (uint64_t)(uint16_t)(int16_t)sample, 2);
        append_le(&out, (uint64_t)(uint16_t)(int16_t)sample, 2);
    }
    music_file_write_bytes(folder, name, buf_str(&out));
}

static void append_chunk(buf_t *out, const char *type, str_t data)
{
    append_be(out, data.size, 4);
    size_t begin = out->size;
    buf_append(out, str_of(type, 4));
    buf_append(out, data);
    append_be(out, crc32(0, (const Bytef *)out->data + begin, (uInt)(out->size - begin)), 4);
}

void music_file_write_png(const char *folder, const char *name, uint32_t side, uint32_t colour)
{
    buf_t out BUF_SCOPED = BUF_INIT, header BUF_SCOPED = BUF_INIT, rows BUF_SCOPED = BUF_INIT,
              packed BUF_SCOPED = BUF_INIT;
    for (uint32_t y = 0; y < side; y++) {
        buf_append_char(&rows, 0);
        for (uint32_t x = 0; x < side; x++)
            append_be(&rows, colour, 3);
    }
    uLongf size = compressBound(rows.size);
    cr_assert(compress((Bytef *)buf_extend(&packed, size), &size, (const Bytef *)rows.data,
                       rows.size) == Z_OK);
    append_be(&header, side, 4);
    append_be(&header, side, 4);
    append_be(&header, 0x0802000000, 5); /* 8 bits, RGB */
    buf_append(&out, str_of("\x89PNG\r\n\x1A\n", 8));
    append_chunk(&out, "IHDR", buf_str(&header));
    append_chunk(&out, "IDAT", str_of(packed.data, size));
    append_chunk(&out, "IEND", STR(""));
    music_file_write_bytes(folder, name, buf_str(&out));
}
