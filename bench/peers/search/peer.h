#pragma once
/* peer.h -- other search engines beside ours: the same documents, the same questions, each asked as
 * its manual says.
 *
 * What they index is our folding of it (fold.h), so that accents and scripts are no difference.
 *
 * Threads  One. Errors  Ends the program. */

#include "bench/search/judge.h"

typedef struct peer {
    const char *name;
    void *(*open)(const char *folder, corpus_t *corpus); /* an index of the tracks */
    void (*close)(void *context);
    size_t (*ask)(void *context, const search_request_t *request, arena_t *arena,
                  uint64_t out_ids[JUDGE_RESULTS]);
} peer_t;

size_t peer_count(void);
const peer_t *peer_at(size_t number);

extern const peer_t peer_fts5, peer_trgm;

/* Title, artist and album, folded, with blanks between. */
void peer_text(const search_document_t *document, buf_t *out);
/* The tracks of a corpus, most played first; the caller frees it with memory_free. */
uint64_t *peer_tracks(const corpus_t *corpus);
