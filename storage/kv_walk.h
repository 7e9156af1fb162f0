#pragma once
/* kv_walk.h -- reads every page of an LMDB environment: its tables, whatever they are called, each
 * key and value, and its list of free pages.
 *
 * LMDB's pages have no checksum: one that is damaged can end the process that reads it, by an
 * assertion, SIGSEGV or SIGBUS. So call it in a process of its own (salvage/worker.h); its death
 * names the damage.
 *
 * Errors  As kv_open read-only; CORRUPT: a key out of order. */

#include "runtime/base/error.h"

typedef struct kv_walk {
    uint64_t tables, entries, size; /* bytes of keys and values */
    uint64_t sum;                   /* of all bytes: so that each is read */
} kv_walk_t;

/* path: the environment's folder. */
err_t kv_walk(const char *path, size_t map_size, kv_walk_t *out_walk);
