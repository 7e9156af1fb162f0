#pragma once
/* printer.h -- a syntax tree as text, laid out exactly as graphql-js' print() does.
 *
 * parse(print(tree)) is the same tree. Recursion is as deep as the tree, which the parser bounds.
 *
 * Errors  Through the buffer's status. */

#include "gateway/graphql/language/ast.h"

void gql_print_document(const gql_document_t *document, buf_t *out);
void gql_print_literal(const gql_literal_t *literal, buf_t *out);
void gql_print_type(const gql_type_ref_t *type, buf_t *out);
