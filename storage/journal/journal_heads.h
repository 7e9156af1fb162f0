#pragma once
/* journal_heads.h -- the newest version of every stream that the index does not know yet.
 *
 * A head is durable (readers may see it) and, during a batch, pending (what the next append of the
 * stream in the same batch must expect). A batch ends with heads_keep or heads_undo.
 *
 * Threads  One committer changes it and may look without asking; others look through heads_find.
 *          The mutex is held for a few instructions. */

#include "runtime/journal.h"

typedef struct stream_head {
    uint64_t version, position;
    journal_waiting_t waiting; /* as before: as the index says */
} stream_head_t;

typedef struct head_entry {
    uint64_t hash;
    stream_head_t durable, pending;
    struct head_entry *next_touched; /* of this batch */
    bool is_touched;
    size_t stream_size;
    char stream[];
} head_entry_t;

typedef struct heads heads_t;

err_t heads_new(heads_t **out_heads);
void heads_free(heads_t *self);
size_t heads_count(heads_t *self);

/* Any thread: the durable head. False: not here, ask the index. */
bool heads_find(heads_t *self, str_t stream, stream_head_t *out_head);

/* The committer's: NULL: not here. */
head_entry_t *heads_entry(heads_t *self, str_t stream);
/* Adds one that is not here. NULL: no memory. */
head_entry_t *heads_add(heads_t *self, str_t stream, stream_head_t durable);
void heads_touch(heads_t *self, head_entry_t *entry, stream_head_t pending);
void heads_keep(heads_t *self); /* pending heads of the batch are durable now */
void heads_undo(heads_t *self); /* they never were */

/* Any thread: each durable head that says something about messages that wait. `visit` runs under
 * the lock; what it returns ends it. */
err_t heads_each_waiting(heads_t *self,
                         err_t (*visit)(void *context, str_t stream, bool is_waiting),
                         void *context);

/* Entries in the order of their names, for writing the index; the array is the caller's to free. */
err_t heads_sorted(heads_t *self, head_entry_t ***out_entries);
void heads_clear(heads_t *self);
