#pragma once
/* term_table.h -- terms and the documents that have them, gathered in memory, written as sorted
 * runs, and merged.
 *
 * Documents come in ascending order, so each run's numbers are past those of the run before, and a
 * term's numbers, run after run, ascend.
 *
 * Ownership  term_table_new gives, term_table_free takes. Threads  One at a time.
 * Errors     NO_MEMORY, FULL, IO */

#include "storage/search/index/tape.h"

typedef struct run_range {
    uint64_t start, end;
} run_range_t;

typedef struct runs {
    tape_t tape;
    buf_t ranges; /* run_range_t each */
} runs_t;

typedef struct term_table term_table_t;
err_t term_table_new(size_t memory_max, term_table_t **out_table);
void term_table_free(term_table_t *self); /* NULL is fine */
void term_table_scope_end(term_table_t **self);
#define TERM_TABLE_SCOPED SCOPED(term_table_scope_end)

/* `name` of the first that says one is kept. Once more for the same document is fine. */
err_t term_table_add(term_table_t *self, str_t term, str_t name, uint32_t number);
/* Its memory is used up: time to write it. */
bool term_table_is_full(const term_table_t *self);
/* Appends a run, and empties it. An empty one writes none. */
err_t term_table_write(term_table_t *self, runs_t *runs);

/* A term of the merged runs, and its numbers in ascending pieces. Borrowed for the call. */
typedef struct run_visitor {
    err_t (*begin)(void *context, str_t term, str_t name);
    err_t (*add)(void *context, const uint32_t *numbers, size_t count);
    err_t (*end)(void *context, str_t term, str_t name);
    void *context;
} run_visitor_t;
err_t runs_merge(const runs_t *runs, size_t memory_max, const run_visitor_t *visitor);
void runs_deinit(runs_t *self);
