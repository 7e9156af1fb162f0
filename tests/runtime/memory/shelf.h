#pragma once
/* shelf.h -- a state store of a test: in memory, with everything that can go wrong. */

#include "runtime/state_store.h"

enum { SHELF_PLACES = 64 };

typedef struct shelf {
    state_store_t store;
    state_store_table_t table;
    struct {
        char key[64];
        buf_t value;
        bool is_used;
    } places[SHELF_PLACES];
    err_t put_fails, take_fails; /* ERR_OK: not */
    uint32_t puts, takes, removes, count;
} shelf_t;

void shelf_init(shelf_t *self, bool is_quick);
/* Whatever lies there is freed. */
void shelf_deinit(shelf_t *self);
