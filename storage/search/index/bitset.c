#include "storage/search/index/bitset.h"

#include "runtime/base/buf.h"
#include "runtime/base/memory.h"
#include "storage/search/index/posting_form.h"

/* The portable form without runs (posting_form.h), which libroaring makes a bitmap of by copying:
 * cookie and count; of each container its key and its numbers less one; where each begins; they. */
enum { COOKIE_NO_RUNS = 12346, HEAD_SIZE = 8, CONTAINER_WORDS = 1024 };

typedef struct form {
    const uint64_t *words;
    size_t word_count;
    size_t key_count;       /* of containers, the empty ones among them */
    uint32_t *sizes, count; /* numbers of each key; containers that have some */
    buf_t bytes;
} form_t;

static void form_scope_end(form_t *self)
{
    memory_free(self->sizes);
    buf_deinit(&self->bytes);
}

static size_t words_of(const form_t *self, size_t key)
{
    return MIN((size_t)CONTAINER_WORDS, self->word_count - key * CONTAINER_WORDS);
}

static bool is_bitset(uint32_t size)
{
    return size > POSTING_ARRAY_MAX;
}

static uint32_t bytes_of(uint32_t size)
{
    return is_bitset(size) ? (uint32_t)POSTING_BITSET_SIZE : size * (uint32_t)sizeof(uint16_t);
}

static void count_bits(form_t *self)
{
    for (size_t key = 0; key < self->key_count; key++) {
        const uint64_t *words = self->words + key * CONTAINER_WORDS;
        uint64_t size = 0;
        for (size_t i = 0; i < words_of(self, key); i++)
            size += posting_bits_of(words[i]);
        self->sizes[key] = (uint32_t)size;
        self->count += size > 0 ? 1 : 0;
    }
}

static void append_heads(form_t *self)
{
    const uint32_t head[2] = {COOKIE_NO_RUNS, self->count};
    uint32_t at = HEAD_SIZE + self->count * (2 * (uint32_t)sizeof(uint16_t) + (uint32_t)sizeof at);
    buf_append_bytes(&self->bytes, head, sizeof head);
    for (size_t key = 0; key < self->key_count; key++) {
        const uint16_t outline[2] = {(uint16_t)key, (uint16_t)(self->sizes[key] - 1)};
        if (self->sizes[key] > 0)
            buf_append_bytes(&self->bytes, outline, sizeof outline);
    }
    for (size_t key = 0; key < self->key_count; key++) {
        if (self->sizes[key] > 0)
            buf_append_bytes(&self->bytes, &at, sizeof at);
        at += bytes_of(self->sizes[key]);
    }
}

static void append_array(form_t *self, const uint64_t *words, size_t count)
{
    uint16_t numbers[POSTING_ARRAY_MAX];
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        for (uint64_t left = words[i]; left != 0; left &= left - 1)
            numbers[size++] = (uint16_t)(i * 64 + (size_t)__builtin_ctzll(left));
    buf_append_bytes(&self->bytes, numbers, size * sizeof *numbers);
}

static void append_bits(form_t *self, const uint64_t *words, size_t count)
{
    static const char zeroes[POSTING_BITSET_SIZE];
    buf_append_bytes(&self->bytes, words, count * sizeof *words);
    buf_append_bytes(&self->bytes, zeroes, sizeof zeroes - count * sizeof *words);
}

static err_t append_all(form_t *self)
{
    append_heads(self);
    for (size_t key = 0; key < self->key_count; key++) {
        const uint64_t *words = self->words + key * CONTAINER_WORDS;
        if (is_bitset(self->sizes[key]))
            append_bits(self, words, words_of(self, key));
        else if (self->sizes[key] > 0)
            append_array(self, words, words_of(self, key));
    }
    return buf_status(&self->bytes);
}

err_t bitset_to_bitmap(const uint64_t *words, size_t count, roaring_bitmap_t **out_bitmap)
{
    form_t form SCOPED(form_scope_end) = {
        .words = words,
        .word_count = count,
        .key_count = (count + CONTAINER_WORDS - 1) / CONTAINER_WORDS,
    };
    roaring_bitmap_t *bitmap;
    form.sizes = memory_new_array(MAX(form.key_count, (size_t)1), sizeof *form.sizes);
    if (form.sizes == NULL)
        return ERR_NO_MEMORY;
    count_bits(&form);
    if (form.count == 0) {
        bitmap = roaring_bitmap_create();
    } else {
        TRY(append_all(&form));
        bitmap = roaring_bitmap_portable_deserialize_safe(form.bytes.data, form.bytes.size);
    }
    if (bitmap == NULL)
        return ERR_NO_MEMORY;
    *out_bitmap = bitmap;
    return ERR_OK;
}
