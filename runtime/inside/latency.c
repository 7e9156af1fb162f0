#include "runtime/inside/latency.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * LATENCY_ROWS_MAX };

/* Names are the kinds' and schemas' own: they live as long as the program, and are compared as
 * pointers where they are counted, as texts where they are read. */
typedef struct cell {
    const char *kind, *type;
    histogram_t wait, took;
} cell_t;

struct latency_table {
    _Atomic(cell_t *) cells[SLOTS];
    uint32_t count;
    cell_t rest;
};

latency_table_t *latency_table_new(void)
{
    return memory_new(sizeof(latency_table_t));
}

void latency_table_free(latency_table_t *self)
{
    for (size_t i = 0; self != NULL && i < SLOTS; i++)
        memory_free(atomic_load(&self->cells[i]));
    memory_free(self);
}

static cell_t *add_cell(latency_table_t *self, size_t slot, const char *kind, const char *type)
{
    cell_t *cell = self->count == LATENCY_ROWS_MAX ? NULL : memory_new(sizeof *cell);
    if (cell == NULL)
        return &self->rest;
    self->count++;
    cell->kind = kind;
    cell->type = type;
    atomic_store_explicit(&self->cells[slot], cell, memory_order_release);
    return cell;
}

static cell_t *cell_of(latency_table_t *self, const char *kind, const char *type)
{
    uint64_t key = (uint64_t)(uintptr_t)kind * 31 + (uint64_t)(uintptr_t)type;
    size_t slot = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % SLOTS;
    for (;;) {
        cell_t *cell = atomic_load_explicit(&self->cells[slot], memory_order_relaxed);
        if (cell == NULL)
            return add_cell(self, slot, kind, type);
        if (cell->kind == kind && cell->type == type)
            return cell;
        slot = (slot + 1) % SLOTS;
    }
}

void latency_add(latency_table_t *self, const char *kind, const char *type, uint64_t wait_ns,
                 uint64_t took_ns)
{
    cell_t *cell = cell_of(self, kind, type);
    if (wait_ns != 0)
        histogram_add(&cell->wait, wait_ns);
    histogram_add(&cell->took, took_ns);
}

/* ---- reading ---- */

typedef struct summed {
    const char *kind, *type;
    histogram_sum_t wait, took;
} summed_t;

typedef struct summing {
    summed_t *rows;
    size_t count;
} summing_t;

static void summing_deinit(summing_t *self)
{
    memory_free(self->rows);
}

static void add_row(summing_t *self, const char *kind, const char *type, const cell_t *cell)
{
    size_t i = 0;
    while (i < self->count &&
           (strcmp(self->rows[i].kind, kind) != 0 || strcmp(self->rows[i].type, type) != 0))
        i++;
    if (i == self->count && self->count < LATENCY_ROWS_MAX)
        self->rows[self->count++] = (summed_t){.kind = kind, .type = type};
    /* The last row is of what found none, here or in a table. */
    summed_t *row = &self->rows[i < LATENCY_ROWS_MAX ? i : LATENCY_ROWS_MAX];
    histogram_merge(&row->wait, &cell->wait);
    histogram_merge(&row->took, &cell->took);
}

static latency_row_t row_of(const summed_t *from)
{
    return (latency_row_t){.kind = from->kind,
                           .type = from->type,
                           .count = from->took.count,
                           .wait_p50_ns = histogram_quantile_ns(&from->wait, 0.5),
                           .wait_p99_ns = histogram_quantile_ns(&from->wait, 0.99),
                           .wait_max_ns = from->wait.max_ns,
                           .took_p50_ns = histogram_quantile_ns(&from->took, 0.5),
                           .took_p99_ns = histogram_quantile_ns(&from->took, 0.99),
                           .took_max_ns = from->took.max_ns,
                           .took_sum_ns = from->took.sum_ns};
}

static int by_time_taken(const void *a, const void *b)
{
    const summed_t *left = a, *right = b;
    return (left->took.sum_ns < right->took.sum_ns) - (left->took.sum_ns > right->took.sum_ns);
}

err_t latency_rows(latency_table_t *const *tables, size_t table_count, latency_row_t *out_rows,
                   size_t max, size_t *out_count)
{
    summing_t summing SCOPED(summing_deinit) = {0};
    summing.rows = memory_new_array(LATENCY_ROWS_MAX + 1, sizeof *summing.rows);
    if (summing.rows == NULL)
        return ERR_NO_MEMORY;
    summed_t *rest = &summing.rows[LATENCY_ROWS_MAX];
    rest->kind = rest->type = "";
    for (size_t i = 0; i < table_count; i++) {
        for (size_t slot = 0; tables[i] != NULL && slot < SLOTS; slot++) {
            cell_t *cell = atomic_load_explicit(&tables[i]->cells[slot], memory_order_acquire);
            if (cell != NULL)
                add_row(&summing, cell->kind, cell->type, cell);
        }
        if (tables[i] != NULL) {
            histogram_merge(&rest->wait, &tables[i]->rest.wait);
            histogram_merge(&rest->took, &tables[i]->rest.took);
        }
    }
    if (rest->took.count > 0 && summing.count < LATENCY_ROWS_MAX)
        summing.rows[summing.count++] = *rest;
    else if (rest->took.count > 0)
        summing.count++;
    qsort(summing.rows, summing.count, sizeof *summing.rows, by_time_taken);
    *out_count = MIN(summing.count, max);
    for (size_t i = 0; i < *out_count; i++)
        out_rows[i] = row_of(&summing.rows[i]);
    return ERR_OK;
}
