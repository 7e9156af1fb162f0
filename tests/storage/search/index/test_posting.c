#include "runtime/base/crc32c.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "storage/bytes_at.h"
#include "storage/search/index/counting.h"
#include "storage/search/index/posting.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

enum { BITMAP_HEAD = 9 }; /* 255, how many, checksum */

/* ---- bitmaps of every form ---- */

/* So many numbers from `first` on, with gaps of up to `gap`. */
static void add(roaring_bitmap_t *bitmap, const ms_random_t *random, uint32_t first, uint32_t count,
                uint32_t gap)
{
    for (uint32_t i = 0; i < count; i++) {
        roaring_bitmap_add(bitmap, first);
        first += 1 + (gap == 0 ? 0 : (uint32_t)random_below(random, gap));
    }
}

typedef struct part {
    uint32_t first, count, gap;
} part_t;

typedef struct shape {
    const char *what;
    part_t parts[5];
} shape_t;

static const shape_t shapes[] = {
    {"nothing", {{0, 0, 0}}},
    {"one", {{7, 1, 0}}},
    {"as many as stand as they are", {{5, 24, 100}}},
    {"one more", {{5, 25, 100}}},
    {"an array", {{70000, 3000, 20}}},
    {"a bitset", {{0, 20000, 4}}},
    {"a run", {{1000, 9000, 0}}},
    {"a whole container", {{65536, 65536, 0}}},
    {"runs in three containers", {{0, 65536, 0}, {65540, 100, 0}, {140000, 9000, 0}}},
    {"all kinds",
     {{9, 40, 50}, {65536, 9000, 0}, {131072, 30000, 3}, {500000, 2000, 30}, {900000, 50, 0}}},
    {"the end of the numbers", {{4294900000u, 40000, 0}, {3000000000u, 26, 99}}},
};

static roaring_bitmap_t *make(const shape_t *shape, uint64_t seed)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    roaring_bitmap_t *bitmap = roaring_bitmap_create();
    for (size_t i = 0; i < COUNT_OF(shape->parts); i++)
        add(bitmap, &random, shape->parts[i].first, shape->parts[i].count, shape->parts[i].gap);
    (void)roaring_bitmap_run_optimize(bitmap);
    return bitmap;
}

static void check_same(const roaring_bitmap_t *got, const roaring_bitmap_t *want, const char *what)
{
    cr_assert(roaring_bitmap_equals(got, want), "%s", what);
}

Test(posting, what_was_written_is_read)
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        roaring_bitmap_t *want = make(&shapes[i], i), *got = NULL, *into = roaring_bitmap_create();
        buf_t bytes BUF_SCOPED = BUF_INIT;
        uint64_t count;

        check_ok(posting_append(&bytes, want));
        check_ok(posting_read(buf_str(&bytes), &got));
        roaring_bitmap_add(into, 12);
        check_ok(posting_read_into(buf_str(&bytes), into));
        check_ok(posting_count(buf_str(&bytes), &count));

        check_same(got, want, shapes[i].what);
        cr_assert(eq(u64, count, roaring_bitmap_get_cardinality(want)));
        roaring_bitmap_add(got, 12);
        check_same(into, got, shapes[i].what);
        roaring_bitmap_free(want);
        roaring_bitmap_free(got);
        roaring_bitmap_free(into);
    }
}

/* In pieces of a few numbers, as a merge has them. */
static void build(const roaring_bitmap_t *bitmap, const ms_random_t *random, buf_t *out)
{
    posting_builder_t builder = {0};
    uint32_t piece[50], count = 0;
    size_t want = 1 + random_below(random, COUNT_OF(piece));
    roaring_uint32_iterator_t at;
    for (roaring_init_iterator(bitmap, &at); at.has_value; roaring_advance_uint32_iterator(&at)) {
        piece[count++] = at.current_value;
        if (count < want)
            continue;
        check_ok(posting_builder_add(&builder, piece, count));
        want = 1 + random_below(random, COUNT_OF(piece));
        count = 0;
    }
    check_ok(posting_builder_add(&builder, piece, count));
    size_t size = posting_builder_size(&builder);
    posting_builder_write(&builder, buf_extend(out, size), size);
}

Test(posting, a_builder_writes_what_a_bitmap_is)
{
    random_seed_t seed = {3};
    ms_random_t random = random_seeded(&seed);
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        roaring_bitmap_t *bitmap = make(&shapes[i], i);
        buf_t got BUF_SCOPED = BUF_INIT, want BUF_SCOPED = BUF_INIT;

        build(bitmap, &random, &got);

        check_ok(posting_append(&want, bitmap));
        cr_assert(str_equal(buf_str(&got), buf_str(&want)), "%s", shapes[i].what);
        roaring_bitmap_free(bitmap);
    }
}

/* ---- damage ---- */

static err_t read_and_free(str_t bytes)
{
    roaring_bitmap_t *bitmap = NULL, *into = roaring_bitmap_create();
    err_t err = posting_read(bytes, &bitmap);
    cr_assert(eq(int, (int)posting_read_into(bytes, into), (int)err));
    if (err == ERR_OK) {
        uint64_t count;
        check_ok(posting_count(bytes, &count));
        cr_assert(eq(u64, roaring_bitmap_get_cardinality(bitmap), count));
        check_same(into, bitmap, "read twice");
        roaring_bitmap_free(bitmap);
    }
    roaring_bitmap_free(into);
    return err;
}

Test(posting, a_flipped_bit_or_a_lost_end_is_found)
{
    random_seed_t seed = {5};
    ms_random_t random = random_seeded(&seed);
    for (size_t i = 1; i < COUNT_OF(shapes); i++) {
        roaring_bitmap_t *bitmap = make(&shapes[i], i);
        buf_t bytes BUF_SCOPED = BUF_INIT;
        check_ok(posting_append(&bytes, bitmap));
        roaring_bitmap_free(bitmap);
        for (size_t round = 0; round < 300; round++) {
            size_t at = random_below(&random, bytes.size);
            char bit = (char)(1 << random_below(&random, 8));
            bytes.data[at] ^= bit;
            check_err(read_and_free(buf_str(&bytes)), ERR_CORRUPT);
            bytes.data[at] ^= bit;
            check_err(read_and_free(str_slice(buf_str(&bytes), 0, at)), ERR_CORRUPT);
        }
        check_ok(read_and_free(buf_str(&bytes)));
    }
}

/* A checksum that fits whatever the bitmap says: only its form is left to see. */
static void seal(buf_t *bytes)
{
    uint32_t check = crc32c(0, str_slice(buf_str(bytes), BITMAP_HEAD, bytes->size));
    memcpy(bytes->data + 5, &check, sizeof check);
}

typedef struct damage {
    const char *what;
    const char *shape;
    size_t at; /* of the portable bitmap */
    const char *bytes;
    size_t size;
} damage_t;

/* "an array" is cookie, 1, key and count, offset, numbers; "runs in three containers" are cookie
 * and count, a byte of flags, three keys and counts, then runs; see the RoaringFormatSpec. */
static const damage_t damages[] = {
    {"another cookie", "an array", 0, "\x3c", 1},
    {"no container", "an array", 4, "\0", 1},
    {"more containers than there are", "an array", 4, "\2", 1},
    {"far more", "an array", 4, "\xff\xff\xff\xff", 4},
    {"more numbers than there are", "an array", 10, "\xff\x0f", 2},
    {"fewer", "an array", 10, "\1\0", 2},
    {"numbers enough for a bitset", "an array", 10, "\xff\xff", 2},
    {"another offset", "an array", 12, "\x11", 1},
    {"an offset far away", "an array", 12, "\xff\xff\xff\x7f", 4},
    {"a number twice", "a number twice", 18, NULL, 2},
    {"a bitset of fewer bits", "a bitset", 16 + 100, "\0\0\0\0\0\0\0\0", 8},
    {"a bitset that calls itself an array", "a bitset", 10, "\0\1", 2},
    {"equal keys", "runs in three containers", 9, "\0", 1},
    {"keys that descend", "runs in three containers", 5, "\7", 1},
    {"an array that calls itself runs", "all kinds", 4, "\xff", 1},
    {"runs that call themselves a bitset", "runs in three containers", 4, "\0", 1},
    {"no runs", "runs in three containers", 17, "\0", 1},
    {"more runs", "runs in three containers", 17, "\2", 1},
    {"a run past the end", "runs in three containers", 19, "\1", 1},
    {"a run of fewer", "runs in three containers", 21, "\1\0", 2},
};

static const shape_t *shape_called(const char *what)
{
    size_t i = 0;
    while (i < COUNT_OF(shapes) && strcmp(shapes[i].what, what) != 0)
        i++;
    return &shapes[MIN(i, COUNT_OF(shapes) - 1)];
}

Test(posting, whatever_is_no_bitmap_is_refused_before_libroaring_reads_it)
{
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        const damage_t *damage = &damages[i];
        bool is_twice = damage->bytes == NULL;
        roaring_bitmap_t *bitmap = make(shape_called(is_twice ? "an array" : damage->shape), 1);
        buf_t bytes BUF_SCOPED = BUF_INIT;
        check_ok(posting_append(&bytes, bitmap));
        roaring_bitmap_free(bitmap);
        char *place = bytes.data + BITMAP_HEAD + damage->at;

        memcpy(place, is_twice ? place - damage->size : damage->bytes, damage->size);
        seal(&bytes);

        cr_assert(eq(int, (int)read_and_free(buf_str(&bytes)), ERR_CORRUPT), "%s", damage->what);
    }
}

Test(posting, a_byte_behind_it_is_refused)
{
    roaring_bitmap_t *bitmap = make(shape_called("all kinds"), 1);
    buf_t bytes BUF_SCOPED = BUF_INIT;
    check_ok(posting_append(&bytes, bitmap));
    roaring_bitmap_free(bitmap);
    buf_append_char(&bytes, 0);
    seal(&bytes);

    check_err(read_and_free(buf_str(&bytes)), ERR_CORRUPT);
}

Test(posting, two_runs_may_not_meet)
{
    /* Cookie with one container, flags, key 0 and 6 numbers, two runs. */
    static const struct {
        const char *what;
        uint16_t runs[4];
        err_t want;
    } cases[] = {
        {"apart", {1, 2, 5, 2}, ERR_OK},
        {"touching", {1, 2, 4, 2}, ERR_CORRUPT},
        {"in each other", {1, 2, 3, 2}, ERR_CORRUPT},
        {"descending", {5, 2, 1, 2}, ERR_CORRUPT},
        {"up to the last number", {1, 2, 65533, 2}, ERR_OK},
        {"past it", {1, 2, 65534, 2}, ERR_CORRUPT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const uint16_t head[] = {12347, 0}, key[] = {0, 5, 2};
        buf_t bytes BUF_SCOPED = BUF_INIT;
        buf_append_bytes(&bytes, "\xff\6\0\0\0\0\0\0\0", BITMAP_HEAD);
        buf_append_bytes(&bytes, head, sizeof head);
        buf_append_char(&bytes, 1);
        buf_append_bytes(&bytes, key, sizeof key);
        buf_append_bytes(&bytes, cases[i].runs, sizeof cases[i].runs);
        seal(&bytes);

        cr_assert(eq(int, (int)read_and_free(buf_str(&bytes)), (int)cases[i].want), "%s",
                  cases[i].what);
    }
}

Test(posting, numbers_that_do_not_ascend_are_refused)
{
    const uint32_t ids[] = {4, 4};
    char bytes[4 + sizeof ids];
    uint32_t head = crc32c(0, str_of(ids, sizeof ids)) << 8 | COUNT_OF(ids);
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + 4, ids, sizeof ids);

    check_err(read_and_free(str_of(bytes, sizeof bytes)), ERR_CORRUPT);
}

/* All of them: 24 bits of checksum have none that they miss. */
Test(posting, any_byte_of_few_numbers_that_is_another_is_found)
{
    for (uint64_t count = 1; count <= POSTING_IDS_MAX; count++) {
        roaring_bitmap_t *bitmap = roaring_bitmap_from_range(1000, 1000 + 256 * count, 256);
        buf_t bytes BUF_SCOPED = BUF_INIT;
        check_ok(posting_append(&bytes, bitmap));
        roaring_bitmap_free(bitmap);
        for (size_t at = 0; at < bytes.size; at++)
            for (int turn = 1; turn < 256; turn++) {
                bytes.data[at] = (char)(bytes.data[at] ^ turn);
                err_t err = read_and_free(buf_str(&bytes));
                cr_assert(err == ERR_CORRUPT, "%zu of %lu, %d", at, (unsigned long)count, turn);
                bytes.data[at] = (char)(bytes.data[at] ^ turn);
            }
    }
}

Test(posting, no_bytes_make_libroaring_read_what_is_not_there)
{
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    uint64_t read = 0;
    for (uint64_t round = 0; round < 3000 * scale_rounds(); round++) {
        roaring_bitmap_t *bitmap = make(&shapes[3 + round % (COUNT_OF(shapes) - 3)], round % 7);
        buf_t bytes BUF_SCOPED = BUF_INIT;
        check_ok(posting_append(&bytes, bitmap));
        roaring_bitmap_free(bitmap);
        for (uint64_t i = 1 + random_below(&random, 3); i > 0; i--) {
            /* Mostly where the form is, seldom among the numbers. */
            size_t most = random_below(&random, 3) == 0 ? bytes.size : MIN(bytes.size, (size_t)60);
            size_t at = 1 + random_below(&random, most - 1);
            bytes.data[at] = (char)random_below(&random, 256);
        }
        seal(&bytes);
        read += read_and_free(buf_str(&bytes)) == ERR_OK ? 1 : 0;
    }
    cr_assert_gt(read, 0u);
}

/* ---- counted where they lie ---- */

Test(posting, what_two_have_in_common_is_counted_without_making_a_bitmap)
{
    enum { END = 1000000 };
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        buf_t bytes BUF_SCOPED = BUF_INIT;
        roaring_bitmap_t *posting = make(&shapes[i], 1);
        check_ok(posting_append(&bytes, posting));
        for (size_t k = 0; k < COUNT_OF(shapes); k++) {
            counting_t *counting COUNTING_SCOPED = NULL;
            roaring_bitmap_t *documents = make(&shapes[k], 2);
            uint64_t work = 0, count = 0;
            roaring_bitmap_remove_range(documents, END, 1ull << 32);

            check_ok(counting_new(documents, END, &counting));
            check_ok(counting_in(counting, buf_str(&bytes), &work, &count));

            cr_expect(count == roaring_bitmap_and_cardinality(posting, documents), "%s in %s: %lu",
                      shapes[i].what, shapes[k].what, (unsigned long)count);
            roaring_bitmap_free(documents);
        }
        roaring_bitmap_free(posting);
    }
}

/* Under AddressSanitizer: each byte of it wrong, and cut anywhere. */
Test(posting, what_is_counted_is_never_read_outside)
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        counting_t *counting COUNTING_SCOPED = NULL;
        buf_t bytes BUF_SCOPED = BUF_INIT;
        roaring_bitmap_t *posting = make(&shapes[i], 1), *documents = make(&shapes[9], 2);
        check_ok(counting_new(documents, 1000000, &counting));
        check_ok(posting_append(&bytes, posting));
        for (size_t at = 0; at < bytes.size; at += 1 + at / 64) {
            uint64_t work = 0, count = 0;
            char *exactly = memory_dup(bytes.data, bytes.size);
            check_true(exactly != NULL);
            exactly[at] = (char)(exactly[at] ^ 0x55);
            err_t err = counting_in(counting, str_of(exactly, bytes.size), &work, &count);
            check_true(err == ERR_OK || err == ERR_CORRUPT);
            memory_free(exactly);
            exactly = memory_dup(bytes.data, at);
            check_true(exactly != NULL);
            check_err(counting_in(counting, str_of(exactly, at), &work, &count), ERR_CORRUPT);
            memory_free(exactly);
        }
        roaring_bitmap_free(posting);
        roaring_bitmap_free(documents);
    }
}
