/* A posting list as any bytes, with a checksum that fits when the first byte is odd. Oracle: what
 * is read is read twice alike, has as many numbers as it says, and is written as something that is
 * read as the same; the rest is CORRUPT. It is counted where it lies, too, CORRUPT or not. */
#include "runtime/base/assert.h"
#include "runtime/base/crc32c.h"
#include "storage/search/index/counting.h"
#include "storage/search/index/posting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BITMAP_HEAD = 9 };

static void seal(buf_t *bytes)
{
    if (bytes->size <= BITMAP_HEAD)
        return;
    uint32_t check = crc32c(0, str_slice(buf_str(bytes), BITMAP_HEAD, bytes->size));
    bytes->data[0] = (char)255;
    memcpy(bytes->data + 5, &check, sizeof check);
}

static void check_read(str_t bytes, const roaring_bitmap_t *bitmap)
{
    roaring_bitmap_t *into = roaring_bitmap_create(), *again = NULL;
    buf_t written BUF_SCOPED = BUF_INIT;
    uint64_t count;
    ASSERT(posting_count(bytes, &count) == ERR_OK);
    ASSERT(roaring_bitmap_get_cardinality(bitmap) == count);
    ASSERT(posting_read_into(bytes, into) == ERR_OK);
    ASSERT(roaring_bitmap_equals(into, bitmap));
    ASSERT(posting_append(&written, bitmap) == ERR_OK);
    ASSERT(posting_read(buf_str(&written), &again) == ERR_OK);
    ASSERT(roaring_bitmap_equals(again, bitmap));
    roaring_bitmap_free(into);
    roaring_bitmap_free(again);
}

enum { KEY = 65536, END = 3 * KEY };

/* Few of the first key, many of the second, none of the third: each is counted in another way. As
 * few as do that, since they are made for each input. */
static roaring_bitmap_t *documents_new(void)
{
    roaring_bitmap_t *documents = roaring_bitmap_from_range(0, KEY, KEY / 16);
    for (uint32_t i = 0; i < KEY / 128; i++)
        roaring_bitmap_add(documents, KEY + i * i % KEY);
    return documents;
}

/* Counted where it lies: as many as a bitmap of it has, where one can be made. */
static void check_counting(str_t bytes, const roaring_bitmap_t *bitmap)
{
    counting_t *counting COUNTING_SCOPED = NULL;
    roaring_bitmap_t *documents = documents_new();
    uint64_t work = 0, count = 0;
    ASSERT(documents != NULL && counting_new(documents, END, &counting) == ERR_OK);
    err_t err = counting_in(counting, bytes, &work, &count);
    ASSERT(err == ERR_OK || (err == ERR_CORRUPT && bitmap == NULL));
    ASSERT(bitmap == NULL || count == roaring_bitmap_and_cardinality(bitmap, documents));
    roaring_bitmap_free(documents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    roaring_bitmap_t *bitmap = NULL;
    if (size == 0)
        return 0;
    buf_append_bytes(&bytes, data + 1, size - 1);
    if (buf_status(&bytes) != ERR_OK)
        return 0;
    if ((data[0] & 1) != 0)
        seal(&bytes);
    err_t err = posting_read(buf_str(&bytes), &bitmap);
    ASSERT(err == ERR_OK || err == ERR_CORRUPT);
    check_counting(buf_str(&bytes), bitmap);
    if (err != ERR_OK)
        return 0;
    check_read(buf_str(&bytes), bitmap);
    roaring_bitmap_free(bitmap);
    return 0;
}
