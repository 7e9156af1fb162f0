#pragma once
/* queue.h -- a play queue: entries in playing order, which also remember their order of old; pure.
 *
 * An entry keeps its id while it is moved; ids are given out from 1 and never again. `home` orders
 * the entries as they are when not shuffled: no two are equal, there may be gaps, and without
 * shuffle home is the index. Shuffling permutes the playing order by a seed (Fisher-Yates) and
 * leaves home alone; unshuffling sorts by home. What is put in behind an entry stands behind it in
 * both orders.
 *
 * Ownership  The queue owns its entries. Threads None.
 * Errors     A refused call changes nothing. */

#include "actors/protocol/session.h"

typedef struct queue {
    session_entry_t *entries; /* in playing order */
    uint32_t count, capacity;
    uint64_t last_entry_id;
    bool is_shuffled;
} queue_t;

void queue_deinit(queue_t *self);
#define QUEUE_SCOPED SCOPED(queue_deinit)

/* Room for so many more. LIMIT: past SESSION_QUEUE_MAX; NO_MEMORY. */
err_t queue_reserve(queue_t *self, uint32_t more);
/* The index of an entry; `count` when it is not there (also for id 0). */
uint32_t queue_index(const queue_t *self, uint64_t entry_id);

/* index <= count, `count` appends. LIMIT, NO_MEMORY: never after a reserve. */
err_t queue_insert(queue_t *self, uint32_t index, const session_track_t *tracks, uint32_t count);
/* Removes the entries whose ids are among these, which ascend. */
void queue_remove(queue_t *self, const uint64_t *entry_ids, uint32_t count);
bool queue_ids_have(const uint64_t *entry_ids, uint32_t count, uint64_t entry_id);
/* Both below the count. */
void queue_move(queue_t *self, uint32_t from, uint32_t to);
void queue_clear(queue_t *self);
/* The entry with this id comes first (0: none does); the others follow as the seed says. */
void queue_shuffle(queue_t *self, uint64_t seed, uint64_t first_entry_id);
void queue_unshuffle(queue_t *self);
