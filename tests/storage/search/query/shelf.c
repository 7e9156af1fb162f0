#include "tests/storage/search/query/shelf.h"

#include "runtime/base/buf.h"
#include "tests/support/check.h"

/* A row as a document; lists of one lie beside it. */
typedef struct filled {
    search_document_t document;
    str_t genre, root, other, language;
} filled_t;

static search_names_t one(str_t *room, const char *text)
{
    *room = str_from(text);
    return (search_names_t){room, text == NULL ? 0 : 1};
}

static void fill(const shelf_row_t *row, filled_t *out)
{
    out->document = (search_document_t){
        .kind = row->kind,
        .id = row->id,
        .plays = row->plays,
        .title = str_from(row->title),
        .artist = str_from(row->artist),
        .album = str_from(row->album),
        .others = one(&out->other, row->other),
        .genres = one(&out->genre, row->genre),
        .languages = one(&out->language, row->language),
        .roots = one(&out->root, row->root == NULL ? "home" : row->root),
        .year = row->year,
        .added_at_ms = row->added_at_ms,
        .lyrics = str_from(row->lyrics),
    };
}

typedef struct rows {
    const shelf_row_t *next;
    filled_t filled;
} rows_t;

static err_t next_row(void *context, search_document_t *out_document, bool *out_is_there)
{
    rows_t *self = context;
    *out_is_there = self->next->title != NULL;
    if (!*out_is_there)
        return ERR_OK;
    fill(self->next++, &self->filled);
    *out_document = self->filled.document;
    return ERR_OK;
}

void shelf_init(shelf_t *self, const shelf_row_t *rows)
{
    rows_t source = {.next = rows};
    *self = (shelf_t){.folder = temporary_new()};
    temporary_name_t path = temporary_in(&self->folder, "search");
    check_ok(search_build(
        path.path, &(search_build_options_t){.source = {.context = &source, .next = next_row}}));
    check_ok(search_index_open(&(search_index_options_t){.path = path.path}, &self->index));
}

void shelf_deinit(shelf_t *self)
{
    search_index_close(self->index);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}

void shelf_put(shelf_t *self, const shelf_row_t *row)
{
    filled_t filled;
    fill(row, &filled);
    search_change_t change = {.document = filled.document};
    check_ok(search_index_update(self->index, &change, 1, search_index_position(self->index)));
}

void shelf_remove(shelf_t *self, search_kind_t kind, uint64_t id)
{
    search_change_t change = {.is_removal = true, .document = {.kind = kind, .id = id}};
    check_ok(search_index_update(self->index, &change, 1, search_index_position(self->index)));
}

search_request_t shelf_question(const char *text)
{
    return (search_request_t){.text = str_from(text), .first = {10, 10, 10}};
}

search_found_t shelf_ask(shelf_t *self, const search_request_t *request)
{
    search_found_t found;
    check_ok(search_ask(self->index, &self->arena, request, &found));
    return found;
}

const char *shelf_ids(shelf_t *self, const search_found_t *found, search_kind_t kind)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < found->counts[kind]; i++)
        buf_printf(&text, i == 0 ? "%lu" : " %lu", (unsigned long)found->results[kind][i].id);
    str_t kept = arena_str(&self->arena, buf_str(&text));
    cr_assert(kept.data != NULL);
    return kept.data;
}

const char *shelf_tracks(shelf_t *self, const char *text)
{
    search_request_t request = shelf_question(text);
    search_found_t found = shelf_ask(self, &request);
    return shelf_ids(self, &found, SEARCH_TRACK);
}
