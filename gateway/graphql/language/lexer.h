#pragma once
/* lexer.h -- cuts a GraphQL document into tokens (spec section 2.1).
 *
 * Ignored characters, commas and comments are skipped. The first fault ends it: the error says what
 * and where, in the words of graphql-js, so that tools show the same.
 *
 * Ownership  Borrows the source; decoded strings live in the arena.
 * Errors     INVALID: not GraphQL; LIMIT: more tokens than allowed; NO_MEMORY. `fault` says more.
 */

#include "gateway/graphql/language/ast.h"

typedef enum gql_token_kind {
    GQL_TOKEN_END,
    GQL_TOKEN_BANG,
    GQL_TOKEN_DOLLAR,
    GQL_TOKEN_AMP,
    GQL_TOKEN_PAREN_OPEN,
    GQL_TOKEN_PAREN_CLOSE,
    GQL_TOKEN_SPREAD,
    GQL_TOKEN_COLON,
    GQL_TOKEN_EQUALS,
    GQL_TOKEN_AT,
    GQL_TOKEN_BRACKET_OPEN,
    GQL_TOKEN_BRACKET_CLOSE,
    GQL_TOKEN_BRACE_OPEN,
    GQL_TOKEN_PIPE,
    GQL_TOKEN_BRACE_CLOSE,
    GQL_TOKEN_NAME,
    GQL_TOKEN_INT,
    GQL_TOKEN_FLOAT,
    GQL_TOKEN_STRING,
    GQL_TOKEN_BLOCK_STRING
} gql_token_kind_t;

typedef struct gql_token {
    gql_token_kind_t kind;
    uint32_t at;
    str_t text; /* of names, numbers and strings; strings decoded */
} gql_token_t;

typedef struct gql_fault {
    err_t err;
    str_t message; /* in the arena, or a constant */
    uint32_t at;
    bool has_place;
} gql_fault_t;

typedef struct gql_lexer {
    str_t source;
    size_t at;
    arena_t *arena;
    uint32_t token_count, tokens_max;
    gql_fault_t *fault;
} gql_lexer_t;

/* At the end of the source it gives END, again and again. */
err_t gql_lexer_next(gql_lexer_t *self, gql_token_t *out_token);

/* '"{"', 'Name', '<EOF>' */
const char *gql_token_kind_text(gql_token_kind_t kind);
/* The same with the token's text: 'Name "foo"'. */
str_t gql_token_text(const gql_token_t *token, arena_t *arena);

/* Fills a fault; returns err. */
err_t gql_fault_set(gql_fault_t *fault, arena_t *arena, err_t err, uint32_t at, const char *format,
                    ...) PRINTF_LIKE(5, 6);

bool gql_is_name_start(char c);
bool gql_is_name_rest(char c);
