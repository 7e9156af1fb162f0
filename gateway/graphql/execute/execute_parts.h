#pragma once
/* execute_parts.h -- a running request: a tree of response values that fills up. Not for resolvers.
 *
 * Every value has a node: the root object, each field, each item of a list. A node is NEW until its
 * resolver runs, then RUNNING, perhaps PENDING, and at last DONE with a result. A node whose null
 * was not allowed nulls the nearest node above that may be null ("is_nulled"); everything below it
 * is dead: what arrives there is dropped, and nothing new is started (spec section 6.4.4).
 *
 * Invariants  `pending` counts nodes in PENDING. `busy` counts frames of this execution on the
 * stack; the request is finished or freed only where it is 0, so a resolver may complete other
 *             fields from within. */

#include "gateway/graphql/engine_parts.h"
#include "gateway/graphql/execute/prepare.h"

typedef enum gql_node_state {
    GQL_NODE_NEW,
    GQL_NODE_RUNNING,
    GQL_NODE_PENDING,
    GQL_NODE_DONE
} gql_node_state_t;

typedef enum gql_result {
    GQL_RESULT_NULL,
    GQL_RESULT_STR,
    GQL_RESULT_INT,
    GQL_RESULT_FLOAT,
    GQL_RESULT_BOOL,
    GQL_RESULT_JSON,
    GQL_RESULT_CHILDREN /* an object or a list, by the node's type */
} gql_result_t;

struct graphql_field {
    graphql_execution_t *execution;
    graphql_field_t *parent;
    gql_path_t path;
    gql_plan_field_t *plan;   /* NULL: the root */
    const gql_type_t *object; /* the type that has the field */
    const gql_ref_t *type;    /* NULL: the root, an object that may be null */
    const void *source;
    gql_node_state_t state;
    gql_result_t result;
    bool is_nulled;
    bool is_list;
    uint32_t child_count;
    union {
        graphql_field_t *children; /* an array */
        str_t text;
        int64_t integer;
        double number;
        bool boolean;
    };
};

typedef struct gql_hook gql_hook_t;
struct gql_hook {
    gql_hook_t *next;
    void (*fn)(void *context);
    void *context;
};

struct graphql_execution {
    arena_t arena;
    gql_prepared_t *prepared;
    void *context;
    gql_errors_t errors;
    graphql_field_t root;
    const void *root_source;
    uint32_t pending, busy, next_serial;
    bool is_serial, is_cancelled;
    bool is_unwanted;  /* nobody listens, but done is called all the same */
    gql_hook_t *hooks; /* to call when it is cancelled; in the arena */
    err_t failed;      /* LIMIT or NO_MEMORY: the whole request */
    graphql_done_fn *done;
    void *done_context;
};

/* NULL: no memory. Takes a reference of its own to prepared. */
graphql_execution_t *gql_execution_new(gql_prepared_t *prepared, const void *root_source,
                                       void *context, graphql_done_fn *done, void *done_context);
void gql_execution_free(graphql_execution_t *self);
/* Runs it as far as it gets; true when it is finished and gone. */
bool gql_execution_start(graphql_execution_t *self);
/* Nobody listens any more, and what works for it is told; done is called all the same. */
void gql_execution_drop(graphql_execution_t *self);

/* execute.c */
void gql_node_start_fields(graphql_field_t *node, const gql_type_t *type, const void *source);
bool gql_node_is_dead(const graphql_field_t *node);
void gql_node_null(graphql_field_t *node, err_t err, str_t message);
void gql_run_out(graphql_execution_t *self);
void gql_node_run_item(graphql_field_t *item, graphql_item_fn *run, const void *items,
                       size_t index);

/* Around every answer: begin takes the node out of RUNNING or PENDING and says whether the answer
 * still counts; end may finish and free the request. */
bool gql_begin_answer(graphql_field_t *self);
err_t gql_end_answer(graphql_field_t *self);

/* respond.c: {"errors": ..., "data": ...}; false when it does not fit. */
bool gql_write_response(const graphql_execution_t *self, buf_t *out);
/* A response without data. */
void gql_write_refusal(const gql_errors_t *errors, buf_t *out);
