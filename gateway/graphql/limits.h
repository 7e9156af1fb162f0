#pragma once
/* limits.h -- every bound of the GraphQL engine, with its default.
 *
 * A request past a bound gets one error that names the bound; it is never cut short in silence.
 *
 * Threads  None: values. */

#include "runtime/base/attributes.h"

enum {
    GRAPHQL_DOCUMENT_BYTES_MAX = 64 * 1024,
    GRAPHQL_TOKENS_MAX = 10000,
    GRAPHQL_DEPTH_MAX = 64,        /* nested braces, brackets, input values; fragments expanded */
    GRAPHQL_DEFINITIONS_MAX = 200, /* operations and fragments of a document */
    GRAPHQL_FIELDS_MAX = 1000,     /* of an operation, fragments expanded */
    GRAPHQL_ALIASES_MAX = 200,     /* of an operation, fragments expanded */
    GRAPHQL_COST_MAX = 200000,     /* values asked for: fields times the pages around them */
    GRAPHQL_PAGE_DEFAULT = 50,     /* assumed where a paged field is asked without first or last */
    GRAPHQL_COMPARISONS_MAX = 20000, /* pairs of fields compared by the merging rule */
    GRAPHQL_ERRORS_MAX = 100,        /* of one response */
    GRAPHQL_ARENA_BYTES_MAX = 64 * 1024 * 1024,
    GRAPHQL_RESPONSE_BYTES_MAX = 16 * 1024 * 1024,
    GRAPHQL_EVENTS_QUEUED_MAX =
        64, /* events of a subscription waiting for the one being answered */

    /* Of request bodies and messages, read with jansson. */
    GRAPHQL_BODY_BYTES_MAX = 256 * 1024,
    GRAPHQL_JSON_DEPTH_MAX = 64,
    GRAPHQL_JSON_VALUES_MAX = 20000,

    GRAPHQL_WS_SUBSCRIPTIONS_MAX = 64, /* of one connection, running at once */
    GRAPHQL_WS_ID_BYTES_MAX = 128,
    GRAPHQL_WS_INIT_TIMEOUT_MS = 3000,

    /* Of the schema document, read at start. */
    GRAPHQL_SDL_BYTES_MAX = 1024 * 1024,
    GRAPHQL_SDL_TOKENS_MAX = 200000,
};

/* The bounds of one engine; a zero takes the default above. */
typedef struct graphql_limits {
    uint32_t document_bytes_max, tokens_max, depth_max, definitions_max;
    uint32_t fields_max, aliases_max, comparisons_max, errors_max;
    uint64_t cost_max;
    size_t arena_bytes_max, response_bytes_max;
} graphql_limits_t;
