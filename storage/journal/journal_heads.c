#include "storage/journal/journal_heads.h"

#include "runtime/base/memory.h"

#include <pthread.h>
#include <stdlib.h>

enum { HEADS_SLOTS_MIN = 256 };

struct heads {
    pthread_mutex_t lock;
    head_entry_t **slots; /* open addressing, at most half full */
    size_t slot_count, count;
    head_entry_t *touched;
};

err_t heads_new(heads_t **out_heads)
{
    heads_t *self = memory_new(sizeof *self);
    head_entry_t **slots = memory_new_array(HEADS_SLOTS_MIN, sizeof(head_entry_t *));
    if (self == NULL || slots == NULL) {
        memory_free(self);
        memory_free(slots);
        return ERR_NO_MEMORY;
    }
    pthread_mutex_init(&self->lock, NULL);
    self->slots = slots;
    self->slot_count = HEADS_SLOTS_MIN;
    *out_heads = self;
    return ERR_OK;
}

void heads_free(heads_t *self)
{
    if (self == NULL)
        return;
    heads_clear(self);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->slots);
    memory_free(self);
}

size_t heads_count(heads_t *self)
{
    pthread_mutex_lock(&self->lock);
    size_t count = self->count;
    pthread_mutex_unlock(&self->lock);
    return count;
}

/* The slot that holds the stream, or the free one where it belongs. */
static size_t slot_of(head_entry_t *const *slots, size_t slot_count, uint64_t hash, str_t stream)
{
    size_t at = hash & (slot_count - 1);
    while (slots[at] != NULL &&
           (slots[at]->hash != hash ||
            !str_equal(str_of(slots[at]->stream, slots[at]->stream_size), stream)))
        at = (at + 1) & (slot_count - 1);
    return at;
}

bool heads_find(heads_t *self, str_t stream, stream_head_t *out_head)
{
    uint64_t hash = str_hash(stream);
    pthread_mutex_lock(&self->lock);
    const head_entry_t *entry = self->slots[slot_of(self->slots, self->slot_count, hash, stream)];
    bool is_found = entry != NULL;
    if (is_found)
        *out_head = entry->durable;
    pthread_mutex_unlock(&self->lock);
    return is_found;
}

head_entry_t *heads_entry(heads_t *self, str_t stream)
{
    return self->slots[slot_of(self->slots, self->slot_count, str_hash(stream), stream)];
}

static bool grow(heads_t *self)
{
    size_t slot_count = self->slot_count * 2;
    head_entry_t **slots = memory_new_array(slot_count, sizeof(head_entry_t *));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < self->slot_count; i++) {
        head_entry_t *entry = self->slots[i];
        if (entry != NULL)
            slots[slot_of(slots, slot_count, entry->hash,
                          str_of(entry->stream, entry->stream_size))] = entry;
    }
    pthread_mutex_lock(&self->lock);
    head_entry_t **old = self->slots;
    self->slots = slots;
    self->slot_count = slot_count;
    pthread_mutex_unlock(&self->lock);
    memory_free(old);
    return true;
}

head_entry_t *heads_add(heads_t *self, str_t stream, stream_head_t durable)
{
    if (self->count >= self->slot_count / 2 && !grow(self))
        return NULL;
    head_entry_t *entry = memory_new(sizeof *entry + stream.size);
    if (entry == NULL)
        return NULL;
    entry->hash = str_hash(stream);
    entry->durable = entry->pending = durable;
    entry->stream_size = stream.size;
    if (stream.size > 0)
        memcpy(entry->stream, stream.data, stream.size);
    pthread_mutex_lock(&self->lock);
    self->slots[slot_of(self->slots, self->slot_count, entry->hash, stream)] = entry;
    self->count++;
    pthread_mutex_unlock(&self->lock);
    return entry;
}

void heads_touch(heads_t *self, head_entry_t *entry, stream_head_t pending)
{
    entry->pending = pending;
    if (!entry->is_touched) {
        entry->is_touched = true;
        entry->next_touched = self->touched;
        self->touched = entry;
    }
}

static void end_batch(heads_t *self, bool is_kept)
{
    pthread_mutex_lock(&self->lock);
    while (self->touched != NULL) {
        head_entry_t *entry = self->touched;
        self->touched = entry->next_touched;
        entry->is_touched = false;
        if (is_kept)
            entry->durable = entry->pending;
        else
            entry->pending = entry->durable;
    }
    pthread_mutex_unlock(&self->lock);
}

void heads_keep(heads_t *self)
{
    end_batch(self, true);
}

void heads_undo(heads_t *self)
{
    end_batch(self, false);
}

err_t heads_each_waiting(heads_t *self,
                         err_t (*visit)(void *context, str_t stream, bool is_waiting),
                         void *context)
{
    err_t err = ERR_OK;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->slot_count && err == ERR_OK; i++) {
        const head_entry_t *entry = self->slots[i];
        if (entry != NULL && entry->durable.waiting != JOURNAL_WAITING_AS_BEFORE)
            err = visit(context, str_of(entry->stream, entry->stream_size),
                        entry->durable.waiting == JOURNAL_WAITING);
    }
    pthread_mutex_unlock(&self->lock);
    return err;
}

static int by_name(const void *a, const void *b)
{
    const head_entry_t *left = *(head_entry_t *const *)a, *right = *(head_entry_t *const *)b;
    return str_compare(str_of(left->stream, left->stream_size),
                       str_of(right->stream, right->stream_size));
}

err_t heads_sorted(heads_t *self, head_entry_t ***out_entries)
{
    head_entry_t **entries = memory_new_array(self->count, sizeof(head_entry_t *));
    if (entries == NULL)
        return ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        if (self->slots[i] != NULL)
            entries[count++] = self->slots[i];
    qsort(entries, count, sizeof(head_entry_t *), by_name);
    *out_entries = entries;
    return ERR_OK;
}

void heads_clear(heads_t *self)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->slot_count && self->count > 0; i++) {
        if (self->slots[i] != NULL) {
            memory_free(STEAL(self->slots[i]));
            self->count--;
        }
    }
    self->touched = NULL;
    pthread_mutex_unlock(&self->lock);
}
