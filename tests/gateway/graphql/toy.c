#include "tests/gateway/graphql/toy.h"

#include "gateway/graphql/execute/execute_parts.h"
#include "gateway/graphql/language/parser.h"
#include "runtime/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

void toy_read(const char *path, buf_t *out)
{
    const char *root = getenv("MS_SOURCE");
    char name[512];
    snprintf(name, sizeof name, "%s/%s", root == NULL ? "." : root, path);
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot read %s\n", name);
        abort();
    }
    char part[4096];
    for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
        buf_append_bytes(out, part, size);
    fclose(file);
}

static bool begins(str_t name, const char *what)
{
    return str_starts_with(name, str_from(what));
}

static err_t toy_value(graphql_field_t *field);

static err_t toy_item(graphql_field_t *item, const void *items UNUSED, size_t index UNUSED)
{
    return toy_value(item);
}

static err_t toy_text(graphql_field_t *field)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_append(&text, graphql_field_name(field));
    if (field->plan->args.count > 0) {
        buf_append_char(&text, ':');
        graphql_value_to_json(&field->plan->args, &text);
    }
    return graphql_return_str(field, buf_str(&text));
}

static err_t toy_scalar(graphql_field_t *field, const gql_type_t *type)
{
    switch (type->scalar) {
    case GQL_SCALAR_STRING:
        return toy_text(field);
    case GQL_SCALAR_ID: {
        str_t id =
            arena_printf(graphql_arena(field), "id-%.*s", STR_ARG(graphql_field_name(field)));
        return graphql_return_str(field, id);
    }
    case GQL_SCALAR_INT:
        return graphql_return_int(field, 7);
    case GQL_SCALAR_FLOAT:
        return graphql_return_float(field, 1.5);
    case GQL_SCALAR_BOOLEAN:
        return graphql_return_bool(field, true);
    case GQL_SCALAR_CUSTOM:
        return graphql_return_str(field, STR("custom"));
    }
    return ERR_INTERNAL;
}

static err_t toy_value(graphql_field_t *field)
{
    const gql_ref_t *ref = gql_nullable(field->type);
    if (begins(graphql_field_name(field), "nullsIn") && ref->kind != GQL_REF_LIST)
        return graphql_return_null(field);
    if (ref->kind == GQL_REF_LIST)
        return graphql_return_list(field, 2, toy_item, NULL);
    const gql_type_t *type = ref->named;
    if (type->kind == GQL_KIND_ENUM)
        return graphql_return_str(field, type->values[0].name);
    if (type->kind == GQL_KIND_OBJECT)
        return graphql_return_object(field, NULL);
    if (gql_is_abstract(type)) {
        str_t name = arena_str(graphql_arena(field), type->possible[0]->name);
        return graphql_return_object_as(field, name.data, NULL);
    }
    return toy_scalar(field, type);
}

static err_t toy_resolve(graphql_field_t *field)
{
    str_t name = graphql_field_name(field);
    if (begins(name, "error")) {
        str_t text = arena_printf(graphql_arena(field), "boom %.*s", STR_ARG(name));
        return graphql_return_error(field, ERR_CONFLICT, text.data);
    }
    if (begins(name, "null") && !begins(name, "nullsIn"))
        return graphql_return_null(field);
    return toy_value(field);
}

static err_t toy_open(graphql_field_t *field UNUSED, graphql_stream_t *stream UNUSED)
{
    return ERR_OK;
}

/* A row for every field of every object type in the SDL. */
static size_t make_rows(str_t sdl, arena_t *arena, graphql_resolver_t *rows, size_t rows_max)
{
    static const gql_parse_limits_t limits = {1 << 20, 1 << 20, 64, 1 << 20};
    gql_fault_t fault;
    gql_document_t *document;
    size_t count = 0;
    if (gql_parse(sdl, &limits, arena, &fault, &document) != ERR_OK)
        abort();
    for (const gql_definition_t *d = document->definitions; d != NULL; d = d->next) {
        if (d->kind != GQL_DEFINE_OBJECT)
            continue;
        for (const gql_field_definition_t *f = d->fields; f != NULL && count < rows_max;
             f = f->next) {
            str_t name =
                arena_printf(arena, "%.*s.%.*s", STR_ARG(d->name.text), STR_ARG(f->name.text));
            rows[count++] =
                (graphql_resolver_t){.field = name.data,
                                     .resolve = toy_resolve,
                                     .open = begins(name, "SubscriptionRoot.") ? toy_open : NULL};
        }
    }
    return count;
}

graphql_engine_t *toy_engine(const graphql_limits_t *limits)
{
    enum { ROWS_MAX = 400 };
    arena_t arena ARENA_SCOPED = {0};
    buf_t sdl BUF_SCOPED = BUF_INIT, problems BUF_SCOPED = BUF_INIT;
    graphql_resolver_t *rows MEMORY_SCOPED = memory_new_array(ROWS_MAX, sizeof *rows);
    toy_read("tests/gateway/graphql/toy.graphql", &sdl);
    graphql_engine_options_t options = {.sdl = buf_str(&sdl),
                                        .resolvers = rows,
                                        .resolver_count =
                                            make_rows(buf_str(&sdl), &arena, rows, ROWS_MAX)};
    if (limits != NULL)
        options.limits = *limits;
    graphql_engine_t *engine = NULL;
    if (graphql_engine_new(&options, &problems, &engine) != ERR_OK) {
        fprintf(stderr, "%s\n", buf_terminated(&problems));
        abort();
    }
    return engine;
}

typedef struct answer {
    buf_t *out;
    err_t err;
    bool is_done;
} answer_t;

static void on_done(void *context, const graphql_response_t *response)
{
    answer_t *answer = context;
    answer->is_done = true;
    answer->err = response->err;
    buf_reset(answer->out);
    buf_append(answer->out, response->json);
}

err_t toy_run(const graphql_engine_t *engine, const graphql_request_t *request, buf_t *out)
{
    answer_t answer = {out, ERR_INTERNAL, false};
    graphql_execution_t *execution = graphql_execute(engine, request, on_done, &answer);
    if (execution != NULL || !answer.is_done)
        abort();
    return answer.err;
}

err_t toy_query(const graphql_engine_t *engine, const char *query, buf_t *out)
{
    graphql_request_t request = {.query = str_from(query)};
    return toy_run(engine, &request, out);
}
