#include "node/exchange/exchange.h"

#include "node/commands/terminal.h"

/* A request is sent when it holds so many tracks, or bytes; control.h bounds what one may be. */
enum { REQUEST_TRACKS = 200, REQUEST_SIZE = 96 * 1024 };

int exchange_user_id(const config_t *config, const char *name, char out_id[EXCHANGE_USER_ID_SIZE])
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    const graphql_value_t *user = NULL;
    str_t message;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "name", str_from(name));
    json_object_end(&json);
    err_t err = control_call(config->data, "user.find", buf_str(&body), &arena, &user, &message);
    if (err == ERR_NOT_FOUND)
        return command_failed("there is no user '%s' here: `musicstream user list` shows them",
                              name);
    if (err != ERR_OK)
        return command_ask(config, "user.find", buf_str(&body), &arena, &user);
    str_to_array(graphql_value_str(graphql_value_get(user, "user_id")), out_id,
                 EXCHANGE_USER_ID_SIZE);
    return EXIT_OK;
}

static void append_wanted(json_t *json, const track_wanted_t *wanted)
{
    json_object_begin(json);
    json_key_str(json, "path", wanted->path);
    json_key_str(json, "relative", wanted->relative);
    json_key_str(json, "artist", wanted->artist);
    json_key_str(json, "title", wanted->title);
    json_key_str(json, "album", wanted->album);
    json_key_u64(json, "duration_ms", wanted->duration_ms);
    json_object_end(json);
}

/* Asks for as many from the front as one request takes. */
static int match_some(const config_t *config, const track_wanted_t *wanted, size_t count,
                      arena_t *arena, exchange_found_t *out_found, size_t *out_done)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    arena_t scratch ARENA_SCOPED = {0};
    const graphql_value_t *found = NULL;
    json_t json = json_to(&body);
    size_t done = 0;
    json_object_begin(&json);
    json_key(&json, STR("tracks"));
    json_array_begin(&json);
    while (done < count && done < REQUEST_TRACKS && body.size < REQUEST_SIZE)
        append_wanted(&json, &wanted[done++]);
    json_array_end(&json);
    json_object_end(&json);
    int exit_code = command_ask(config, "tracks.match", buf_str(&body), &scratch, &found);
    for (size_t i = 0; i < done && exit_code == EXIT_OK; i++) {
        const graphql_value_t *one = graphql_value_at(found, i);
        out_found[i].track_id = (uint64_t)graphql_value_int(graphql_value_get(one, "id"), 0);
        out_found[i].reason = arena_str(arena, graphql_value_str(graphql_value_get(one, "reason")));
    }
    *out_done = done;
    return exit_code;
}

int exchange_match(const config_t *config, const track_wanted_t *wanted, size_t count,
                   arena_t *arena, exchange_found_t *out_found)
{
    for (size_t at = 0, done = 0; at < count; at += done) {
        int exit_code = match_some(config, wanted + at, count - at, arena, out_found + at, &done);
        if (exit_code != EXIT_OK)
            return exit_code;
    }
    return EXIT_OK;
}

int exchange_create(const config_t *config, const exchange_playlist_t *playlist, arena_t *arena,
                    const graphql_value_t **out_view, err_t *out_err)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    str_t message;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "user_id", str_from(playlist->user_id));
    json_key_str(&json, "command_id", playlist->command_id);
    json_key_str(&json, "name", playlist->name);
    json_key(&json, STR("tracks"));
    json_array_begin(&json);
    for (size_t i = 0; i < playlist->count; i++)
        json_u64(&json, playlist->track_ids[i]);
    json_array_end(&json);
    json_object_end(&json);
    *out_err =
        control_call(config->data, "playlist.create", buf_str(&body), arena, out_view, &message);
    if (*out_err == ERR_OK || *out_err == ERR_CONFLICT || *out_err == ERR_INVALID)
        return EXIT_OK;
    return command_failed("the playlist '%.*s' could not be made: %.*s", STR_ARG(playlist->name),
                          STR_ARG(message));
}

void exchange_append_words(buf_t *out, str_t words)
{
    terminal_append(out, words, EXCHANGE_WORDS_MAX, false);
}

void exchange_append_entry(buf_t *out, const track_wanted_t *wanted)
{
    if (!str_is_empty(wanted->artist)) {
        exchange_append_words(out, wanted->artist);
        buf_append(out, STR(" - "));
    }
    exchange_append_words(out, wanted->title);
    str_t path = str_is_empty(wanted->relative) ? wanted->path : wanted->relative;
    if (str_is_empty(path))
        return;
    buf_append(out, out->size > 0 ? STR(" (") : STR("("));
    exchange_append_words(out, path);
    buf_append_char(out, ')');
}
