#pragma once
/* validate_parts.h -- what the files of the validator share. Not for others.
 *
 * One walk over each definition checks all that is local and notes which variables are used as what
 * and which fragments are spread; the rules about whole operations then read these notes. */

#include "gateway/graphql/validate/validate.h"

/* A variable where a value of `type` is expected (NULL: not known). */
typedef struct gql_usage gql_usage_t;
struct gql_usage {
    const gql_literal_t *variable;
    const gql_ref_t *type;
    bool has_default;         /* of the argument or input field */
    const gql_type_t *one_of; /* the @oneOf input object around it; NULL */
    gql_usage_t *next;
};

typedef struct gql_spread gql_spread_t;
struct gql_spread {
    const gql_selection_t *selection;
    struct gql_scope *target; /* NULL: no such fragment */
    gql_spread_t *next;
};

/* A definition with its notes. */
typedef struct gql_scope {
    const gql_definition_t *definition;
    const gql_type_t *type; /* root or type condition; NULL: not known */
    uint32_t index;         /* among the fragments */
    gql_usage_t *usages, **usages_tail;
    gql_spread_t *spreads, **spreads_tail; /* in the order in which cycles are looked for */
    uint32_t visit;                        /* the last round that came here */
    bool is_used, is_open, is_measured;    /* by an operation; being looked at; measured */
    uint64_t fields, aliases;              /* measured, with fragments expanded */
    uint32_t depth;
    uint32_t open_at; /* while is_open: where it stands on the path */
    uint32_t introspection_seen;
} gql_scope_t;

typedef struct gql_validation {
    const gql_schema_t *schema;
    const gql_document_t *document;
    const graphql_limits_t *limits;
    gql_errors_t *errors;
    arena_t *arena;
    gql_scope_t *scopes;
    uint32_t scope_count, fragment_count, round;
    bool is_out_of_memory, is_past_limit, has_cycle;
} gql_validation_t;

void *gql_validation_new(gql_validation_t *self, size_t count, size_t size);
gql_scope_t *gql_scope_find(gql_validation_t *self, str_t fragment);
void gql_say(gql_validation_t *self, uint32_t place, const char *format, ...) PRINTF_LIKE(3, 4);
void gql_say_two(gql_validation_t *self, uint32_t place, uint32_t other, const char *format, ...)
    PRINTF_LIKE(4, 5);
void gql_say_limit(gql_validation_t *self, uint32_t place, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* validate_fields.c: selections, their types, fragments where they are spread. */
void gql_check_selections(gql_validation_t *self, gql_scope_t *scope);
/* validate_arguments.c: arguments and directives. */
void gql_check_arguments(gql_validation_t *self, gql_scope_t *scope, const gql_selection_t *field,
                         const gql_type_t *parent, const gql_output_t *definition);
void gql_check_directives(gql_validation_t *self, gql_scope_t *scope,
                          const gql_directive_t *directives, const char *location);
/* validate_values.c: a literal where `type` is expected (NULL: not known). scope NULL: no
 * variables. */
void gql_check_literal(gql_validation_t *self, gql_scope_t *scope, const gql_literal_t *literal,
                       const gql_ref_t *type, bool has_default, const gql_type_t *one_of);
/* validate_fragments.c: unknown, unused and circular fragments; then depth and size. */
void gql_check_fragments(gql_validation_t *self);
void gql_check_size(gql_validation_t *self);
/* validate_variables.c: definitions of one operation and their uses, also in fragments. */
void gql_check_variables(gql_validation_t *self, gql_scope_t *operation);
/* validate_merge.c: fields of one response name must be mergeable. Needs: no cycles. */
void gql_check_merging(gql_validation_t *self);
/* validate_operations.c: names, subscriptions, depth of introspection. */
void gql_check_operations(gql_validation_t *self);
