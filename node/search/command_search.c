/* command_search.c -- `search`: what listeners would find, and why. */

#include "node/commands/command_ask.h"

#include <stdio.h>
#include <unistd.h>

enum { BUILT_WAIT_US = 250000, BUILT_TRIES = 240 };

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

static err_t append_number(json_t *json, const char *name, const char *value)
{
    uint64_t number;
    if (value == NULL)
        return ERR_OK;
    TRY(str_to_u64(str_from(value), &number));
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
    uint64_t year;
    if (text.size == 0)
        return ERR_OK;
    if (dash == text.size)
        to = from;
    if (from.size > 0) {
        TRY(str_to_u64(from, &year));
        json_key_u64(json, "year_from", year);
    }
    if (to.size > 0) {
        TRY(str_to_u64(to, &year));
        json_key_u64(json, "year_to", year);
    }
    return ERR_OK;
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

static err_t append_question(const asking_t *self, json_t *json)
{
    static const char *const lists[][2] = {{"kind", "kinds"},
                                           {"genre", "genres"},
                                           {"mood", "moods"},
                                           {"language", "languages"},
                                           {"format", "formats"}};
    buf_t words BUF_SCOPED = BUF_INIT;
    for (int i = 0; i < command_plain_count(self->count, self->arguments); i++)
        buf_printf(&words, "%s%s", i > 0 ? " " : "", self->arguments[i]);
    json_object_begin(json);
    json_key_str(json, "query", buf_str(&words));
    json_key_bool(json, "explain", self->is_explained);
    json_key_bool(json, "in_lyrics", self->is_lyrics);
    json_key_bool(json, "is_exact", flag(self, "exact") != NULL);
    json_key_bool(json, "facets", flag(self, "facets") != NULL);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        append_list(json, lists[i][1], flag(self, lists[i][0]));
    TRY(append_years(json, flag(self, "years")));
    TRY(append_number(json, "popularity_min", flag(self, "popularity")));
    TRY(append_number(json, "limit", flag(self, "max")));
    json_object_end(json);
    return buf_status(&words);
}

/* ---- the answer ---- */

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

/* Each line of it, further in. */
static void print_indented(str_t text)
{
    while (text.size > 0) {
        size_t end = str_find(text, '\n');
        printf("      %.*s\n", STR_ARG(str_slice(text, 0, end)));
        text = str_slice(text, MIN(end + 1, text.size), text.size);
    }
}

static void print_line(const graphql_value_t *hit)
{
    int64_t at_ms = graphql_value_int(graphql_value_get(hit, "line_at_ms"), -1);
    str_t line = text_at(hit, "line");
    if (line.size == 0)
        return;
    if (at_ms >= 0)
        printf("      %lld:%02lld  %.*s\n", (long long)(at_ms / 60000),
               (long long)(at_ms / 1000 % 60), STR_ARG(line));
    else
        printf("      %.*s\n", STR_ARG(line));
}

static void print_hit(const asking_t *self, const graphql_value_t *hit)
{
    str_t more = text_at(hit, "more");
    printf("%-7.*s %.*s%s%.*s\n", STR_ARG(text_at(hit, "kind")), STR_ARG(text_at(hit, "title")),
           str_is_empty(more) ? "" : " — ", STR_ARG(more));
    print_line(hit);
    if (self->is_explained)
        print_indented(text_at(hit, "explanation"));
}

/* What is not shown. */
static void print_total(const graphql_value_t *found, str_t kind, size_t shown)
{
    const graphql_value_t *total = graphql_value_find(graphql_value_get(found, "totals"), kind);
    int64_t count = graphql_value_int(total, 0);
    if (count > (int64_t)shown)
        printf("        and %lld more\n", (long long)count - (long long)shown);
}

/* Kind by kind, with a line between them. */
static void print_hits(const asking_t *self, const graphql_value_t *found)
{
    const graphql_value_t *hits = graphql_value_get(found, "hits");
    str_t kind = {"", 0};
    size_t shown = 0, count = graphql_value_count(hits);
    for (size_t i = 0; i < count; i++) {
        const graphql_value_t *hit = graphql_value_at(hits, i);
        if (i > 0 && !str_equal(kind, text_at(hit, "kind"))) {
            print_total(found, kind, shown);
            putchar('\n');
            shown = 0;
        }
        kind = text_at(hit, "kind");
        print_hit(self, hit);
        shown++;
    }
    if (count > 0)
        print_total(found, kind, shown);
    else
        fprintf(stderr, "nothing was found\n");
}

static void print_facets(const graphql_value_t *facets)
{
    for (size_t i = 0; facets != NULL && i < graphql_value_count(facets); i++) {
        const graphql_member_t *facet = &facets->members[i];
        printf("\n%.*s:", STR_ARG(facet->name));
        for (size_t k = 0; k < graphql_value_count(&facet->value); k++)
            printf("%s %.*s (%lld)", k > 0 ? "," : "", STR_ARG(facet->value.members[k].name),
                   (long long)graphql_value_int(&facet->value.members[k].value, 0));
        putchar('\n');
    }
}

/* It follows within milliseconds, unless it is to be built anew. */
static void print_behind(const graphql_value_t *found)
{
    int64_t changes = graphql_value_int(graphql_value_get(found, "behind"), 0);
    if (changes > 0)
        fprintf(stderr, "the search index is %lld changes behind the catalog\n",
                (long long)changes);
    if (graphql_value_bool(graphql_value_get(found, "is_of_another_catalog"), false))
        fprintf(stderr, "the search index is of the catalog before this one\n");
}

static void print_found(const asking_t *self, const graphql_value_t *found)
{
    str_t corrected = text_at(found, "corrected");
    if (corrected.size > 0)
        printf("did you mean: %.*s\n\n", STR_ARG(corrected));
    print_hits(self, found);
    print_facets(graphql_value_get(found, "facets"));
    print_behind(found);
    if (graphql_value_bool(graphql_value_get(found, "is_cut"), false))
        fprintf(stderr, "this took more work than one question may: there may be more\n");
    if (!self->is_explained)
        return;
    printf("\nfound by: %.*s; work %lld\n", STR_ARG(text_at(found, "stage")),
           (long long)graphql_value_int(graphql_value_get(found, "work"), 0));
    print_indented(text_at(found, "explanation"));
}

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
    for (int i = 0; i < BUILT_TRIES; i++) {
        arena_reset(arena);
        *out_message = (str_t){0};
        err = control_call(config->data, "search", question, arena, out_found, out_message);
        if (err != ERR_UNAVAILABLE || str_find(*out_message, '%') == out_message->size)
            break;
        if (isatty(STDERR_FILENO) != 0)
            fprintf(stderr, "\r%.*s", STR_ARG(*out_message));
        usleep(BUILT_WAIT_US);
    }
    return err;
}

static long long figure(const graphql_value_t *status, const char *name)
{
    return (long long)graphql_value_int(graphql_value_get(status, name), 0);
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
    if (count == 0 || append_question(&self, &json) != ERR_OK)
        return command_usage("search");
    err_t err = ask(config, buf_str(&body), &arena, &found, &message);
    if (err != ERR_OK)
        return command_answered(config, err, message);
    if (self.is_json)
        print_json(found);
    else
        print_found(&self, found);
    return EXIT_OK;
}
