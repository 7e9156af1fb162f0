#include "runtime/base/memory.h"
#include "storage/search/index/added.h"
#include "storage/search/index/build_parts.h"
#include "storage/search/index/checked.h"

/* Each as what is past the first. */
static void write_moments(const rank_t *items, size_t count, size_t moment_size, char *room)
{
    bool is_short = moment_size == sizeof(uint32_t);
    for (size_t i = 0; i < count; i++, room += moment_size) {
        const uint64_t past = items[i].key - items[0].key;
        const uint32_t few = (uint32_t)past;
        const void *bytes = is_short ? (const void *)&few : (const void *)&past;
        memcpy(room, bytes, moment_size);
    }
}

static err_t write_block(build_t *self, uint32_t index, const rank_t *items, size_t count)
{
    char key_room[NUMBER_KEY_SIZE], *room;
    str_t key = index_number_key(key_room, index);
    size_t moment_size = added_moment_size(items[0].key, items[count - 1].key);
    size_t numbers_at = ADDED_HEAD + count * moment_size;
    size_t size = numbers_at + count * sizeof items->index;
    TRY(build_append_checked(self, TABLE_ADDED, key, size, &room));
    memcpy(room, &items[0].key, ADDED_HEAD);
    write_moments(items, count, moment_size, room + ADDED_HEAD);
    for (size_t i = 0; i < count; i++)
        memcpy(room + numbers_at + i * sizeof items->index, &items[i].index, sizeof items->index);
    checked_seal(key, room, size);
    return ERR_OK;
}

/* `bits`: who is not in a block yet. */
static err_t write_mark(build_t *self, uint32_t mark, const uint64_t *bits)
{
    char room[NUMBER_KEY_SIZE];
    str_t key = index_number_key(room, mark);
    size_t size = added_mark_words(build_count(self)) * sizeof *bits;
    return build_put_checked(self, TABLE_ADDED_MARKS, key, str_of(bits, size));
}

static err_t write_all(build_t *self, uint64_t *bits)
{
    const rank_t *items = build_ranks(self);
    uint32_t all = build_count(self), step = added_mark_step(all);
    for (uint32_t i = 0; i < all; i++)
        bits[i / 64] |= 1ull << i % 64;
    for (uint32_t at = 0; at < all; at += ADDED_BLOCK) {
        uint32_t count = MIN(all - at, (uint32_t)ADDED_BLOCK);
        if (at > 0 && at % step == 0)
            TRY(write_mark(self, at / step, bits));
        TRY(build_check_stopped(self));
        TRY(write_block(self, at / ADDED_BLOCK, items + at, count));
        for (uint32_t i = at; i < at + count; i++)
            bits[items[i].index / 64] &= ~(1ull << items[i].index % 64);
    }
    return ERR_OK;
}

err_t build_write_added(build_t *self)
{
    TRY(build_read_column(self, &self->added));
    uint64_t *bits MEMORY_SCOPED =
        memory_new_array(added_mark_words(build_count(self)), sizeof *bits);
    if (bits == NULL)
        return ERR_NO_MEMORY;
    TRY(write_all(self, bits));
    buf_deinit(&self->ranks);
    return ERR_OK;
}
