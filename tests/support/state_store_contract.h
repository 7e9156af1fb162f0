#pragma once
/* state_store_contract.h -- what every state store must do, as a model test: a random program
 * against a table. */

#include "runtime/state_store.h"

/* Empty before and after. */
void state_store_contract(state_store_t *store, uint64_t seed, uint32_t steps);
