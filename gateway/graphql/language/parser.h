#pragma once
/* parser.h -- a GraphQL document from text: executable definitions and the schema language.
 *
 * Accepts what graphql-js 16 accepts (June 2018, descriptions everywhere, repeatable, interfaces
 * that implement interfaces, directives on variables). Recursion is as deep as the document nests,
 * which depth_max bounds.
 *
 * Ownership  Everything is in the arena; texts point into the source, which must live as long.
 * Errors     INVALID: not GraphQL; LIMIT: longer, deeper or of more tokens or definitions than
 *            allowed; NO_MEMORY. out_fault says what and where (message "Syntax Error: ..."). */

#include "gateway/graphql/language/lexer.h"

typedef struct gql_parse_limits {
    uint32_t bytes_max, tokens_max, depth_max, definitions_max;
} gql_parse_limits_t;

err_t gql_parse(str_t source, const gql_parse_limits_t *limits, arena_t *arena,
                gql_fault_t *out_fault, gql_document_t **out_document);
