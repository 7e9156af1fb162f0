/* xspf.c -- XSPF version 1 (https://xspf.org/spec). */

#include "storage/exchange/playlist_file_parts.h"

#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "storage/xml.h"

/* ---- reading ---- */

typedef enum field {
    FIELD_NONE,
    FIELD_NAME,
    FIELD_LOCATION,
    FIELD_TITLE,
    FIELD_CREATOR,
    FIELD_ALBUM,
    FIELD_DURATION
} field_t;

/* Where elements stand: playlist 1, its title and trackList 2, track 3, of a track 4. */
enum { DEPTH_PLAYLIST = 1, DEPTH_LIST, DEPTH_TRACK, DEPTH_FIELD };

typedef struct parse {
    playlist_reader_t *reader;
    uint32_t depth;
    uint32_t inside; /* how many elements from the outside are ones we know */
    field_t field;   /* whose text is collected */
    bool has_playlist;
    playlist_file_entry_t entry;
    buf_t text;
} parse_t;

static void parse_deinit(parse_t *self)
{
    buf_deinit(&self->text);
}

static field_t field_of(uint32_t depth, str_t name)
{
    static const struct {
        str_t name;
        uint32_t depth;
        field_t field;
    } rows[] = {
        {STR_INIT("title"), DEPTH_LIST, FIELD_NAME},
        {STR_INIT("location"), DEPTH_FIELD, FIELD_LOCATION},
        {STR_INIT("title"), DEPTH_FIELD, FIELD_TITLE},
        {STR_INIT("creator"), DEPTH_FIELD, FIELD_CREATOR},
        {STR_INIT("album"), DEPTH_FIELD, FIELD_ALBUM},
        {STR_INIT("duration"), DEPTH_FIELD, FIELD_DURATION},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].depth == depth && str_equal(name, rows[i].name))
            return rows[i].field;
    return FIELD_NONE;
}

/* Is it the element that holds what we read, at this depth? */
static bool is_container(uint32_t depth, str_t name)
{
    static const str_t names[] = {[DEPTH_PLAYLIST] = STR_INIT("playlist"),
                                  [DEPTH_LIST] = STR_INIT("trackList"),
                                  [DEPTH_TRACK] = STR_INIT("track")};
    return depth < COUNT_OF(names) && str_equal(name, names[depth]);
}

static err_t on_begin(void *context, str_t name)
{
    parse_t *self = context;
    if (++self->depth > PLAYLIST_FILE_DEPTH_MAX)
        return ERR_LIMIT;
    self->field = FIELD_NONE;
    if (self->inside + 1 != self->depth)
        return ERR_OK;
    self->field = field_of(self->depth, name);
    buf_reset(&self->text);
    if (!is_container(self->depth, name))
        return ERR_OK;
    self->inside++;
    self->has_playlist = true;
    if (self->depth == DEPTH_TRACK)
        self->entry = (playlist_file_entry_t){.duration_ms = 0};
    return ERR_OK;
}

static err_t take_text(parse_t *self, str_t text)
{
    playlist_file_entry_t *entry = &self->entry;
    uint64_t duration_ms;
    switch (self->field) {
    case FIELD_NAME:
        return playlist_reader_text(self->reader, text, &self->reader->name);
    case FIELD_LOCATION: /* there may be several; the first is the best */
        return entry->location.size > 0
                   ? ERR_OK
                   : playlist_reader_location(self->reader, text, true, &entry->location);
    case FIELD_TITLE:
        return playlist_reader_text(self->reader, text, &entry->title);
    case FIELD_CREATOR:
        return playlist_reader_text(self->reader, text, &entry->artist);
    case FIELD_ALBUM:
        return playlist_reader_text(self->reader, text, &entry->album);
    case FIELD_DURATION:
        if (str_to_u64(str_trim(text), &duration_ms) == ERR_OK && duration_ms < UINT32_MAX)
            entry->duration_ms = duration_ms;
        return ERR_OK;
    case FIELD_NONE:
        break;
    }
    return ERR_OK;
}

static err_t on_end(void *context, str_t name)
{
    parse_t *self = context;
    (void)name;
    TRY(buf_status(&self->text));
    TRY(take_text(self, buf_str(&self->text)));
    self->field = FIELD_NONE;
    if (self->inside == self->depth) {
        self->inside--;
        if (self->depth == DEPTH_TRACK)
            TRY(playlist_reader_add(self->reader, &self->entry));
    }
    self->depth--;
    return ERR_OK;
}

static err_t on_text(void *context, str_t text)
{
    parse_t *self = context;
    if (self->field != FIELD_NONE)
        buf_append(&self->text, text);
    return ERR_OK;
}

err_t xspf_read(playlist_reader_t *reader, str_t bytes)
{
    static const xml_calls_t calls = {on_begin, NULL, on_end, on_text};
    parse_t self SCOPED(parse_deinit) = {.reader = reader};
    TRY(xml_read(bytes, &calls, &self));
    return self.has_playlist ? ERR_OK : ERR_INVALID;
}

/* ---- writing ---- */

static void append_escaped(buf_t *out, str_t text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '&')
            buf_append(out, STR("&amp;"));
        else if (c == '<')
            buf_append(out, STR("&lt;"));
        else if (c == '>')
            buf_append(out, STR("&gt;"));
        else
            buf_append_char(out, c);
    }
}

/* U+FFFE and U+FFFF are no characters of XML 1.0 (section 2.2). */
static void append_xml_text(buf_t *out, str_t text)
{
    while (text.size > 0) {
        uint32_t code_point;
        size_t size = utf8_decode(text, &code_point);
        if (size == 0 || code_point == 0xfffe || code_point == 0xffff)
            utf8_append(out, 0xfffd);
        else
            append_escaped(out, str_slice(text, 0, size));
        text = str_slice(text, MAX(size, (size_t)1), text.size);
    }
}

static void write_element(buf_t *out, const char *indent, const char *name, str_t text)
{
    buf_t clean BUF_SCOPED = BUF_INIT;
    if (str_is_empty(text))
        return;
    playlist_append_clean(&clean, text);
    if (buf_status(&clean) != ERR_OK)
        out->failed = buf_status(&clean);
    buf_printf(out, "%s<%s>", indent, name);
    append_xml_text(out, buf_str(&clean));
    buf_printf(out, "</%s>\n", name);
}

static void write_location(buf_t *out, str_t location)
{
    buf_t uri BUF_SCOPED = BUF_INIT;
    if (playlist_location_has_scheme(location)) {
        buf_append(&uri, location);
    } else {
        if (str_starts_with(location, STR("/")))
            buf_append(&uri, STR("file://"));
        percent_append(&uri, location, "/");
    }
    if (buf_status(&uri) != ERR_OK)
        out->failed = buf_status(&uri);
    write_element(out, "      ", "location", buf_str(&uri));
}

static void write_track(buf_t *out, const playlist_file_entry_t *entry)
{
    buf_append(out, STR("    <track>\n"));
    write_location(out, entry->location);
    write_element(out, "      ", "title", entry->title);
    write_element(out, "      ", "creator", entry->artist);
    write_element(out, "      ", "album", entry->album);
    if (entry->duration_ms > 0)
        buf_printf(out, "      <duration>%llu</duration>\n",
                   (unsigned long long)entry->duration_ms);
    buf_append(out, STR("    </track>\n"));
}

void xspf_write(const playlist_file_t *file, buf_t *out)
{
    buf_append(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">\n"));
    write_element(out, "  ", "title", file->name);
    buf_append(out, STR("  <trackList>\n"));
    for (size_t i = 0; i < file->count; i++)
        write_track(out, &file->entries[i]);
    buf_append(out, STR("  </trackList>\n</playlist>\n"));
}
