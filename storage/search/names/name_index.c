#include "storage/search/names/name_index_parts.h"

#include "runtime/base/memory.h"
#include "storage/search/fold.h"
#include "storage/search/secret_buf.h"

#include <string.h>

/* No name is longer when it is folded: a code point of three bytes becomes 33 at most. */
enum { FOLDED_ROOM = 12 * NAME_INDEX_SIZE_MAX };

/* ---- life ---- */

err_t name_index_new(uint32_t names_max, name_index_t **out_names)
{
    name_index_t *self = memory_new(sizeof *self);
    pthread_rwlockattr_t attributes;
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_rwlockattr_init(&attributes);
    /* Else questions that overlap would keep who changes something out for good. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&self->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    memset(self->of_key, 0xff, sizeof self->of_key);
    memset(self->of_owner, 0xff, sizeof self->of_owner);
    self->first_free = NAME_INDEX_NONE;
    self->names_max = names_max == 0 ? NAME_INDEX_MAX : MIN(names_max, (uint32_t)NAME_INDEX_MAX);
    self->round = 1;
    *out_names = self;
    return ERR_OK;
}

static void wipe_text(char *text, const name_index_item_t *item)
{
    if (text == NULL)
        return;
    explicit_bzero(text,
                   (size_t)item->key_size + item->owner_size + item->name_size + item->folded_size);
    memory_free(text);
}

static void wipe_all(name_index_t *self)
{
    for (uint32_t slot = 0; slot < self->slot_count; slot++)
        wipe_text(name_index_item(self, slot)->text, name_index_item(self, slot));
    for (uint32_t i = 0; i < NAME_INDEX_CHUNKS_MAX; i++)
        memory_free(self->chunks[i]);
    memory_free(self->recent);
    name_index_base_deinit(&self->base);
}

void name_index_free(name_index_t *self)
{
    if (self == NULL)
        return;
    wipe_all(self);
    pthread_rwlock_destroy(&self->lock);
    memory_free(self);
}

void name_index_scope_end(name_index_t **self)
{
    name_index_free(*self);
}

void name_index_clear(name_index_t *self)
{
    pthread_rwlock_wrlock(&self->lock);
    wipe_all(self);
    memset(self->chunks, 0, sizeof self->chunks);
    memset(self->of_key, 0xff, sizeof self->of_key);
    memset(self->of_owner, 0xff, sizeof self->of_owner);
    self->slot_count = 0;
    self->first_free = NAME_INDEX_NONE;
    self->recent = NULL;
    self->recent_count = self->recent_capacity = 0;
    self->base = (name_index_base_t){0};
    pthread_rwlock_unlock(&self->lock);
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        atomic_store(&self->counts[kind], 0);
    atomic_store(&self->recent_told, 0);
    atomic_store(&self->has_gone, false);
}

void name_index_set_whole(name_index_t *self, bool is_whole)
{
    atomic_store(&self->is_whole, is_whole);
}

name_index_stats_t name_index_stats(const name_index_t *self)
{
    return (name_index_stats_t){atomic_load(&self->counts[NAME_INDEX_PERSON]),
                                atomic_load(&self->counts[NAME_INDEX_PLAYLIST]),
                                atomic_load(&self->recent_told), atomic_load(&self->is_whole)};
}

/* ---- chains ---- */

static uint32_t find(const name_index_t *self, name_index_kind_t kind, str_t key)
{
    uint32_t slot = self->of_key[name_index_bucket(key)];
    while (slot != NAME_INDEX_NONE &&
           (name_index_item(self, slot)->kind != kind ||
            !str_equal(name_index_item_key(name_index_item(self, slot)), key)))
        slot = name_index_item(self, slot)->next_of_key;
    return slot;
}

static void leave_owner(name_index_t *self, uint32_t slot)
{
    name_index_item_t *item = name_index_item(self, slot);
    uint32_t *at = &self->of_owner[name_index_bucket(name_index_item_owner(item))];
    while (*at != slot)
        at = &name_index_item(self, *at)->next_of_owner;
    *at = item->next_of_owner;
}

static void enter_owner(name_index_t *self, uint32_t slot)
{
    name_index_item_t *item = name_index_item(self, slot);
    uint32_t *first = &self->of_owner[name_index_bucket(name_index_item_owner(item))];
    item->next_of_owner = *first;
    *first = slot;
}

static void leave_key(name_index_t *self, uint32_t slot)
{
    name_index_item_t *item = name_index_item(self, slot);
    uint32_t *at = &self->of_key[name_index_bucket(name_index_item_key(item))];
    while (*at != slot)
        at = &name_index_item(self, *at)->next_of_key;
    *at = item->next_of_key;
}

/* ---- putting ---- */

/* A slot that nobody uses; what was reserved stays for the next one when something else fails. */
static err_t reserve_slot(name_index_t *self, uint32_t *out_slot)
{
    if (self->first_free != NAME_INDEX_NONE) {
        *out_slot = self->first_free;
        return ERR_OK;
    }
    if (self->slot_count == self->names_max)
        return ERR_LIMIT;
    name_index_item_t **chunk = &self->chunks[self->slot_count / NAME_INDEX_CHUNK];
    if (*chunk == NULL)
        *chunk = memory_new_array(NAME_INDEX_CHUNK, sizeof **chunk);
    *out_slot = self->slot_count;
    return *chunk == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void take_slot(name_index_t *self, uint32_t slot)
{
    if (slot == self->first_free)
        self->first_free = name_index_item(self, slot)->next_of_key;
    else
        self->slot_count++;
}

/* Room for one more change; the list itself is moved under the lock. */
static err_t reserve_recent(name_index_t *self)
{
    if (self->recent_count < self->recent_capacity)
        return ERR_OK;
    uint32_t capacity = MAX(64u, self->recent_capacity * 2);
    uint32_t *more = memory_new_array(capacity, sizeof *more);
    if (more == NULL)
        return ERR_NO_MEMORY;
    if (self->recent_count > 0)
        memcpy(more, self->recent, self->recent_count * sizeof *more);
    uint32_t *before = self->recent;
    pthread_rwlock_wrlock(&self->lock);
    self->recent = more;
    pthread_rwlock_unlock(&self->lock);
    self->recent_capacity = capacity;
    memory_free(before);
    return ERR_OK;
}

/* What the base says of the slot is true no more. Under the lock. */
static void leave_base(name_index_t *self, uint32_t slot)
{
    uint32_t rank = name_index_rank(self, slot);
    if (rank != NAME_INDEX_NONE)
        self->base.gone[rank / 64] |= 1ull << rank % 64;
}

static void note_recent(name_index_t *self, uint32_t slot)
{
    if (name_index_item(self, slot)->round == self->round)
        return;
    name_index_item(self, slot)->round = self->round;
    self->recent[self->recent_count++] = slot;
    atomic_store(&self->recent_told, self->recent_count);
}

/* The start of a text that is at most `size` bytes, at a whole character. */
static str_t cut(str_t text, size_t size)
{
    if (text.size <= size)
        return text;
    while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return str_slice(text, 0, size);
}

static char *append(char *at, str_t text)
{
    if (text.size > 0)
        memcpy(at, text.data, text.size);
    return at + text.size;
}

static err_t make_item(const name_index_entry_t *entry, name_index_item_t *out_item)
{
    buf_t folded SECRET_BUF_SCOPED = BUF_INIT;
    str_t owner = entry->kind == NAME_INDEX_PERSON ? entry->key : entry->owner;
    str_t name = cut(entry->name, NAME_INDEX_SIZE_MAX);
    secret_buf_reserve(&folded, FOLDED_ROOM);
    fold_append(&folded, name);
    TRY(buf_status(&folded));
    str_t text = cut(buf_str(&folded), NAME_INDEX_SIZE_MAX);
    *out_item = (name_index_item_t){.name_size = (uint16_t)name.size,
                                    .folded_size = (uint16_t)text.size,
                                    .key_size = (uint8_t)entry->key.size,
                                    .owner_size = (uint8_t)owner.size,
                                    .kind = (uint8_t)entry->kind,
                                    .is_public = entry->is_public};
    out_item->text = memory_new_unset(entry->key.size + owner.size + name.size + text.size);
    if (out_item->text != NULL)
        append(append(append(append(out_item->text, entry->key), owner), name), text);
    return out_item->text == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* Under the lock. The item that stood in the slot is handed out. */
static void put_item(name_index_t *self, uint32_t slot, bool is_new, const name_index_item_t *item,
                     name_index_item_t *out_before)
{
    name_index_item_t *at = name_index_item(self, slot);
    name_index_item_t before = *at;
    if (is_new)
        take_slot(self, slot);
    else
        leave_owner(self, slot);
    leave_base(self, slot);
    *at = *item;
    at->round = before.round;
    at->next_of_key = before.next_of_key;
    if (is_new) {
        uint32_t *first = &self->of_key[name_index_bucket(name_index_item_key(at))];
        at->next_of_key = *first;
        *first = slot;
        before.text = NULL;
    }
    enter_owner(self, slot);
    if (name_index_item_is_open(at))
        note_recent(self, slot);
    *out_before = before;
}

err_t name_index_put(name_index_t *self, const name_index_entry_t *entry)
{
    name_index_item_t item, before;
    if (str_is_empty(entry->key) || entry->key.size > NAME_INDEX_KEY_SIZE_MAX ||
        entry->owner.size > NAME_INDEX_KEY_SIZE_MAX)
        return ERR_INVALID;
    uint32_t slot = find(self, entry->kind, entry->key);
    bool is_new = slot == NAME_INDEX_NONE;
    if (is_new)
        TRY(reserve_slot(self, &slot));
    TRY(reserve_recent(self));
    TRY(make_item(entry, &item));

    pthread_rwlock_wrlock(&self->lock);
    put_item(self, slot, is_new, &item, &before);
    pthread_rwlock_unlock(&self->lock);
    wipe_text(before.text, &before);
    if (is_new)
        atomic_fetch_add(&self->counts[entry->kind], 1);
    return ERR_OK;
}

/* ---- removing ---- */

static void remove_slot(name_index_t *self, uint32_t slot)
{
    name_index_item_t *item = name_index_item(self, slot);
    pthread_rwlock_wrlock(&self->lock);
    name_index_item_t before = *item;
    leave_owner(self, slot);
    leave_key(self, slot);
    leave_base(self, slot);
    *item = (name_index_item_t){.round = before.round, .next_of_key = self->first_free};
    self->first_free = slot;
    pthread_rwlock_unlock(&self->lock);
    if (before.kind == NAME_INDEX_PERSON)
        atomic_store(&self->has_gone, true);
    wipe_text(before.text, &before);
    atomic_fetch_sub(&self->counts[before.kind], 1);
}

void name_index_remove(name_index_t *self, name_index_kind_t kind, str_t key)
{
    uint32_t slot = find(self, kind, key);
    if (slot != NAME_INDEX_NONE)
        remove_slot(self, slot);
}

void name_index_remove_owner(name_index_t *self, str_t owner)
{
    uint32_t slot = self->of_owner[name_index_bucket(owner)], next;
    for (; slot != NAME_INDEX_NONE; slot = next) {
        next = name_index_item(self, slot)->next_of_owner;
        if (str_equal(name_index_item_owner(name_index_item(self, slot)), owner)) {
            remove_slot(self, slot);
            atomic_store(&self->has_gone, true);
        }
    }
}

bool name_index_is_unsettled(const name_index_t *self)
{
    return atomic_load(&self->has_gone) ||
           atomic_load(&self->recent_told) > NAME_INDEX_RECENT_WANTED;
}
