/* control_commands.c -- what the command line may ask of a running node. */

#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "actors/protocol/roots.h"
#include "node/blobs/control_blobs.h"
#include "node/parts.h"
#include "node/plugins/plugins.h"
#include "node/privacy/privacy_node.h"
#include "runtime/base/utf8.h"

static node_t *node_of(control_request_t *request)
{
    return control_user(request);
}

/* Answers with a reply as its schema says. */
void control_answer(void *context, const answer_t *answer)
{
    control_request_t *request = context;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    if (answer->err != ERR_OK) {
        control_refuse(request, answer->err, answer->text);
        return;
    }
    schema_to_json(answer->schema, answer->message, &json);
    control_reply(request, buf_str(&body));
}

#define control_ask(request, kind, key, command, ...)                                              \
    edge_ask(control_edge(request), address_of((kind), (key)), ASK_TIMEOUT_MS, (str_t){0},         \
             control_answer, (request), command, ##__VA_ARGS__)

/* ---- the library ---- */

static void scan_status(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_get_status);
}

static void scan_start_command(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_start_scan,
                .root = control_argument(request, "root"),
                .is_full = control_argument_bool(request, "full"));
}

static void scan_cancel_command(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_cancel_scan,
                .root = control_argument(request, "root"));
}

static void library_add_command(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_add,
                .name = control_argument(request, "name"),
                .path = control_argument(request, "path"));
}

static void append_hit(json_t *json, const char *kind, uint64_t id, str_t title, str_t more)
{
    json_object_begin(json);
    json_key_str(json, "kind", str_from(kind));
    json_key_u64(json, "id", id);
    json_key_str(json, "title", title);
    json_key_str(json, "more", more);
    json_object_end(json);
}

static err_t append_hits(catalog_read_t *read, const search_answer_t *answer, json_t *json)
{
    buf_t names BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < answer->counts[SEARCH_ARTIST]; i++) {
        catalog_artist_t artist;
        TRY(catalog_artist(read, answer->hits[SEARCH_ARTIST][i].id, &artist));
        append_hit(json, "artist", artist.id, artist.name, STR(""));
    }
    for (size_t i = 0; i < answer->counts[SEARCH_ALBUM]; i++) {
        catalog_album_t album;
        TRY(catalog_album(read, answer->hits[SEARCH_ALBUM][i].id, &album));
        buf_reset(&names);
        catalog_artist_line(album.credits.items, album.credits.count, &names);
        append_hit(json, "album", album.id, album.title, buf_str(&names));
    }
    for (size_t i = 0; i < answer->counts[SEARCH_TRACK]; i++) {
        catalog_track_t track;
        TRY(catalog_track(read, answer->hits[SEARCH_TRACK][i].id, &track));
        buf_reset(&names);
        catalog_artist_line(track.credits.items, track.credits.count, &names);
        append_hit(json, "track", track.id, track.title, buf_str(&names));
    }
    return buf_status(&names);
}

static err_t search_into(node_t *node, control_request_t *request, buf_t *out)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    search_answer_t answer;
    int64_t limit = control_argument_int(request, "limit", 10);
    if (limit < 1 || limit > SEARCH_LIMIT_MAX)
        return ERR_INVALID;
    search_query_t query = {control_argument(request, "query"),
                            {(uint32_t)limit, (uint32_t)limit, (uint32_t)limit}};
    TRY(catalog_read_begin(node->catalog, &scratch, &read));
    TRY(catalog_search(&read, &query, &answer));
    json_t json = json_to(out);
    json_array_begin(&json);
    TRY(append_hits(&read, &answer, &json));
    json_array_end(&json);
    return buf_status(out);
}

static void search_command(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    err_t err = search_into(node_of(request), request, &body);
    if (err != ERR_OK)
        control_refuse(request, err, (str_t){0});
    else
        control_reply(request, buf_str(&body));
}

/* ---- users ---- */

static void user_add(control_request_t *request)
{
    str_t role = control_argument(request, "role");
    control_ask(request, ACCOUNTS_KIND, ACCOUNTS_KEY, accounts_add_user,
                .name = control_argument(request, "name"),
                .password = control_argument(request, "password"),
                .role = str_equal(role, STR("admin")) ? ACCOUNT_ROLE_ADMIN : ACCOUNT_ROLE_LISTENER);
}

static void user_list(control_request_t *request)
{
    control_ask(request, ACCOUNTS_KIND, ACCOUNTS_KEY, accounts_list);
}

static void user_password(control_request_t *request)
{
    control_ask(request, ACCOUNTS_KIND, ACCOUNTS_KEY, accounts_set_password,
                .name = control_argument(request, "name"),
                .password = control_argument(request, "password"));
}

/* These two answer with what schema_to_json hides: the caller owns the data folder. */
static void reply_with_secret(control_request_t *request, const char *name, str_t secret)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, name, secret);
    json_object_end(&json);
    control_reply(request, buf_str(&body));
    if (body.data != NULL)
        explicit_bzero(body.data, body.size);
}

static void token_issued(void *context, const answer_t *answer)
{
    if (answer->err != ERR_OK)
        control_refuse(context, answer->err, answer->text);
    else
        reply_with_secret(context, "access_token",
                          ((const account_signed_in_t *)answer->message)->access_token);
}

static void token_issue_command(control_request_t *request)
{
    edge_ask(control_edge(request), address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS,
             (str_t){0}, token_issued, request, accounts_issue,
             .name = control_argument(request, "name"), .device_name = STR("command line"));
}

static void code_known(void *context, const answer_t *answer)
{
    if (answer->err != ERR_OK)
        control_refuse(context, answer->err, answer->text);
    else
        reply_with_secret(context, "code", ((const accounts_setup_code_t *)answer->message)->code);
}

static void setup_code(control_request_t *request)
{
    edge_ask(control_edge(request), address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS,
             (str_t){0}, code_known, request, accounts_get_setup_code);
}

const control_command_t CONTROL_COMMANDS[] = {
    {"scan.status", scan_status},
    {"scan.start", scan_start_command},
    {"scan.cancel", scan_cancel_command},
    {"library.add", library_add_command},
    {"catalog.rebuild", control_catalog_rebuild},
    {"catalog.status", control_catalog_status},
    {"search", search_command},
    {"user.add", user_add},
    {"user.list", user_list},
    {"user.password", user_password},
    {"user.find", control_user_find},
    {"user.erase", control_user_erase},
    {"user.exported", control_user_exported},
    {"user.events", control_user_events},
    {"audit", control_audit},
    {"keys.rotate", control_keys_rotate},
    {"keys.status", control_keys_status},
    {"blobs.gc", control_blobs_gc},
    {"blobs.scrub", control_blobs_scrub},
    {"blobs.cancel", control_blobs_cancel},
    {"blobs.status", control_blobs_status},
    {"tracks.match", control_tracks_match},
    {"tracks.import", control_tracks_import},
    {"playlist.find", control_playlist_find},
    {"playlist.page", control_playlist_page},
    {"playlist.create", control_playlist_create},
    {"token.issue", token_issue_command},
    {"setup.code", setup_code},
    {"actors", control_actors},
    {"plugin.list", plugin_list_command},
    {"plugin.replace", plugin_replace_command},
    {"actor", control_actor},
    {"tree", control_tree},
    {"letters", control_letters},
    {"outbox", control_outbox},
    {"outbox.settle", control_outbox_settle},
    {"crashes", control_crashes},
    {"top", control_top},
    {"trace", control_trace},
    {"recorder", control_recorder},
};
const size_t CONTROL_COMMAND_COUNT = COUNT_OF(CONTROL_COMMANDS);
