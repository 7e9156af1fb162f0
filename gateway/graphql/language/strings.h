#pragma once
/* strings.h -- the string literals of the lexer, and the way back to source text.
 *
 * Errors  As lexer.h. */

#include "gateway/graphql/language/lexer.h"

/* Both start at the quote and leave the lexer behind the closing one. */
err_t gql_read_string(gql_lexer_t *self, gql_token_t *token);
err_t gql_read_block_string(gql_lexer_t *self, gql_token_t *token);

/* How messages show the character at an offset: '"x"', 'U+00E9', '<EOF>'. */
void gql_character_text(str_t source, size_t at, char out_text[16]);

/* A string as a literal in quotes, with escapes. */
void gql_append_quoted(buf_t *out, str_t value);
/* A string as a block literal, laid out as graphql-js does; lines are not indented. */
void gql_append_block(buf_t *out, str_t value);

/* The length in UTF-16 units. */
size_t gql_utf16_length(str_t text);
