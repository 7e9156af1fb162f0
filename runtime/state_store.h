#pragma once
/* state_store.h -- where volatile virtual actors sleep: a kind with `.hibernates` puts its
 * described state there when it idles, and its slot and its name are free; the next message takes
 * it back.
 *
 * A table of functions that the runtime is given (runtime_options_t.state_store). One of the
 * library: runtime/state_store_file.h. What is in it belongs to one run of a node: a store that is
 * opened is empty, whatever an earlier run left.
 *
 * The runtime never has two calls for one key under way. A key is at most STATE_STORE_KEY_MAX
 * bytes.
 *
 * Threads  Any, many at once. Errors  After one the store is as it was. */

#include "runtime/base/buf.h"

API_BEGIN

enum { STATE_STORE_KEY_MAX = 511, STATE_STORE_VALUE_MAX = 1 << 20 };

typedef struct state_store state_store_t;

typedef struct state_store_table {
    /* Keeps a copy. LIMIT: the value is too large; FULL, IO, NO_MEMORY. */
    err_t (*put)(state_store_t *self, str_t key, str_t value);
    /* Appends the value to out and forgets it. NOT_FOUND, CORRUPT, IO, NO_MEMORY. */
    err_t (*take)(state_store_t *self, str_t key, buf_t *out);
    /* Forgets it, if it is there. IO. */
    err_t (*remove)(state_store_t *self, str_t key);
    /* False: it is not there. True: it may be. Must be quick: every activation asks. */
    bool (*has)(state_store_t *self, str_t key);
    /* put, take and remove never wait for long, so an actor's turn may call them. False: the
     * offload pool does (lane FILE). */
    bool is_quick;
} state_store_table_t;

struct state_store {
    const state_store_table_t *table;
};

API_END
