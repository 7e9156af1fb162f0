#include "gateway/graphql/language/parser_parts.h"

err_t gql_no_memory(gql_parser_t *self)
{
    *self->fault = (gql_fault_t){ERR_NO_MEMORY, STR("out of memory"), self->token.at, false};
    return ERR_NO_MEMORY;
}

err_t gql_advance(gql_parser_t *self)
{
    if (self->has_ahead) {
        self->token = self->ahead;
        self->has_ahead = false;
        return ERR_OK;
    }
    return gql_lexer_next(&self->lexer, &self->token);
}

err_t gql_look_ahead(gql_parser_t *self)
{
    if (!self->has_ahead)
        TRY(gql_lexer_next(&self->lexer, &self->ahead));
    self->has_ahead = true;
    return ERR_OK;
}

bool gql_at(const gql_parser_t *self, gql_token_kind_t kind)
{
    return self->token.kind == kind;
}

bool gql_at_word(const gql_parser_t *self, const char *word)
{
    return gql_at(self, GQL_TOKEN_NAME) && str_equal(self->token.text, str_from(word));
}

static err_t expected(gql_parser_t *self, const char *what)
{
    str_t found = gql_token_text(&self->token, self->arena);
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, self->token.at,
                         "Expected %s, found %.*s.", what, STR_ARG(found));
}

err_t gql_expect(gql_parser_t *self, gql_token_kind_t kind)
{
    return gql_at(self, kind) ? gql_advance(self) : expected(self, gql_token_kind_text(kind));
}

err_t gql_expect_word(gql_parser_t *self, const char *word)
{
    if (gql_at_word(self, word))
        return gql_advance(self);
    str_t quoted = arena_printf(self->arena, "\"%s\"", word);
    return quoted.data == NULL ? gql_no_memory(self) : expected(self, quoted.data);
}

err_t gql_accept(gql_parser_t *self, gql_token_kind_t kind, bool *out_found)
{
    *out_found = gql_at(self, kind);
    return *out_found ? gql_advance(self) : ERR_OK;
}

err_t gql_unexpected(gql_parser_t *self, const gql_token_t *token)
{
    str_t found = gql_token_text(token, self->arena);
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, token->at, "Unexpected %.*s.",
                         STR_ARG(found));
}

err_t gql_enter(gql_parser_t *self)
{
    if (++self->depth <= self->limits->depth_max)
        return ERR_OK;
    return gql_fault_set(self->fault, self->arena, ERR_LIMIT, self->token.at,
                         "Document nests deeper than %u levels. Parsing aborted.",
                         self->limits->depth_max);
}

void gql_leave(gql_parser_t *self)
{
    self->depth--;
}

err_t gql_parse_name(gql_parser_t *self, gql_name_t *out_name)
{
    gql_name_t name = {self->token.text, self->token.at};
    TRY(gql_expect(self, GQL_TOKEN_NAME));
    *out_name = name;
    return ERR_OK;
}

static bool at_string(const gql_parser_t *self)
{
    return gql_at(self, GQL_TOKEN_STRING) || gql_at(self, GQL_TOKEN_BLOCK_STRING);
}

err_t gql_parse_description(gql_parser_t *self, const gql_literal_t **out_description)
{
    gql_literal_t *literal = NULL;
    if (at_string(self))
        TRY(gql_parse_literal(self, true, &literal));
    *out_description = literal;
    return ERR_OK;
}

err_t gql_parse_type(gql_parser_t *self, gql_type_ref_t **out_type)
{
    gql_type_ref_t *type, *wrapper;
    bool is_list, is_required;
    GQL_NEW(self, type);
    type->at = self->token.at;
    TRY(gql_enter(self));
    TRY(gql_accept(self, GQL_TOKEN_BRACKET_OPEN, &is_list));
    if (is_list) {
        type->kind = GQL_TYPE_LIST;
        TRY(gql_parse_type(self, &type->inner));
        TRY(gql_expect(self, GQL_TOKEN_BRACKET_CLOSE));
    } else {
        TRY(gql_parse_name(self, &type->name));
    }
    gql_leave(self);
    TRY(gql_accept(self, GQL_TOKEN_BANG, &is_required));
    if (is_required) {
        GQL_NEW(self, wrapper);
        *wrapper = (gql_type_ref_t){.kind = GQL_TYPE_NON_NULL, .at = type->at, .inner = type};
        type = wrapper;
    }
    *out_type = type;
    return ERR_OK;
}

/* ---- values ---- */

static err_t parse_list(gql_parser_t *self, bool is_const, gql_literal_t *list)
{
    gql_literal_t **tail = &list->items, *item;
    list->kind = GQL_LIST;
    TRY(gql_enter(self));
    TRY(gql_expect(self, GQL_TOKEN_BRACKET_OPEN));
    while (!gql_at(self, GQL_TOKEN_BRACKET_CLOSE)) {
        TRY(gql_parse_literal(self, is_const, &item));
        GQL_LINK(tail, item);
    }
    gql_leave(self);
    return gql_advance(self);
}

static err_t parse_object(gql_parser_t *self, bool is_const, gql_literal_t *object)
{
    gql_literal_t **tail = &object->items, *value;
    gql_name_t name;
    object->kind = GQL_OBJECT;
    TRY(gql_enter(self));
    TRY(gql_expect(self, GQL_TOKEN_BRACE_OPEN));
    while (!gql_at(self, GQL_TOKEN_BRACE_CLOSE)) {
        TRY(gql_parse_name(self, &name));
        TRY(gql_expect(self, GQL_TOKEN_COLON));
        TRY(gql_parse_literal(self, is_const, &value));
        value->member = name;
        GQL_LINK(tail, value);
    }
    gql_leave(self);
    return gql_advance(self);
}

static err_t parse_variable(gql_parser_t *self, bool is_const, gql_literal_t *literal)
{
    gql_token_t dollar = self->token;
    TRY(gql_advance(self));
    if (is_const && !gql_at(self, GQL_TOKEN_NAME))
        return gql_unexpected(self, &dollar);
    if (is_const)
        return gql_fault_set(self->fault, self->arena, ERR_INVALID, dollar.at,
                             "Unexpected variable \"$%.*s\" in constant value.",
                             STR_ARG(self->token.text));
    gql_name_t name;
    TRY(gql_parse_name(self, &name));
    literal->kind = GQL_VARIABLE;
    literal->text = name.text;
    return ERR_OK;
}

static gql_literal_kind_t kind_of_name(str_t name)
{
    if (str_equal(name, STR("true")) || str_equal(name, STR("false")))
        return GQL_BOOLEAN;
    return str_equal(name, STR("null")) ? GQL_NULL : GQL_ENUM;
}

static bool scalar_kind(const gql_token_t *token, gql_literal_kind_t *out_kind)
{
    if (token->kind == GQL_TOKEN_INT)
        *out_kind = GQL_INT;
    else if (token->kind == GQL_TOKEN_FLOAT)
        *out_kind = GQL_FLOAT;
    else if (token->kind == GQL_TOKEN_STRING || token->kind == GQL_TOKEN_BLOCK_STRING)
        *out_kind = GQL_STRING;
    else if (token->kind == GQL_TOKEN_NAME)
        *out_kind = kind_of_name(token->text);
    else
        return false;
    return true;
}

err_t gql_parse_literal(gql_parser_t *self, bool is_const, gql_literal_t **out_literal)
{
    gql_literal_t *literal;
    GQL_NEW(self, literal);
    literal->at = self->token.at;
    *out_literal = literal;
    if (gql_at(self, GQL_TOKEN_BRACKET_OPEN))
        return parse_list(self, is_const, literal);
    if (gql_at(self, GQL_TOKEN_BRACE_OPEN))
        return parse_object(self, is_const, literal);
    if (gql_at(self, GQL_TOKEN_DOLLAR))
        return parse_variable(self, is_const, literal);
    if (!scalar_kind(&self->token, &literal->kind))
        return gql_unexpected(self, &self->token);
    literal->text = self->token.text;
    literal->is_block = gql_at(self, GQL_TOKEN_BLOCK_STRING);
    return gql_advance(self);
}

/* ---- directives ---- */

static err_t parse_arguments(gql_parser_t *self, bool is_const, gql_argument_t **out_first)
{
    gql_argument_t **tail = out_first, *argument;
    *out_first = NULL;
    bool is_open;
    TRY(gql_accept(self, GQL_TOKEN_PAREN_OPEN, &is_open));
    if (!is_open)
        return ERR_OK;
    do {
        GQL_NEW(self, argument);
        TRY(gql_parse_name(self, &argument->name));
        TRY(gql_expect(self, GQL_TOKEN_COLON));
        TRY(gql_parse_literal(self, is_const, &argument->value));
        GQL_LINK(tail, argument);
    } while (!gql_at(self, GQL_TOKEN_PAREN_CLOSE));
    return gql_advance(self);
}

err_t gql_parse_directives(gql_parser_t *self, bool is_const, gql_directive_t **out_first)
{
    gql_directive_t **tail = out_first, *directive;
    *out_first = NULL;
    while (gql_at(self, GQL_TOKEN_AT)) {
        GQL_NEW(self, directive);
        directive->at = self->token.at;
        TRY(gql_advance(self));
        TRY(gql_parse_name(self, &directive->name));
        TRY(parse_arguments(self, is_const, &directive->arguments));
        GQL_LINK(tail, directive);
    }
    return ERR_OK;
}

err_t gql_parse_arguments(gql_parser_t *self, gql_argument_t **out_first)
{
    return parse_arguments(self, false, out_first);
}
