/* command_playlist.c -- playlists as files: export and import. */

#include "node/exchange/exchange.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "storage/exchange/playlist_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* A playlist that changes while its pages are read is read again, so many times. */
enum { EXPORT_TRIES_MAX = 5 };

static void file_scope_end(FILE **file)
{
    if (*file != NULL && *file != stdout)
        fclose(*file);
}

/* ---- export ---- */

typedef struct export
{
    const config_t *config;
    char user_id[EXCHANGE_USER_ID_SIZE];
    str_t id, name;
    const graphql_value_t *roots; /* NULL: relative paths */
    arena_t arena;
    buf_t entries; /* of playlist_file_entry_t */
    int64_t version;
}
export_t;

static void export_deinit(export_t *self)
{
    arena_deinit(&self->arena);
    buf_deinit(&self->entries);
}

static str_t text_in(const graphql_value_t *object, const char *name)
{
    return graphql_value_str(graphql_value_get(object, name));
}

static str_t location_of(export_t *self, const graphql_value_t *entry)
{
    str_t root = text_in(entry, "root"), path = text_in(entry, "path");
    for (size_t i = 0; i < graphql_value_count(self->roots); i++) {
        const graphql_value_t *one = graphql_value_at(self->roots, i);
        if (str_equal(text_in(one, "name"), root))
            return arena_printf(&self->arena, "%.*s/%.*s", STR_ARG(text_in(one, "path")),
                                STR_ARG(path));
    }
    return path;
}

static void add_entry(export_t *self, const graphql_value_t *entry)
{
    int64_t duration = graphql_value_int(graphql_value_get(entry, "duration_ms"), 0);
    playlist_file_entry_t one = {.location = location_of(self, entry),
                                 .artist = text_in(entry, "artist"),
                                 .title = text_in(entry, "title"),
                                 .album = text_in(entry, "album"),
                                 .duration_ms = (uint64_t)duration};
    buf_append_bytes(&self->entries, &one, sizeof one);
}

static int ask_page(export_t *self, int64_t after, const graphql_value_t **out_page)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "user_id", str_from(self->user_id));
    json_key_str(&json, "id", self->id);
    json_key_i64(&json, "after", after);
    json_object_end(&json);
    return command_ask(self->config, "playlist.page", buf_str(&body), &self->arena, out_page);
}

/* All pages of one version; *out_is_whole false: it changed meanwhile. */
static int read_pages(export_t *self, bool *out_is_whole)
{
    const graphql_value_t *page = NULL;
    int64_t after = 0;
    buf_reset(&self->entries);
    for (bool is_first = true;; is_first = false) {
        int exit_code = ask_page(self, after, &page);
        if (exit_code != EXIT_OK)
            return exit_code;
        int64_t version = graphql_value_int(graphql_value_get(page, "version"), 0);
        if (is_first)
            self->version = version;
        self->name = text_in(page, "name");
        *out_is_whole = version == self->version;
        const graphql_value_t *entries = graphql_value_get(page, "entries");
        for (size_t i = 0; i < graphql_value_count(entries); i++) {
            add_entry(self, graphql_value_at(entries, i));
            after = graphql_value_int(graphql_value_get(graphql_value_at(entries, i), "entry"), 0);
        }
        if (!*out_is_whole || !graphql_value_bool(graphql_value_get(page, "has_next"), false))
            return EXIT_OK;
    }
}

static int find_playlist(export_t *self, const char *playlist)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    const graphql_value_t *found = NULL;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "user_id", str_from(self->user_id));
    json_key_str(&json, "playlist", str_from(playlist));
    json_object_end(&json);
    int exit_code =
        command_ask(self->config, "playlist.find", buf_str(&body), &self->arena, &found);
    self->id = text_in(found, "id");
    return exit_code;
}

static int write_out(const export_t *self, playlist_format_t format, const char *path)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    playlist_file_t file = {self->name,
                            (const playlist_file_entry_t *)(const void *)self->entries.data,
                            self->entries.size / sizeof(playlist_file_entry_t)};
    if (buf_status(&self->entries) != ERR_OK || playlist_file_write(&file, format, &text) != ERR_OK)
        return command_failed("out of memory");
    FILE *out SCOPED(file_scope_end) = path == NULL ? stdout : fopen(path, "we");
    if (out == NULL || fwrite(text.data, 1, text.size, out) != text.size || fflush(out) != 0)
        return command_failed("%s can't be written: %s", path == NULL ? "standard output" : path,
                              strerror(errno));
    return EXIT_OK;
}

static int read_whole(export_t *self)
{
    bool is_whole = false;
    for (int i = 0; i < EXPORT_TRIES_MAX && !is_whole; i++) {
        int exit_code = read_pages(self, &is_whole);
        if (exit_code != EXIT_OK)
            return exit_code;
    }
    return is_whole ? EXIT_OK : command_failed("the playlist changes all the time: try again");
}

static int export_playlist(const config_t *config, char **words, const char *path,
                           playlist_format_t format, bool is_relative)
{
    export_t self SCOPED(export_deinit) = {.config = config};
    const graphql_value_t *status = NULL;
    int exit_code = exchange_user_id(config, words[0], self.user_id);
    if (exit_code == EXIT_OK && !is_relative)
        exit_code = command_ask(config, "scan.status", (str_t){0}, &self.arena, &status);
    self.roots = graphql_value_get(status, "roots");
    if (exit_code == EXIT_OK)
        exit_code = find_playlist(&self, words[1]);
    if (exit_code == EXIT_OK)
        exit_code = read_whole(&self);
    return exit_code == EXIT_OK ? write_out(&self, format, path) : exit_code;
}

/* ---- import ---- */

static int read_bytes(const char *path, buf_t *out)
{
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return command_failed("%s can't be read: %s", path, strerror(errno));
    while (out->size <= PLAYLIST_FILE_SIZE_MAX && buf_reserve(out, 65536) == ERR_OK) {
        size_t size = fread(out->data + out->size, 1, 65536, in);
        if (size == 0)
            break;
        out->size += size;
    }
    bool is_read = ferror(in) == 0;
    int error_number = errno;
    fclose(in);
    return is_read ? EXIT_OK : command_failed("%s can't be read: %s", path, strerror(error_number));
}

/* The file's folder and name, without the format's ending. */
static str_t folder_of(arena_t *arena, const char *path)
{
    char absolute[PATH_MAX];
    if (realpath(path, absolute) == NULL)
        return STR("");
    str_t all = str_from(absolute);
    return arena_str(arena, str_slice(all, 0, str_find_last(all, '/')));
}

static str_t stem_of(const char *path)
{
    str_t all = str_from(path);
    size_t slash = str_find_last(all, '/');
    str_t name = slash < all.size ? str_slice(all, slash + 1, all.size) : all;
    return str_slice(name, 0, str_find_last(name, '.'));
}

typedef struct import {
    const config_t *config;
    char user_id[EXCHANGE_USER_ID_SIZE];
    arena_t arena;
    playlist_file_t file;
    track_wanted_t *wanted;
    exchange_found_t *found;
    uint64_t *ids;
    size_t found_count;
} import_t;

static void import_deinit(import_t *self)
{
    arena_deinit(&self->arena);
}

static bool is_address(str_t location)
{
    return str_contains(location, STR("://"));
}

/* A path in the file is seen from the file's folder, else from the music folders. */
static err_t want_entries(import_t *self, str_t folder)
{
    size_t count = self->file.count;
    self->wanted = arena_new_array(&self->arena, count + 1, sizeof *self->wanted);
    self->found = arena_new_array(&self->arena, count + 1, sizeof *self->found);
    self->ids = arena_new_array(&self->arena, count + 1, sizeof *self->ids);
    if (self->wanted == NULL || self->found == NULL || self->ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const playlist_file_entry_t *entry = &self->file.entries[i];
        track_wanted_t wanted = {.path = entry->location,
                                 .artist = entry->artist,
                                 .title = entry->title,
                                 .album = entry->album,
                                 .duration_ms = entry->duration_ms};
        if (!str_is_empty(entry->location) && !str_starts_with(entry->location, STR("/")) &&
            !is_address(entry->location)) {
            wanted.path =
                arena_printf(&self->arena, "%.*s/%.*s", STR_ARG(folder), STR_ARG(entry->location));
            wanted.relative = entry->location;
        }
        self->wanted[i] = wanted;
    }
    return ERR_OK;
}

static void report(import_t *self)
{
    for (size_t i = 0; i < self->file.count; i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        if (self->found[i].track_id != 0) {
            self->ids[self->found_count++] = self->found[i].track_id;
            continue;
        }
        exchange_append_entry(&text, &self->wanted[i]);
        printf("not matched: %zu: %s: %.*s\n", i + 1, buf_terminated(&text),
               STR_ARG(self->found[i].reason));
    }
}

static int make_playlist(import_t *self, str_t name)
{
    const ms_random_t random = random_system();
    uint64_t bits[2] = {random_u64(&random), random_u64(&random)};
    buf_t command_id BUF_SCOPED = BUF_INIT;
    const graphql_value_t *view = NULL;
    err_t err = ERR_OK;
    hex_append(&command_id, str_of(bits, sizeof bits));
    exchange_playlist_t playlist = {self->user_id, buf_str(&command_id), name, self->ids,
                                    self->found_count};
    int exit_code = exchange_create(self->config, &playlist, &self->arena, &view, &err);
    if (exit_code != EXIT_OK)
        return exit_code;
    if (err != ERR_OK)
        return command_failed("'%.*s' is no name for a playlist: choose one with --name",
                              STR_ARG(name));
    printf("pl_%.*s  %.*s: %zu of %zu entries\n", STR_ARG(text_in(view, "playlist_id")),
           STR_ARG(text_in(view, "name")), self->found_count, self->file.count);
    return EXIT_OK;
}

static int import_playlist(const config_t *config, char **words, playlist_format_t format,
                           const char *name, bool is_dry)
{
    import_t self SCOPED(import_deinit) = {.config = config};
    buf_t bytes BUF_SCOPED = BUF_INIT;
    int exit_code = read_bytes(words[1], &bytes);
    if (exit_code != EXIT_OK)
        return exit_code;
    err_t err = playlist_file_read(buf_str(&bytes), format, &self.arena, &self.file);
    if (err != ERR_OK)
        return command_failed("%s is no such playlist: %s", words[1], err_text(err));
    if (want_entries(&self, folder_of(&self.arena, words[1])) != ERR_OK)
        return command_failed("out of memory");
    exit_code = exchange_user_id(config, words[0], self.user_id);
    if (exit_code == EXIT_OK)
        exit_code = exchange_match(config, self.wanted, self.file.count, &self.arena, self.found);
    if (exit_code != EXIT_OK)
        return exit_code;
    report(&self);
    if (is_dry) {
        printf("%zu of %zu entries would be taken\n", self.found_count, self.file.count);
        return EXIT_OK;
    }
    if (self.found_count == 0)
        return command_failed("none of its %zu entries is a track here: no playlist was made",
                              self.file.count);
    str_t chosen = name != NULL ? str_from(name) : self.file.name;
    return make_playlist(&self, str_is_empty(chosen) ? stem_of(words[1]) : chosen);
}

int command_playlist(const config_t *config, int count, char **arguments)
{
    int words = command_plain_count(count, arguments);
    bool is_export = words >= 3 && words <= 4 && strcmp(arguments[0], "export") == 0;
    bool is_import = words == 3 && strcmp(arguments[0], "import") == 0;
    const char *given = command_flag(count, arguments, "format");
    const char *path = is_export   ? (words == 4 ? arguments[3] : NULL)
                       : is_import ? arguments[2]
                                   : NULL;
    playlist_format_t format = PLAYLIST_M3U8;
    if (!is_export && !is_import)
        return command_usage("playlist");
    err_t err = given != NULL || path != NULL
                    ? playlist_format_of(str_from(given != NULL ? given : path), &format)
                    : ERR_OK;
    if (err != ERR_OK)
        return command_failed("choose a format: --format m3u, m3u8 or xspf"), EXIT_USAGE;
    if (is_export)
        return export_playlist(config, arguments + 1, path, format,
                               command_flag(count, arguments, "relative") != NULL);
    return import_playlist(config, arguments + 1, format, command_flag(count, arguments, "name"),
                           command_flag(count, arguments, "dry-run") != NULL);
}
