/* Ogg (RFC 3533) with Vorbis I or Opus (RFC 7845). */
#include "media/tags/probe.h"

enum {
    PAGE_HEADER = 27,
    PAGE_MAX = PAGE_HEADER + 255 + 255 * 255,
    PACKET_MAX = 24 * 1024 * 1024, /* comments with a picture in base64 */
    PAGES_MAX = 4096,
    STREAMS_MAX = 8 /* one behind the other at the start: only one of audio is taken */
};

typedef struct ogg_page {
    uint64_t at, granule;
    uint32_t serial;
    bool is_first;
    uint32_t segments, body_size;
    unsigned char lacing[255];
} ogg_page_t;

static bool read_page(probe_t *self, uint64_t at, ogg_page_t *out)
{
    str_t header = source_at(&self->source, at, PAGE_HEADER + 255);
    if (header.size < PAGE_HEADER || memcmp(header.data, "OggS", 4) != 0 || header.data[4] != 0)
        return false;
    out->at = at;
    out->is_first = (header.data[5] & 2) != 0;
    out->granule = le64(header.data + 6);
    out->serial = le32(header.data + 14);
    out->segments = (unsigned char)header.data[26];
    if (header.size < PAGE_HEADER + out->segments)
        return false;
    memcpy(out->lacing, header.data + PAGE_HEADER, out->segments);
    out->body_size = 0;
    for (uint32_t i = 0; i < out->segments; i++)
        out->body_size += out->lacing[i];
    return true;
}

static uint64_t page_body(const ogg_page_t *page)
{
    return page->at + PAGE_HEADER + page->segments;
}

static uint64_t page_end(const ogg_page_t *page)
{
    return page_body(page) + page->body_size;
}

/* A stream of packets, read page by page; other streams' pages are passed over. */
typedef struct ogg {
    probe_t *probe;
    uint32_t serial;
    ogg_page_t page;
    uint32_t segment, offset; /* next in the page */
    uint32_t pages;
} ogg_t;

static bool next_page(ogg_t *self)
{
    uint64_t at = page_end(&self->page);
    for (; self->pages < PAGES_MAX; self->pages++) {
        if (!read_page(self->probe, at, &self->page))
            return false;
        self->segment = self->offset = 0;
        if (self->page.serial == self->serial)
            return true;
        at = page_end(&self->page);
    }
    return false;
}

static bool append_segment(ogg_t *self, buf_t *out, uint32_t size)
{
    str_t part = source_at(&self->probe->source, page_body(&self->page) + self->offset, size);
    buf_append(out, part);
    return part.size == size;
}

/* The next whole packet. INVALID: the stream ends in it; LIMIT. */
static err_t next_packet(ogg_t *self, buf_t *out)
{
    buf_reset(out);
    out->size_max = PACKET_MAX;
    for (;;) {
        if (self->segment == self->page.segments && !next_page(self))
            return ERR_INVALID;
        uint32_t run = 0;
        bool is_whole = false;
        while (self->segment < self->page.segments && !is_whole) {
            uint32_t size = self->page.lacing[self->segment++];
            run += size;
            is_whole = size < 255;
        }
        if (run > 0 && !append_segment(self, out, run))
            return ERR_INVALID;
        self->offset += run;
        if (is_whole)
            return buf_status(out);
    }
}

/* The first stream whose first packet is Vorbis or Opus. */
static err_t find_stream(ogg_t *self, buf_t *packet, bool *out_is_opus)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < STREAMS_MAX; i++) {
        if (!read_page(self->probe, at, &self->page) || !self->page.is_first)
            return ERR_UNSUPPORTED;
        at = page_end(&self->page);
        self->serial = self->page.serial;
        self->segment = self->offset = 0;
        TRY(next_packet(self, packet));
        str_t s = buf_str(packet);
        *out_is_opus = s.size >= 19 && memcmp(s.data, "OpusHead", 8) == 0;
        if (*out_is_opus || (s.size >= 30 && memcmp(s.data, "\x01vorbis", 7) == 0))
            return ERR_OK;
    }
    return ERR_UNSUPPORTED;
}

/* The granule of the stream's last page: searched from the end. */
static bool last_granule(ogg_t *self, uint64_t *out)
{
    probe_t *probe = self->probe;
    uint64_t end = probe->source.size;
    for (uint32_t i = 0; i < 3 && end > 0; i++) { /* a page is at most 64 KiB long */
        uint64_t begin = end > PAGE_MAX ? end - PAGE_MAX : 0;
        str_t s = source_at(&probe->source, begin, PAGE_MAX);
        for (size_t at = s.size; at >= PAGE_HEADER; at--) {
            const char *p = s.data + at - PAGE_HEADER;
            if (*p != 'O' || memcmp(p, "OggS", 4) != 0 || le32(p + 14) != self->serial ||
                le64(p + 6) == UINT64_MAX)
                continue;
            *out = le64(p + 6);
            return true;
        }
        end = begin;
    }
    return false;
}

/* Over packets' bytes, not pages: those are numbered anew when the tags change. */
static void hash_audio(ogg_t *self, buf_t *room)
{
    buf_reset(room);
    room->size_max = PROBE_HASH_SIZE + 65536;
    while (room->size < PROBE_HASH_SIZE) {
        if (self->segment == self->page.segments && !next_page(self))
            break;
        uint32_t rest = self->page.body_size - self->offset;
        bool is_read = append_segment(self, room, rest);
        self->offset += rest;
        self->segment = self->page.segments;
        if (!is_read)
            break;
    }
    probe_hash(self->probe, str_slice(buf_str(room), 0, PROBE_HASH_SIZE));
}

static err_t fill_audio(ogg_t *self, str_t head, bool is_opus)
{
    media_audio_t *audio = self->probe->audio;
    uint32_t skip = is_opus ? le16(head.data + 10) : 0;
    *audio = (media_audio_t){
        .codec = is_opus ? STR("opus") : STR("vorbis"),
        .container = STR("ogg"),
        .sample_rate = is_opus ? 48000 : le32(head.data + 12),
        .channels = is_opus ? (unsigned char)head.data[9] : (unsigned char)head.data[11],
        .encoder_delay = skip,
    };
    uint64_t granule = 0;
    if (audio->sample_rate == 0 || audio->channels == 0 || !last_granule(self, &granule) ||
        granule <= skip || granule > 1ULL << 40) {
        self->probe->file->reason = STR("the Ogg stream has no audio");
        return ERR_INVALID;
    }
    audio->total_samples = granule - skip;
    return ERR_OK;
}

static err_t probe_stream(ogg_t *self, buf_t *packet)
{
    bool is_opus;
    TRY(find_stream(self, packet, &is_opus));
    TRY(fill_audio(self, buf_str(packet), is_opus));
    self->probe->file->reason = STR("the Ogg headers are damaged or cut off");
    TRY(next_packet(self, packet));
    str_t comment = buf_str(packet);
    size_t magic = is_opus ? 8 : 7;
    if (comment.size < magic ||
        memcmp(comment.data, is_opus ? "OpusTags" : "\x03vorbis", magic) != 0)
        return ERR_INVALID;
    probe_vorbis_comment(self->probe, str_slice(comment, magic, comment.size));
    if (!is_opus)
        TRY(next_packet(self, packet)); /* code books */
    self->probe->file->reason = (str_t){0};
    media_audio_t *audio = self->probe->audio;
    double audio_size = (double)(self->probe->source.size - page_body(&self->page) - self->offset);
    audio->bit_rate =
        (uint32_t)(audio_size * 8.0 * audio->sample_rate / (double)audio->total_samples);
    hash_audio(self, packet);
    return ERR_OK;
}

err_t probe_ogg(probe_t *self)
{
    ogg_t ogg = {.probe = self};
    buf_t packet BUF_SCOPED = BUF_INIT;
    return probe_stream(&ogg, &packet);
}
