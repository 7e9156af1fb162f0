/* ID3v2.2, 2.3 and 2.4 (https://id3.org), ID3v1. */
#include "media/tags/lyrics.h"
#include "media/tags/probe.h"
#include "media/tags/tag_keys.h"

enum {
    FRAMES_MAX = 2048,
    TAGS_MAX = 4,                   /* one after the other */
    TAG_READ_MAX = 2 * 1024 * 1024, /* a frame of text is read up to here */
    FLAG_UNSYNC = 0x80,
    FLAG_EXTENDED = 0x40,
    FLAG_FOOTER = 0x10
};

typedef struct id3 {
    probe_t *probe;
    unsigned version;
    bool is_unsync;
} id3_t;

static uint32_t synchsafe(const char *p)
{
    return ((uint32_t)p[0] & 0x7f) << 21 | ((uint32_t)p[1] & 0x7f) << 14 |
           ((uint32_t)p[2] & 0x7f) << 7 | ((uint32_t)p[3] & 0x7f);
}

/* Frame to the name that taggers use elsewhere. Sorted by nothing: a short list, by first match. */
static const struct {
    char id[5];
    const char *key;
} frames[] = {
    {"TIT2", "title"},        {"TPE1", "artist"},
    {"TALB", "album"},        {"TRCK", "track"},
    {"TPOS", "disc"},         {"TCON", "genre"},
    {"TDRC", "date"},         {"TYER", "id3year"},
    {"TDAT", "id3daymonth"},  {"TPE2", "albumartist"},
    {"TCOM", "composer"},     {"TEXT", "lyricist"},
    {"TPE3", "conductor"},    {"TPE4", "remixer"},
    {"TSOP", "artistsort"},   {"TSO2", "albumartistsort"},
    {"TSOA", "albumsort"},    {"TSOT", "titlesort"},
    {"TCMP", "compilation"},  {"TSST", "setsubtitle"},
    {"TDOR", "originaldate"}, {"TORY", "originalyear"},
    {"TSRC", "isrc"},         {"TPUB", "label"},
    {"TBPM", "bpm"},          {"TMOO", "mood"},
    {"TLAN", "language"},     {"TT2", "title"},
    {"TP1", "artist"},        {"TAL", "album"},
    {"TRK", "track"},         {"TPA", "disc"},
    {"TCO", "genre"},         {"TYE", "id3year"},
    {"TDA", "id3daymonth"},   {"TP2", "albumartist"},
    {"TCM", "composer"},      {"TXT", "lyricist"},
    {"TP3", "conductor"},     {"TP4", "remixer"},
    {"TSP", "artistsort"},    {"TS2", "albumartistsort"},
    {"TSA", "albumsort"},     {"TST", "titlesort"},
    {"TCP", "compilation"},   {"TOR", "originalyear"},
    {"TRC", "isrc"},          {"TPB", "label"},
    {"TBP", "bpm"},           {"TLA", "language"},
};

static const char *key_of(str_t id)
{
    for (size_t i = 0; i < COUNT_OF(frames); i++)
        if (str_equal(id, str_from(frames[i].id)))
            return frames[i].key;
    return NULL;
}

/* Takes the text before the terminator of this encoding off *rest. */
static str_t take_text(str_t *rest, charset_t charset)
{
    size_t step = charset == CHARSET_UTF16_BOM || charset == CHARSET_UTF16BE ? 2 : 1, at = 0;
    while (at + step <= rest->size &&
           (rest->data[at] != 0 || (step == 2 && rest->data[at + 1] != 0)))
        at += step;
    str_t text = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at + step, rest->size);
    return text;
}

static bool take_charset(str_t *body, charset_t *out)
{
    if (body->size < 1 || body->data[0] < 0 || body->data[0] > 3)
        return false;
    *out = (charset_t)body->data[0];
    *body = str_slice(*body, 1, body->size);
    return true;
}

static void user_text(id3_t *self, str_t body, charset_t charset)
{
    arena_t *arena = self->probe->arena;
    str_t key =
        charset_text(arena, take_text(&body, charset), charset, (size_t)2 * TAG_KEY_MAX, false);
    tag_add(self->probe->tags, key, body, charset);
}

/* USLT and COMM: language, a description, then the text. */
static void described_text(id3_t *self, const char *key, str_t body, charset_t charset)
{
    str_t rest = str_slice(body, 3, body.size);
    str_t description = take_text(&rest, charset);
    bool is_comment = str_equal(str_from(key), STR("comment"));
    if (is_comment && description.size > 2) /* iTunes keeps its numbers in described comments */
        return;
    tag_add(self->probe->tags, str_from(key), rest, charset);
}

/* TIPL and TMCL: role, name, role, name. */
static void people(id3_t *self, str_t body, charset_t charset, bool are_musicians)
{
    arena_t *arena = self->probe->arena;
    bool is_big = body.size >= 2 && (unsigned char)body.data[0] == 0xfe;
    charset_t own = charset != CHARSET_UTF16_BOM ? charset
                    : is_big                     ? CHARSET_UTF16BE
                                                 : CHARSET_UTF16LE;
    for (uint32_t i = 0; body.size > 0 && i < MEDIA_CREDITS_MAX; i++) {
        charset_t terminator = charset == CHARSET_UTF16_BOM ? CHARSET_UTF16BE : charset;
        str_t role = charset_text(arena, take_text(&body, terminator), own, TAG_KEY_MAX, false);
        str_t name =
            charset_text(arena, take_text(&body, terminator), own, MEDIA_TEXT_MAX / 4, false);
        if (role.size == 0 || name.size == 0)
            continue;
        if (are_musicians)
            tag_add_credit(self->probe->tags, STR("performer"),
                           arena_printf(arena, "%.*s (%.*s)", STR_ARG(name), STR_ARG(role)));
        else
            tag_add(self->probe->tags, role, name, CHARSET_UTF8);
    }
}

/* RVA2 (ID3v2.4.0 frames, 4.11): the master volume, in 1/512 dB. */
static void relative_volume(id3_t *self, str_t body)
{
    str_t rest = body;
    str_t name = take_text(&rest, CHARSET_LATIN1);
    if (rest.size < 3 || rest.data[0] != 1)
        return;
    double gain_db = (int16_t)be16(rest.data + 1) / 512.0;
    str_t key = str_equal_ignoring_case(name, STR("album")) ? STR("replaygainalbumgain")
                                                            : STR("replaygaintrackgain");
    tag_add(self->probe->tags, key, arena_printf(self->probe->arena, "%.3f", gain_db),
            CHARSET_UTF8);
}

/* APIC and PIC; `body` may be only the beginning of `size` bytes at `offset`. */
static void picture(id3_t *self, str_t body, uint64_t offset, uint64_t size)
{
    charset_t charset;
    str_t rest = body;
    if (!take_charset(&rest, &charset) || rest.size < 5)
        return;
    str_t mime = self->version == 2 ? str_slice(rest, 0, 3) : take_text(&rest, CHARSET_LATIN1);
    if (self->version == 2)
        rest = str_slice(rest, 3, rest.size);
    if (rest.size < 2)
        return;
    bool is_front = rest.data[0] == 3;
    rest = str_slice(rest, 1, rest.size);
    take_text(&rest, charset);
    probe_t *probe = self->probe;
    uint64_t skipped = body.size - rest.size;
    if (rest.size == 0 || skipped >= size || (probe->file->cover_size != 0 && !is_front))
        return;
    probe->file->cover_size = 0;
    uint64_t data_size = size - skipped;
    char type[72] = "image/";
    if (self->version == 2) { /* "JPG", "PNG" */
        bool is_png = str_equal_ignoring_case(mime, STR("PNG"));
        mime = is_png ? STR("image/png") : STR("image/jpeg");
    }
    size_t kept = MIN(mime.size, sizeof type);
    memcpy(type, mime.data, kept);
    if (body.size == size) { /* all of it is at hand */
        tag_set_cover(probe->tags, str_of(type, kept), data_size, rest, rest);
        return;
    }
    char head[TAG_COVER_END];
    str_t first = str_slice(rest, 0, sizeof head);
    memcpy(head, first.data, first.size);
    first.data = head;
    uint64_t tail_size = MIN(data_size, (uint64_t)TAG_COVER_END);
    str_t tail = source_at(&probe->source, offset + size - tail_size, (size_t)tail_size);
    tag_set_cover(probe->tags, str_of(type, kept), data_size, first, tail);
}

static void text_frame(id3_t *self, str_t id, str_t body)
{
    charset_t charset;
    if (str_equal(id, STR("RVA2"))) {
        relative_volume(self, body);
        return;
    }
    if (str_equal(id, STR("UFID"))) {
        str_t owner = take_text(&body, CHARSET_LATIN1);
        if (str_contains(owner, STR("musicbrainz.org")))
            tag_add(self->probe->tags, STR("musicbrainzrecordingid"), body, CHARSET_LATIN1);
        return;
    }
    if (str_equal(id, STR("SYLT")) || str_equal(id, STR("SLT"))) {
        str_t lrc = lyrics_from_sylt(self->probe->arena, body, MEDIA_LYRICS_MAX);
        tag_add(self->probe->tags, STR("syncedlyrics"), lrc, CHARSET_UTF8);
        return;
    }
    if (!take_charset(&body, &charset))
        return;
    if (str_equal(id, STR("TXXX")) || str_equal(id, STR("TXX")))
        user_text(self, body, charset);
    else if (str_equal(id, STR("USLT")) || str_equal(id, STR("ULT")))
        described_text(self, "lyrics", body, charset);
    else if (str_equal(id, STR("COMM")) || str_equal(id, STR("COM")))
        described_text(self, "comment", body, charset);
    else if (str_equal(id, STR("TIPL")) || str_equal(id, STR("IPLS")))
        people(self, body, charset, false);
    else if (str_equal(id, STR("TMCL")))
        people(self, body, charset, true);
    else if (key_of(id) != NULL)
        tag_add(self->probe->tags, str_from(key_of(id)), body, charset);
}

/* Takes the zero after each 0xff out (ID3v2.4.0 structure, 6.1). */
static str_t resynchronise(arena_t *arena, str_t body)
{
    char *room = arena_new(arena, body.size + 1);
    size_t size = 0;
    if (room == NULL)
        return (str_t){0};
    for (size_t i = 0; i < body.size; i++) {
        room[size++] = body.data[i];
        if ((unsigned char)body.data[i] == 0xff && i + 1 < body.size && body.data[i + 1] == 0)
            i++;
    }
    return str_of(room, size);
}

static void frame(id3_t *self, str_t id, unsigned flags, uint64_t offset, uint64_t size)
{
    probe_t *probe = self->probe;
    bool is_picture = str_equal(id, STR("APIC")) || str_equal(id, STR("PIC"));
    bool is_unsync = self->is_unsync || (self->version == 4 && (flags & 2) != 0);
    unsigned unreadable = self->version == 4   ? 0x0c
                          : self->version == 3 ? 0xc0
                                               : 0;                 /* packed, encrypted */
    uint64_t skip = self->version == 4 && (flags & 1) != 0 ? 4 : 0; /* data length */
    if ((flags & unreadable) != 0 || size <= skip)
        return;
    if (!is_picture && id.data[0] != 'T' && id.data[0] != 'U' && id.data[0] != 'C' &&
        id.data[0] != 'S' && id.data[0] != 'R' && id.data[0] != 'I')
        return;
    offset += skip;
    size -= skip;
    str_t body;
    if (is_picture && !is_unsync) {
        str_t head = source_at(&probe->source, offset, (size_t)MIN(size, 2ULL * TAG_COVER_END));
        picture(self, head, offset, size);
        return;
    }
    if (size > (is_picture ? (uint64_t)MEDIA_COVER_MAX : (uint64_t)TAG_READ_MAX) ||
        source_copy(&probe->source, offset, (size_t)size, probe->arena, &body) != ERR_OK)
        return;
    if (is_unsync)
        body = resynchronise(probe->arena, body);
    if (is_picture)
        picture(self, body, offset, body.size);
    else
        text_frame(self, id, body);
}

/* Some writers of 2.4 gave plain sizes: right is the reading after which a frame or the end
 * follows. */
static uint32_t size_of_frame(id3_t *self, const char *raw, uint64_t body_at, uint64_t end)
{
    uint32_t plain = be32(raw), safe = synchsafe(raw);
    if (self->version == 3 || plain < 128)
        return plain;
    if (((raw[0] | raw[1] | raw[2] | raw[3]) & 0x80) != 0)
        return plain;
    uint64_t next = body_at + safe;
    str_t after = source_at(&self->probe->source, next, 4);
    if (next == end ||
        (after.size == 4 && ((after.data[0] >= 'A' && after.data[0] <= 'Z') || after.data[0] == 0)))
        return safe;
    return plain;
}

static bool is_id(str_t id)
{
    for (size_t i = 0; i < id.size; i++)
        if (!((id.data[i] >= 'A' && id.data[i] <= 'Z') || (id.data[i] >= '0' && id.data[i] <= '9')))
            return false;
    return id.size > 0;
}

static void walk_frames(id3_t *self, uint64_t at, uint64_t end)
{
    size_t id_size = self->version == 2 ? 3 : 4, header_size = self->version == 2 ? 6 : 10;
    for (uint32_t i = 0; i < FRAMES_MAX && at + header_size <= end; i++) {
        str_t header = source_at(&self->probe->source, at, header_size);
        if (header.size < header_size || !is_id(str_slice(header, 0, id_size)))
            return; /* padding, or damage */
        char copy[10];
        memcpy(copy, header.data, header_size);
        uint64_t body_at = at + header_size;
        uint64_t size =
            self->version == 2 ? be24(copy + 3) : size_of_frame(self, copy + 4, body_at, end);
        if (size > end - body_at)
            return;
        unsigned flags = self->version == 2 ? 0 : (unsigned char)copy[9];
        frame(self, str_of(copy, id_size), flags, body_at, size);
        at = body_at + size;
    }
}

void probe_id3v2(probe_t *self, uint64_t at, uint64_t *out_end)
{
    *out_end = at;
    for (uint32_t i = 0; i < TAGS_MAX; i++) {
        str_t header = source_at(&self->source, at, 10);
        if (header.size < 10 || memcmp(header.data, "ID3", 3) != 0 || header.data[3] < 2 ||
            header.data[3] > 4)
            return;
        id3_t tag = {self, (unsigned char)header.data[3], false};
        unsigned flags = (unsigned char)header.data[5];
        uint64_t end = at + 10 + synchsafe(header.data + 6);
        *out_end = end + (tag.version == 4 && (flags & FLAG_FOOTER) != 0 ? 10 : 0);
        uint64_t body = at + 10;
        /* 2.2 and 2.3 unsynchronise the tag as a whole, sizes in it count what was before. */
        tag.is_unsync = (flags & FLAG_UNSYNC) != 0;
        if (tag.version > 2 && (flags & FLAG_EXTENDED) != 0) {
            str_t extended = source_at(&self->source, body, 4);
            if (extended.size < 4)
                return;
            body += tag.version == 4 ? synchsafe(extended.data) : 4 + (uint64_t)be32(extended.data);
        }
        walk_frames(&tag, body, MIN(end, self->source.size));
        at = *out_end;
    }
}

static void v1_text(probe_t *self, const char *key, str_t raw)
{
    raw = str_slice(raw, 0, str_find(raw, '\0'));
    if (str_trim(raw).size > 0)
        tag_add(self->tags, str_from(key), raw, CHARSET_LATIN1);
}

void probe_id3v1(probe_t *self, uint64_t *out_audio_end)
{
    *out_audio_end = self->source.size;
    if (self->source.size < 128)
        return;
    str_t window = source_at(&self->source, self->source.size - 128, 128);
    if (window.size < 128 || memcmp(window.data, "TAG", 3) != 0)
        return;
    *out_audio_end = self->source.size - 128;
    char tag[128];
    memcpy(tag, window.data, sizeof tag);
    if (self->file->title.size == 0)
        v1_text(self, "title", str_of(tag + 3, 30));
    if (self->tags->lists[TAG_ARTIST].count == 0)
        v1_text(self, "artist", str_of(tag + 33, 30));
    if (self->file->album.size == 0)
        v1_text(self, "album", str_of(tag + 63, 30));
    if (self->tags->year.size == 0)
        v1_text(self, "year", str_of(tag + 93, 4));
    if (self->file->track == 0 && tag[125] == 0 && tag[126] != 0)
        self->file->track = (unsigned char)tag[126];
    const char *genre = tag_genre_name((unsigned char)tag[127]);
    if (self->tags->lists[TAG_GENRE].count == 0 && genre != NULL)
        tag_add(self->tags, STR("genre"), str_from(genre), CHARSET_UTF8);
}
