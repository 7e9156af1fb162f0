#pragma once
/* suggest.h -- "Did you mean ...?": the names nearest to a mistyped one, as graphql-js picks them.
 *
 * Near is a Damerau-Levenshtein distance of at most 0.4 of the length plus one, a change of case
 * counting as one. Only the best SUGGESTIONS_MAX are kept, so nothing is allocated. */

#include "runtime/base/buf.h"

enum { SUGGESTIONS_MAX = 5, SUGGESTION_SIZE_MAX = 64 };

typedef struct gql_suggestions {
    str_t input;
    size_t count;
    str_t names[SUGGESTIONS_MAX];
    uint32_t distances[SUGGESTIONS_MAX];
} gql_suggestions_t;

static inline gql_suggestions_t gql_suggestions_for(str_t input)
{
    return (gql_suggestions_t){.input = input};
}
void gql_suggest(gql_suggestions_t *self, str_t option);
/* Appends ' Did you mean "a", "b", or "c"?' or nothing. what: 'the enum value ' or "". */
void gql_suggestions_append(const gql_suggestions_t *self, const char *what, buf_t *out);
/* The same for a list that is in its final order. */
void gql_did_you_mean(const str_t *names, size_t count, const char *what, buf_t *out);
/* Order of names in which digits count as numbers; <0, 0, >0. */
int gql_natural_compare(str_t a, str_t b);
