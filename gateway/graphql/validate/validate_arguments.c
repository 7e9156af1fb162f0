/* Arguments of fields and directives, and where directives may stand. */
#include "gateway/graphql/language/suggest.h"
#include "gateway/graphql/validate/validate_parts.h"

/* All places of one name in one error; said at its first occurrence. */
static void check_unique(gql_validation_t *self, const gql_argument_t *first)
{
    for (const gql_argument_t *a = first; a != NULL; a = a->next) {
        if (gql_argument_find(first, a->name.text) != a ||
            gql_argument_find(a->next, a->name.text) == NULL)
            continue;
        size_t count = 0;
        for (const gql_argument_t *b = a; b != NULL; b = b->next)
            count += str_equal(a->name.text, b->name.text);
        uint32_t *places = gql_validation_new(self, count, sizeof *places);
        if (places == NULL)
            return;
        count = 0;
        for (const gql_argument_t *b = a; b != NULL; b = b->next)
            if (str_equal(a->name.text, b->name.text))
                places[count++] = b->name.at;
        str_t text = arena_printf(self->arena, "There can be only one argument named \"%.*s\".",
                                  STR_ARG(a->name.text));
        gql_errors_add(self->errors, ERR_INVALID, text, places, count, NULL);
    }
}

static void append_hint(const gql_input_t *inputs, uint32_t count, str_t name, buf_t *out)
{
    gql_suggestions_t suggestions = gql_suggestions_for(name);
    for (uint32_t i = 0; i < count; i++)
        gql_suggest(&suggestions, inputs[i].name);
    gql_suggestions_append(&suggestions, "", out);
}

void gql_check_arguments(gql_validation_t *self, gql_scope_t *scope, const gql_selection_t *field,
                         const gql_type_t *parent, const gql_output_t *definition)
{
    check_unique(self, field->arguments);
    for (const gql_argument_t *a = field->arguments; a != NULL; a = a->next) {
        const gql_input_t *input =
            definition == NULL
                ? NULL
                : gql_input_find(definition->args, definition->arg_count, a->name.text);
        if (definition != NULL && input == NULL && !self->errors->is_full) {
            buf_t hint BUF_SCOPED = BUF_INIT;
            append_hint(definition->args, definition->arg_count, a->name.text, &hint);
            gql_say(self, a->name.at, "Unknown argument \"%.*s\" on field \"%.*s.%.*s\".%.*s",
                    STR_ARG(a->name.text), STR_ARG(parent->name), STR_ARG(definition->name),
                    STR_ARG(buf_str(&hint)));
        }
        gql_check_literal(self, scope, a->value, input == NULL ? NULL : input->type,
                          input != NULL && input->default_value != NULL, NULL);
    }
    for (uint32_t i = 0; definition != NULL && i < definition->arg_count; i++) {
        const gql_input_t *input = &definition->args[i];
        if (gql_is_required(input) && gql_argument_find(field->arguments, input->name) == NULL)
            gql_say(self, field->at,
                    "Field \"%.*s\" argument \"%.*s\" of type \"%.*s\" is required, but it was not "
                    "provided.",
                    STR_ARG(definition->name), STR_ARG(input->name), STR_ARG(input->type->text));
    }
}

static void check_directive_arguments(gql_validation_t *self, gql_scope_t *scope,
                                      const gql_directive_t *directive,
                                      const gql_directive_type_t *type)
{
    check_unique(self, directive->arguments);
    for (const gql_argument_t *a = directive->arguments; a != NULL; a = a->next) {
        const gql_input_t *input =
            type == NULL ? NULL : gql_input_find(type->args, type->arg_count, a->name.text);
        if (type != NULL && input == NULL && !self->errors->is_full) {
            buf_t hint BUF_SCOPED = BUF_INIT;
            append_hint(type->args, type->arg_count, a->name.text, &hint);
            gql_say(self, a->name.at, "Unknown argument \"%.*s\" on directive \"@%.*s\".%.*s",
                    STR_ARG(a->name.text), STR_ARG(type->name), STR_ARG(buf_str(&hint)));
        }
        gql_check_literal(self, scope, a->value, input == NULL ? NULL : input->type,
                          input != NULL && input->default_value != NULL, NULL);
    }
    for (uint32_t i = 0; type != NULL && i < type->arg_count; i++) {
        const gql_input_t *input = &type->args[i];
        if (gql_is_required(input) && gql_argument_find(directive->arguments, input->name) == NULL)
            gql_say(self, directive->at,
                    "Directive \"@%.*s\" argument \"%.*s\" of type \"%.*s\" is required, but it "
                    "was not provided.",
                    STR_ARG(type->name), STR_ARG(input->name), STR_ARG(input->type->text));
    }
}

static bool is_allowed(const gql_directive_type_t *type, const char *location)
{
    for (uint32_t i = 0; i < type->location_count; i++)
        if (str_equal(type->locations[i], str_from(location)))
            return true;
    return false;
}

void gql_check_directives(gql_validation_t *self, gql_scope_t *scope,
                          const gql_directive_t *directives, const char *location)
{
    for (const gql_directive_t *d = directives; d != NULL; d = d->next) {
        str_t name = d->name.text;
        const gql_directive_type_t *type = gql_directive_type_find(self->schema, name);
        const gql_directive_t *first = gql_directive_find(directives, name);
        if (type == NULL)
            gql_say(self, d->at, "Unknown directive \"@%.*s\".", STR_ARG(name));
        else if (!is_allowed(type, location))
            gql_say(self, d->at, "Directive \"@%.*s\" may not be used on %s.", STR_ARG(name),
                    location);
        if (type != NULL && !type->is_repeatable && first != d)
            gql_say_two(self, first->at, d->at,
                        "The directive \"@%.*s\" can only be used once at this location.",
                        STR_ARG(name));
        check_directive_arguments(self, scope, d, type);
    }
}
