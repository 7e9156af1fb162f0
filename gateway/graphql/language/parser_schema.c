/* The schema language (spec section 3). */
#include "gateway/graphql/language/parser_parts.h"

static const struct {
    const char *word;
    gql_definition_kind_t kind;
} schema_words[] = {
    {"schema", GQL_DEFINE_SCHEMA}, {"scalar", GQL_DEFINE_SCALAR},
    {"type", GQL_DEFINE_OBJECT},   {"interface", GQL_DEFINE_INTERFACE},
    {"union", GQL_DEFINE_UNION},   {"enum", GQL_DEFINE_ENUM},
    {"input", GQL_DEFINE_INPUT},   {"directive", GQL_DEFINE_DIRECTIVE},
};

bool gql_is_schema_word(const gql_token_t *token)
{
    if (token->kind != GQL_TOKEN_NAME)
        return false;
    for (size_t i = 0; i < COUNT_OF(schema_words); i++)
        if (str_equal(token->text, str_from(schema_words[i].word)))
            return true;
    return false;
}

static gql_definition_kind_t kind_of(const gql_token_t *token)
{
    for (size_t i = 0; i < COUNT_OF(schema_words); i++)
        if (str_equal(token->text, str_from(schema_words[i].word)))
            return schema_words[i].kind;
    return GQL_DEFINE_SCHEMA;
}

static err_t parse_input_value(gql_parser_t *self, gql_field_definition_t *value)
{
    bool has_default;
    value->at = self->token.at;
    TRY(gql_parse_description(self, &value->description));
    TRY(gql_parse_name(self, &value->name));
    TRY(gql_expect(self, GQL_TOKEN_COLON));
    TRY(gql_parse_type(self, &value->type));
    TRY(gql_accept(self, GQL_TOKEN_EQUALS, &has_default));
    if (has_default)
        TRY(gql_parse_literal(self, true, &value->default_value));
    return gql_parse_directives(self, true, &value->directives);
}

/* Arguments in parentheses or input fields in braces; none is fine, an empty pair is not. */
static err_t parse_input_values(gql_parser_t *self, gql_token_kind_t open, gql_token_kind_t close,
                                gql_field_definition_t **out_first)
{
    gql_field_definition_t **tail = out_first, *value;
    bool is_open;
    TRY(gql_accept(self, open, &is_open));
    if (!is_open)
        return ERR_OK;
    do {
        GQL_NEW(self, value);
        TRY(parse_input_value(self, value));
        GQL_LINK(tail, value);
    } while (!gql_at(self, close));
    return gql_advance(self);
}

static err_t parse_field_definition(gql_parser_t *self, gql_field_definition_t *field)
{
    field->at = self->token.at;
    TRY(gql_parse_description(self, &field->description));
    TRY(gql_parse_name(self, &field->name));
    TRY(parse_input_values(self, GQL_TOKEN_PAREN_OPEN, GQL_TOKEN_PAREN_CLOSE, &field->arguments));
    TRY(gql_expect(self, GQL_TOKEN_COLON));
    TRY(gql_parse_type(self, &field->type));
    return gql_parse_directives(self, true, &field->directives);
}

static err_t parse_fields(gql_parser_t *self, gql_field_definition_t **out_first)
{
    gql_field_definition_t **tail = out_first, *field;
    bool is_open;
    TRY(gql_accept(self, GQL_TOKEN_BRACE_OPEN, &is_open));
    if (!is_open)
        return ERR_OK;
    do {
        GQL_NEW(self, field);
        TRY(parse_field_definition(self, field));
        GQL_LINK(tail, field);
    } while (!gql_at(self, GQL_TOKEN_BRACE_CLOSE));
    return gql_advance(self);
}

/* A & B, | A | B: with an optional separator in front. */
static err_t parse_names(gql_parser_t *self, gql_token_kind_t separator, gql_named_t **out_first)
{
    gql_named_t **tail = out_first, *named;
    bool more;
    TRY(gql_accept(self, separator, &more));
    do {
        GQL_NEW(self, named);
        TRY(gql_parse_name(self, &named->name));
        GQL_LINK(tail, named);
        TRY(gql_accept(self, separator, &more));
    } while (more);
    return ERR_OK;
}

static err_t parse_implements(gql_parser_t *self, gql_named_t **out_first)
{
    if (!gql_at_word(self, "implements"))
        return ERR_OK;
    TRY(gql_advance(self));
    return parse_names(self, GQL_TOKEN_AMP, out_first);
}

static err_t parse_root(gql_parser_t *self, gql_root_t *root)
{
    for (int i = 0; i < GQL_OPERATION_COUNT; i++) {
        if (gql_at(self, GQL_TOKEN_NAME) &&
            str_equal(self->token.text, gql_operation_word((gql_operation_t)i))) {
            root->operation = (gql_operation_t)i;
            TRY(gql_advance(self));
            TRY(gql_expect(self, GQL_TOKEN_COLON));
            return gql_parse_name(self, &root->type);
        }
    }
    return gql_at(self, GQL_TOKEN_NAME) ? gql_unexpected(self, &self->token)
                                        : gql_expect(self, GQL_TOKEN_NAME);
}

static err_t parse_schema(gql_parser_t *self, gql_definition_t *definition)
{
    gql_root_t **tail = &definition->roots, *root;
    TRY(gql_parse_directives(self, true, &definition->directives));
    if (definition->is_extension && !gql_at(self, GQL_TOKEN_BRACE_OPEN))
        return ERR_OK;
    TRY(gql_expect(self, GQL_TOKEN_BRACE_OPEN));
    do {
        GQL_NEW(self, root);
        TRY(parse_root(self, root));
        GQL_LINK(tail, root);
    } while (!gql_at(self, GQL_TOKEN_BRACE_CLOSE));
    return gql_advance(self);
}

static err_t parse_enum_value(gql_parser_t *self, gql_enum_value_definition_t *value)
{
    TRY(gql_parse_description(self, &value->description));
    if (gql_at_word(self, "true") || gql_at_word(self, "false") || gql_at_word(self, "null"))
        return gql_fault_set(self->fault, self->arena, ERR_INVALID, self->token.at,
                             "Name \"%.*s\" is reserved and cannot be used for an enum value.",
                             STR_ARG(self->token.text));
    TRY(gql_parse_name(self, &value->name));
    return gql_parse_directives(self, true, &value->directives);
}

static err_t parse_enum_values(gql_parser_t *self, gql_definition_t *definition)
{
    gql_enum_value_definition_t **tail = &definition->values, *value;
    bool is_open;
    TRY(gql_accept(self, GQL_TOKEN_BRACE_OPEN, &is_open));
    if (!is_open)
        return ERR_OK;
    do {
        GQL_NEW(self, value);
        TRY(parse_enum_value(self, value));
        GQL_LINK(tail, value);
    } while (!gql_at(self, GQL_TOKEN_BRACE_CLOSE));
    return gql_advance(self);
}

static bool is_location(str_t name)
{
    static const char *const locations[] = {"QUERY",
                                            "MUTATION",
                                            "SUBSCRIPTION",
                                            "FIELD",
                                            "FRAGMENT_DEFINITION",
                                            "FRAGMENT_SPREAD",
                                            "INLINE_FRAGMENT",
                                            "VARIABLE_DEFINITION",
                                            "SCHEMA",
                                            "SCALAR",
                                            "OBJECT",
                                            "FIELD_DEFINITION",
                                            "ARGUMENT_DEFINITION",
                                            "INTERFACE",
                                            "UNION",
                                            "ENUM",
                                            "ENUM_VALUE",
                                            "INPUT_OBJECT",
                                            "INPUT_FIELD_DEFINITION",
                                            "DIRECTIVE_DEFINITION"};
    for (size_t i = 0; i < COUNT_OF(locations); i++)
        if (str_equal(name, str_from(locations[i])))
            return true;
    return false;
}

static err_t parse_directive_definition(gql_parser_t *self, gql_definition_t *definition)
{
    gql_named_t **tail = &definition->names, *named;
    bool more;
    TRY(parse_input_values(self, GQL_TOKEN_PAREN_OPEN, GQL_TOKEN_PAREN_CLOSE, &definition->fields));
    definition->is_repeatable = gql_at_word(self, "repeatable");
    if (definition->is_repeatable)
        TRY(gql_advance(self));
    TRY(gql_expect_word(self, "on"));
    TRY(gql_accept(self, GQL_TOKEN_PIPE, &more));
    do {
        if (gql_at(self, GQL_TOKEN_NAME) && !is_location(self->token.text))
            return gql_unexpected(self, &self->token);
        GQL_NEW(self, named);
        TRY(gql_parse_name(self, &named->name));
        GQL_LINK(tail, named);
        TRY(gql_accept(self, GQL_TOKEN_PIPE, &more));
    } while (more);
    return ERR_OK;
}

static err_t parse_union_members(gql_parser_t *self, gql_named_t **out_first)
{
    bool has_members;
    TRY(gql_accept(self, GQL_TOKEN_EQUALS, &has_members));
    return has_members ? parse_names(self, GQL_TOKEN_PIPE, out_first) : ERR_OK;
}

static err_t parse_type_definition(gql_parser_t *self, gql_definition_t *definition)
{
    TRY(gql_parse_name(self, &definition->name));
    if (definition->kind == GQL_DEFINE_OBJECT || definition->kind == GQL_DEFINE_INTERFACE)
        TRY(parse_implements(self, &definition->names));
    TRY(gql_parse_directives(self, true, &definition->directives));
    if (definition->kind == GQL_DEFINE_OBJECT || definition->kind == GQL_DEFINE_INTERFACE)
        return parse_fields(self, &definition->fields);
    if (definition->kind == GQL_DEFINE_INPUT)
        return parse_input_values(self, GQL_TOKEN_BRACE_OPEN, GQL_TOKEN_BRACE_CLOSE,
                                  &definition->fields);
    if (definition->kind == GQL_DEFINE_UNION)
        return parse_union_members(self, &definition->names);
    return definition->kind == GQL_DEFINE_ENUM ? parse_enum_values(self, definition) : ERR_OK;
}

static bool is_empty(const gql_definition_t *self)
{
    return self->directives == NULL && self->fields == NULL && self->names == NULL &&
           self->values == NULL && self->roots == NULL;
}

err_t gql_parse_schema_definition(gql_parser_t *self, gql_definition_t *definition)
{
    definition->kind = kind_of(&self->token);
    TRY(gql_advance(self));
    if (definition->kind == GQL_DEFINE_SCHEMA) {
        TRY(parse_schema(self, definition));
    } else if (definition->kind == GQL_DEFINE_DIRECTIVE) {
        TRY(gql_expect(self, GQL_TOKEN_AT));
        TRY(gql_parse_name(self, &definition->name));
        TRY(parse_directive_definition(self, definition));
    } else {
        TRY(parse_type_definition(self, definition));
    }
    if (definition->is_extension && is_empty(definition))
        return gql_unexpected(self, &self->token);
    return ERR_OK;
}
