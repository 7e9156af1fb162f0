#pragma once
/* blob_contract.h -- what every blob store must do, whatever is behind it: one test for all.
 *
 * Threads  One, and some of its own. */

#include "storage/blob/blob_store.h"

/* True: it keeps the contract. False: *problem says what was broken. The store is empty below
 * "contract/" before and after. */
bool blob_contract_holds(blob_store_t *store, buf_t *problem);
