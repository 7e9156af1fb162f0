#include "gateway/graphql/language/lexer.h"

#include "gateway/graphql/language/strings.h"
#include "runtime/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

bool gql_is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool gql_is_name_rest(char c)
{
    return gql_is_name_start(c) || is_digit(c);
}

err_t gql_fault_set(gql_fault_t *fault, arena_t *arena, err_t err, uint32_t at, const char *format,
                    ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    str_t message =
        arena_str(arena, str_of(text, size < 0 ? 0 : MIN((size_t)size, sizeof text - 1)));
    if (message.data == NULL) {
        message = STR("out of memory");
        err = ERR_NO_MEMORY;
    }
    *fault = (gql_fault_t){err, message, at, true};
    return err;
}

const char *gql_token_kind_text(gql_token_kind_t kind)
{
    static const char *const texts[] = {
        [GQL_TOKEN_END] = "<EOF>",
        [GQL_TOKEN_BANG] = "\"!\"",
        [GQL_TOKEN_DOLLAR] = "\"$\"",
        [GQL_TOKEN_AMP] = "\"&\"",
        [GQL_TOKEN_PAREN_OPEN] = "\"(\"",
        [GQL_TOKEN_PAREN_CLOSE] = "\")\"",
        [GQL_TOKEN_SPREAD] = "\"...\"",
        [GQL_TOKEN_COLON] = "\":\"",
        [GQL_TOKEN_EQUALS] = "\"=\"",
        [GQL_TOKEN_AT] = "\"@\"",
        [GQL_TOKEN_BRACKET_OPEN] = "\"[\"",
        [GQL_TOKEN_BRACKET_CLOSE] = "\"]\"",
        [GQL_TOKEN_BRACE_OPEN] = "\"{\"",
        [GQL_TOKEN_PIPE] = "\"|\"",
        [GQL_TOKEN_BRACE_CLOSE] = "\"}\"",
        [GQL_TOKEN_NAME] = "Name",
        [GQL_TOKEN_INT] = "Int",
        [GQL_TOKEN_FLOAT] = "Float",
        [GQL_TOKEN_STRING] = "String",
        [GQL_TOKEN_BLOCK_STRING] = "BlockString",
    };
    return texts[kind];
}

str_t gql_token_text(const gql_token_t *token, arena_t *arena)
{
    const char *kind = gql_token_kind_text(token->kind);
    if (token->kind < GQL_TOKEN_NAME)
        return str_from(kind);
    return arena_printf(arena, "%s \"%.*s\"", kind, STR_ARG(token->text));
}

/* The byte at an offset; 0 past the end, which no token contains. */
static char byte_at(const gql_lexer_t *self, size_t at)
{
    return at < self->source.size ? self->source.data[at] : '\0';
}

static bool looking_at(const gql_lexer_t *self, size_t at, const char *text)
{
    return str_starts_with(str_slice(self->source, at, self->source.size), str_from(text));
}

static err_t refuse_character(gql_lexer_t *self, size_t at, const char *what)
{
    char shown[16];
    gql_character_text(self->source, at, shown);
    return gql_fault_set(self->fault, self->arena, ERR_INVALID, (uint32_t)at, "%s: %s.", what,
                         shown);
}

static void skip_ignored(gql_lexer_t *self)
{
    while (self->at < self->source.size) {
        char c = self->source.data[self->at];
        if (c == '#') {
            while (self->at < self->source.size && byte_at(self, self->at) != '\n' &&
                   byte_at(self, self->at) != '\r')
                self->at++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
            self->at++;
        } else if (looking_at(self, self->at, "\xef\xbb\xbf")) {
            self->at += 3;
        } else {
            return;
        }
    }
}

static gql_token_kind_t punctuator(const gql_lexer_t *self)
{
    switch (byte_at(self, self->at)) {
    case '!':
        return GQL_TOKEN_BANG;
    case '$':
        return GQL_TOKEN_DOLLAR;
    case '&':
        return GQL_TOKEN_AMP;
    case '(':
        return GQL_TOKEN_PAREN_OPEN;
    case ')':
        return GQL_TOKEN_PAREN_CLOSE;
    case ':':
        return GQL_TOKEN_COLON;
    case '=':
        return GQL_TOKEN_EQUALS;
    case '@':
        return GQL_TOKEN_AT;
    case '[':
        return GQL_TOKEN_BRACKET_OPEN;
    case ']':
        return GQL_TOKEN_BRACKET_CLOSE;
    case '{':
        return GQL_TOKEN_BRACE_OPEN;
    case '|':
        return GQL_TOKEN_PIPE;
    case '}':
        return GQL_TOKEN_BRACE_CLOSE;
    case '.':
        return looking_at(self, self->at, "...") ? GQL_TOKEN_SPREAD : GQL_TOKEN_END;
    default:
        return GQL_TOKEN_END;
    }
}

static err_t read_digits(gql_lexer_t *self)
{
    if (!is_digit(byte_at(self, self->at)))
        return refuse_character(self, self->at, "Invalid number, expected digit but got");
    while (is_digit(byte_at(self, self->at)))
        self->at++;
    return ERR_OK;
}

static err_t read_number(gql_lexer_t *self, gql_token_t *token)
{
    token->kind = GQL_TOKEN_INT;
    if (byte_at(self, self->at) == '-')
        self->at++;
    if (byte_at(self, self->at) == '0') {
        self->at++;
        if (is_digit(byte_at(self, self->at)))
            return refuse_character(self, self->at, "Invalid number, unexpected digit after 0");
    } else {
        TRY(read_digits(self));
    }
    if (byte_at(self, self->at) == '.') {
        token->kind = GQL_TOKEN_FLOAT;
        self->at++;
        TRY(read_digits(self));
    }
    if (byte_at(self, self->at) == 'e' || byte_at(self, self->at) == 'E') {
        token->kind = GQL_TOKEN_FLOAT;
        self->at++;
        if (byte_at(self, self->at) == '+' || byte_at(self, self->at) == '-')
            self->at++;
        TRY(read_digits(self));
    }
    if (byte_at(self, self->at) == '.' || gql_is_name_start(byte_at(self, self->at)))
        return refuse_character(self, self->at, "Invalid number, expected digit but got");
    token->text = str_slice(self->source, token->at, self->at);
    return ERR_OK;
}

static void read_name(gql_lexer_t *self, gql_token_t *token)
{
    while (gql_is_name_rest(byte_at(self, self->at)))
        self->at++;
    token->kind = GQL_TOKEN_NAME;
    token->text = str_slice(self->source, token->at, self->at);
}

static err_t refuse_start(gql_lexer_t *self)
{
    if (byte_at(self, self->at) == '\'')
        return gql_fault_set(self->fault, self->arena, ERR_INVALID, (uint32_t)self->at,
                             "Unexpected single quote character ('), did you mean to use a double "
                             "quote (\")?");
    uint32_t code_point;
    bool is_text =
        utf8_decode(str_slice(self->source, self->at, self->source.size), &code_point) > 0;
    return refuse_character(self, self->at, is_text ? "Unexpected character" : "Invalid character");
}

static err_t read_token(gql_lexer_t *self, gql_token_t *token)
{
    char c = byte_at(self, self->at);
    token->kind = punctuator(self);
    if (token->kind != GQL_TOKEN_END) {
        self->at += token->kind == GQL_TOKEN_SPREAD ? 3 : 1;
        return ERR_OK;
    }
    if (gql_is_name_start(c)) {
        read_name(self, token);
        return ERR_OK;
    }
    if (is_digit(c) || c == '-')
        return read_number(self, token);
    if (looking_at(self, self->at, "\"\"\""))
        return gql_read_block_string(self, token);
    if (c == '"')
        return gql_read_string(self, token);
    return refuse_start(self);
}

err_t gql_lexer_next(gql_lexer_t *self, gql_token_t *out_token)
{
    skip_ignored(self);
    gql_token_t token = {.kind = GQL_TOKEN_END, .at = (uint32_t)self->at};
    if (self->at < self->source.size) {
        if (++self->token_count > self->tokens_max)
            return gql_fault_set(self->fault, self->arena, ERR_LIMIT, token.at,
                                 "Document contains more than %u tokens. Parsing aborted.",
                                 self->tokens_max);
        TRY(read_token(self, &token));
    }
    *out_token = token;
    return ERR_OK;
}
