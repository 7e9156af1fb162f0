#include "gateway/route.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

/* How specific each part of a pattern is, two bits a part, the leftmost part highest: so patterns
 * that fit the same path compare as numbers. */
typedef enum part_kind { PART_REST = 1, PART_PARAM = 2, PART_LITERAL = 3 } part_kind_t;

typedef struct route_part {
    part_kind_t kind;
    str_t text; /* the literal, or the name in braces */
} route_part_t;

typedef struct route_row {
    route_t route;
    route_part_t parts[HTTP_SEGMENTS_MAX];
    size_t part_count;
    uint32_t rank;
} route_row_t;

struct routes {
    route_row_t *rows;
    size_t count, capacity;
};

/* The path of a request, cut at its slashes; parts past the array are only in `raw`. */
typedef struct route_path {
    str_t raw;
    struct {
        size_t begin; /* in raw */
        str_t text;   /* decoded */
        bool is_plain;
    } parts[HTTP_SEGMENTS_MAX];
    size_t part_count; /* of the whole path */
} route_path_t;

routes_t *routes_new(void)
{
    return memory_new(sizeof(routes_t));
}

void routes_free(routes_t *self)
{
    if (self == NULL)
        return;
    memory_free(self->rows);
    memory_free(self);
}

void routes_scope_end(routes_t **self)
{
    routes_free(*self);
}

/* ---- building ---- */

static err_t read_part(str_t text, bool is_last, route_part_t *out_part)
{
    bool has_brace = str_find(text, '{') < text.size || str_find(text, '}') < text.size;
    if (!has_brace) {
        *out_part = (route_part_t){PART_LITERAL, text};
        return ERR_OK;
    }
    if (text.size < 3 || text.data[0] != '{' || str_find(text, '}') != text.size - 1)
        return ERR_INVALID;
    str_t name = str_slice(text, 1, text.size - 1);
    bool is_rest = str_ends_with(name, STR("..."));
    if (is_rest)
        name = str_slice(name, 0, name.size - 3);
    if (str_is_empty(name) || str_find(name, '{') < name.size || (is_rest && !is_last))
        return ERR_INVALID;
    *out_part = (route_part_t){is_rest ? PART_REST : PART_PARAM, name};
    return ERR_OK;
}

static err_t read_pattern(route_row_t *row)
{
    str_t rest = str_from(row->route.pattern), text;
    if (!str_starts_with(rest, STR("/")))
        return ERR_INVALID;
    rest = str_slice(rest, 1, rest.size);
    size_t params = 0;
    while (str_next(&rest, '/', &text)) {
        if (row->part_count == HTTP_SEGMENTS_MAX)
            return ERR_LIMIT;
        route_part_t *part = &row->parts[row->part_count];
        TRY(read_part(text, rest.data == NULL, part));
        params += part->kind != PART_LITERAL;
        row->rank |= (uint32_t)part->kind << (2 * (HTTP_SEGMENTS_MAX - 1 - row->part_count));
        row->part_count++;
    }
    return params > HTTP_PARAMS_MAX ? ERR_LIMIT : ERR_OK;
}

static bool same_pattern(const route_row_t *a, const route_row_t *b)
{
    if (a->rank != b->rank || a->part_count != b->part_count)
        return false;
    for (size_t i = 0; i < a->part_count; i++)
        if (a->parts[i].kind == PART_LITERAL && !str_equal(a->parts[i].text, b->parts[i].text))
            return false;
    return true;
}

err_t routes_add(routes_t *self, const route_t *route)
{
    route_row_t row = {.route = *route};
    TRY(read_pattern(&row));
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i].route.method == route->method && same_pattern(&self->rows[i], &row))
            return ERR_CONFLICT;
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 32 : self->capacity * 2;
        route_row_t *rows = memory_resize(self->rows, capacity, sizeof *rows);
        if (rows == NULL)
            return ERR_NO_MEMORY;
        self->rows = rows;
        self->capacity = capacity;
    }
    self->rows[self->count++] = row;
    return ERR_OK;
}

err_t routes_add_all(routes_t *self, const route_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(routes_add(self, &rows[i]));
    return ERR_OK;
}

const route_t *routes_at(const routes_t *self, size_t index)
{
    return index < self->count ? &self->rows[index].route : NULL;
}

/* ---- matching ---- */

static err_t decode(str_t text, arena_t *arena, str_t *out_text)
{
    *out_text = text;
    if (str_find(text, '%') == text.size)
        return ERR_OK;
    buf_t decoded BUF_SCOPED = BUF_INIT;
    TRY(percent_decode(&decoded, text, false));
    TRY(buf_status(&decoded));
    *out_text = arena_str(arena, buf_str(&decoded));
    return out_text->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static bool is_plain_part(str_t text)
{
    return str_find(text, '/') == text.size && !str_equal(text, STR(".")) &&
           !str_equal(text, STR(".."));
}

static err_t cut_path(str_t raw, arena_t *arena, route_path_t *path)
{
    if (!str_starts_with(raw, STR("/")))
        return ERR_INVALID;
    path->raw = raw;
    path->part_count = 0;
    str_t rest = str_slice(raw, 1, raw.size), text;
    while (str_next(&rest, '/', &text)) {
        size_t index = path->part_count++;
        if (index >= HTTP_SEGMENTS_MAX)
            continue;
        path->parts[index].begin = (size_t)(text.data - raw.data);
        TRY(decode(text, arena, &path->parts[index].text));
        path->parts[index].is_plain = is_plain_part(path->parts[index].text);
    }
    return ERR_OK;
}

/* All parts from `index` on, as they would be without escapes. NOT_FOUND: one is not plain. */
static err_t rest_of(const route_path_t *path, size_t index, arena_t *arena, str_t *out_rest)
{
    str_t raw = str_slice(path->raw, path->parts[index].begin, path->raw.size), left = raw, text;
    while (str_next(&left, '/', &text)) {
        str_t decoded;
        TRY(decode(text, arena, &decoded));
        if (!is_plain_part(decoded))
            return ERR_NOT_FOUND;
    }
    return decode(raw, arena, out_rest);
}

static bool fits(const route_row_t *row, const route_path_t *path)
{
    bool has_rest = row->part_count > 0 && row->parts[row->part_count - 1].kind == PART_REST;
    if (has_rest ? path->part_count < row->part_count : path->part_count != row->part_count)
        return false;
    for (size_t i = 0; i < row->part_count; i++) {
        const route_part_t *part = &row->parts[i];
        if (part->kind == PART_LITERAL &&
            (!path->parts[i].is_plain || !str_equal(part->text, path->parts[i].text)))
            return false;
        if (part->kind == PART_PARAM && str_is_empty(path->parts[i].text))
            return false;
    }
    return true;
}

static err_t fill_params(const route_row_t *row, const route_path_t *path, arena_t *arena,
                         route_match_t *match)
{
    match->param_count = 0;
    for (size_t i = 0; i < row->part_count; i++) {
        const route_part_t *part = &row->parts[i];
        if (part->kind == PART_LITERAL)
            continue;
        http_field_t *param = &match->params[match->param_count++];
        *param = (http_field_t){part->text, path->parts[i].text};
        if (part->kind == PART_REST)
            TRY(rest_of(path, i, arena, &param->value));
    }
    return ERR_OK;
}

static bool answers(const route_row_t *row, http_method_t method)
{
    return row->route.method == method ||
           (method == METHOD_HEAD && row->route.method == METHOD_GET);
}

err_t routes_match(const routes_t *self, http_method_t method, str_t path, arena_t *arena,
                   route_match_t *out_match)
{
    route_path_t cut;
    *out_match = (route_match_t){0};
    TRY(cut_path(path, arena, &cut));

    const route_row_t *best = NULL;
    for (size_t i = 0; i < self->count; i++)
        if ((best == NULL || self->rows[i].rank > best->rank) && fits(&self->rows[i], &cut))
            best = &self->rows[i];
    if (best == NULL)
        return ERR_OK;
    err_t err = fill_params(best, &cut, arena, out_match);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;

    out_match->pattern = best->route.pattern;
    for (size_t i = 0; i < self->count; i++) {
        const route_row_t *row = &self->rows[i];
        if (!same_pattern(row, best))
            continue;
        out_match->allowed |= 1u << row->route.method;
        if (row->route.method == METHOD_GET)
            out_match->allowed |= 1u << METHOD_HEAD;
        if (answers(row, method) && (out_match->route == NULL || row->route.method == method))
            out_match->route = &row->route;
    }
    return ERR_OK;
}
