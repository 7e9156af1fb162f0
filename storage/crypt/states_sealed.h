#pragma once
/* states_sealed.h -- a state store around a state store (runtime/state_store.h): what sleeps there
 * is sealed under a key that is made when it is opened and is nowhere but in memory. A store is
 * emptied at each start, so nobody needs the key after that, and nobody has it.
 *
 * The inner store has to take STATES_SEALED_MORE bytes over STATE_STORE_VALUE_MAX.
 *
 * Ownership  Keeps the inner store open, and closes neither it nor anything else.
 * Threads, errors  As runtime/state_store.h; CORRUPT: altered. */

#include "runtime/base/random.h"
#include "runtime/state_store.h"

enum { STATES_SEALED_MORE = 28 };

/* random: all zero: the kernel's. */
err_t states_sealed_open(state_store_t *inner, const ms_random_t *random,
                         state_store_t **out_store);
/* NULL is fine. */
void states_sealed_close(state_store_t *store);
