#include "gateway/graphql/engine_parts.h"

#include "gateway/graphql/language/parser.h"
#include "runtime/base/memory.h"

#define PROBLEM(out, ...)                                                                          \
    do {                                                                                           \
        buf_printf((out), __VA_ARGS__);                                                            \
        buf_append_char((out), '\n');                                                              \
    } while (0)

#define DEFAULT(limit, value)                                                                      \
    if ((limit) == 0)                                                                              \
    (limit) = (value)

static graphql_limits_t with_defaults(graphql_limits_t limits)
{
    DEFAULT(limits.document_bytes_max, GRAPHQL_DOCUMENT_BYTES_MAX);
    DEFAULT(limits.tokens_max, GRAPHQL_TOKENS_MAX);
    DEFAULT(limits.depth_max, GRAPHQL_DEPTH_MAX);
    DEFAULT(limits.definitions_max, GRAPHQL_DEFINITIONS_MAX);
    DEFAULT(limits.fields_max, GRAPHQL_FIELDS_MAX);
    DEFAULT(limits.aliases_max, GRAPHQL_ALIASES_MAX);
    DEFAULT(limits.comparisons_max, GRAPHQL_COMPARISONS_MAX);
    DEFAULT(limits.errors_max, GRAPHQL_ERRORS_MAX);
    DEFAULT(limits.cost_max, GRAPHQL_COST_MAX);
    DEFAULT(limits.arena_bytes_max, GRAPHQL_ARENA_BYTES_MAX);
    DEFAULT(limits.response_bytes_max, GRAPHQL_RESPONSE_BYTES_MAX);
    return limits;
}

static err_t parse_sdl(graphql_engine_t *self, str_t sdl, buf_t *out_problems,
                       gql_document_t **out_document)
{
    static const gql_parse_limits_t limits = {GRAPHQL_SDL_BYTES_MAX, GRAPHQL_SDL_TOKENS_MAX,
                                              GRAPHQL_DEPTH_MAX, GRAPHQL_SDL_TOKENS_MAX};
    gql_fault_t fault = {0};
    str_t copy = arena_str(&self->arena, sdl);
    if (copy.data == NULL)
        return ERR_NO_MEMORY;
    err_t err = gql_parse(copy, &limits, &self->arena, &fault, out_document);
    if (err != ERR_OK) {
        gql_location_t where = gql_locate(copy, fault.at);
        PROBLEM(out_problems, "%.*s (line %u, column %u)", STR_ARG(fault.message), where.line,
                where.column);
    }
    return err == ERR_LIMIT ? ERR_INVALID : err;
}

static err_t load_schema(graphql_engine_t *self, str_t sdl, buf_t *out_problems)
{
    gql_document_t *builtin, *own;
    TRY(parse_sdl(self, gql_builtin_sdl(), out_problems, &builtin));
    TRY(parse_sdl(self, sdl, out_problems, &own));
    for (const gql_definition_t *d = own->definitions; d != NULL; d = d->next)
        if (d->kind == GQL_DEFINE_OPERATION || d->kind == GQL_DEFINE_FRAGMENT) {
            PROBLEM(out_problems, "A schema holds no operations and no fragments.");
            return ERR_INVALID;
        }
    const gql_document_t *documents[] = {builtin, own};
    return gql_schema_build(documents, 2, &self->arena, out_problems, &self->schema);
}

/* ---- binding ---- */

static bool can_read(graphql_read_t read, const gql_ref_t *ref)
{
    ref = gql_nullable(ref);
    if (ref->kind != GQL_REF_NAMED)
        return false;
    const gql_type_t *type = ref->named;
    if (read == GRAPHQL_READ_POINTER || read == GRAPHQL_READ_EMBEDDED)
        return type->kind == GQL_KIND_OBJECT;
    bool is_text = read == GRAPHQL_READ_STR || read == GRAPHQL_READ_CSTR;
    if (type->kind == GQL_KIND_ENUM)
        return is_text;
    if (type->kind != GQL_KIND_SCALAR)
        return false;
    switch (type->scalar) {
    case GQL_SCALAR_CUSTOM:
        return true;
    case GQL_SCALAR_STRING:
        return is_text;
    case GQL_SCALAR_BOOLEAN:
        return read == GRAPHQL_READ_BOOL;
    case GQL_SCALAR_FLOAT:
        return !is_text && read != GRAPHQL_READ_BOOL;
    case GQL_SCALAR_ID:
        return read != GRAPHQL_READ_BOOL && read != GRAPHQL_READ_F64;
    case GQL_SCALAR_INT:
        return !is_text && read != GRAPHQL_READ_BOOL && read != GRAPHQL_READ_F64;
    }
    return false;
}

static gql_output_t *find_place(graphql_engine_t *self, str_t name)
{
    gql_schema_t *schema = self->schema;
    gql_output_t *const meta[] = {&schema->meta_schema, &schema->meta_type, &schema->meta_typename};
    for (size_t i = 0; i < COUNT_OF(meta); i++)
        if (str_equal(meta[i]->name, name))
            return meta[i];
    size_t dot = str_find(name, '.');
    for (uint32_t i = 0; dot < name.size && i < schema->type_count; i++) {
        gql_type_t *type = schema->types[i];
        if (type->kind != GQL_KIND_OBJECT || !str_equal(type->name, str_slice(name, 0, dot)))
            continue;
        for (uint32_t j = 0; j < type->field_count; j++)
            if (str_equal(type->fields[j].name, str_slice(name, dot + 1, name.size)))
                return &type->fields[j];
    }
    return NULL;
}

static void bind_row(graphql_engine_t *self, const graphql_resolver_t *row, buf_t *out_problems)
{
    gql_output_t *place = find_place(self, str_from(row->field));
    const gql_type_t *events = self->schema->roots[GQL_OPERATION_SUBSCRIPTION];
    if (place == NULL) {
        PROBLEM(out_problems, "%s: the schema has no such field.", row->field);
        return;
    }
    bool is_event = place->parent != NULL && place->parent == events;
    if (place->resolver != NULL)
        PROBLEM(out_problems, "%s: has two resolvers.", row->field);
    if (is_event != (row->open != NULL))
        PROBLEM(out_problems, "%s: %s.", row->field,
                is_event ? "needs an open function" : "is no field of a subscription");
    if (row->resolve == NULL && row->read == GRAPHQL_READ_NOTHING && !is_event)
        PROBLEM(out_problems, "%s: the row neither resolves nor reads.", row->field);
    if (row->resolve == NULL && row->read != GRAPHQL_READ_NOTHING &&
        !can_read(row->read, place->type))
        PROBLEM(out_problems, "%s: the member's type does not fit %.*s.", row->field,
                STR_ARG(place->type->text));
    place->resolver = row;
}

static void bind(graphql_engine_t *self, buf_t *out_problems)
{
    size_t count;
    const graphql_resolver_t *builtin = gql_introspection_resolvers(&count);
    for (size_t i = 0; i < count; i++)
        bind_row(self, &builtin[i], out_problems);
    for (size_t i = 0; i < self->resolver_count; i++)
        bind_row(self, &self->resolvers[i], out_problems);
    for (uint32_t i = 0; i < self->schema->type_count; i++) {
        const gql_type_t *type = self->schema->types[i];
        for (uint32_t j = 0; type->kind == GQL_KIND_OBJECT && j < type->field_count; j++)
            if (type->fields[j].resolver == NULL)
                PROBLEM(out_problems, "%.*s.%.*s: has no resolver.", STR_ARG(type->name),
                        STR_ARG(type->fields[j].name));
    }
}

static err_t load(graphql_engine_t *self, const graphql_engine_options_t *options,
                  buf_t *out_problems)
{
    TRY(load_schema(self, options->sdl, out_problems));
    size_t before = out_problems->size;
    self->limits = with_defaults(options->limits);
    self->resolver_count = options->resolver_count;
    self->resolvers = arena_dup(&self->arena, options->resolvers,
                                options->resolver_count * sizeof *self->resolvers);
    if (self->resolvers == NULL)
        return ERR_NO_MEMORY;
    bind(self, out_problems);
    return out_problems->size == before ? ERR_OK : ERR_INVALID;
}

static void free_engine(graphql_engine_t **self)
{
    graphql_engine_free(*self);
}

err_t graphql_engine_new(const graphql_engine_options_t *options, buf_t *out_problems,
                         graphql_engine_t **out_engine)
{
    graphql_engine_t *self SCOPED(free_engine) = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    TRY(load(self, options, out_problems));
    *out_engine = STEAL(self);
    return ERR_OK;
}

void graphql_engine_free(graphql_engine_t *self)
{
    if (self == NULL)
        return;
    arena_deinit(&self->arena);
    memory_free(self);
}
