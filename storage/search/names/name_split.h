#pragma once
/* name_split.h -- a word that was run together as the words of a base that it may be:
 * "teenspirit", "wewillrockyou". As query/split.h, whose dictionary has changes beside it; here
 * the names that have all parts say which way is meant, so likelihood is left out.
 *
 * Threads  None. */

#include "storage/search/names/name_sets.h"

enum { NAME_SPLITS_MAX = 6, NAME_SPLIT_PARTS_MAX = 6 };

typedef struct name_split {
    uint32_t words[NAME_SPLIT_PARTS_MAX]; /* of the base's dictionary */
    uint32_t count;
} name_split_t;

/* In two, where the rarer half is in most names; and the way of fewest parts in more. Returns how
 * many there are. */
size_t name_split_find(const name_index_base_t *base, str_t word, name_work_t *work,
                       name_split_t out_splits[NAME_SPLITS_MAX]);
