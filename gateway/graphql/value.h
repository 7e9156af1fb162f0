#pragma once
/* value.h -- an input value: an argument, a variable or a parsed JSON document, as a constant tree.
 *
 * Reading is forgiving: a NULL pointer is an absent value, and asking a value for what it is not
 * gives the `otherwise` or an empty one. Values that came through the engine have the shape that
 * the schema says, so resolvers need no further checks.
 *
 * Ownership  The tree lives in the arena it was made in.
 * Threads    Constant data. */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

typedef enum graphql_value_kind {
    GRAPHQL_NULL,
    GRAPHQL_BOOLEAN,
    GRAPHQL_INT,
    GRAPHQL_FLOAT,
    GRAPHQL_STRING, /* also an ID */
    GRAPHQL_ENUM,
    GRAPHQL_LIST,
    GRAPHQL_OBJECT
} graphql_value_kind_t;

typedef struct graphql_value graphql_value_t;
typedef struct graphql_member graphql_member_t;

struct graphql_value {
    graphql_value_kind_t kind;
    uint32_t count; /* of a list or an object */
    union {
        bool boolean;
        int64_t integer;
        double number;
        str_t text;
        const graphql_value_t *items;
        const graphql_member_t *members;
    };
};

struct graphql_member {
    str_t name;
    graphql_value_t value;
};

/* The member of an object; NULL when absent, or when the value is no object. */
const graphql_value_t *graphql_value_get(const graphql_value_t *self, const char *name);
const graphql_value_t *graphql_value_find(const graphql_value_t *self, str_t name);
/* The item of a list; NULL past its end. */
const graphql_value_t *graphql_value_at(const graphql_value_t *self, size_t index);
/* Items or members; 0 for everything else. */
size_t graphql_value_count(const graphql_value_t *self);
/* Absent or null. */
bool graphql_value_is_null(const graphql_value_t *self);

str_t graphql_value_str(const graphql_value_t *self); /* string, ID or enum; {NULL, 0} otherwise */
int64_t graphql_value_int(const graphql_value_t *self, int64_t otherwise);
double graphql_value_float(const graphql_value_t *self, double otherwise);
bool graphql_value_bool(const graphql_value_t *self, bool otherwise);
/* A decimal id. INVALID: absent, null, or not a number of 64 bits. */
err_t graphql_value_id(const graphql_value_t *self, uint64_t *out_id);

/* Reads a JSON text (RFC 8259) into the arena.
 *   INVALID    not JSON, or a number that does not fit
 *   LIMIT      longer, deeper or of more values than limits.h allows
 *   NO_MEMORY */
err_t graphql_value_from_json(str_t text, arena_t *arena, graphql_value_t *out_value);
/* Writes it as JSON. The depth is bounded by how it was made. */
void graphql_value_to_json(const graphql_value_t *self, buf_t *out);
