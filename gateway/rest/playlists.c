#include "gateway/rest/playlists.h"

#include "actors/protocol/roots.h"
#include "actors/protocol/server.h"
#include "actors/protocol/user.h"
#include "gateway/api.h"
#include "gateway/own_writes.h"
#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/exchange/playlist_file.h"
#include "storage/exchange/track_match.h"

_Static_assert((int)PLAYLIST_FILE_ENTRIES_MAX == (int)PLAYLIST_TRACKS_MAX, "one fits the other");

enum { EXPORT_TRIES_MAX = 5 /* a playlist that changes meanwhile is read again */ };

static void refuse(http_request_t *request, const answer_t *answer)
{
    str_t text = arena_str(request->arena, answer->text);
    http_reply_error(request, answer->err, str_is_empty(text) ? NULL : text.data);
}

/* The caller's id, in the request's arena; data is NULL: it was refused. */
static str_t caller_or_refuse(http_request_t *request)
{
    caller_t caller;
    err_t err = caller_of(request, &caller);
    str_t id = err == ERR_OK ? arena_str(request->arena, caller_user_id(&caller)) : (str_t){0};
    if (id.data == NULL)
        http_reply_error(request, err == ERR_OK ? ERR_NO_MEMORY : err, NULL);
    return id;
}

/* Empty: there is none. */
static str_t query_of(http_request_t *request, const char *name)
{
    str_t value;
    return http_query(request, name, &value) == ERR_OK ? value : STR("");
}

/* ---- may they? ---- */

typedef struct gate {
    http_request_t *request;
    void (*next)(http_request_t *request);
} gate_t;

static void features_known(void *context, const answer_t *answer)
{
    const gate_t *gate = context;
    if (answer->err != ERR_OK)
        refuse(gate->request, answer);
    else if (!server_has(answer->message, SERVER_FEATURE_PLAYLIST_FILES))
        http_reply_error(gate->request, ERR_FORBIDDEN,
                         "an administrator has switched playlists as files off");
    else
        gate->next(gate->request);
}

/* Goes on with `next` where the feature is on. */
static void with_files(http_request_t *request, void (*next)(http_request_t *request))
{
    gate_t *gate = arena_new(request->arena, sizeof *gate);
    if (gate == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    if (caller_or_refuse(request).data == NULL)
        return;
    *gate = (gate_t){request, next};
    edge_ask(request->edge, address_of(SERVER_KIND, SERVER_KEY), ASK_TIMEOUT_MS, (str_t){0},
             features_known, gate, server_get);
}

/* ---- export ---- */

typedef struct export
{
    http_request_t *request;
    catalog_t *catalog;
    playlist_format_t format;
    str_t user_id, id, name;
    uint64_t *track_ids;
    uint32_t count, tries;
    uint64_t version, last_entry_id;
    buf_t text;
}
export_t;

static err_t export_work(void *data)
{
    export_t *self = data;
    arena_t arena ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    playlist_file_entry_t *entries = arena_new_array(&arena, self->count + 1, sizeof *entries);
    if (entries == NULL)
        return ERR_NO_MEMORY;
    TRY(catalog_read_begin(self->catalog, &arena, &read));
    for (uint32_t i = 0; i < self->count; i++) {
        catalog_track_t track = {.id = self->track_ids[i]};
        buf_t artist BUF_SCOPED = BUF_INIT;
        err_t err = catalog_track(&read, track.id, &track);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        catalog_artist_line(track.credits.items, track.credits.count, &artist);
        entries[i] = (playlist_file_entry_t){.location = track.path,
                                             .artist = arena_str(&arena, buf_str(&artist)),
                                             .title = track.title,
                                             .album = track.album,
                                             .duration_ms = track.duration_ms};
    }
    return playlist_file_write(&(playlist_file_t){self->name, entries, self->count}, self->format,
                               &self->text);
}

static void export_done(void *data, err_t err)
{
    export_t *self = data;
    http_request_t *request = self->request;
    buf_t text BUF_SCOPED = STEAL(self->text), header BUF_SCOPED = BUF_INIT;
    static const char *const names[] = {"m3u", "m3u8", "xspf"};
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    buf_append(&header, STR("attachment; filename*=UTF-8''"));
    percent_append(&header, self->name, "");
    buf_printf(&header, ".%s", names[self->format]);
    if (buf_status(&header) == ERR_OK)
        http_reply_header(request, "Content-Disposition", buf_str(&header));
    http_reply_header(request, "Cache-Control", STR("no-store"));
    http_reply_buf(request, 200, playlist_format_type(self->format), &text);
}

static void ask_page(export_t *self);

static void again(export_t *self)
{
    self->count = 0;
    self->last_entry_id = 0;
    if (++self->tries == EXPORT_TRIES_MAX)
        http_reply_error(self->request, ERR_BUSY, "the playlist changes all the time");
    else
        ask_page(self);
}

static void got_page(void *context, const answer_t *answer)
{
    export_t *self = context;
    const playlist_view_t *view = answer->message;
    if (answer->err != ERR_OK && answer->err != ERR_STALE) {
        refuse(self->request, answer);
        return;
    }
    if (answer->err == ERR_STALE || (self->count > 0 && view->version != self->version)) {
        again(self);
        return;
    }
    self->version = view->version;
    for (uint32_t i = 0; i < view->entries.count && self->count < PLAYLIST_TRACKS_MAX; i++) {
        self->track_ids[self->count++] = view->entries.items[i].track_id;
        self->last_entry_id = view->entries.items[i].entry_id;
    }
    if (view->has_next) {
        ask_page(self);
        return;
    }
    self->name = arena_str(self->request->arena, view->name);
    edge_offload(self->request->edge, OFFLOAD_FILE, export_work, export_done, self);
}

static void ask_page(export_t *self)
{
    edge_ask(self->request->edge, address_of(PLAYLIST_KIND, self->id), ASK_TIMEOUT_MS, (str_t){0},
             got_page, self, playlist_get, .user_id = self->user_id,
             .after_entry_id = self->last_entry_id, .first = PLAYLIST_PAGE_MAX);
}

static void begin_export(http_request_t *request)
{
    str_t user_id = caller_or_refuse(request);
    if (user_id.data == NULL)
        return;
    str_t id = str_without_prefix(http_param(request, "id"), STR("pl_"));
    str_t name = query_of(request, "format");
    export_t *self = arena_new(request->arena, sizeof *self);
    uint64_t *ids = arena_new_array(request->arena, PLAYLIST_TRACKS_MAX, sizeof *ids);
    playlist_format_t format = PLAYLIST_M3U8;
    if (self == NULL || ids == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
    } else if (!str_is_empty(name) && playlist_format_of(name, &format) != ERR_OK) {
        http_reply_error(request, ERR_UNSUPPORTED, "format is m3u, m3u8 or xspf");
    } else if (str_is_empty(id) || id.size > PLAYLIST_NAME_SIZE_MAX) {
        http_reply_error(request, ERR_NOT_FOUND, NULL);
    } else {
        *self = (export_t){.request = request,
                           .catalog = home_of(request)->api->catalog,
                           .format = format,
                           .user_id = user_id,
                           .id = id,
                           .track_ids = ids};
        ask_page(self);
    }
}

static void get_export(http_request_t *request)
{
    with_files(request, begin_export);
}

/* ---- import ---- */

typedef struct import {
    http_request_t *request;
    catalog_t *catalog;
    search_feed_t *search;
    playlist_format_t format;
    str_t user_id, name, command_id;
    bool is_dry;
    track_root_t roots[TRACK_MATCH_ROOTS_MAX];
    size_t root_count;
    arena_t arena; /* of the file */
    playlist_file_t file;
    track_found_t *found;
    playlist_track_t *tracks;
    uint32_t matched;
    const playlist_view_t *view; /* of what was made, until search finds it */
} import_t;

static err_t import_work(void *data)
{
    import_t *self = data;
    TRY(playlist_file_read(self->request->body, self->format, &self->arena, &self->file));
    size_t count = self->file.count;
    track_wanted_t *wanted = arena_new_array(&self->arena, count + 1, sizeof *wanted);
    self->found = arena_new_array(&self->arena, count + 1, sizeof *self->found);
    self->tracks = arena_new_array(&self->arena, count + 1, sizeof *self->tracks);
    if (wanted == NULL || self->found == NULL || self->tracks == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const playlist_file_entry_t *entry = &self->file.entries[i];
        wanted[i] = (track_wanted_t){.path = entry->location,
                                     .artist = entry->artist,
                                     .title = entry->title,
                                     .album = entry->album,
                                     .duration_ms = entry->duration_ms};
    }
    const track_shelves_t shelves = {self->catalog, self->search, self->roots, self->root_count};
    TRY(track_match_all(&shelves, wanted, count, self->found));
    for (size_t i = 0; i < count; i++)
        if (self->found[i].match == TRACK_MATCH_FOUND)
            self->tracks[self->matched++] =
                (playlist_track_t){self->found[i].track_id,
                                   (uint32_t)MIN(self->found[i].duration_ms, (uint64_t)UINT32_MAX)};
    return ERR_OK;
}

static void append_unmatched(const import_t *self, json_t *json)
{
    json_key(json, STR("unmatched"));
    json_array_begin(json);
    for (size_t i = 0; i < self->file.count; i++) {
        const playlist_file_entry_t *entry = &self->file.entries[i];
        if (self->found[i].match == TRACK_MATCH_FOUND)
            continue;
        json_object_begin(json);
        json_key_u64(json, "index", i);
        json_key_str(json, "location", entry->location);
        json_key_str(json, "artist", entry->artist);
        json_key_str(json, "title", entry->title);
        json_key_str(json, "reason", str_from(track_match_text(self->found[i].match)));
        json_object_end(json);
    }
    json_array_end(json);
}

/* view NULL: none was made. */
static void answer_import(import_t *self, const playlist_view_t *view)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key(&json, STR("playlist"));
    if (view == NULL) {
        json_null(&json);
    } else {
        str_t id = arena_printf(self->request->arena, "pl_%.*s", STR_ARG(view->playlist_id));
        json_object_begin(&json);
        json_key_str(&json, "id", id);
        json_key_str(&json, "name", view->name);
        json_key_u64(&json, "entryCount", view->entry_count);
        json_object_end(&json);
    }
    json_key_u64(&json, "matched", self->matched);
    append_unmatched(self, &json);
    json_object_end(&json);
    arena_deinit(&self->arena);
    http_reply_header(self->request, "Cache-Control", STR("no-store"));
    http_reply_buf(self->request, view == NULL ? 200 : 201, STR("application/json"), &body);
}

static void import_is_found(void *context)
{
    import_t *self = context;
    answer_import(self, self->view);
}

static void playlist_made(void *context, const answer_t *answer)
{
    import_t *self = context;
    const api_t *api = home_of(self->request)->api;
    if (answer->err != ERR_OK) {
        arena_deinit(&self->arena);
        refuse(self->request, answer);
        return;
    }
    void *view = arena_new(&self->arena, schema_deep_size(answer->schema, answer->message));
    if (view == NULL) {
        answer_import(self, answer->message);
        return;
    }
    schema_copy(answer->schema, answer->message, view);
    self->view = view;
    own_writes_wait(runtime_loop(api->runtime, edge_scheduler(self->request->edge)),
                    api->names_projection, answer->position, OWN_WRITES_WAIT_MS, import_is_found,
                    self);
}

static void import_done(void *data, err_t err)
{
    import_t *self = data;
    http_request_t *request = self->request;
    if (err != ERR_OK) {
        arena_deinit(&self->arena);
        http_reply_error(request, err,
                         err == ERR_INVALID ? "the body is no playlist of this format"
                         : err == ERR_LIMIT ? "the playlist has too many entries, or too long ones"
                                            : NULL);
        return;
    }
    if (self->is_dry || self->matched == 0) {
        answer_import(self, NULL);
        return;
    }
    str_t name = str_is_empty(self->name) ? self->file.name : self->name;
    edge_ask(request->edge, address_of(USER_KIND, self->user_id), ASK_TIMEOUT_MS, self->command_id,
             playlist_made, self, user_create_playlist,
             .name = str_is_empty(name) ? STR("Imported playlist") : name,
             .tracks = {self->tracks, self->matched});
}

static void roots_known(void *context, const answer_t *answer)
{
    import_t *self = context;
    arena_t *arena = self->request->arena;
    if (answer->err != ERR_OK) {
        refuse(self->request, answer);
        return;
    }
    const library_status_t *status = answer->message;
    for (uint32_t i = 0; i < status->roots.count && i < TRACK_MATCH_ROOTS_MAX; i++)
        self->roots[self->root_count++] =
            (track_root_t){arena_str(arena, status->roots.items[i].name),
                           arena_str(arena, status->roots.items[i].path)};
    edge_offload(self->request->edge, OFFLOAD_FILE, import_work, import_done, self);
}

/* By the query, else by the type of the body. */
static err_t format_of(http_request_t *request, playlist_format_t *out_format)
{
    static const struct {
        str_t type;
        playlist_format_t format;
    } types[] = {
        {STR_INIT("application/xspf+xml"), PLAYLIST_XSPF},
        {STR_INIT("audio/x-mpegurl"), PLAYLIST_M3U},
        {STR_INIT("audio/mpegurl"), PLAYLIST_M3U},
        {STR_INIT("application/vnd.apple.mpegurl"), PLAYLIST_M3U8},
    };
    str_t name = query_of(request, "format");
    if (!str_is_empty(name))
        return playlist_format_of(name, out_format) == ERR_OK ? ERR_OK : ERR_UNSUPPORTED;
    str_t type = http_header(request, "Content-Type");
    type = str_trim(str_slice(type, 0, str_find(type, ';')));
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_equal_ignoring_case(type, types[i].type)) {
            *out_format = types[i].format;
            return ERR_OK;
        }
    return ERR_UNSUPPORTED;
}

static void begin_import(http_request_t *request)
{
    playlist_format_t format;
    str_t user_id = caller_or_refuse(request);
    if (user_id.data == NULL)
        return;
    import_t *self = arena_new(request->arena, sizeof *self);
    if (self == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
    } else if (format_of(request, &format) != ERR_OK) {
        http_reply_error(request, ERR_UNSUPPORTED, "format is m3u, m3u8 or xspf");
    } else {
        *self = (import_t){.request = request,
                           .catalog = home_of(request)->api->catalog,
                           .search = home_of(request)->api->search,
                           .format = format,
                           .user_id = user_id,
                           .name = query_of(request, "name"),
                           .command_id = query_of(request, "commandId"),
                           .is_dry = str_equal(query_of(request, "dryRun"), STR("true"))};
        edge_ask(request->edge, address_of(ROOTS_KIND, ROOTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
                 roots_known, self, roots_get_status);
    }
}

static void post_import(http_request_t *request)
{
    with_files(request, begin_import);
}

err_t playlists_routes(routes_t *routes)
{
    const route_t rows[] = {
        {METHOD_GET, "/api/v1/playlists/{id}/export", get_export, NULL, 0},
        {METHOD_POST, "/api/v1/playlists/import", post_import, NULL, PLAYLIST_FILE_SIZE_MAX},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}
