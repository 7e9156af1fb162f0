#pragma once
/* search_parts.h -- the tables of the word index, shared by its writer and its reader.
 *
 *     texts    kind, id            -> folded text (search_text.h)
 *     titles   kind, title \0 id   -> nothing: titles in order, cut at SEARCH_TITLE_SIZE_MAX
 *     words    word \0 kind, id    -> nothing
 *
 * kind is one byte, id eight, big endian. */

#include "storage/search/search.h"

enum { SEARCH_TITLE_SIZE_MAX = 400, SEARCH_ENTITY_SIZE = 9 };

typedef enum search_table { SEARCH_TEXTS, SEARCH_TITLES, SEARCH_WORDS } search_table_t;

static inline kv_table_t search_table(const search_t *self, search_table_t table)
{
    return self->first_table + (kv_table_t)table;
}

typedef struct search_key {
    size_t size;
    char bytes[KV_KEY_SIZE_MAX];
} search_key_t;

static inline str_t search_key_str(const search_key_t *key)
{
    return str_of(key->bytes, key->size);
}

static inline void search_key_add(search_key_t *key, str_t bytes)
{
    if (bytes.size > 0)
        memcpy(key->bytes + key->size, bytes.data, bytes.size);
    key->size += bytes.size;
}

static inline void search_key_add_kind(search_key_t *key, search_kind_t kind)
{
    key->bytes[key->size++] = (char)kind;
}

static inline void search_key_add_id(search_key_t *key, uint64_t id)
{
    kv_u64_write(key->bytes + key->size, id);
    key->size += 8;
}
