#pragma once
/* cluster_secrets.h -- what the nodes of a cluster must all know and nobody else may: a few small
 * texts in the table cluster_secrets, each with a version, sealed with a key that is derived from
 * the cluster key. Who reads the database learns nothing from them, and who writes it can only take
 * them away or put an older one in its place.
 *
 * Each call makes a connection of its own: they are for starts, and for a look every now and then.
 *
 * Threads  Any.
 * Errors   As pg.h; NO_MEMORY; INTERNAL: OpenSSL failed. */

#include "runtime/base/random.h"
#include "storage/crypt/aead.h"

enum { CLUSTER_SECRETS_KEYS_MAX = 2, CLUSTER_SECRET_SIZE_MAX = 16 * 1024 };

#define CLUSTER_SECRET_KEYRING "keyring" /* storage/keys/keyring.h */
#define CLUSTER_SECRET_MASTER "master"   /* the key that wraps the users' keys */

typedef struct cluster_secrets cluster_secrets_t;

/* The table must be there (migrate.h); nothing is asked yet. The first of `keys`, the cluster's,
 * seals; each of them opens. INVALID: none, or more than CLUSTER_SECRETS_KEYS_MAX. */
err_t cluster_secrets_open(const char *address, const uint8_t (*keys)[AEAD_KEY_SIZE], size_t count,
                           cluster_secrets_t **out_secrets);
void cluster_secrets_close(cluster_secrets_t *self); /* NULL is fine */
void cluster_secrets_scope_end(cluster_secrets_t **self);
#define CLUSTER_SECRETS_SCOPED SCOPED(cluster_secrets_scope_end)

/* What was not sealed with the first key is sealed with it now. NOT_FOUND; FORBIDDEN: it was sealed
 * with another cluster key, or altered. The version is 1 or more, and another one after that. *out
 * is to be wiped (AEAD_BUF_SCOPED). */
err_t cluster_secret_get(cluster_secrets_t *self, const char *name, buf_t *out,
                         uint64_t *out_version);
/* Over that version; 0: where there is none. The next one is one more. CONFLICT: there is another;
 * LIMIT */
err_t cluster_secret_put(cluster_secrets_t *self, const char *name, str_t text, uint64_t version);
