#include "node/search/search_show.h"

#include "node/commands/terminal.h"
#include "storage/search/language.h"

#include <stdio.h>
#include <unistd.h>

enum {
    KIND_CELLS = 8,
    FACET_CELLS = 10,
    TITLE_CELLS_MIN = 24, /* so much of a title stays, however long the artist's name is */
    COLUMNS_MIN = 40,
};

typedef struct show {
    const graphql_value_t *found;
    uint32_t columns; /* UINT32_MAX: no terminal */
    bool is_explained;
} show_t;

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static int64_t int_at(const graphql_value_t *value, const char *name, int64_t otherwise)
{
    return graphql_value_int(graphql_value_get(value, name), otherwise);
}

static void put(buf_t *line)
{
    printf("%.*s\n", STR_ARG(buf_str(line)));
}

/* Of what is `room` for both. */
static void append_both(buf_t *line, str_t title, str_t more, uint32_t room)
{
    uint32_t title_cells = terminal_cells(title), more_cells = terminal_cells(more) + 3;
    if (more.size == 0) {
        terminal_append(line, title, room, false);
        return;
    }
    uint32_t for_title = room > more_cells ? room - more_cells : 0;
    for_title = MAX(for_title, MIN(title_cells, MAX((uint32_t)TITLE_CELLS_MIN, room / 2)));
    for_title = MIN(for_title, title_cells);
    terminal_append(line, title, for_title, false);
    buf_append(line, STR(" — "));
    terminal_append(line, more, room - for_title - 3, false);
}

/* Each line of it, further in. */
static void print_indented(str_t text)
{
    while (text.size > 0) {
        buf_t line BUF_SCOPED = BUF_INIT;
        size_t end = str_find(text, '\n');
        terminal_append(&line, str_slice(text, 0, end), UINT32_MAX, false);
        printf("%*s", KIND_CELLS, "");
        put(&line);
        text = str_slice(text, MIN(end + 1, text.size), text.size);
    }
}

static void print_line(const show_t *self, const graphql_value_t *hit)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    int64_t at_ms = int_at(hit, "line_at_ms", -1);
    str_t sung = text_at(hit, "line");
    if (sung.size == 0)
        return;
    buf_printf(&line, "%*s", KIND_CELLS, "");
    if (at_ms >= 0)
        buf_printf(&line, "%lld:%02lld  ", (long long)(at_ms / 60000),
                   (long long)(at_ms / 1000 % 60));
    terminal_append(&line, sung, self->columns - (uint32_t)line.size, false);
    put(&line);
}

static void print_hit(const show_t *self, const graphql_value_t *hit)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    terminal_append(&line, text_at(hit, "kind"), KIND_CELLS, true);
    append_both(&line, text_at(hit, "title"), text_at(hit, "more"), self->columns - KIND_CELLS);
    put(&line);
    print_line(self, hit);
    if (self->is_explained)
        print_indented(text_at(hit, "explanation"));
}

/* What is not shown. */
static void print_total(const show_t *self, str_t kind, size_t shown)
{
    const graphql_value_t *total =
        graphql_value_find(graphql_value_get(self->found, "totals"), kind);
    int64_t count = graphql_value_int(total, 0);
    if (count > (int64_t)shown)
        printf("%*sand %lld more\n", KIND_CELLS, "", (long long)count - (long long)shown);
}

/* Kind by kind, with a line between them. */
static void print_hits(const show_t *self)
{
    const graphql_value_t *hits = graphql_value_get(self->found, "hits");
    str_t kind = {"", 0};
    size_t shown = 0, count = graphql_value_count(hits);
    for (size_t i = 0; i < count; i++) {
        const graphql_value_t *hit = graphql_value_at(hits, i);
        if (i > 0 && !str_equal(kind, text_at(hit, "kind"))) {
            print_total(self, kind, shown);
            putchar('\n');
            shown = 0;
        }
        kind = text_at(hit, "kind");
        print_hit(self, hit);
        shown++;
    }
    if (count > 0)
        print_total(self, kind, shown);
    else
        fprintf(stderr, "nothing was found\n");
}

/* ---- counts ---- */

/* As people say it: "Japanese", "1990s". */
static void append_value(buf_t *out, str_t facet, const graphql_member_t *value)
{
    bool is_language = str_equal(facet, STR("language"));
    terminal_append(out, is_language ? language_name(value->name) : value->name, UINT32_MAX, false);
    buf_printf(out, "%s (%lld)", str_equal(facet, STR("decade")) ? "s" : "",
               (long long)graphql_value_int(&value->value, 0));
}

static void print_facet(const show_t *self, const graphql_member_t *facet)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    size_t count = graphql_value_count(&facet->value);
    terminal_append(&line, facet->name, FACET_CELLS, true);
    uint32_t used = FACET_CELLS;
    for (size_t i = 0; i < count; i++) {
        buf_t item BUF_SCOPED = BUF_INIT;
        append_value(&item, facet->name, &facet->value.members[i]);
        if (i + 1 < count)
            buf_append_char(&item, ',');
        uint32_t cells = terminal_cells(buf_str(&item)) + 1;
        if (i > 0 && used + cells > self->columns) {
            buf_printf(&line, "\n%*s", FACET_CELLS, "");
            used = FACET_CELLS;
        }
        buf_printf(&line, "%s%.*s", used > FACET_CELLS ? " " : "", STR_ARG(buf_str(&item)));
        used += cells;
    }
    put(&line);
}

static void print_facets(const show_t *self)
{
    const graphql_value_t *facets = graphql_value_get(self->found, "facets");
    for (size_t i = 0; facets != NULL && i < graphql_value_count(facets); i++) {
        if (i == 0)
            putchar('\n');
        print_facet(self, &facets->members[i]);
    }
}

/* It follows within milliseconds, unless it is to be built anew. */
static void print_behind(const graphql_value_t *found)
{
    int64_t changes = int_at(found, "behind", 0);
    if (changes > 0)
        fprintf(stderr, "the search index is %lld change%s behind the catalog\n",
                (long long)changes, changes == 1 ? "" : "s");
    if (graphql_value_bool(graphql_value_get(found, "is_of_another_catalog"), false))
        fprintf(stderr, "the search index is of the catalog before this one\n");
}

void search_show(const graphql_value_t *found, bool is_explained)
{
    show_t self = {found, UINT32_MAX, is_explained};
    uint32_t rows;
    str_t corrected = text_at(found, "corrected");
    if (isatty(STDOUT_FILENO) != 0) {
        terminal_size(&self.columns, &rows);
        self.columns = MAX(self.columns, (uint32_t)COLUMNS_MIN);
    }
    if (corrected.size > 0)
        printf("did you mean: %.*s\n\n", STR_ARG(corrected));
    print_hits(&self);
    print_facets(&self);
    print_behind(found);
    if (graphql_value_bool(graphql_value_get(found, "is_cut"), false))
        fprintf(stderr, "this took more work than one question may: there may be more\n");
    if (!is_explained)
        return;
    printf("\nfound by: %.*s; work %lld\n", STR_ARG(text_at(found, "stage")),
           (long long)int_at(found, "work", 0));
    print_indented(text_at(found, "explanation"));
}
