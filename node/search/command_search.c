/* command_search.c -- `search`: what listeners would find, and why. */

#include "node/commands/command_ask.h"
#include "node/commands/terminal.h"
#include "node/search/search_show.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    BUILT_WAIT_US = 250000,
    BUILT_TRIES = 240,
    HITS_MAX = 100, /* as control_search.c has it */
    POPULARITY_MAX = 100,
    YEAR_MAX = 9999,
    DAYS_MAX = 36500,
};

/* ---- the question ---- */

static void append_list(json_t *json, const char *name, const char *value)
{
    str_t rest = str_from(value == NULL ? "" : value);
    if (rest.size == 0)
        return;
    json_key(json, str_from(name));
    json_array_begin(json);
    while (rest.size > 0) {
        size_t comma = str_find(rest, ',');
        str_t item = str_trim(str_slice(rest, 0, comma));
        if (item.size > 0)
            json_str(json, item);
        rest = str_slice(rest, MIN(comma + 1, rest.size), rest.size);
    }
    json_array_end(json);
}

/* An empty text is no number. INVALID: it is another text, or too much. */
static err_t append_number(json_t *json, const char *name, str_t text, uint64_t max)
{
    uint64_t number;
    if (text.size == 0)
        return ERR_OK;
    TRY(str_to_u64(text, &number));
    if (number > max)
        return ERR_INVALID;
    json_key_u64(json, name, number);
    return ERR_OK;
}

/* "1990-1999", "1990-", "-1999", "1994" */
static err_t append_years(json_t *json, const char *value)
{
    str_t text = str_from(value == NULL ? "" : value);
    size_t dash = str_find(text, '-');
    str_t from = str_slice(text, 0, dash),
          to = str_slice(text, MIN(dash + 1, text.size), text.size);
    TRY(append_number(json, "year_from", from, YEAR_MAX));
    return append_number(json, "year_to", dash == text.size ? from : to, YEAR_MAX);
}

/* Of the last so many days. */
static err_t append_added(json_t *json, const char *value)
{
    uint64_t days;
    if (value == NULL)
        return ERR_OK;
    TRY(str_to_u64(str_from(value), &days));
    if (days == 0 || days > DAYS_MAX)
        return ERR_INVALID;
    json_key_i64(json, "added_since_ms", (time(NULL) - (int64_t)days * 86400) * 1000);
    return ERR_OK;
}

static bool are_kinds(const char *value)
{
    str_t rest = str_from(value == NULL ? "" : value), kind;
    while (rest.size > 0 && str_next(&rest, ',', &kind)) {
        kind = str_trim(kind);
        if (!str_equal(kind, STR("artist")) && !str_equal(kind, STR("album")) &&
            !str_equal(kind, STR("track")))
            return false;
    }
    return true;
}

typedef struct asking {
    int count;
    char **arguments;
    bool is_explained, is_lyrics, is_json;
} asking_t;

static const char *flag(const asking_t *self, const char *name)
{
    return command_flag(self->count, self->arguments, name);
}

static str_t text_of(const asking_t *self, const char *name)
{
    return str_from(flag(self, name));
}

/* NULL, or the flag that can't be and what it takes. */
static const char *append_filter(const asking_t *self, json_t *json)
{
    static const char *const lists[][2] = {{"kind", "kinds"},
                                           {"genre", "genres"},
                                           {"mood", "moods"},
                                           {"language", "languages"},
                                           {"format", "formats"}};
    if (!are_kinds(flag(self, "kind")))
        return "--kind takes artist, album and track, with commas between them";
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        append_list(json, lists[i][1], flag(self, lists[i][0]));
    if (append_years(json, flag(self, "years")) != ERR_OK)
        return "--years takes 1994, 1990-1999, 1990- or -1999";
    if (append_number(json, "popularity_min", text_of(self, "popularity"), POPULARITY_MAX) !=
        ERR_OK)
        return "--popularity takes a number from 0 to 100";
    if (append_added(json, flag(self, "added")) != ERR_OK)
        return "--added takes a number of days";
    if (append_number(json, "limit", text_of(self, "max"), HITS_MAX) != ERR_OK)
        return "--max takes a number up to 100";
    return NULL;
}

/* NULL, or what can't be. */
static const char *append_question(const asking_t *self, json_t *json)
{
    buf_t words BUF_SCOPED = BUF_INIT;
    for (int i = 0; i < command_plain_count(self->count, self->arguments); i++)
        buf_printf(&words, "%s%s", i > 0 ? " " : "", self->arguments[i]);
    json_object_begin(json);
    json_key_str(json, "query", buf_str(&words));
    json_key_bool(json, "explain", self->is_explained);
    json_key_bool(json, "in_lyrics", self->is_lyrics);
    json_key_bool(json, "is_exact", flag(self, "exact") != NULL);
    json_key_bool(json, "facets", flag(self, "facets") != NULL);
    const char *wrong = append_filter(self, json);
    json_object_end(json);
    return buf_status(&words) != ERR_OK ? "there is not enough memory" : wrong;
}

/* ---- the answer ---- */

static void print_json(const graphql_value_t *found)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    graphql_value_to_json(found, &out);
    puts(buf_terminated(&out));
}

/* ---- asking ---- */

/* A first index is being built: it is waited for, where somebody looks on. */
static err_t ask(const config_t *config, str_t question, arena_t *arena,
                 const graphql_value_t **out_found, str_t *out_message)
{
    err_t err = ERR_UNAVAILABLE;
    bool is_terminal = isatty(STDERR_FILENO) != 0, was_told = false;
    for (int i = 0; i < BUILT_TRIES; i++) {
        arena_reset(arena);
        *out_message = (str_t){0};
        err = control_call(config->data, "search", question, arena, out_found, out_message);
        if (err != ERR_UNAVAILABLE || str_find(*out_message, '%') == out_message->size)
            break;
        if (is_terminal)
            fprintf(stderr, "\r%.*s", STR_ARG(*out_message));
        was_told = is_terminal;
        usleep(BUILT_WAIT_US);
    }
    if (was_told)
        fputs("\r\033[K", stderr);
    return err;
}

static long long figure(const graphql_value_t *status, const char *name)
{
    return (long long)graphql_value_int(graphql_value_get(status, name), 0);
}

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static int print_status(const config_t *config)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    int exit_code = command_ask(config, "search.status", (str_t){0}, &arena, &status);
    if (exit_code != EXIT_OK)
        return exit_code;
    printf("%.*s: %.*s\n", STR_ARG(text_at(status, "state")), STR_ARG(text_at(status, "wants")));
    printf("%lld tracks, %lld albums, %lld artists; %lld changes since it was built\n",
           figure(status, "tracks"), figure(status, "albums"), figure(status, "artists"),
           figure(status, "changed"));
    if (graphql_value_bool(graphql_value_get(status, "is_building"), false))
        printf("one is built: %lld %%\n", figure(status, "percent"));
    return EXIT_OK;
}

int command_search(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    const graphql_value_t *found;
    str_t message;
    asking_t self = {.count = count, .arguments = arguments};
    self.is_explained = flag(&self, "explain") != NULL;
    self.is_lyrics = flag(&self, "lyrics") != NULL;
    self.is_json = flag(&self, "json") != NULL;
    if (flag(&self, "status") != NULL)
        return print_status(config);
    if (count == 0)
        return command_usage("search");
    const char *wrong = append_question(&self, &json);
    if (wrong != NULL) {
        command_failed("%s", wrong);
        return EXIT_USAGE;
    }
    err_t err = ask(config, buf_str(&body), &arena, &found, &message);
    if (err != ERR_OK)
        return command_answered(config, err, message);
    if (self.is_json)
        print_json(found);
    else
        search_show(found, self.is_explained);
    return EXIT_OK;
}
