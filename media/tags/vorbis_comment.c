/* Vorbis comments (https://xiph.org/vorbis/doc/v-comment.html), with pictures in base64
 * (METADATA_BLOCK_PICTURE). */
#include "media/tags/probe.h"
#include "runtime/base/text.h"

enum { COMMENTS_MAX = 4096, PICTURE_HEADER_MAX = 4096 };

/* Base64 with or without padding; what is not of its alphabet ends it. Returns the bytes written.
 */
static size_t decode_base64(str_t text, char *out, size_t size_max)
{
    size_t size = 0;
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < text.size && size < size_max; i++) {
        char c = text.data[i];
        uint32_t value;
        if (c >= 'A' && c <= 'Z')
            value = (uint32_t)(c - 'A');
        else if (c >= 'a' && c <= 'z')
            value = (uint32_t)(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            value = (uint32_t)(c - '0') + 52;
        else if (c == '+' || c == '/')
            value = c == '+' ? 62 : 63;
        else
            break;
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[size++] = (char)(bits >> count & 0xff);
        }
    }
    return size;
}

/* Only both ends are decoded: the whole of it may be megabytes. */
static void take_picture(probe_t *self, str_t base64)
{
    char head[PICTURE_HEADER_MAX + TAG_COVER_END], tail[TAG_COVER_END + 8];
    size_t got = decode_base64(base64, head, sizeof head);
    if (got < 32)
        return;
    uint32_t mime_size = be32(head + 4);
    if (mime_size > 256 || got < 32 + (size_t)mime_size)
        return;
    uint32_t text_size = be32(head + 8 + mime_size);
    size_t data_at = 8 + (size_t)mime_size + 4 + text_size + 16 + 4;
    if (text_size > PICTURE_HEADER_MAX || data_at > got ||
        (self->file->cover_size != 0 && be32(head) != 3))
        return;
    uint32_t size = be32(head + data_at - 4);
    if (size == 0 || size > base64.size)
        return;
    size_t quads = base64.size / 4, wanted = MIN(quads, (size_t)TAG_COVER_END / 3 + 2);
    str_t end = str_slice(base64, (quads - wanted) * 4, quads * 4);
    size_t tail_size = decode_base64(end, tail, sizeof tail);
    size_t excess = tail_size > size ? tail_size - size : 0; /* the block's header */
    self->file->cover_size = 0;
    tag_set_cover(self->tags, str_of(head + 8, mime_size), size,
                  str_of(head + data_at, got - data_at), str_of(tail + excess, tail_size - excess));
}

void probe_vorbis_comment(probe_t *self, str_t packet)
{
    if (packet.size < 4 || le32(packet.data) > packet.size - 4)
        return;
    size_t at = 4 + le32(packet.data);
    if (packet.size - at < 4)
        return;
    uint32_t count = le32(packet.data + at);
    at += 4;
    for (uint32_t i = 0; i < count && i < COMMENTS_MAX && packet.size - at >= 4; i++) {
        uint32_t size = le32(packet.data + at);
        at += 4;
        if (size > packet.size - at)
            return;
        str_t comment = str_slice(packet, at, at + size);
        at += size;
        size_t equals = str_find(str_slice(comment, 0, (size_t)2 * TAG_KEY_MAX), '=');
        if (equals >= (size_t)2 * TAG_KEY_MAX || equals == comment.size)
            continue;
        str_t key = str_slice(comment, 0, equals), value = str_slice(comment, equals + 1, size);
        if (str_equal_ignoring_case(key, STR("METADATA_BLOCK_PICTURE")))
            take_picture(self, value);
        else
            tag_add(self->tags, key, value, CHARSET_UTF8);
    }
}
