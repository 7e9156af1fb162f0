#pragma once
/* relation_rows.h -- the arrays of one statement, while they fill.
 *
 * Ownership  Owns its arrays. Threads  None. Errors  NO_MEMORY, told by relation_rows_end. */

#include "storage/relations/relation.h"

struct relation_rows {
    pg_array_t columns[RELATION_COLUMNS_MAX];
    uint32_t column_count;
    uint32_t at; /* the column that is written next */
    /* of the event that is added */
    int64_t place, wall_ms;
    str_t key;
    buf_t scratch;
    bool has_failed;
};

void relation_rows_init(relation_rows_t *self, const relation_event_t *event);
void relation_rows_deinit(relation_rows_t *self);
/* The statement's parameters, which borrow the arrays. */
err_t relation_rows_end(relation_rows_t *self, const relation_event_t *event,
                        pg_statement_t *out_statement);
