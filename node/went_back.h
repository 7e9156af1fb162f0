#pragma once
/* went_back.h -- when another server has taken over the journal: keys that it lost are put there
 * again, before anything that is sealed with them; and when it has lost what was acknowledged,
 * actors read their state again.
 *
 * Threads  start and stop: one. The journal's hook may call from any. */

#include "runtime/runtime.h"
#include "storage/crypt/vault.h"
#include "storage/journal/journal_store.h"

typedef struct went_back {
    const journal_store_t *store;
    runtime_t *runtime;
    vault_t *vault;
    _Atomic uint64_t history; /* of the server whose keys were looked at; 0: none */
    _Atomic uint64_t seen;    /* journal_store_stats_t.went_back that actors were told of */
} went_back_t;

err_t went_back_start(went_back_t *self);
void went_back_stop(went_back_t *self);
