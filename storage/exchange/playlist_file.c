#include "storage/exchange/playlist_file_parts.h"

#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

/* ---- formats ---- */

static const struct {
    str_t name, type;
    playlist_format_t format;
} formats[] = {
    {STR_INIT("m3u"), STR_INIT("audio/x-mpegurl; charset=utf-8"), PLAYLIST_M3U},
    {STR_INIT("m3u8"), STR_INIT("audio/x-mpegurl; charset=utf-8"), PLAYLIST_M3U8},
    {STR_INIT("xspf"), STR_INIT("application/xspf+xml"), PLAYLIST_XSPF},
};

err_t playlist_format_of(str_t name, playlist_format_t *out_format)
{
    size_t dot = str_find_last(name, '.');
    str_t end = dot == name.size ? name : str_slice(name, dot + 1, name.size);
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (str_equal_ignoring_case(end, formats[i].name)) {
            *out_format = formats[i].format;
            return ERR_OK;
        }
    return ERR_INVALID;
}

str_t playlist_format_type(playlist_format_t format)
{
    return formats[format].type;
}

err_t playlist_file_read(str_t bytes, playlist_format_t format, arena_t *arena,
                         playlist_file_t *out_file)
{
    playlist_reader_t reader PLAYLIST_READER_SCOPED = {.arena = arena};
    if (bytes.size > PLAYLIST_FILE_SIZE_MAX)
        return ERR_LIMIT;
    TRY(format == PLAYLIST_XSPF ? xspf_read(&reader, bytes)
                                : m3u_read(&reader, bytes, format == PLAYLIST_M3U8));
    return playlist_reader_end(&reader, out_file);
}

err_t playlist_file_write(const playlist_file_t *file, playlist_format_t format, buf_t *out)
{
    if (format == PLAYLIST_XSPF)
        xspf_write(file, out);
    else
        m3u_write(file, out);
    return buf_status(out);
}

/* ---- what is read ---- */

void playlist_reader_deinit(playlist_reader_t *self)
{
    buf_deinit(&self->entries);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

void playlist_append_clean(buf_t *out, str_t text)
{
    size_t from = out->size;
    utf8_append_repaired(out, text);
    for (size_t i = from; i < out->size; i++)
        if (is_control(out->data[i]))
            out->data[i] = ' ';
}

/* Cut before a code point, not in one. */
static str_t cut(str_t text, size_t size_max)
{
    if (text.size <= size_max)
        return text;
    while (size_max > 0 && ((unsigned char)text.data[size_max] & 0xc0) == 0x80)
        size_max--;
    return str_slice(text, 0, size_max);
}

static err_t keep(playlist_reader_t *self, str_t text, str_t *out_text)
{
    str_t kept = arena_str(self->arena, text);
    if (kept.data == NULL)
        return ERR_NO_MEMORY;
    *out_text = kept;
    return ERR_OK;
}

err_t playlist_reader_text(playlist_reader_t *self, str_t text, str_t *out_text)
{
    buf_t clean BUF_SCOPED = BUF_INIT;
    playlist_append_clean(&clean, text);
    TRY(buf_status(&clean));
    str_t rest = cut(str_trim(buf_str(&clean)), PLAYLIST_FILE_TEXT_SIZE_MAX);
    return keep(self, str_trim(rest), out_text);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986, section 3.1; one letter is a drive of Windows. */
bool playlist_location_has_scheme(str_t location)
{
    size_t at = 0;
    while (at < location.size &&
           (is_letter(location.data[at]) ||
            (at > 0 && location.data[at] != '\0' && strchr("0123456789+-.", location.data[at]))))
        at++;
    return at > 1 && str_starts_with(str_slice(location, at, location.size), STR("://"));
}

/* "file:///a", "file://localhost/a" and "file:/a": what stands behind the host. */
static bool is_file_uri(str_t text, str_t *out_path)
{
    static const char scheme[] = "file:";
    enum { SIZE = sizeof scheme - 1 };
    if (!str_equal_ignoring_case(str_slice(text, 0, SIZE), STR(scheme)))
        return false;
    str_t path = str_slice(text, SIZE, text.size);
    if (str_starts_with(path, STR("//"))) {
        path = str_slice(path, 2, path.size);
        path = str_slice(path, str_find(path, '/'), path.size);
    }
    *out_path = path;
    return str_starts_with(path, STR("/"));
}

/* "C:\Music\a.mp3" and "Music\a.mp3": a path with no other separators. */
static void turn_backslashes(buf_t *path)
{
    if (path->size == 0 || str_find(buf_str(path), '/') < path->size)
        return;
    for (size_t i = 0; i < path->size; i++)
        if (path->data[i] == '\\')
            path->data[i] = '/';
}

err_t playlist_reader_location(playlist_reader_t *self, str_t text, bool is_uri,
                               str_t *out_location)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    text = str_trim(text);
    str_t file = text;
    bool is_file = is_file_uri(text, &file);
    bool is_encoded = is_file || (is_uri && !playlist_location_has_scheme(text));
    if (text.size > (size_t)PLAYLIST_FILE_LOCATION_SIZE_MAX * 3)
        return ERR_LIMIT;
    if (!is_encoded || percent_decode(&path, file, false) != ERR_OK) {
        TRY(buf_status(&path));
        buf_reset(&path);
        buf_append(&path, text);
    }
    if (!is_uri && !is_file)
        turn_backslashes(&path);
    TRY(buf_status(&path));
    return path.size > PLAYLIST_FILE_LOCATION_SIZE_MAX ? ERR_LIMIT
                                                       : keep(self, buf_str(&path), out_location);
}

err_t playlist_reader_add(playlist_reader_t *self, const playlist_file_entry_t *entry)
{
    if (self->entries.size / sizeof *entry >= PLAYLIST_FILE_ENTRIES_MAX)
        return ERR_LIMIT;
    buf_append_bytes(&self->entries, entry, sizeof *entry);
    return buf_status(&self->entries);
}

err_t playlist_reader_end(playlist_reader_t *self, playlist_file_t *out_file)
{
    const playlist_file_entry_t *entries = NULL;
    size_t count = self->entries.size / sizeof *entries;
    if (count > 0) {
        entries = arena_dup(self->arena, self->entries.data, self->entries.size);
        if (entries == NULL)
            return ERR_NO_MEMORY;
    }
    *out_file = (playlist_file_t){self->name, entries, count};
    return ERR_OK;
}
