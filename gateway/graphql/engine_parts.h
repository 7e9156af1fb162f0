#pragma once
/* engine_parts.h -- the engine's inside. Not for resolvers. */

#include "gateway/graphql/schema/schema.h"

struct graphql_engine {
    arena_t arena;
    gql_schema_t *schema;
    graphql_limits_t limits;
    graphql_resolver_t *resolvers;
    size_t resolver_count;
};

/* introspect.c: rows for the built-in types, and "__schema", "__type", "__typename". */
const graphql_resolver_t *gql_introspection_resolvers(size_t *out_count);
