#pragma once
/* piece.h -- how nodes ask each other for pieces of files, over plain HTTP: who may ask, and what
 * comes back, sealed.
 *
 *     GET /pieces/segment/42/aac128/7?from=1048576
 *     Piece: NONCE.PROOF                              PROOF = HMAC-SHA-256(sign, NONCE METHOD
 * TARGET)
 *
 *     200, NONCE' || XAES-256-GCM(seal, NONCE', total || version || bytes), bound to Piece and
 * TARGET
 *
 * Both keys are derived from a secret that all nodes have, so only they can ask, and only they can
 * read and write what comes. An answer fits the one request that it was made for: an old one does
 * not open. A request that is sent again by somebody who listens gets an answer that they can't
 * open.
 *
 * Ownership  Keys are constant once made.
 * Threads    Any.
 * Errors     FORBIDDEN: not asked with our key; CORRUPT: not answered with it, or not this; LIMIT:
 * a target or piece too large; INTERNAL: OpenSSL failed; NO_MEMORY. */

#include "runtime/base/buf.h"

enum {
    PIECE_SIZE_MAX = 1024 * 1024,
    PIECE_TARGET_SIZE_MAX = 512,
    PIECE_PROOF_SIZE = 80,        /* with its end */
    PIECE_OVERHEAD = 24 + 16 + 16 /* nonce, total and version, tag */
};
#define PIECE_HEADER "Piece"

typedef struct piece_keys piece_keys_t;
/* Any secret that is long enough to be one: 16 bytes or more, else INVALID. */
err_t piece_keys_new(str_t secret, piece_keys_t **out_keys);
void piece_keys_free(piece_keys_t *self); /* NULL is fine */
void piece_keys_scope_end(piece_keys_t **self);
#define PIECE_KEYS_SCOPED SCOPED(piece_keys_scope_end)

/* target: path and query, as they are sent. */
err_t piece_sign(const piece_keys_t *keys, str_t method, str_t target, char room[PIECE_PROOF_SIZE]);
/* While the secret is replaced: what was asked with this one is answered, too; it never asks. */
err_t piece_keys_accept(piece_keys_t *self, str_t secret);
/* The keys that it was asked with, to answer with: these, or those that are accepted. */
err_t piece_keys_find(const piece_keys_t *self, str_t method, str_t target, str_t proof,
                      const piece_keys_t **out_keys);
err_t piece_check(const piece_keys_t *keys, str_t method, str_t target, str_t proof);

/* Which file it is, by what the disk says of it: the same on every node that sees the same. */
uint64_t piece_file_version(int64_t mtime_ns, uint64_t size_bytes);

typedef struct piece {
    uint64_t total;   /* bytes of the whole */
    uint64_t version; /* pieces of one version fit together; 0: it never changes */
    str_t content;
} piece_t;
/* Appends. */
err_t piece_seal(const piece_keys_t *keys, str_t proof, str_t target, const piece_t *piece,
                 buf_t *out);
/* Appends the content to *out, where out_piece->content is then. */
err_t piece_open(const piece_keys_t *keys, str_t proof, str_t target, str_t sealed, buf_t *out,
                 piece_t *out_piece);
