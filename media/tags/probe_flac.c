/* FLAC (RFC 9639): metadata blocks, and whether the last frame is there. */
#include "media/tags/probe.h"
#include "runtime/base/memory.h"

enum {
    BLOCK_STREAMINFO = 0,
    BLOCK_VORBIS_COMMENT = 4,
    BLOCK_PICTURE = 6,
    BLOCKS_MAX = 512,
    COMMENT_MAX = 16 * 1024 * 1024, /* what the format allows in a block */
    PICTURE_HEAD = 1024
};

typedef struct stream_info {
    uint32_t block_min, block_max, sample_rate, channels, bits;
    uint64_t total_samples;
} stream_info_t;

static bool read_stream_info(str_t block, stream_info_t *out)
{
    if (block.size < 34)
        return false;
    uint64_t packed = be64(block.data + 10);
    *out = (stream_info_t){
        .block_min = be16(block.data),
        .block_max = be16(block.data + 2),
        .sample_rate = (uint32_t)(packed >> 44),
        .channels = (uint32_t)(packed >> 41 & 7) + 1,
        .bits = (uint32_t)(packed >> 36 & 31) + 1,
        .total_samples = packed & 0xfffffffffULL,
    };
    return out->sample_rate > 0 && out->block_max >= 16;
}

void probe_flac_picture(probe_t *self, uint64_t offset, uint64_t size)
{
    str_t head = source_at(&self->source, offset, (size_t)MIN(size, (uint64_t)PICTURE_HEAD));
    if (head.size < 32)
        return;
    uint32_t picture_type = be32(head.data), mime_size = be32(head.data + 4);
    if (mime_size > head.size - 32)
        return;
    uint32_t text_size = be32(head.data + 8 + mime_size);
    uint64_t data_at = 8 + (uint64_t)mime_size + 4 + text_size + 16 + 4;
    if (data_at > size)
        return;
    char mime[64];
    size_t kept = MIN((size_t)mime_size, sizeof mime);
    memcpy(mime, head.data + 8, kept);
    str_t length = source_at(&self->source, offset + data_at - 4, 4);
    if (length.size < 4)
        return;
    uint64_t data_size = be32(length.data);
    if (data_size > size - data_at || data_size == 0 ||
        (picture_type != 3 && self->file->cover_size != 0))
        return;
    char head_copy[TAG_COVER_END];
    str_t first =
        source_at(&self->source, offset + data_at, (size_t)MIN(data_size, (uint64_t)TAG_COVER_END));
    memcpy(head_copy, first.data == NULL ? "" : first.data, first.size);
    first.data = head_copy;
    uint64_t tail_size = MIN(data_size, (uint64_t)TAG_COVER_END);
    str_t tail =
        source_at(&self->source, offset + data_at + data_size - tail_size, (size_t)tail_size);
    self->file->cover_size = 0;
    tag_set_cover(self->tags, str_of(mime, kept), data_size, first, tail);
}

static uint8_t crc8(str_t bytes)
{
    uint8_t crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (uint8_t)bytes.data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
    }
    return crc;
}

/* The number in a frame's header, coded as UTF-8 is, in up to 7 bytes. Returns its length, 0: none.
 */
static size_t coded_number(str_t s, uint64_t *out)
{
    unsigned char first = (unsigned char)s.data[0];
    size_t size = first < 0x80 ? 1 : (size_t)__builtin_clz(~((unsigned)first << 24));
    if (size > 7 || size > s.size || first == 0xff || (first & 0xc0) == 0x80)
        return 0;
    uint64_t value = size == 1 ? first : first & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)s.data[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | ((unsigned char)s.data[i] & 0x3f);
    }
    *out = value;
    return size;
}

static uint32_t block_size_of(unsigned code, str_t extra)
{
    if (code == 1)
        return 192;
    if (code >= 2 && code <= 5)
        return 576U << (code - 2);
    if (code == 6)
        return extra.size < 1 ? 0 : (unsigned char)extra.data[0] + 1U;
    if (code == 7)
        return extra.size < 2 ? 0 : be16(extra.data) + 1;
    return code == 0 ? 0 : 256U << (code - 8);
}

/* If a frame's header with a right checksum stands here: the sample after that frame; else 0. */
static uint64_t frame_end_at(str_t s, const stream_info_t *info)
{
    if (s.size < 6 || ((unsigned char)s.data[1] & 0xfe) != 0xf8)
        return 0;
    unsigned block_code = (unsigned char)s.data[2] >> 4, rate_code = (unsigned char)s.data[2] & 15;
    uint64_t number;
    size_t at = 4 + coded_number(str_slice(s, 4, s.size), &number);
    if (at == 4 || rate_code == 15)
        return 0;
    uint32_t block = block_size_of(block_code, str_slice(s, at, s.size));
    at += block_code == 6 ? 1 : block_code == 7 ? 2 : 0;
    at += rate_code == 12 ? 1 : rate_code >= 13 ? 2 : 0;
    if (block == 0 || at >= s.size || crc8(str_slice(s, 0, at)) != (uint8_t)s.data[at])
        return 0;
    bool counts_samples = (s.data[1] & 1) != 0;
    return (counts_samples ? number : number * info->block_max) + block;
}

/* A stream that ends before its header says: what is there counts. */
static void check_end(probe_t *self, const stream_info_t *info, uint64_t audio_at)
{
    uint64_t begin = self->source.size > PROBE_HASH_SIZE ? self->source.size - PROBE_HASH_SIZE : 0;
    begin = MAX(begin, audio_at);
    str_t tail = source_at(&self->source, begin, PROBE_HASH_SIZE);
    uint64_t last = 0;
    for (size_t i = tail.size; i > 0 && last == 0; i--)
        if ((unsigned char)tail.data[i - 1] == 0xff)
            last = frame_end_at(str_slice(tail, i - 1, tail.size), info);
    if (last >= info->total_samples)
        return;
    self->audio->is_truncated = true;
    self->audio->total_samples = last;
    self->file->reason = STR("the file ends before its header says");
}

static err_t walk_blocks(probe_t *self, uint64_t *at, stream_info_t *info)
{
    bool is_last = false, has_info = false;
    for (uint32_t i = 0; !is_last; i++) {
        str_t header = source_at(&self->source, *at, 4);
        if (header.size < 4 || i == BLOCKS_MAX)
            return ERR_INVALID;
        is_last = (header.data[0] & 0x80) != 0;
        unsigned type = (unsigned char)header.data[0] & 0x7f;
        uint32_t size = be24(header.data + 1);
        if (size > self->source.size - *at - 4)
            return ERR_INVALID;
        str_t block;
        if (type == BLOCK_STREAMINFO)
            has_info = read_stream_info(source_at(&self->source, *at + 4, 34), info);
        else if (type == BLOCK_VORBIS_COMMENT &&
                 source_copy(&self->source, *at + 4, size, self->arena, &block) == ERR_OK)
            probe_vorbis_comment(self, block);
        else if (type == BLOCK_PICTURE)
            probe_flac_picture(self, *at + 4, size);
        *at += 4 + (uint64_t)size;
    }
    return has_info ? ERR_OK : ERR_INVALID;
}

err_t probe_flac(probe_t *self, uint64_t at)
{
    stream_info_t info = {0};
    at += 4;
    if (walk_blocks(self, &at, &info) != ERR_OK) {
        self->file->reason = STR("the FLAC header is damaged or cut off");
        return ERR_INVALID;
    }
    if (info.total_samples == 0)
        return ERR_UNSUPPORTED; /* written by a stream: libavformat finds the end */
    *self->audio = (media_audio_t){
        .codec = STR("flac"),
        .container = STR("flac"),
        .sample_rate = info.sample_rate,
        .channels = info.channels,
        .bits = info.bits,
        .total_samples = info.total_samples,
        .is_lossless = true,
    };
    check_end(self, &info, at);
    if (self->audio->total_samples == 0) {
        self->file->reason = STR("there is no audio after the FLAC header");
        return ERR_INVALID;
    }
    uint64_t audio_size = self->source.size - at;
    self->audio->bit_rate =
        (uint32_t)MIN((double)UINT32_MAX, (double)audio_size * 8.0 * info.sample_rate /
                                              (double)self->audio->total_samples);
    probe_hash(self, source_at(&self->source, at, PROBE_HASH_SIZE));
    return ERR_OK;
}
