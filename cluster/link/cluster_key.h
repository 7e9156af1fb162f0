#pragma once
/* cluster_key.h -- what nodes of one cluster know each other by.
 *
 * The cluster's key is a secret of 32 bytes, made once and given to each machine in a file. A node
 * makes a CURVE key pair at each start and writes the public one into its row of the membership
 * table. A link proves both: CURVE the pair, the greeting (frame.h) the cluster's key. So who can
 * write the table is no member yet, nor is who has read the file of the key and is in no table.
 *
 * A file has a line for each key, 64 hexadecimal digits; empty lines and those that begin with #
 * are skipped. The first is used, all are accepted: keys are replaced by adding the new one as
 * second everywhere, making it first everywhere, and taking the old one out.
 *
 * Threads  Any: values. */

#include "runtime/base/str.h"

enum { LINK_KEY_SIZE = 32, CLUSTER_KEY_SIZE = 32, CLUSTER_KEYS_MAX = 2 };

typedef struct link_keys {
    uint8_t public_key[LINK_KEY_SIZE], secret_key[LINK_KEY_SIZE];
} link_keys_t;

typedef struct cluster_keys {
    uint32_t count;
    uint8_t keys[CLUSTER_KEYS_MAX][CLUSTER_KEY_SIZE];
} cluster_keys_t;

/* A CURVE pair. UNSUPPORTED: libzmq was built without CURVE */
err_t link_keys_make(link_keys_t *out);

/* Makes a key, and the file that has it, for its owner's eyes only. CONFLICT: there is a file; or
 * as err_from_errno */
err_t cluster_keygen(const char *path);
/* *out_why, of an INVALID or FORBIDDEN file: a sentence. May be NULL.
 *   INVALID     not such a file
 *   FORBIDDEN   others than its owner may read it
 *   or as err_from_errno */
err_t cluster_keys_read(const char *path, cluster_keys_t *out, const char **out_why);
/* The text of such a file. INVALID: *out_why says in what */
err_t cluster_keys_parse(str_t text, cluster_keys_t *out, const char **out_why);
