#pragma once
/* name_index_parts.h -- what the files of names/ share: name_index.h.
 *
 * Items lie in chunks that never move; a slot is an item's number. Chains go through them: by key
 * (for who changes, only) and by owner. Who changes needs no lock to read what only it writes: the
 * lock is held, for writing, while something that a question follows is changed. */

#include "storage/search/index/dictionary.h"
#include "storage/search/names/name_index.h"
#include "storage/search/words.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    NAME_INDEX_CHUNK = 4096, /* items */
    NAME_INDEX_CHUNKS_MAX = (NAME_INDEX_MAX + NAME_INDEX_CHUNK - 1) / NAME_INDEX_CHUNK,
    NAME_INDEX_BUCKETS = 1 << 16,
};

#define NAME_INDEX_NONE UINT32_MAX /* no slot */

typedef struct name_index_item {
    char *text; /* key, owner, name, folded name; NULL: the slot is free */
    uint16_t name_size, folded_size;
    uint8_t key_size, owner_size, kind;
    bool is_public;
    bool is_recent; /* its slot is in the list of changes */
    uint32_t next_of_key, next_of_owner;
} name_index_item_t;

/* Slots by word: those of word i are slots[starts[i]] to before slots[starts[i + 1]]. */
typedef struct name_index_base {
    buf_t block;
    dictionary_t dictionary;
    uint32_t *starts, *slots;
} name_index_base_t;

struct name_index {
    pthread_rwlock_t lock;
    name_index_item_t *chunks[NAME_INDEX_CHUNKS_MAX];
    uint32_t slot_count; /* slots that were ever used */
    uint32_t first_free; /* through next_of_key */
    uint32_t of_key[NAME_INDEX_BUCKETS], of_owner[NAME_INDEX_BUCKETS];
    uint32_t *recent; /* slots, oldest change first */
    uint32_t recent_count, recent_capacity;
    name_index_base_t base;
    atomic_bool has_gone; /* the base has words of somebody who is gone */
    atomic_uint counts[NAME_INDEX_KIND_COUNT];
    atomic_uint recent_told;
    atomic_bool is_whole;
};

static inline name_index_item_t *name_index_item(const name_index_t *self, uint32_t slot)
{
    return &self->chunks[slot / NAME_INDEX_CHUNK][slot % NAME_INDEX_CHUNK];
}

static inline str_t name_index_item_key(const name_index_item_t *item)
{
    return str_of(item->text, item->key_size);
}

static inline str_t name_index_item_owner(const name_index_item_t *item)
{
    return str_of(item->text + item->key_size, item->owner_size);
}

static inline str_t name_index_item_name(const name_index_item_t *item)
{
    return str_of(item->text + item->key_size + item->owner_size, item->name_size);
}

static inline str_t name_index_item_folded(const name_index_item_t *item)
{
    return str_of(item->text + item->key_size + item->owner_size + item->name_size,
                  item->folded_size);
}

/* In the base: everybody may find it. */
static inline bool name_index_item_is_open(const name_index_item_t *item)
{
    return item->text != NULL && (item->kind == NAME_INDEX_PERSON || item->is_public);
}

static inline uint32_t name_index_bucket(str_t text)
{
    uint64_t hash = str_hash(text);
    return (uint32_t)(hash ^ hash >> 32) % NAME_INDEX_BUCKETS;
}

/* name_index_base.c */
void name_index_base_deinit(name_index_base_t *self);

/* ---- name_index_match.c: a question, and how well a name answers it ---- */

typedef struct name_index_word {
    str_t text; /* folded */
    bool is_cjk;
    bool is_prefix;     /* it may go on */
    uint32_t edits_max; /* when misspellings are looked for */
} name_index_word_t;

typedef struct name_index_question {
    name_index_word_t words[NAME_INDEX_WORDS_MAX];
    uint32_t count;
    str_t folded;
    bool is_fuzzy; /* within edits_max, too */
} name_index_question_t;

typedef struct name_index_match {
    double score;
    str_t words[NAME_INDEX_WORDS_MAX]; /* of the name, borrowed */
    uint32_t word_count;
} name_index_match_t;

/* Borrows `folded`. */
void name_index_question_init(name_index_question_t *self, str_t folded, bool is_typing);
/* False: not every word of the question is in the name. */
bool name_index_compare(const name_index_question_t *self, str_t folded,
                        name_index_match_t *out_match);
