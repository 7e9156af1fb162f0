#pragma once
/* schema.h -- the type system of one engine, resolved from schema documents (spec section 3).
 *
 * Invariants  Every reference is resolved and of the right kind; names are unique; objects and
 *             interfaces fulfil what they implement. The built-in scalars, directives and the
 *             introspection types are types like any other, from a document of their own.
 * Ownership   Everything lives in the arena and borrows from the documents' source.
 * Threads     Constant after gql_schema_build. */

#include "gateway/graphql/engine.h"
#include "gateway/graphql/language/ast.h"

typedef enum gql_kind {
    GQL_KIND_SCALAR,
    GQL_KIND_OBJECT,
    GQL_KIND_INTERFACE,
    GQL_KIND_UNION,
    GQL_KIND_ENUM,
    GQL_KIND_INPUT
} gql_kind_t;

typedef enum gql_scalar {
    GQL_SCALAR_CUSTOM,
    GQL_SCALAR_INT,
    GQL_SCALAR_FLOAT,
    GQL_SCALAR_STRING,
    GQL_SCALAR_BOOLEAN,
    GQL_SCALAR_ID
} gql_scalar_t;

typedef struct gql_type gql_type_t;

/* A type as it is written: named, or a list or non-null around another. */
typedef struct gql_ref gql_ref_t;
struct gql_ref {
    enum { GQL_REF_NAMED, GQL_REF_LIST, GQL_REF_NON_NULL } kind;
    const gql_type_t *named; /* the innermost, always */
    const gql_ref_t *inner;  /* NULL for a named one */
    str_t text;              /* "[Track!]!" */
};

/* An argument or an input field. */
typedef struct gql_input {
    str_t name, description, deprecation;
    bool is_deprecated;
    const gql_ref_t *type;
    const gql_literal_t *default_value; /* NULL: none */
} gql_input_t;

typedef struct gql_output {
    str_t name, description, deprecation;
    bool is_deprecated;
    const gql_type_t *parent;
    const gql_ref_t *type;
    const gql_input_t *args;
    uint32_t arg_count;
    const graphql_resolver_t *resolver; /* of object types, once the engine has bound them */
} gql_output_t;

typedef struct gql_enum_value {
    str_t name, description, deprecation;
    bool is_deprecated;
} gql_enum_value_t;

struct gql_type {
    gql_kind_t kind;
    gql_scalar_t scalar;
    bool is_builtin, is_one_of;
    uint32_t index;
    str_t name, description, specified_by;
    gql_ref_t ref; /* this type by itself */
    gql_output_t *fields;
    uint32_t field_count;
    gql_input_t *inputs;
    uint32_t input_count;
    gql_enum_value_t *values;
    uint32_t value_count;
    const gql_type_t **interfaces;
    uint32_t interface_count;
    const gql_type_t **possible; /* objects of a union or interface; an object is its own */
    uint32_t possible_count;
};

typedef struct gql_directive_type {
    str_t name, description;
    bool is_repeatable;
    gql_input_t *args;
    uint32_t arg_count;
    str_t *locations;
    uint32_t location_count;
} gql_directive_type_t;

typedef struct gql_schema {
    str_t description;
    gql_type_t **types;
    uint32_t type_count;
    gql_directive_type_t *directives;
    uint32_t directive_count, builtin_directive_count;
    const gql_type_t *roots[GQL_OPERATION_COUNT]; /* NULL: none */
    gql_type_t **table;                           /* open addressing by name */
    uint32_t table_size;
    gql_output_t meta_schema, meta_type, meta_typename; /* __schema, __type, __typename */
} gql_schema_t;

/* documents: the built-in one first. What is wrong is appended to out_problems, a line each.
 *   INVALID    the schema
 *   NO_MEMORY */
err_t gql_schema_build(const gql_document_t *const *documents, size_t document_count,
                       arena_t *arena, buf_t *out_problems, gql_schema_t **out_schema);
/* The rules that need the whole: what implements, roots, positions, emptiness (schema_check.c). */
void gql_schema_check(const gql_schema_t *schema, buf_t *out_problems);

/* The document of the built-in types. */
str_t gql_builtin_sdl(void);

const gql_type_t *gql_type_find(const gql_schema_t *schema, str_t name);
const gql_directive_type_t *gql_directive_type_find(const gql_schema_t *schema, str_t name);
/* A field of an object or interface, with __typename, and the other two on the query root. */
const gql_output_t *gql_output_find(const gql_schema_t *schema, const gql_type_t *type, str_t name);
/* Without the meta fields. */
const gql_output_t *gql_own_output_find(const gql_type_t *type, str_t name);
const gql_input_t *gql_input_find(const gql_input_t *inputs, uint32_t count, str_t name);
/* The type a document writes; NULL when its name is not known. Lists are made in the arena. */
const gql_ref_t *gql_ref_from_ast(const gql_schema_t *schema, const gql_type_ref_t *type,
                                  arena_t *arena);

bool gql_is_composite(const gql_type_t *type);
bool gql_is_abstract(const gql_type_t *type);
bool gql_is_leaf(const gql_type_t *type);
bool gql_is_input_type(const gql_type_t *type);
bool gql_is_required(const gql_input_t *input); /* non-null and without a default */
/* Is `object` one of the possible types of `type`? */
bool gql_has_possible(const gql_type_t *type, const gql_type_t *object);
bool gql_implements(const gql_type_t *type, const gql_type_t *interface);
bool gql_types_overlap(const gql_type_t *a, const gql_type_t *b);
/* The same or narrower: what may stand where `super` is expected. */
bool gql_is_subtype(const gql_ref_t *sub, const gql_ref_t *super);
bool gql_refs_equal(const gql_ref_t *a, const gql_ref_t *b);
/* Without its non-null. */
const gql_ref_t *gql_nullable(const gql_ref_t *ref);
