#include "gateway/graphql/validate/validate.h"

#include "gateway/graphql/validate/validate_parts.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_BYTES_MAX = 2048 };

void *gql_validation_new(gql_validation_t *self, size_t count, size_t size)
{
    void *memory = arena_new_array(self->arena, MAX(count, (size_t)1), size);
    self->is_out_of_memory |= memory == NULL;
    return memory;
}

static void say(gql_validation_t *self, err_t err, const uint32_t *places, size_t count,
                const char *format, va_list args) PRINTF_LIKE(5, 0);

static void say(gql_validation_t *self, err_t err, const uint32_t *places, size_t count,
                const char *format, va_list args)
{
    char text[MESSAGE_BYTES_MAX];
    int size = vsnprintf(text, sizeof text, format, args);
    size_t kept = size < 0 ? 0 : MIN((size_t)size, sizeof text - 1);
    gql_errors_add(self->errors, err, str_of(text, kept), places, count, NULL);
}

void gql_say(gql_validation_t *self, uint32_t place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(self, ERR_INVALID, &place, 1, format, args);
    va_end(args);
}

void gql_say_two(gql_validation_t *self, uint32_t place, uint32_t other, const char *format, ...)
{
    uint32_t places[] = {place, other};
    va_list args;
    va_start(args, format);
    say(self, ERR_INVALID, places, 2, format, args);
    va_end(args);
}

void gql_say_limit(gql_validation_t *self, uint32_t place, const char *format, ...)
{
    va_list args;
    self->is_past_limit = true;
    va_start(args, format);
    say(self, ERR_LIMIT, &place, 1, format, args);
    va_end(args);
}

const gql_definition_t *gql_fragment_find(const gql_document_t *document, str_t name)
{
    const gql_definition_t *found = NULL;
    for (const gql_definition_t *d = document->definitions; d != NULL; d = d->next)
        if (d->kind == GQL_DEFINE_FRAGMENT && str_equal(d->name.text, name))
            found = d;
    return found;
}

gql_scope_t *gql_scope_find(gql_validation_t *self, str_t fragment)
{
    for (uint32_t i = self->scope_count; i-- > 0;) {
        gql_scope_t *scope = &self->scopes[i];
        if (scope->definition->kind == GQL_DEFINE_FRAGMENT &&
            str_equal(scope->definition->name.text, fragment))
            return scope;
    }
    return NULL;
}

/* Only operations and fragments can be executed (section 5.1.1). */
static bool is_executable(gql_validation_t *self)
{
    bool is_fine = true;
    for (const gql_definition_t *d = self->document->definitions; d != NULL; d = d->next) {
        if (d->kind == GQL_DEFINE_OPERATION || d->kind == GQL_DEFINE_FRAGMENT)
            continue;
        is_fine = false;
        if (d->kind == GQL_DEFINE_SCHEMA)
            gql_say(self, d->at, "The schema definition is not executable.");
        else
            gql_say(self, d->at, "The \"%.*s\" definition is not executable.",
                    STR_ARG(d->name.text));
    }
    return is_fine;
}

static void open_scopes(gql_validation_t *self)
{
    uint32_t count = 0;
    for (const gql_definition_t *d = self->document->definitions; d != NULL; d = d->next)
        count++;
    self->scopes = gql_validation_new(self, count, sizeof *self->scopes);
    if (self->scopes == NULL)
        return;
    for (const gql_definition_t *d = self->document->definitions; d != NULL; d = d->next) {
        gql_scope_t *scope = &self->scopes[self->scope_count++];
        scope->definition = d;
        scope->usages_tail = &scope->usages;
        scope->spreads_tail = &scope->spreads;
        scope->type = d->kind == GQL_DEFINE_OPERATION
                          ? self->schema->roots[d->operation]
                          : gql_type_find(self->schema, d->condition.text);
        if (d->kind == GQL_DEFINE_FRAGMENT)
            scope->index = self->fragment_count++;
    }
}

static void check_scope(gql_validation_t *self, gql_scope_t *scope)
{
    static const char *const locations[GQL_OPERATION_COUNT] = {"QUERY", "MUTATION", "SUBSCRIPTION"};
    const gql_definition_t *d = scope->definition;
    bool is_operation = d->kind == GQL_DEFINE_OPERATION;
    gql_check_directives(self, scope, d->directives,
                         is_operation ? locations[d->operation] : "FRAGMENT_DEFINITION");
    gql_check_selections(self, scope);
}

err_t gql_validate(const gql_schema_t *schema, const gql_document_t *document,
                   const graphql_limits_t *limits, gql_errors_t *errors)
{
    gql_validation_t self = {.schema = schema,
                             .document = document,
                             .limits = limits,
                             .errors = errors,
                             .arena = errors->arena};
    if (!is_executable(&self))
        return ERR_INVALID;
    open_scopes(&self);
    gql_check_operations(&self);
    for (uint32_t i = 0; i < self.scope_count && !self.is_out_of_memory; i++)
        check_scope(&self, &self.scopes[i]);
    if (!self.is_out_of_memory)
        gql_check_fragments(&self);
    for (uint32_t i = 0; i < self.scope_count && !self.is_out_of_memory; i++)
        if (self.scopes[i].definition->kind == GQL_DEFINE_OPERATION)
            gql_check_variables(&self, &self.scopes[i]);
    if (!self.is_out_of_memory && !self.has_cycle)
        gql_check_size(&self);
    if (!self.is_out_of_memory && !self.has_cycle && !self.is_past_limit)
        gql_check_merging(&self);
    if (self.is_out_of_memory)
        return ERR_NO_MEMORY;
    if (self.is_past_limit)
        return ERR_LIMIT;
    return errors->count > 0 ? ERR_INVALID : ERR_OK;
}
