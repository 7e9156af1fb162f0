#pragma once
/* store_around.h -- a vault's store around another one, which asks before each write: to tell of
 * it, or to let none come through any more, as if the process had been killed there.
 *
 * Ownership  The inner one is its own. Threads  As the inner one. */

#include "storage/crypt/vault_store.h"

typedef struct store_around {
    vault_store_t store;
    vault_store_t *inner;
    err_t (*before_write)(void *context); /* an error refuses the write */
    void *context;
} store_around_t;

store_around_t store_around(vault_store_t *inner, err_t (*before_write)(void *context),
                            void *context);
