#pragma once
/* ask.h -- the open asks of one asker (an actor or an edge).
 *
 * A correlation is a slot and its generation: a reply that comes after its ask was answered, timed
 * out or cancelled finds another generation and dies there.
 *
 * Ownership  The table owns the copied data of an ask until ask_take, then the caller does.
 * Threads    The asker's. */

#include "runtime/runtime.h"
#include "runtime/schedule/alarm.h"

enum { ASKS_MAX = 65536 };

typedef struct ask {
    uint32_t generation, next_free;
    bool is_open;
    uint8_t depth; /* of the call chain that asked */
    actor_then_fn actor_then;
    edge_then_fn edge_then;
    void *data; /* an actor's: owned; an edge's: its context */
    size_t data_size;
    alarm_t *alarm; /* the deadline */
} ask_t;

typedef struct ask_table {
    ask_t *asks;
    uint32_t capacity, first_free; /* index + 1; 0: none */
    uint32_t open_count;
} ask_table_t;

void ask_table_deinit(ask_table_t *self);
/* Closes all of them; late answers still find them closed. */
void ask_table_clear(ask_table_t *self);
/* The copy gets a correlation. LIMIT: ASKS_MAX are open; NO_MEMORY. */
err_t ask_open(ask_table_t *self, const ask_t *ask, uint64_t *out_correlation);
/* NULL: not open any more. Borrowed until the next call. */
ask_t *ask_at(ask_table_t *self, uint64_t correlation);
/* Closes it and gives its content away. */
bool ask_take(ask_table_t *self, uint64_t correlation, ask_t *out_ask);
