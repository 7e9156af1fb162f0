#pragma once
/* top_screen.h -- what `musicstream top` shows of a sample, as lines of text: pure.
 *
 * The columns are for 80 and more cells; the key comes last, cut to what is left, so that nothing
 * stands behind a text that may hold anything. Without colours. */

#include "gateway/graphql/value.h"

typedef enum top_view { TOP_VIEW_ACTORS, TOP_VIEW_KINDS, TOP_VIEW_TYPES } top_view_t;
typedef enum top_sort { TOP_BY_MESSAGES, TOP_BY_CPU, TOP_BY_MEMORY, TOP_BY_QUEUE } top_sort_t;

typedef struct top_screen {
    top_view_t view;
    top_sort_t sort;
    uint32_t columns;
    uint32_t rows; /* of the table at most */
    bool has_keys; /* names the keys that do something */
} top_screen_t;

enum { TOP_SCREEN_HEAD = 5 }; /* lines above the rows */

/* `sample`: one of top_sample (runtime/inside.h). */
void top_screen_print(const top_screen_t *self, const graphql_value_t *sample, buf_t *out);
/* 1.2k, 3.4M, 56: at most 5 cells. */
void top_screen_count(buf_t *out, double count);
