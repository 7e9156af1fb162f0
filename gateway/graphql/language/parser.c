#include "gateway/graphql/language/parser.h"

#include "gateway/graphql/language/parser_parts.h"

static err_t parse_selections(gql_parser_t *self, uint32_t *out_at, gql_selection_t **out_first);

static err_t parse_field(gql_parser_t *self, gql_selection_t *field)
{
    bool has_alias;
    TRY(gql_parse_name(self, &field->name));
    TRY(gql_accept(self, GQL_TOKEN_COLON, &has_alias));
    if (has_alias) {
        field->alias = field->name;
        TRY(gql_parse_name(self, &field->name));
    }
    TRY(gql_parse_arguments(self, &field->arguments));
    TRY(gql_parse_directives(self, false, &field->directives));
    if (!gql_at(self, GQL_TOKEN_BRACE_OPEN))
        return ERR_OK;
    return parse_selections(self, &field->selections_at, &field->selections);
}

static err_t parse_fragment_use(gql_parser_t *self, gql_selection_t *selection)
{
    TRY(gql_advance(self));
    bool has_condition = gql_at_word(self, "on");
    if (!has_condition && gql_at(self, GQL_TOKEN_NAME)) {
        selection->kind = GQL_SPREAD;
        TRY(gql_parse_name(self, &selection->name));
        return gql_parse_directives(self, false, &selection->directives);
    }
    selection->kind = GQL_INLINE;
    if (has_condition) {
        TRY(gql_advance(self));
        TRY(gql_parse_name(self, &selection->condition));
    }
    TRY(gql_parse_directives(self, false, &selection->directives));
    return parse_selections(self, &selection->selections_at, &selection->selections);
}

static err_t parse_selections(gql_parser_t *self, uint32_t *out_at, gql_selection_t **out_first)
{
    gql_selection_t **tail = out_first, *selection;
    *out_at = self->token.at;
    TRY(gql_enter(self));
    TRY(gql_expect(self, GQL_TOKEN_BRACE_OPEN));
    do {
        GQL_NEW(self, selection);
        selection->at = self->token.at;
        selection->index = self->selection_count++;
        if (gql_at(self, GQL_TOKEN_SPREAD))
            TRY(parse_fragment_use(self, selection));
        else
            TRY(parse_field(self, selection));
        GQL_LINK(tail, selection);
    } while (!gql_at(self, GQL_TOKEN_BRACE_CLOSE));
    gql_leave(self);
    return gql_advance(self);
}

static err_t parse_variable_definition(gql_parser_t *self, gql_field_definition_t *variable)
{
    bool has_default;
    variable->at = self->token.at;
    TRY(gql_parse_description(self, &variable->description));
    uint32_t dollar_at = self->token.at;
    TRY(gql_expect(self, GQL_TOKEN_DOLLAR));
    TRY(gql_parse_name(self, &variable->name));
    variable->name_at = variable->name.at;
    variable->name.at = dollar_at;
    TRY(gql_expect(self, GQL_TOKEN_COLON));
    TRY(gql_parse_type(self, &variable->type));
    TRY(gql_accept(self, GQL_TOKEN_EQUALS, &has_default));
    if (has_default)
        TRY(gql_parse_literal(self, true, &variable->default_value));
    return gql_parse_directives(self, true, &variable->directives);
}

static err_t parse_variable_definitions(gql_parser_t *self, gql_field_definition_t **out_first)
{
    gql_field_definition_t **tail = out_first, *variable;
    bool is_open;
    TRY(gql_accept(self, GQL_TOKEN_PAREN_OPEN, &is_open));
    if (!is_open)
        return ERR_OK;
    do {
        GQL_NEW(self, variable);
        TRY(parse_variable_definition(self, variable));
        GQL_LINK(tail, variable);
    } while (!gql_at(self, GQL_TOKEN_PAREN_CLOSE));
    return gql_advance(self);
}

static bool is_operation_word(const gql_token_t *token, gql_operation_t *out_operation)
{
    for (int i = 0; i < GQL_OPERATION_COUNT; i++) {
        if (str_equal(token->text, gql_operation_word((gql_operation_t)i))) {
            *out_operation = (gql_operation_t)i;
            return true;
        }
    }
    return false;
}

static err_t parse_operation(gql_parser_t *self, gql_definition_t *definition)
{
    TRY(gql_advance(self));
    if (gql_at(self, GQL_TOKEN_NAME))
        TRY(gql_parse_name(self, &definition->name));
    TRY(parse_variable_definitions(self, &definition->variables));
    TRY(gql_parse_directives(self, false, &definition->directives));
    return parse_selections(self, &definition->selections_at, &definition->selections);
}

static err_t parse_fragment(gql_parser_t *self, gql_definition_t *definition)
{
    definition->kind = GQL_DEFINE_FRAGMENT;
    TRY(gql_advance(self));
    if (gql_at_word(self, "on"))
        return gql_unexpected(self, &self->token);
    TRY(gql_parse_name(self, &definition->name));
    TRY(gql_expect_word(self, "on"));
    TRY(gql_parse_name(self, &definition->condition));
    TRY(gql_parse_directives(self, false, &definition->directives));
    return parse_selections(self, &definition->selections_at, &definition->selections);
}

/* A description belongs to what follows it; it is refused before it is stepped over. */
static err_t check_description(gql_parser_t *self)
{
    if (!gql_at(self, GQL_TOKEN_STRING) && !gql_at(self, GQL_TOKEN_BLOCK_STRING))
        return ERR_OK;
    TRY(gql_look_ahead(self));
    gql_operation_t operation;
    if (self->ahead.kind == GQL_TOKEN_BRACE_OPEN)
        return gql_fault_set(self->fault, self->arena, ERR_INVALID, self->token.at,
                             "Unexpected description, descriptions are not supported on "
                             "shorthand queries.");
    if (self->ahead.kind != GQL_TOKEN_NAME)
        return gql_unexpected(self, &self->ahead);
    if (gql_is_schema_word(&self->ahead) || is_operation_word(&self->ahead, &operation) ||
        str_equal(self->ahead.text, STR("fragment")))
        return ERR_OK;
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, self->token.at,
                         "Unexpected description, only GraphQL definitions support descriptions.");
}

static err_t parse_definition(gql_parser_t *self, gql_definition_t *definition)
{
    definition->at = self->token.at;
    if (gql_at(self, GQL_TOKEN_BRACE_OPEN)) {
        definition->is_shorthand = true;
        return parse_selections(self, &definition->selections_at, &definition->selections);
    }
    TRY(check_description(self));
    TRY(gql_parse_description(self, &definition->description));
    if (!gql_at(self, GQL_TOKEN_NAME))
        return gql_unexpected(self, &self->token);
    if (is_operation_word(&self->token, &definition->operation))
        return parse_operation(self, definition);
    if (gql_at_word(self, "fragment"))
        return parse_fragment(self, definition);
    if (gql_at_word(self, "extend")) {
        TRY(gql_look_ahead(self));
        if (!gql_is_schema_word(&self->ahead) || str_equal(self->ahead.text, STR("directive")))
            return gql_unexpected(self, &self->ahead);
        definition->is_extension = true;
        TRY(gql_advance(self));
    }
    if (gql_is_schema_word(&self->token))
        return gql_parse_schema_definition(self, definition);
    return gql_unexpected(self, &self->token);
}

static err_t parse_document(gql_parser_t *self, gql_document_t *document)
{
    gql_definition_t **tail = &document->definitions, *definition;
    uint32_t count = 0;
    TRY(gql_advance(self));
    do {
        if (++count > self->limits->definitions_max)
            return gql_fault_set(self->fault, self->arena, ERR_LIMIT, self->token.at,
                                 "Document contains more than %u definitions. Parsing aborted.",
                                 self->limits->definitions_max);
        GQL_NEW(self, definition);
        TRY(parse_definition(self, definition));
        GQL_LINK(tail, definition);
    } while (!gql_at(self, GQL_TOKEN_END));
    return ERR_OK;
}

static err_t parse(gql_parser_t *self, gql_document_t **out_document)
{
    if (self->lexer.source.size > self->limits->bytes_max)
        return gql_fault_set(self->fault, self->arena, ERR_LIMIT, 0,
                             "Document is longer than %u bytes. Parsing aborted.",
                             self->limits->bytes_max);
    gql_document_t *document;
    GQL_NEW(self, document);
    document->source = self->lexer.source;
    TRY(parse_document(self, document));
    document->selection_count = self->selection_count;
    document->token_count = self->lexer.token_count;
    *out_document = document;
    return ERR_OK;
}

err_t gql_parse(str_t source, const gql_parse_limits_t *limits, arena_t *arena,
                gql_fault_t *out_fault, gql_document_t **out_document)
{
    gql_parser_t self = {
        .lexer = {source, 0, arena, 0, limits->tokens_max, out_fault},
        .limits = limits,
        .arena = arena,
        .fault = out_fault,
    };
    err_t err = parse(&self, out_document);
    if (err == ERR_NO_MEMORY)
        return gql_no_memory(&self);
    if (err != ERR_OK) {
        str_t said = arena_printf(arena, "Syntax Error: %.*s", STR_ARG(out_fault->message));
        if (said.data == NULL)
            return gql_no_memory(&self);
        out_fault->message = said;
    }
    return err;
}
