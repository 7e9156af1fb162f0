#include "storage/search/index/posting.h"

#include "runtime/base/assert.h"
#include "runtime/base/crc32c.h"
#include "storage/bytes_at.h"

enum { FORM_BITMAP = 255, IDS_HEAD = 4, BITMAP_HEAD = 9 };

/* ---- writing ---- */

static err_t start_bitmap(posting_builder_t *self)
{
    self->bitmap = roaring_bitmap_of_ptr(self->count, self->ids);
    return self->bitmap == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t posting_builder_add(posting_builder_t *self, const uint32_t *numbers, size_t count)
{
    if (self->bitmap == NULL && self->count + count <= POSTING_IDS_MAX) {
        memcpy(self->ids + self->count, numbers, count * sizeof *numbers);
        self->count += count;
        return ERR_OK;
    }
    if (self->bitmap == NULL)
        TRY(start_bitmap(self));
    roaring_bitmap_add_many(self->bitmap, count, numbers);
    self->count += count;
    return ERR_OK;
}

size_t posting_builder_size(posting_builder_t *self)
{
    if (self->bitmap == NULL)
        return IDS_HEAD + self->count * sizeof self->ids[0];
    (void)roaring_bitmap_run_optimize(self->bitmap);
    return BITMAP_HEAD + roaring_bitmap_portable_size_in_bytes(self->bitmap);
}

/* How many, and the lower 24 bits of their checksum: of 16 bits there are bytes that can be other
 * ones (3 of 306,000 ways to change one), of 24 there are none. */
static uint32_t ids_head(size_t count, str_t ids)
{
    return crc32c(0, ids) << 8 | (uint32_t)count;
}

static void write_ids(const uint32_t *ids, size_t count, char *room)
{
    size_t size = count * sizeof *ids;
    if (size > 0)
        memcpy(room + IDS_HEAD, ids, size);
    uint32_t head = ids_head(count, str_of(room + IDS_HEAD, size));
    memcpy(room, &head, sizeof head);
}

static void write_bitmap(const roaring_bitmap_t *bitmap, uint64_t count, char *room, size_t size)
{
    uint32_t number = (uint32_t)count;
    size_t written = roaring_bitmap_portable_serialize(bitmap, room + BITMAP_HEAD);
    ASSERT(written + BITMAP_HEAD == size);
    uint32_t check = crc32c(0, str_of(room + BITMAP_HEAD, written));
    room[0] = (char)FORM_BITMAP;
    memcpy(room + 1, &number, sizeof number);
    memcpy(room + 5, &check, sizeof check);
}

void posting_builder_write(posting_builder_t *self, char *room, size_t size)
{
    if (self->bitmap == NULL)
        write_ids(self->ids, self->count, room);
    else
        write_bitmap(self->bitmap, self->count, room, size);
    posting_builder_deinit(self);
}

void posting_builder_deinit(posting_builder_t *self)
{
    if (self->bitmap != NULL)
        roaring_bitmap_free(STEAL(self->bitmap));
    self->count = 0;
}

err_t posting_append(buf_t *out, const roaring_bitmap_t *bitmap)
{
    uint64_t count = roaring_bitmap_get_cardinality(bitmap);
    uint32_t ids[POSTING_IDS_MAX];
    bool is_bitmap = count > POSTING_IDS_MAX;
    size_t size = is_bitmap ? BITMAP_HEAD + roaring_bitmap_portable_size_in_bytes(bitmap)
                            : IDS_HEAD + count * sizeof ids[0];
    char *room = buf_extend(out, size);
    if (room == NULL)
        return buf_status(out);
    if (is_bitmap) {
        write_bitmap(bitmap, count, room, size);
        return ERR_OK;
    }
    roaring_bitmap_to_uint32_array(bitmap, ids);
    write_ids(ids, count, room);
    return ERR_OK;
}

/* ---- reading ---- */

static err_t read_ids(str_t bytes, uint32_t ids[POSTING_IDS_MAX], size_t *out_count)
{
    size_t count = bytes.size == 0 ? 0 : (unsigned char)bytes.data[0];
    size_t size = count * sizeof ids[0];
    if (count > POSTING_IDS_MAX || bytes.size != IDS_HEAD + size)
        return ERR_CORRUPT;
    if (ids_head(count, str_of(bytes.data + IDS_HEAD, size)) != u32_at(bytes, 0))
        return ERR_CORRUPT;
    for (size_t i = 0; i < count; i++) {
        ids[i] = u32_at(bytes, IDS_HEAD + i * sizeof ids[0]);
        if (i > 0 && ids[i - 1] >= ids[i])
            return ERR_CORRUPT;
    }
    *out_count = count;
    return ERR_OK;
}

static err_t read_bitmap(str_t bytes, roaring_bitmap_t **out_bitmap)
{
    if (bytes.size < BITMAP_HEAD)
        return ERR_CORRUPT;
    str_t portable = str_of(bytes.data + BITMAP_HEAD, bytes.size - BITMAP_HEAD);
    if (crc32c(0, portable) != u32_at(bytes, 5) || !posting_is_bitmap(portable, u32_at(bytes, 1)))
        return ERR_CORRUPT;
    roaring_bitmap_t *bitmap =
        roaring_bitmap_portable_deserialize_safe(portable.data, portable.size);
    if (bitmap == NULL)
        return ERR_NO_MEMORY;
    *out_bitmap = bitmap;
    return ERR_OK;
}

static bool is_bitmap(str_t bytes)
{
    return bytes.size > 0 && (unsigned char)bytes.data[0] == FORM_BITMAP;
}

err_t posting_read_into(str_t bytes, roaring_bitmap_t *bitmap)
{
    uint32_t ids[POSTING_IDS_MAX];
    size_t count;
    roaring_bitmap_t *more;
    if (is_bitmap(bytes)) {
        TRY(read_bitmap(bytes, &more));
        roaring_bitmap_or_inplace(bitmap, more);
        roaring_bitmap_free(more);
        return ERR_OK;
    }
    TRY(read_ids(bytes, ids, &count));
    roaring_bitmap_add_many(bitmap, count, ids);
    return ERR_OK;
}

err_t posting_read(str_t bytes, roaring_bitmap_t **out_bitmap)
{
    uint32_t ids[POSTING_IDS_MAX];
    size_t count;
    if (is_bitmap(bytes))
        return read_bitmap(bytes, out_bitmap);
    TRY(read_ids(bytes, ids, &count));
    roaring_bitmap_t *bitmap = roaring_bitmap_of_ptr(count, ids);
    if (bitmap == NULL)
        return ERR_NO_MEMORY;
    *out_bitmap = bitmap;
    return ERR_OK;
}

err_t posting_count(str_t bytes, uint64_t *out_count)
{
    if (bytes.size < IDS_HEAD || (is_bitmap(bytes) && bytes.size < BITMAP_HEAD))
        return ERR_CORRUPT;
    *out_count = is_bitmap(bytes) ? u32_at(bytes, 1) : (unsigned char)bytes.data[0];
    return ERR_OK;
}

err_t posting_parts(str_t bytes, str_t *out_portable, uint32_t out_ids[POSTING_IDS_MAX],
                    size_t *out_count)
{
    if (!is_bitmap(bytes)) {
        TRY(read_ids(bytes, out_ids, out_count));
        *out_portable = (str_t){0};
        return ERR_OK;
    }
    if (bytes.size <= BITMAP_HEAD)
        return ERR_CORRUPT;
    *out_count = 0;
    *out_portable = str_of(bytes.data + BITMAP_HEAD, bytes.size - BITMAP_HEAD);
    return ERR_OK;
}
