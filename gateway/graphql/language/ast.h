#pragma once
/* ast.h -- the syntax tree of a GraphQL document, executable or schema.
 *
 * One fat struct a family (definition, field definition, selection, value, type), linked in source
 * order through `next`; members that a kind has no use for are zero. `at` is the offset in bytes of
 * a node's first character: source_locate turns it into line and column when an error needs them.
 *
 * Ownership  Nodes live in the parser's arena; texts point into the source or the arena.
 * Threads    Constant after parsing. */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

typedef struct gql_name {
    str_t text;
    uint32_t at;
} gql_name_t;

typedef struct gql_named gql_named_t; /* a list of names: interfaces, union members, locations */
struct gql_named {
    gql_name_t name;
    gql_named_t *next;
};

typedef enum gql_literal_kind {
    GQL_NULL,
    GQL_INT,
    GQL_FLOAT,
    GQL_STRING,
    GQL_BOOLEAN,
    GQL_ENUM,
    GQL_LIST,
    GQL_OBJECT,
    GQL_VARIABLE
} gql_literal_kind_t;

typedef struct gql_literal gql_literal_t;
struct gql_literal {
    gql_literal_kind_t kind;
    uint32_t at;
    bool is_block;        /* a """string""" */
    str_t text;           /* decoded string, digits, name of enum value or variable */
    gql_name_t member;    /* in an object: the name of this member */
    gql_literal_t *items; /* of a list or object */
    gql_literal_t *next;  /* the next item or member */
};

typedef struct gql_argument gql_argument_t;
struct gql_argument {
    gql_name_t name;
    gql_literal_t *value;
    gql_argument_t *next;
};

typedef struct gql_directive gql_directive_t;
struct gql_directive {
    uint32_t at;
    gql_name_t name;
    gql_argument_t *arguments;
    gql_directive_t *next;
};

typedef struct gql_type_ref gql_type_ref_t;
struct gql_type_ref {
    enum { GQL_TYPE_NAMED, GQL_TYPE_LIST, GQL_TYPE_NON_NULL } kind;
    uint32_t at;
    gql_name_t name;
    gql_type_ref_t *inner;
};

typedef struct gql_selection gql_selection_t;
struct gql_selection {
    enum { GQL_FIELD, GQL_SPREAD, GQL_INLINE } kind;
    uint32_t at;
    gql_name_t alias;     /* text.data NULL: none */
    gql_name_t name;      /* of the field or the fragment */
    gql_name_t condition; /* of an inline fragment; text.data NULL: none */
    gql_argument_t *arguments;
    gql_directive_t *directives;
    uint32_t selections_at; /* of the '{' */
    gql_selection_t *selections;
    gql_selection_t *next;
    uint32_t index; /* of this selection among all of the document */
};

/* A variable, an argument, an input field or a field of a type. */
typedef struct gql_field_definition gql_field_definition_t;
struct gql_field_definition {
    uint32_t at;
    const gql_literal_t *description;
    gql_name_t name;
    uint32_t name_at; /* of a variable: of the name after the '$' */
    gql_field_definition_t *arguments;
    gql_type_ref_t *type;
    gql_literal_t *default_value;
    gql_directive_t *directives;
    gql_field_definition_t *next;
};

typedef struct gql_enum_value_definition gql_enum_value_definition_t;
struct gql_enum_value_definition {
    const gql_literal_t *description;
    gql_name_t name;
    gql_directive_t *directives;
    gql_enum_value_definition_t *next;
};

typedef enum gql_operation {
    GQL_OPERATION_QUERY,
    GQL_OPERATION_MUTATION,
    GQL_OPERATION_SUBSCRIPTION,
    GQL_OPERATION_COUNT
} gql_operation_t;

typedef struct gql_root gql_root_t; /* query: Type, in a schema definition */
struct gql_root {
    gql_operation_t operation;
    gql_name_t type;
    gql_root_t *next;
};

typedef enum gql_definition_kind {
    GQL_DEFINE_OPERATION,
    GQL_DEFINE_FRAGMENT,
    GQL_DEFINE_SCHEMA,
    GQL_DEFINE_SCALAR,
    GQL_DEFINE_OBJECT,
    GQL_DEFINE_INTERFACE,
    GQL_DEFINE_UNION,
    GQL_DEFINE_ENUM,
    GQL_DEFINE_INPUT,
    GQL_DEFINE_DIRECTIVE
} gql_definition_kind_t;

typedef struct gql_definition gql_definition_t;
struct gql_definition {
    gql_definition_kind_t kind;
    uint32_t at;
    bool is_extension, is_shorthand, is_repeatable;
    gql_operation_t operation;
    const gql_literal_t *description;
    gql_name_t name;                   /* text.data NULL: an anonymous operation, a schema */
    gql_field_definition_t *variables; /* operation */
    gql_name_t condition;              /* fragment */
    gql_directive_t *directives;
    uint32_t selections_at;
    gql_selection_t *selections;    /* operation, fragment */
    gql_field_definition_t *fields; /* object, interface, input; arguments of a directive */
    gql_named_t *names;             /* interfaces, union members, directive locations */
    gql_enum_value_definition_t *values;
    gql_root_t *roots;
    gql_definition_t *next;
};

typedef struct gql_document {
    str_t source;
    gql_definition_t *definitions;
    uint32_t selection_count, token_count;
} gql_document_t;

/* "query", "mutation", "subscription" */
str_t gql_operation_word(gql_operation_t operation);
/* The name under which a field appears in the response. */
str_t gql_response_name(const gql_selection_t *field);
/* The argument or directive of that name; NULL. */
const gql_argument_t *gql_argument_find(const gql_argument_t *first, str_t name);
const gql_directive_t *gql_directive_find(const gql_directive_t *first, str_t name);

typedef struct gql_location {
    uint32_t line, column; /* from 1; columns count UTF-16 units, as every client's editor does */
} gql_location_t;
gql_location_t gql_locate(str_t source, uint32_t at);
