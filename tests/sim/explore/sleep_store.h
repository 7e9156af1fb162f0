#pragma once
/* sleep_store.h -- a state store in memory, whose calls injected faults in allocation do not hit.
 */

#include "runtime/state_store.h"

typedef struct sleep_row {
    struct sleep_row *next;
    size_t key_size, value_size;
    char bytes[]; /* the key, then the value */
} sleep_row_t;

typedef struct sleep_store {
    state_store_t store; /* first: the table's functions get it */
    state_store_table_t table;
    sleep_row_t *rows;
} sleep_store_t;

/* Whether calls are quick, or made by the offload pool, is as the seed says. */
state_store_t *sleep_store_open(sleep_store_t *self, uint64_t seed);
void sleep_store_close(sleep_store_t *self);
