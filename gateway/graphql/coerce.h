#pragma once
/* coerce.h -- input values made to fit the schema's types (spec sections 3.x "Input
 * Coercion", 6.1.2 and 6.4.1): variables from the request, arguments and defaults from the
 * document.
 *
 * Messages are those of graphql-js. Recursion is as deep as the value, which parser and JSON reader
 * bound.
 *
 * Ownership  Results live in the arena and may point into the document or the given values. */

#include "gateway/graphql/errors.h"
#include "gateway/graphql/schema/schema.h"

/* The variables of an operation that have a value: their own, or the default. */
typedef struct gql_variables {
    graphql_member_t *members;
    uint32_t count;
} gql_variables_t;

const graphql_value_t *gql_variable_find(const gql_variables_t *variables, str_t name);

/* Adds an error for each that does not fit.
 *   INVALID    some did not
 *   NO_MEMORY */
err_t gql_coerce_variables(const gql_schema_t *schema, const gql_definition_t *operation,
                           const graphql_value_t *given, gql_errors_t *errors,
                           gql_variables_t *out_variables);

/* A literal as a value of the type; variables may be NULL.
 *   INVALID    it does not fit, or a variable it needs has no value
 *   NO_MEMORY */
err_t gql_coerce_literal(const gql_literal_t *literal, const gql_ref_t *type,
                         const gql_variables_t *variables, arena_t *arena,
                         graphql_value_t *out_value);

/* The arguments of a field or a directive; those left out without a default are absent. On INVALID
 * one error is said: the message is appended to out_message, its place is *out_place. */
err_t gql_coerce_arguments(const gql_input_t *inputs, uint32_t input_count,
                           const gql_argument_t *arguments, uint32_t at,
                           const gql_variables_t *variables, arena_t *arena, buf_t *out_message,
                           uint32_t *out_place, graphql_value_t *out_object);

/* Why the literal is no value of the leaf type; false when it is. location: the type written there.
 */
bool gql_literal_is_wrong(const gql_literal_t *literal, const gql_ref_t *location,
                          buf_t *out_message);
/* The same for a given value; on success the value in the form resolvers get. */
bool gql_value_is_wrong(const graphql_value_t *value, const gql_type_t *type, arena_t *arena,
                        buf_t *out_message, graphql_value_t *out_value);
/* A leaf literal that is known to fit.
 *   NO_MEMORY */
err_t gql_leaf_value(const gql_literal_t *literal, const gql_type_t *type,
                     const gql_variables_t *variables, arena_t *arena, graphql_value_t *out_value);

/* How messages show a value: strings quoted, two levels deep, ten items. */
void gql_inspect(const graphql_value_t *value, buf_t *out);
