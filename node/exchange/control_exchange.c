/* control_exchange.c -- what `playlist` and `import` ask of a running node: which tracks are meant,
 * and to take what was made of them. */

#include "actors/protocol/accounts.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/user.h"
#include "node/parts.h"
#include "runtime/base/assert.h"
#include "storage/exchange/track_match.h"

enum { EXCHANGE_MATCH_MAX = 500, EXCHANGE_PAGE_MAX = 50 };

static address_t listener(control_request_t *request)
{
    return address_of(USER_KIND, control_argument(request, "user_id"));
}

static catalog_t *catalog_of(control_request_t *request)
{
    return ((node_t *)control_user(request))->catalog;
}

static search_feed_t *search_of(control_request_t *request)
{
    return ((node_t *)control_user(request))->search;
}

void control_user_find(control_request_t *request)
{
    edge_ask(control_edge(request), address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS,
             (str_t){0}, control_answer, request, accounts_find,
             .name = control_argument(request, "name"));
}

/* ---- matching ---- */

typedef struct match_job {
    control_request_t *request;
    catalog_t *catalog;
    search_feed_t *search;
    track_root_t roots[TRACK_MATCH_ROOTS_MAX];
    size_t root_count, count;
    track_wanted_t wanted[EXCHANGE_MATCH_MAX];
    track_found_t found[EXCHANGE_MATCH_MAX];
} match_job_t;

static str_t text_in(const graphql_value_t *object, const char *name)
{
    return graphql_value_str(graphql_value_get(object, name));
}

static err_t match_work(void *data)
{
    match_job_t *job = data;
    const track_shelves_t shelves = {job->catalog, job->search, job->roots, job->root_count};
    return track_match_all(&shelves, job->wanted, job->count, job->found);
}

static void match_done(void *data, err_t err)
{
    match_job_t *job = data;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    if (err != ERR_OK) {
        control_refuse(job->request, err, (str_t){0});
        return;
    }
    json_array_begin(&json);
    for (size_t i = 0; i < job->count; i++) {
        json_object_begin(&json);
        json_key_u64(&json, "id", job->found[i].track_id);
        if (job->found[i].match != TRACK_MATCH_FOUND)
            json_key_str(&json, "reason", str_from(track_match_text(job->found[i].match)));
        json_object_end(&json);
    }
    json_array_end(&json);
    control_reply(job->request, buf_str(&body));
}

static void roots_known(void *context, const answer_t *answer)
{
    match_job_t *job = context;
    if (answer->err != ERR_OK) {
        control_refuse(job->request, answer->err, answer->text);
        return;
    }
    const library_status_t *status = answer->message;
    arena_t *arena = control_arena(job->request);
    for (uint32_t i = 0; i < status->roots.count && i < TRACK_MATCH_ROOTS_MAX; i++)
        job->roots[job->root_count++] =
            (track_root_t){arena_str(arena, status->roots.items[i].name),
                           arena_str(arena, status->roots.items[i].path)};
    edge_offload(control_edge(job->request), OFFLOAD_FILE, match_work, match_done, job);
}

void control_tracks_match(control_request_t *request)
{
    if (!control_does_batch(request, (str_t){0}))
        return;
    const graphql_value_t *tracks = control_argument_value(request, "tracks");
    match_job_t *job = arena_new(control_arena(request), sizeof *job);
    if (job == NULL || graphql_value_count(tracks) > EXCHANGE_MATCH_MAX) {
        control_refuse(request, job == NULL ? ERR_NO_MEMORY : ERR_LIMIT, (str_t){0});
        return;
    }
    job->request = request;
    job->catalog = catalog_of(request);
    job->search = search_of(request);
    job->count = graphql_value_count(tracks);
    for (size_t i = 0; i < job->count; i++) {
        const graphql_value_t *track = graphql_value_at(tracks, i);
        int64_t duration = graphql_value_int(graphql_value_get(track, "duration_ms"), 0);
        job->wanted[i] = (track_wanted_t){.path = text_in(track, "path"),
                                          .relative = text_in(track, "relative"),
                                          .artist = text_in(track, "artist"),
                                          .title = text_in(track, "title"),
                                          .album = text_in(track, "album"),
                                          .duration_ms = duration < 0 ? 0 : (uint64_t)duration};
    }
    edge_ask(control_edge(request), address_of(ROOTS_KIND, ROOTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
             roots_known, job, roots_get_status);
}

/* ---- taking ---- */

/* Rows are [track, is favourite, rating, plays, played at]. */
void control_tracks_import(control_request_t *request)
{
    if (!control_does_batch(request, (str_t){0}))
        return;
    const graphql_value_t *rows = control_argument_value(request, "tracks");
    size_t count = graphql_value_count(rows);
    user_import_track_t *tracks =
        arena_new_array(control_arena(request), count + 1, sizeof *tracks);
    if (tracks == NULL) {
        control_refuse(request, ERR_NO_MEMORY, (str_t){0});
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t cells[5];
        for (size_t j = 0; j < COUNT_OF(cells); j++)
            cells[j] = graphql_value_int(graphql_value_at(graphql_value_at(rows, i), j), 0);
        tracks[i] = (user_import_track_t){.track_id = (uint64_t)cells[0],
                                          .is_favourite = cells[1] != 0,
                                          .rating = (uint32_t)cells[2],
                                          .play_count = (uint32_t)cells[3],
                                          .played_at = cells[4]};
    }
    edge_ask(control_edge(request), listener(request), ASK_TIMEOUT_MS, (str_t){0}, control_answer,
             request, user_import, .tracks = {tracks, (uint32_t)count});
}

typedef struct create_job {
    control_request_t *request;
    catalog_t *catalog;
    playlist_track_t *tracks;
    uint32_t count;
} create_job_t;

/* Durations are what the catalog says now. */
static err_t durations_work(void *data)
{
    create_job_t *job = data;
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(job->catalog, &scratch, &read));
    for (uint32_t i = 0; i < job->count; i++) {
        catalog_track_t track;
        TRY(catalog_track(&read, job->tracks[i].track_id, &track));
        job->tracks[i].duration_ms = (uint32_t)MIN(track.duration_ms, (uint64_t)UINT32_MAX);
        arena_reset(&scratch);
    }
    return ERR_OK;
}

/* A command that is repeated gets its first answer, which says nothing of what came after it. */
static void is_still_there(void *context, const answer_t *answer)
{
    answer_t gone = {.err = ERR_CONFLICT, .text = STR("it was made before, and deleted since")};
    control_answer(context, answer->err == ERR_NOT_FOUND ? &gone : answer);
}

static void was_made(void *context, const answer_t *answer)
{
    control_request_t *request = context;
    if (answer->err != ERR_OK) {
        control_answer(request, answer);
        return;
    }
    const playlist_view_t *view = answer->message;
    edge_ask(control_edge(request), address_of(PLAYLIST_KIND, view->playlist_id), ASK_TIMEOUT_MS,
             (str_t){0}, is_still_there, request, playlist_get,
             .user_id = control_argument(request, "user_id"));
}

static void durations_known(void *data, err_t err)
{
    create_job_t *job = data;
    control_request_t *request = job->request;
    if (err != ERR_OK) {
        control_refuse(request, err, (str_t){0});
        return;
    }
    edge_ask(control_edge(request), listener(request), ASK_TIMEOUT_MS,
             control_argument(request, "command_id"), was_made, request, user_create_playlist,
             .name = control_argument(request, "name"), .tracks = {job->tracks, job->count});
}

void control_playlist_create(control_request_t *request)
{
    const graphql_value_t *ids = control_argument_value(request, "tracks");
    size_t count = graphql_value_count(ids);
    create_job_t *job = arena_new(control_arena(request), sizeof *job);
    playlist_track_t *tracks = arena_new_array(control_arena(request), count + 1, sizeof *tracks);
    if (job == NULL || tracks == NULL || count > PLAYLIST_TRACKS_MAX) {
        control_refuse(request, count > PLAYLIST_TRACKS_MAX ? ERR_LIMIT : ERR_NO_MEMORY,
                       (str_t){0});
        return;
    }
    for (size_t i = 0; i < count; i++)
        tracks[i].track_id = (uint64_t)graphql_value_int(graphql_value_at(ids, i), 0);
    *job = (create_job_t){request, catalog_of(request), tracks, (uint32_t)count};
    edge_offload(control_edge(request), OFFLOAD_FILE, durations_work, durations_known, job);
}

/* ---- finding a playlist ---- */

typedef struct find_job {
    control_request_t *request;
    str_t wanted;
    str_t *ids;
    uint32_t count, next, found_count;
    str_t found, others; /* others: ids of all that have the name */
} find_job_t;

static void find_next(find_job_t *job);

static void find_end(find_job_t *job)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    if (job->found_count == 0) {
        control_refuse(job->request, ERR_NOT_FOUND, STR("this user has no such playlist"));
    } else if (job->found_count > 1) {
        str_t text = arena_printf(control_arena(job->request),
                                  "several playlists have this name, choose by id:%.*s",
                                  STR_ARG(job->others));
        control_refuse(job->request, ERR_CONFLICT, text);
    } else {
        json_object_begin(&json);
        json_key_str(&json, "id", job->found);
        json_object_end(&json);
        control_reply(job->request, buf_str(&body));
    }
}

static void looked_at(void *context, const answer_t *answer)
{
    find_job_t *job = context;
    arena_t *arena = control_arena(job->request);
    const playlist_view_t *view = answer->message;
    if (answer->err != ERR_OK && answer->err != ERR_NOT_FOUND) {
        control_refuse(job->request, answer->err, answer->text);
        return;
    }
    if (answer->err == ERR_OK && str_equal(view->playlist_id, job->wanted)) {
        job->found = job->wanted;
        job->found_count = 1;
        job->next = job->count; /* an id is unique */
    } else if (answer->err == ERR_OK && str_equal(view->name, job->wanted)) {
        job->found = arena_str(arena, view->playlist_id);
        job->found_count++;
        job->others = arena_printf(arena, "%.*s %.*s", STR_ARG(job->others), STR_ARG(job->found));
    }
    find_next(job);
}

static void find_next(find_job_t *job)
{
    if (job->next == job->count) {
        find_end(job);
        return;
    }
    ASSERT(job->ids != NULL); /* there are count of them */
    edge_ask(control_edge(job->request), address_of(PLAYLIST_KIND, job->ids[job->next++]),
             ASK_TIMEOUT_MS, (str_t){0}, looked_at, job, playlist_get,
             .user_id = control_argument(job->request, "user_id"));
}

static void playlists_known(void *context, const answer_t *answer)
{
    find_job_t *job = context;
    if (answer->err != ERR_OK) {
        control_refuse(job->request, answer->err, answer->text);
        return;
    }
    arena_t *arena = control_arena(job->request);
    const user_playlists_t *playlists = answer->message;
    job->ids = arena_new_array(arena, playlists->playlist_ids.count + 1, sizeof *job->ids);
    for (uint32_t i = 0; job->ids != NULL && i < playlists->playlist_ids.count; i++)
        job->ids[job->count++] = arena_str(arena, playlists->playlist_ids.items[i]);
    find_next(job);
}

/* By its name, or its id with or without GraphQL's "pl_". */
void control_playlist_find(control_request_t *request)
{
    find_job_t *job = arena_new(control_arena(request), sizeof *job);
    if (job == NULL) {
        control_refuse(request, ERR_NO_MEMORY, (str_t){0});
        return;
    }
    job->request = request;
    job->others = STR("");
    job->wanted = control_argument(request, "playlist");
    job->wanted = str_without_prefix(job->wanted, STR("pl_"));
    edge_ask(control_edge(request), listener(request), ASK_TIMEOUT_MS, (str_t){0}, playlists_known,
             job, user_get_playlists);
}

/* ---- a page of one ---- */

static void append_entry(json_t *json, const playlist_entry_t *entry, const catalog_track_t *track)
{
    buf_t artist BUF_SCOPED = BUF_INIT;
    catalog_artist_line(track->credits.items, track->credits.count, &artist);
    json_object_begin(json);
    json_key_u64(json, "entry", entry->entry_id);
    json_key_str(json, "root", track->root);
    json_key_str(json, "path", track->path);
    json_key_str(json, "artist", buf_str(&artist));
    json_key_str(json, "title", track->title);
    json_key_str(json, "album", track->album);
    json_key_u64(json, "duration_ms", track->duration_ms);
    json_object_end(json);
}

static err_t append_page(catalog_t *catalog, const playlist_view_t *view, buf_t *out)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    json_t json = json_to(out);
    TRY(catalog_read_begin(catalog, &scratch, &read));
    json_object_begin(&json);
    json_key_str(&json, "name", view->name);
    json_key_u64(&json, "version", view->version);
    json_key_bool(&json, "has_next", view->has_next);
    json_key(&json, STR("entries"));
    json_array_begin(&json);
    for (uint32_t i = 0; i < view->entries.count; i++) {
        /* One that was removed from the catalog has nothing left but its id. */
        catalog_track_t track = {.id = view->entries.items[i].track_id};
        err_t err = catalog_track(&read, track.id, &track);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        append_entry(&json, &view->entries.items[i], &track);
    }
    json_array_end(&json);
    json_object_end(&json);
    return buf_status(out);
}

static void page_known(void *context, const answer_t *answer)
{
    control_request_t *request = context;
    buf_t body BUF_SCOPED = BUF_INIT;
    err_t err = answer->err;
    if (err == ERR_OK)
        err = append_page(catalog_of(request), answer->message, &body);
    if (err != ERR_OK)
        control_refuse(request, err, answer->text);
    else
        control_reply(request, buf_str(&body));
}

void control_playlist_page(control_request_t *request)
{
    int64_t after = control_argument_int(request, "after", 0);
    edge_ask(control_edge(request), address_of(PLAYLIST_KIND, control_argument(request, "id")),
             ASK_TIMEOUT_MS, (str_t){0}, page_known, request, playlist_get,
             .user_id = control_argument(request, "user_id"), .after_entry_id = (uint64_t)after,
             .first = EXCHANGE_PAGE_MAX);
}
