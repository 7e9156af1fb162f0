#pragma once
/* ask.h -- the open asks of one asker (an actor or an edge).
 *
 * A correlation is a slot and its generation: a reply that comes after its ask was answered, timed
 * out or cancelled finds another generation and dies there.
 *
 * Their deadlines lie in a binary heap, for which one alarm of the asker stands in the wheel: it is
 * only armed anew when an ask comes that ends before it, so most asks touch no wheel.
 *
 * Ownership  The table owns the copied data of an ask until ask_take, then the caller does.
 * Threads    The asker's. */

#include "runtime/runtime.h"
#include "runtime/schedule/alarm.h"

enum { ASKS_MAX = 65536 };

typedef struct ask {
    uint32_t generation, next_free;
    uint32_t heap_at; /* where in the heap it stands */
    uint32_t heap;    /* of the place in the heap with this index: whose it is */
    bool is_open;
    bool is_due;              /* its time is over and it has left the heap */
    uint8_t depth;            /* of the call chain that asked */
    uint8_t chain_size;       /* bytes behind the data: who awaits its end; see asking.h */
    uint32_t trace;           /* an edge's: what its answer belongs to */
    struct gather *gather;    /* of an ask of many: owned */
    block_class_t data_block; /* of an actor's data */
    uint64_t deadline_ns;
    actor_then_fn actor_then;
    edge_then_fn edge_then;
    void *data; /* an actor's: owned; an edge's: its context */
    size_t data_size;
} ask_t;

typedef struct ask_table {
    ask_t *asks;
    uint32_t capacity, first_free; /* index + 1; 0: none */
    uint32_t open_count, heap_count;
    alarm_t *alarm;    /* for the first deadline, or an earlier one of the past */
    uint64_t alarm_ns; /* when it comes; UINT64_MAX: it came, and is kept to be armed again */
} ask_table_t;

void ask_table_deinit(ask_table_t *self);
/* Closes all of them; late answers still find them closed. */
void ask_table_clear(ask_table_t *self);
/* The copy gets a correlation, of which bits 16 to 31 are free (gather.h). LIMIT: ASKS_MAX are
 * open; NO_MEMORY. */
err_t ask_open(ask_table_t *self, const ask_t *ask, uint64_t *out_correlation);
/* NULL: not open any more. Borrowed until the next call. */
ask_t *ask_at(ask_table_t *self, uint64_t correlation);
/* Closes it and gives its content away. */
bool ask_take(ask_table_t *self, uint64_t correlation, ask_t *out_ask);
/* An actor's data and call chain, copied. NO_MEMORY. */
err_t ask_keep_data(ask_t *self, str_t data, str_t chain);
str_t ask_chain(const ask_t *self);
/* And its gather. */
void ask_free_data(ask_t *self);

/* Sees to it that an alarm of `receiver` comes at the first deadline. NO_MEMORY: never after
 * ask_table_fired, for then the alarm that came is armed again. */
err_t ask_table_arm(ask_table_t *self, scheduler_t *scheduler, uint64_t receiver);
/* The table's alarm came. */
void ask_table_fired(ask_table_t *self);
/* Takes an ask whose time is over out of the heap; it stays open. False: there is none. */
bool ask_table_due(ask_table_t *self, uint64_t now_ns, uint64_t *out_correlation);
/* Back into the heap, until then: nobody could be told. */
void ask_table_defer(ask_table_t *self, uint64_t correlation, uint64_t deadline_ns);
