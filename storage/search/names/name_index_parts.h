#pragma once
/* name_index_parts.h -- what the files of names/ share: name_index.h.
 *
 * Items lie in chunks that never move; a slot is an item's number. Chains go through them: by key
 * (for who changes, only) and by owner. Who changes needs no lock to read what only it writes: the
 * lock is held, for writing, while something that a question follows is changed. */

#include "storage/search/index/dictionary.h"
#include "storage/search/names/name_index.h"

#include <pthread.h>

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
    uint32_t round; /* the index's: its slot is in the list of changes */
    uint32_t next_of_key, next_of_owner;
} name_index_item_t;

/* Ranks by word: those of word i are ranks[starts[i]] to before ranks[starts[i + 1]], ascending. */
typedef struct name_index_base {
    buf_t block;
    dictionary_t dictionary;
    uint32_t *starts, *ranks;
    uint32_t *slots;                    /* by rank */
    uint32_t *rank_of;                  /* by slot; NAME_INDEX_NONE: not in it */
    uint64_t *gone;                     /* a bit a rank: changed or removed since */
    uint32_t count, people, slot_count; /* people: the ranks below it */
} name_index_base_t;

struct name_index {
    pthread_rwlock_t lock;
    name_index_item_t *chunks[NAME_INDEX_CHUNKS_MAX];
    uint32_t names_max;
    uint32_t slot_count; /* slots that were ever used */
    uint32_t first_free; /* through next_of_key */
    uint32_t of_key[NAME_INDEX_BUCKETS], of_owner[NAME_INDEX_BUCKETS];
    uint32_t *recent; /* slots, oldest change first */
    uint32_t recent_count, recent_capacity;
    uint32_t round; /* of the list: grows as it is emptied */
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

/* Its rank in the base, as it is there now; NAME_INDEX_NONE: it is not. */
static inline uint32_t name_index_rank(const name_index_t *self, uint32_t slot)
{
    const name_index_base_t *base = &self->base;
    uint32_t rank = slot < base->slot_count ? base->rank_of[slot] : NAME_INDEX_NONE;
    bool is_there = rank != NAME_INDEX_NONE && (base->gone[rank / 64] >> rank % 64 & 1) == 0;
    return is_there ? rank : NAME_INDEX_NONE;
}

/* name_index_base.c */
void name_index_base_deinit(name_index_base_t *self);
/* By letters: folded, as written, by key. Of names that are there. */
int name_index_order(const name_index_item_t *a, const name_index_item_t *b);
