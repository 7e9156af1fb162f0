#pragma once
/* cluster_derive.h -- keys for one purpose each, from the key that the nodes of a cluster share
 * (its file: cluster/link/cluster_key.h). That one is used for nothing else and never sent.
 *
 * Threads  Any. */

#include "storage/crypt/aead.h"

#define CLUSTER_FOR_SECRETS "secrets" /* what lies in cluster_secrets */
#define CLUSTER_FOR_HTTP "http"       /* requests from node to node */

/* HMAC-SHA-256 of the purpose. INTERNAL: OpenSSL failed; NO_MEMORY. */
err_t cluster_derive(const uint8_t cluster_key[AEAD_KEY_SIZE], const char *purpose,
                     aead_key_t *out_key);
