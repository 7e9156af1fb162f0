#pragma once
/* latency.h (inside) -- for each kind and message type: how long in the queue, how long in the
 * handler. Each scheduler counts for itself; readers add up.
 *
 * A pair's place in a scheduler's table stays for ever; pairs past LATENCY_ROWS_MAX share one.
 *
 * Threads  latency_add: the scheduler of the table; latency_new and the rest any. */

#include "runtime/inside.h"
#include "runtime/inside/histogram.h"

typedef struct latency_table latency_table_t;

[[nodiscard]] latency_table_t *latency_table_new(void);
void latency_table_free(latency_table_t *self);
/* wait_ns 0: not known. */
void latency_add(latency_table_t *self, const char *kind, const char *type, uint64_t wait_ns,
                 uint64_t took_ns);
err_t latency_rows(latency_table_t *const *tables, size_t table_count, latency_row_t *out_rows,
                   size_t max, size_t *out_count);
