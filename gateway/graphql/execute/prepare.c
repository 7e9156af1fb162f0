#include "gateway/graphql/execute/prepare.h"

#include "gateway/graphql/engine_parts.h"
#include "gateway/graphql/language/parser.h"
#include "gateway/graphql/validate/validate.h"
#include "runtime/base/memory.h"

static err_t refuse(gql_prepared_t *self, err_t err, str_t message)
{
    gql_errors_add(&self->errors, err, message, NULL, 0, NULL);
    return err;
}

static err_t parse(gql_prepared_t *self)
{
    const gql_parse_limits_t limits = {self->limits->document_bytes_max, self->limits->tokens_max,
                                       self->limits->depth_max, self->limits->definitions_max};
    gql_fault_t fault = {0};
    gql_document_t *document;
    err_t err = gql_parse(self->errors.source, &limits, &self->arena, &fault, &document);
    if (err != ERR_OK) {
        gql_errors_add(&self->errors, err, fault.message, &fault.at, fault.has_place, NULL);
        return err;
    }
    self->document = document;
    return ERR_OK;
}

static err_t choose_operation(gql_prepared_t *self, const graphql_request_t *request)
{
    const gql_definition_t *found = NULL;
    bool is_named = request->operation_name.data != NULL;
    for (const gql_definition_t *d = self->document->definitions; d != NULL; d = d->next) {
        if (d->kind != GQL_DEFINE_OPERATION ||
            (is_named && !str_equal(d->name.text, request->operation_name)))
            continue;
        if (found != NULL)
            return refuse(self, ERR_INVALID,
                          STR("Must provide operation name if query contains multiple "
                              "operations."));
        found = d;
    }
    if (found == NULL && is_named)
        return refuse(self, ERR_INVALID,
                      arena_printf(&self->arena, "Unknown operation named \"%.*s\".",
                                   STR_ARG(request->operation_name)));
    if (found == NULL)
        return refuse(self, ERR_INVALID, STR("Must provide an operation."));
    if (request->is_query_only && found->operation != GQL_OPERATION_QUERY)
        return refuse(self, ERR_FORBIDDEN,
                      arena_printf(&self->arena, "A GET request can only run a query, not a %.*s.",
                                   STR_ARG(gql_operation_word(found->operation))));
    self->operation = found;
    return ERR_OK;
}

static err_t check_cost(gql_prepared_t *self)
{
    uint64_t cost = gql_cost(self);
    if (cost <= self->limits->cost_max)
        return ERR_OK;
    return refuse(
        self, ERR_LIMIT,
        arena_printf(&self->arena,
                     "The operation asks for up to %llu values; at most %llu are allowed. "
                     "Ask for smaller pages.",
                     (unsigned long long)cost, (unsigned long long)self->limits->cost_max));
}

static err_t prepare(gql_prepared_t *self, const graphql_request_t *request)
{
    TRY(parse(self));
    TRY(gql_validate(self->schema, self->document, self->limits, &self->errors));
    TRY(choose_operation(self, request));
    TRY(gql_coerce_variables(self->schema, self->operation, request->variables, &self->errors,
                             &self->variables));
    TRY(check_cost(self));
    return gql_plan_root(self);
}

gql_prepared_t *gql_prepare(const graphql_engine_t *engine, const graphql_request_t *request)
{
    gql_prepared_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->references = 1;
    self->engine = engine;
    self->schema = engine->schema;
    self->limits = &engine->limits;
    self->arena.size_max = engine->limits.arena_bytes_max;
    /* A document past the limit is not even copied. */
    str_t query = str_slice(request->query, 0, (size_t)engine->limits.document_bytes_max + 1);
    str_t source = arena_str(&self->arena, query);
    gql_errors_init(&self->errors, &self->arena, source, engine->limits.errors_max);
    self->err = source.data == NULL ? ERR_NO_MEMORY : prepare(self, request);
    if (self->err != ERR_OK && self->errors.count == 0)
        IGNORE_ERR(refuse(self, self->err, str_from(err_text(self->err)))); /* err stands already */
    return self;
}

void gql_prepared_ref(gql_prepared_t *self)
{
    self->references++;
}

void gql_prepared_unref(gql_prepared_t *self)
{
    if (self == NULL || --self->references > 0)
        return;
    arena_deinit(&self->arena);
    memory_free(self);
}
