#pragma once
/* index_model.h -- a search index as a list of documents, and whether an index says the same.
 *
 * Ownership  The model owns its documents' texts. Threads  One. Errors  End the test. */

#include "runtime/base/random.h"
#include "storage/search/search_index.h"
#include "tests/support/temporary.h"

enum { MODEL_DOCUMENTS_MAX = 1500, MODEL_NAMES = 3 };

typedef struct model_document {
    search_document_t document;
    str_t genres[MODEL_NAMES], roots[1], others[MODEL_NAMES];
    bool is_there;
} model_document_t;

typedef struct model {
    model_document_t *documents; /* of every kind and id that ever was */
    size_t count, next;
    arena_t arena;
    uint64_t plays_max[SEARCH_KIND_COUNT]; /* of the last build */
} model_t;

void model_init(model_t *self);
void model_deinit(model_t *self);
#define MODEL_SCOPED SCOPED(model_deinit)

/* A document with this kind and id and random content; replaces what the model has of it. */
const search_document_t *model_put(model_t *self, const ms_random_t *random, search_kind_t kind,
                                   uint64_t id);
void model_remove(model_t *self, search_kind_t kind, uint64_t id);
/* All that is there, for a build; notes the most played. */
search_source_t model_source(model_t *self);
/* Postings, entries, numbers, lyrics, facets, lists: all of it is as the model has it. */
void model_check(model_t *self, search_index_t *index);

/* ---- an index in a folder of its own, and its model ---- */

typedef struct rig {
    temporary_t folder;
    temporary_name_t path, fresh_path; /* fresh: PATH.new */
    model_t model;
    random_seed_t seed;
    ms_random_t random;
} rig_t;

void rig_init(rig_t *self, uint64_t seed);
void rig_deinit(rig_t *self);
#define RIG_SCOPED SCOPED(rig_deinit)

/* Documents with ids that are far apart. */
void rig_put(rig_t *self, uint64_t count);
/* What the model has, as the options of a build. */
search_build_options_t rig_build_options(rig_t *self);
search_index_t *rig_open(const char *path);
/* Up to `max` random changes (SEARCH_UPDATE_MAX at most) of a few documents, the model's already.
 */
size_t rig_change(rig_t *self, search_change_t *changes, size_t max);
