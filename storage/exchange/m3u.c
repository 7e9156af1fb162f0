/* m3u.c -- M3U: a location a line, and lines with '#' before it that say more. There is no
 * standard; #EXTM3U, #EXTINF, #PLAYLIST, #EXTART and #EXTALB are what players write and read. */

#include "storage/exchange/playlist_file_parts.h"

#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

#define MARK "\xef\xbb\xbf"

/* ---- reading ---- */

/* ISO 8859-1 is the first 256 code points. */
static void append_latin1(buf_t *out, str_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        utf8_append(out, (unsigned char)bytes.data[i]);
}

/* Takes `tag` off the front; any case. */
static bool is_line(str_t line, str_t tag, str_t *out_rest)
{
    if (!str_equal_ignoring_case(str_slice(line, 0, tag.size), tag))
        return false;
    *out_rest = str_slice(line, tag.size, line.size);
    return true;
}

/* "123", "123.45", "-1": seconds. */
static uint64_t duration_ms(str_t text)
{
    enum { SECONDS_MAX = 1000000 };
    uint64_t seconds = 0, fraction = 0, unit = 100;
    size_t dot = str_find(text, '.');
    if (str_to_u64(str_slice(text, 0, dot), &seconds) != ERR_OK || seconds > SECONDS_MAX)
        return 0;
    for (size_t i = dot + 1; i < text.size && unit > 0; i++, unit /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        fraction += (uint64_t)(text.data[i] - '0') * unit;
    }
    return seconds * 1000 + fraction;
}

/* "123 key="a, b",Artist - Title": the comma that ends the attributes stands in no quotes. */
static err_t read_info(playlist_reader_t *self, str_t text, playlist_file_entry_t *entry)
{
    size_t comma = 0;
    for (bool is_quoted = false; comma < text.size; comma++) {
        if (text.data[comma] == '"')
            is_quoted = !is_quoted;
        else if (text.data[comma] == ',' && !is_quoted)
            break;
    }
    str_t numbers = str_trim(str_slice(text, 0, comma));
    entry->duration_ms = duration_ms(str_slice(numbers, 0, str_find(numbers, ' ')));
    return playlist_reader_text(self, str_slice(text, comma + 1, text.size), &entry->title);
}

/* "Artist - Title", where the artist is known besides. */
static void take_artist_off(playlist_file_entry_t *entry)
{
    static const char between[] = " - ";
    str_t artist = entry->artist, title = entry->title;
    if (str_is_empty(artist) || !str_starts_with(title, artist))
        return;
    str_t rest = str_slice(title, artist.size, title.size);
    if (str_starts_with(rest, STR(between)) && rest.size > sizeof between - 1)
        entry->title = str_slice(rest, sizeof between - 1, rest.size);
}

static err_t read_line(playlist_reader_t *self, str_t line, playlist_file_entry_t *entry)
{
    str_t rest;
    if (str_is_empty(line))
        return ERR_OK;
    if (line.data[0] != '#') {
        TRY(playlist_reader_location(self, line, false, &entry->location));
        take_artist_off(entry);
        TRY(playlist_reader_add(self, entry));
        *entry = (playlist_file_entry_t){.duration_ms = 0};
        return ERR_OK;
    }
    if (is_line(line, STR("#EXTINF:"), &rest))
        return read_info(self, rest, entry);
    if (is_line(line, STR("#PLAYLIST:"), &rest))
        return playlist_reader_text(self, rest, &self->name);
    if (is_line(line, STR("#EXTART:"), &rest))
        return playlist_reader_text(self, rest, &entry->artist);
    if (is_line(line, STR("#EXTALB:"), &rest))
        return playlist_reader_text(self, rest, &entry->album);
    return ERR_OK;
}

err_t m3u_read(playlist_reader_t *self, str_t bytes, bool is_utf8)
{
    buf_t latin1 BUF_SCOPED = BUF_INIT;
    playlist_file_entry_t entry = {.duration_ms = 0};
    str_t line;
    if (str_starts_with(bytes, STR(MARK))) {
        bytes = str_slice(bytes, sizeof MARK - 1, bytes.size);
        is_utf8 = true;
    }
    if (str_find(bytes, '\0') < bytes.size)
        return ERR_INVALID;
    if (!utf8_is_valid(bytes)) {
        if (is_utf8)
            return ERR_INVALID;
        append_latin1(&latin1, bytes);
        TRY(buf_status(&latin1));
        bytes = buf_str(&latin1);
    }
    if (bytes.data == NULL)
        bytes = STR("");
    while (str_next(&bytes, '\n', &line))
        TRY(read_line(self, str_trim(line), &entry));
    return ERR_OK;
}

/* ---- writing ---- */

static void write_line(buf_t *out, str_t tag, str_t text)
{
    if (str_is_empty(text))
        return;
    buf_append(out, tag);
    playlist_append_clean(out, text);
    buf_append_char(out, '\n');
}

/* A line can't hold every path: one with a line end, or bytes that are not UTF-8, is written as a
 * file: address if it is absolute. */
static bool fits_a_line(str_t path)
{
    if (!utf8_is_valid(path) || !str_equal(path, str_trim(path)))
        return false;
    for (size_t i = 0; i < path.size; i++)
        if ((unsigned char)path.data[i] < 0x20 || path.data[i] == 0x7f || path.data[i] == '\\')
            return false;
    return true;
}

static void write_location(buf_t *out, str_t path)
{
    bool is_absolute = str_starts_with(path, STR("/"));
    if (is_absolute && !fits_a_line(path)) {
        buf_append(out, STR("file://"));
        percent_append(out, path, "/");
    } else {
        if (str_starts_with(path, STR("#")))
            buf_append(out, STR("./"));
        playlist_append_clean(out, path);
    }
    buf_append_char(out, '\n');
}

static void write_entry(buf_t *out, const playlist_file_entry_t *entry)
{
    write_line(out, STR("#EXTART:"), entry->artist);
    write_line(out, STR("#EXTALB:"), entry->album);
    buf_append(out, STR("#EXTINF:"));
    if (entry->duration_ms == 0)
        buf_append(out, STR("-1"));
    else
        buf_append_u64(out, MAX((entry->duration_ms + 500) / 1000, (uint64_t)1));
    buf_append_char(out, ',');
    if (!str_is_empty(entry->artist)) {
        playlist_append_clean(out, entry->artist);
        buf_append(out, STR(" - "));
    }
    playlist_append_clean(out, entry->title);
    buf_append_char(out, '\n');
    write_location(out, entry->location);
}

void m3u_write(const playlist_file_t *file, buf_t *out)
{
    buf_append(out, STR("#EXTM3U\n"));
    write_line(out, STR("#PLAYLIST:"), file->name);
    for (size_t i = 0; i < file->count; i++)
        write_entry(out, &file->entries[i]);
}
