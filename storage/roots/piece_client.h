#pragma once
/* piece_client.h -- asks other nodes for pieces of files (piece.h).
 *
 * A call waits for its answer: offload it. At most PIECE_RUNNING_MAX run at once, over kept
 * connections; who comes beside them is BUSY. A node that could not be reached, or did not answer,
 * is asked after the others for PIECE_AWAY_MS.
 *
 * Ownership  Borrows the keys.
 * Threads    Any, many at once.
 * Errors     What the other node answered; UNAVAILABLE: it can't be reached; TIMEOUT; CORRUPT: not
 *            sealed with our key; BUSY; LIMIT: an answer too large; NO_MEMORY. */

#include "storage/blob/segment_cache.h"
#include "storage/roots/piece.h"
#include "storage/roots/root_places.h"

enum {
    PIECE_RUNNING_MAX = 12,
    PIECE_CONNECT_MS = 1000,
    PIECE_ANSWER_MS = 10000, /* to its end; what is not made yet is made first */
    PIECE_AWAY_MS = 3000,
    PIECE_READING_MAX =
        4, /* of those that run: anybody may ask for a cover, so sound has the rest */
    PIECE_WHOLE_SIZE_MAX = 64 * 1024 * 1024, /* of what is fetched whole */
};

typedef struct piece_client piece_client_t;
typedef struct piece_client_options {
    const piece_keys_t *keys;
    uint32_t connect_ms, answer_ms, away_ms; /* 0: as above */
} piece_client_options_t;
err_t piece_client_new(const piece_client_options_t *options, piece_client_t **out_client);
void piece_client_free(piece_client_t *self); /* NULL is fine; nobody asks any more */
void piece_client_scope_end(piece_client_t **self);
#define PIECE_CLIENT_SCOPED SCOPED(piece_client_scope_end)

/* Since the start. */
typedef struct piece_client_counts {
    uint64_t asked, failed; /* requests, and those that brought nothing: not found among them */
    uint64_t received_bytes;
    uint64_t files; /* that were fetched whole: segments, covers */
} piece_client_counts_t;
piece_client_counts_t piece_client_counts(piece_client_t *self);

/* Whether the node was away lately: then who has copies is worth asking first. */
bool piece_client_is_away(piece_client_t *self, const root_node_t *node);
/* One piece from one node; its content is appended to *out. */
err_t piece_client_get(piece_client_t *self, const root_node_t *node, str_t target, buf_t *out,
                       piece_t *out_piece);
err_t piece_client_post(piece_client_t *self, const root_node_t *node, str_t target);

/* One piece, from the first of the nodes that gives it. NOT_FOUND: no node has it, or there are
 * none; else why the last one that may have it did not. */
err_t piece_client_ask(piece_client_t *self, const root_node_t *nodes, size_t count, str_t target,
                       buf_t *out, piece_t *out_piece);
/* A whole file, piece by piece, into the cache under `name`: all of it from one node. target has no
 * query of its own but `only`. Errors as above, and the cache's. */
err_t piece_client_fetch(piece_client_t *self, const root_node_t *nodes, size_t count, str_t target,
                         segment_cache_t *cache, str_t name);
/* The same into memory, PIECE_READING_MAX at once. */
err_t piece_client_read(piece_client_t *self, const root_node_t *nodes, size_t count, str_t target,
                        buf_t *out);
