#include "bench/peers/search/peer.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "storage/search/fold.h"

#include <stdlib.h>

static const peer_t *const peers[] = {&peer_fts5, &peer_trgm};

size_t peer_count(void)
{
    return COUNT_OF(peers);
}

const peer_t *peer_at(size_t number)
{
    return peers[number];
}

void peer_text(const search_document_t *document, buf_t *out)
{
    fold_append(out, document->title);
    buf_append_char(out, ' ');
    fold_append(out, document->artist);
    buf_append_char(out, ' ');
    fold_append(out, document->album);
}

typedef struct ranked {
    uint64_t plays, track;
} ranked_t;

static int compare(const void *a, const void *b)
{
    const ranked_t *left = a, *right = b;
    return left->plays != right->plays
               ? (left->plays < right->plays) - (left->plays > right->plays)
               : (left->track > right->track) - (left->track < right->track);
}

uint64_t *peer_tracks(const corpus_t *corpus)
{
    uint64_t count = corpus_count(corpus, SEARCH_TRACK);
    ranked_t *ranked = memory_new_array(count, sizeof *ranked);
    uint64_t *tracks = memory_new_array(count, sizeof *tracks);
    arena_t arena ARENA_SCOPED = {0};
    ASSERT(ranked != NULL && tracks != NULL);
    for (uint64_t i = 0; i < count; i++) {
        ranked[i] = (ranked_t){corpus_document(corpus, SEARCH_TRACK, i, &arena).plays, i};
        arena_reset(&arena);
    }
    qsort(ranked, count, sizeof *ranked, compare);
    for (uint64_t i = 0; i < count; i++)
        tracks[i] = ranked[i].track;
    memory_free(ranked);
    return tracks;
}
