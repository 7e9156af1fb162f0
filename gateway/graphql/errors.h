#pragma once
/* errors.h -- the errors of one request, in the order in which they arose, and their JSON
 * (spec section 7.1.2).
 *
 * Past `max` errors nothing is added and is_full is set. Ownership  In the arena. */

#include "gateway/graphql/language/ast.h"

/* Where a value stands in the response: from the value up to the root. */
typedef struct gql_path gql_path_t;
struct gql_path {
    const gql_path_t *parent; /* NULL: this is the root, which has no key */
    str_t key;                /* of a field; NULL data: an item of a list */
    uint32_t index;
};

typedef struct gql_error gql_error_t;
struct gql_error {
    err_t err;
    str_t message;
    const uint32_t *places;
    uint32_t place_count;
    const gql_path_t *path; /* NULL: not of a field */
    gql_error_t *next;
};

typedef struct gql_errors {
    arena_t *arena;
    str_t source;
    uint32_t count, max;
    bool is_full;
    gql_error_t *first, **tail;
} gql_errors_t;

void gql_errors_init(gql_errors_t *self, arena_t *arena, str_t source, uint32_t max);
/* places: offsets in the source. message is copied. */
void gql_errors_add(gql_errors_t *self, err_t err, str_t message, const uint32_t *places,
                    size_t place_count, const gql_path_t *path);
void gql_errors_say(gql_errors_t *self, err_t err, uint32_t place, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The array of errors. */
void gql_errors_write(const gql_errors_t *self, buf_t *out);
