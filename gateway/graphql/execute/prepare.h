#pragma once
/* prepare.h -- a request made ready to run: parsed, validated, its operation chosen, its variables
 * coerced, its cost known; and the plan of its fields, which grows as types are met.
 *
 * Ownership  Counted: one execution holds it, or a subscription and the executions of its events.
 * Errors     gql_prepare gives a request that can only be refused (err != OK): `errors` has why. */

#include "gateway/graphql/coerce.h"

typedef struct gql_plan_field gql_plan_field_t;
typedef struct gql_plan_set gql_plan_set_t;

/* A response name of an object: the merged fields behind it. */
struct gql_plan_field {
    str_t key;
    const gql_selection_t *field; /* the first */
    const gql_selection_t **merged;
    uint32_t *places; /* of all merged ones: the locations of an error */
    uint32_t merged_count, merged_capacity;
    const gql_output_t *definition;
    graphql_value_t args;
    err_t args_err; /* INVALID: args_message and args_place say why */
    str_t args_message;
    uint32_t args_place;
    gql_plan_set_t *below; /* by type of the object that the field returned */
    gql_plan_field_t *next;
};

struct gql_plan_set {
    const gql_type_t *type;
    gql_plan_field_t *fields, **tail;
    uint32_t count;
    gql_plan_set_t *next;
};

typedef struct gql_prepared {
    arena_t arena;
    uint32_t references;
    const graphql_engine_t *engine;
    const gql_schema_t *schema;
    const graphql_limits_t *limits;
    const gql_document_t *document;
    const gql_definition_t *operation;
    gql_variables_t variables;
    gql_plan_set_t root;
    gql_errors_t errors;
    err_t err;
} gql_prepared_t;

/* NULL: no memory even for a refusal. */
gql_prepared_t *gql_prepare(const graphql_engine_t *engine, const graphql_request_t *request);
void gql_prepared_ref(gql_prepared_t *self);
void gql_prepared_unref(gql_prepared_t *self);

/* The fields of an object that `field` returned; NULL: no memory. */
gql_plan_set_t *gql_plan_below(gql_prepared_t *self, gql_plan_field_t *field,
                               const gql_type_t *type);
/* plan.c: fills the root.
 *   NO_MEMORY */
err_t gql_plan_root(gql_prepared_t *self);

/* cost.c: adds an error when the operation asks for more than limits->cost_max values. */
uint64_t gql_cost(const gql_prepared_t *self);
