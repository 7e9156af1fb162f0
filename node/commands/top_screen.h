#pragma once
/* top_screen.h -- what `musicstream top` shows of a sample of each node, as lines of text: pure.
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

/* A node of a cluster, which stands first in its rows then. */
typedef struct top_node {
    uint64_t node;                 /* 0: alone, rows say no node */
    const graphql_value_t *sample; /* of top_sample (runtime/inside.h); NULL: none yet */
    str_t error;                   /* it does not answer any more; the sample is old then */
    uint64_t silent_ms;
} top_node_t;

enum { TOP_SCREEN_HEAD = 5, TOP_SCREEN_NODES_MAX = 1024 }; /* head: lines above the rows */

/* Of several nodes those that are silent stand between head and rows, in a line each. */
void top_screen_print(const top_screen_t *self, const top_node_t *nodes, size_t count, buf_t *out);
/* 1.2k, 3.4M, 56: at most 5 cells. */
void top_screen_count(buf_t *out, double count);
