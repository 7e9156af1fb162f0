#pragma once
/* segments_open.h -- the cache of encoded sound: DATA/segments, or with --encrypt-segments
 * DATA/segments-sealed under a key of its own (DATA/keys/segments, sealed by the vault for the
 * subject "segments"). The other of the two is emptied. A key that is lost or does not open is made
 * anew, and the cache with it.
 *
 * Threads  One. Errors  Of the cache and the vault. */

#include "node/config.h"
#include "storage/blob/segment_cache.h"
#include "storage/crypt/vault.h"

typedef struct segments_options {
    const config_t *config;
    vault_t *vault;
    const char *plain, *sealed, *key; /* paths */
} segments_options_t;

err_t segments_open(const segments_options_t *options, segment_cache_t **out_cache);
