#pragma once
/* pg_array.h -- one-dimensional arrays as the binary protocol has them (PostgreSQL source,
 * array_recv): dimensions, flag, element type, length, lower bound, then each element with its
 * size.
 *
 * Ownership  The array owns its bytes. Threads  None. Errors  NO_MEMORY, through pg_array_end. */

#include "storage/postgres/pg.h"

typedef struct pg_array {
    buf_t bytes;
    pg_type_t element;
    uint32_t count;
} pg_array_t;

pg_array_t pg_array_of(pg_type_t element);
void pg_array_deinit(pg_array_t *self);
#define PG_ARRAY_SCOPED SCOPED(pg_array_deinit)

void pg_array_add_i64(pg_array_t *self, int64_t value);
void pg_array_add_i32(pg_array_t *self, int32_t value);
void pg_array_add_bool(pg_array_t *self, bool value);
void pg_array_add_f64(pg_array_t *self, double value);
void pg_array_add_str(pg_array_t *self, str_t value);
/* Writes the head. The parameter borrows the array. */
err_t pg_array_end(pg_array_t *self, pg_parameter_t *out_parameter);

/* What came: a bigint[] without NULLs, in the binary format. 0 where it is none, or ends before. */
uint32_t pg_array_count(str_t bytes);
int64_t pg_array_i64_at(str_t bytes, uint32_t index);
