#pragma once
/* validate.h -- the rules of spec section 5, with the messages and locations of graphql-js 16, and
 * the bounds of limits.h that need no variables.
 *
 * A document that passes can be executed without further checks of names, types or cycles.
 *
 * Errors  INVALID: `errors` has why; LIMIT: past a bound, said there too; NO_MEMORY. */

#include "gateway/graphql/errors.h"
#include "gateway/graphql/schema/schema.h"

err_t gql_validate(const gql_schema_t *schema, const gql_document_t *document,
                   const graphql_limits_t *limits, gql_errors_t *errors);

/* The last fragment of that name; NULL. For documents that have not been indexed. */
const gql_definition_t *gql_fragment_find(const gql_document_t *document, str_t name);
