#pragma once
/* blob_seal.h -- content as it is stored where others may read it: sealed in chunks of
 * BLOB_CHUNK_SIZE, so that a part can be read without the rest.
 *
 *     "MSB1" · half nonce [12] · rest [4] · size u64 | chunk · tag [16] | ...
 *
 * each with XAES-256-GCM (aead.h), the nonce's second half `rest` and the chunk's number, and head
 * and name authenticated with every chunk: none can be moved, left out, or put under another name.
 * What is empty has one empty chunk. Numbers are big-endian.
 *
 * Threads  Any.
 * Errors   CORRUPT: altered, moved, cut, or sealed with another key or name; NO_MEMORY; INTERNAL.
 */

#include "runtime/base/random.h"
#include "storage/crypt/aead.h"

enum { BLOB_CHUNK_SIZE = 64 * 1024, BLOB_SEAL_HEAD_SIZE = 28 };

typedef struct blob_seal blob_seal_t;

/* The key is copied. */
err_t blob_seal_new(const aead_key_t *key, const ms_random_t *random, blob_seal_t **out_seal);
void blob_seal_free(blob_seal_t *self); /* NULL is fine; wipes the key */

/* Both append. */
err_t blob_seal(const blob_seal_t *self, str_t name, str_t content, buf_t *out);
err_t blob_unseal(const blob_seal_t *self, str_t name, str_t sealed, buf_t *out);
/* The chunks from number `first` on, of one that has this head. */
err_t blob_unseal_chunks(const blob_seal_t *self, str_t name, str_t head_bytes, uint64_t first,
                         str_t chunks, buf_t *out);
/* The size of the content as a head says: true once a chunk was opened with it. */
err_t blob_seal_says(str_t head_bytes, uint64_t *out_size);

uint64_t blob_sealed_size(uint64_t plain_size);
uint64_t blob_unsealed_size(uint64_t sealed_size);
