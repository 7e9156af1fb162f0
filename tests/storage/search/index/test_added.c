/* Which documents were added since a moment, against what a scan of them says: with no block, one,
 * and all marks; moments that are near each other, all the same, or as far as they can be. */

#include "storage/search/index/added.h"
#include "storage/search/index/bitset.h"
#include "storage/search/index/index_parts.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"

enum { MARKED = 20000, QUESTIONS = 60 };

/* Documents that have nothing but a moment; ids from 1 on, and as many plays: the last is first. */
typedef struct moments {
    const ms_random_t *random;
    int64_t ms[MARKED];
    size_t count, next;
    uint64_t spread; /* 0: all the same; UINT64_MAX: any */
} moments_t;

static int64_t draw(const moments_t *self)
{
    uint64_t number = random_u64(self->random);
    if (self->spread == 0)
        return 77;
    return self->spread == UINT64_MAX ? (int64_t)number : (int64_t)(number % self->spread);
}

static err_t next_document(void *context, search_document_t *out_document, bool *out_is_there)
{
    moments_t *self = context;
    *out_is_there = self->next < self->count;
    if (!*out_is_there)
        return ERR_OK;
    self->ms[self->next] = draw(self);
    *out_document = (search_document_t){.id = self->next + 1,
                                        .kind = SEARCH_TRACK,
                                        .plays = self->next + 1,
                                        .added_at_ms = self->ms[self->next]};
    self->next++;
    return ERR_OK;
}

static void check_since(const moments_t *self, search_read_t *read, int64_t ms)
{
    roaring_bitmap_t *bitmap = NULL;
    uint64_t wanted = 0;
    check_ok(search_added_since(read, ms, &bitmap));
    for (size_t i = 0; i < self->count; i++) {
        uint32_t number = (uint32_t)(self->count - 1 - i);
        bool is_wanted = self->ms[i] >= ms;
        cr_assert(roaring_bitmap_contains(bitmap, number) == is_wanted,
                  "number %u, added at %ld, since %ld", number, (long)self->ms[i], (long)ms);
        wanted += is_wanted ? 1 : 0;
    }
    cr_assert(eq(u64, roaring_bitmap_get_cardinality(bitmap), wanted));
    roaring_bitmap_free(bitmap);
}

static void check_all(const moments_t *self, search_index_t *index)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 76, 77, 78, INT64_MAX};
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    check_ok(search_read_begin(index, &arena, &read));
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        check_since(self, &read, ends[i]);
    for (size_t i = 0; i < QUESTIONS && self->count > 0; i++) {
        /* One that is there, and what is just before and behind it. */
        int64_t ms = self->ms[random_below(self->random, self->count)];
        check_since(self, &read, ms);
        check_since(self, &read, ms == INT64_MAX ? ms : ms + 1);
        check_since(self, &read, draw(self));
    }
}

Test(search_added, is_what_a_scan_says)
{
    static const size_t counts[] = {0, 1, ADDED_BLOCK - 1, ADDED_BLOCK, ADDED_BLOCK + 1, MARKED};
    static const uint64_t spreads[] = {0, 3, 1000, UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        for (size_t j = 0; j < COUNT_OF(spreads); j++) {
            rig_t rig RIG_SCOPED;
            rig_init(&rig, i * 10 + j);
            static moments_t moments;
            moments = (moments_t){.random = &rig.random, .count = counts[i], .spread = spreads[j]};
            search_build_options_t options = {
                .source = {.context = &moments, .next = next_document}};

            check_ok(search_build(rig.path.path, &options));

            search_index_t *index SEARCH_INDEX_SCOPED = rig_open(rig.path.path);
            check_all(&moments, index);
        }
}

/* However many there are, a cut in the middle reads a small part of them. */
Test(search_added, costs_a_mark_and_a_few_blocks)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 1);
    static moments_t moments;
    moments = (moments_t){.random = &rig.random, .count = MARKED, .spread = 1000000};
    search_build_options_t options = {.source = {.context = &moments, .next = next_document}};
    check_ok(search_build(rig.path.path, &options));
    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(rig.path.path);
    uint64_t most = 0;

    for (int64_t ms = 0; ms < 1000000; ms += 10000) {
        arena_t arena ARENA_SCOPED = {0};
        search_read_t read SEARCH_READ_SCOPED = {0};
        roaring_bitmap_t *bitmap;
        check_ok(search_read_begin(index, &arena, &read));
        check_ok(search_added_since(&read, ms, &bitmap));
        roaring_bitmap_free(bitmap);
        most = MAX(most, read.work);
    }

    cr_assert_lt(most, (uint64_t)MARKED / 20);
}

/* Each mark is other than it was: a cut beside it can't be answered. */
static void damage_marks(search_index_t *index)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(kv_places_current(&index->places), &tx));
    for (uint32_t mark = 1; mark <= ADDED_MARKS; mark++) {
        char room[NUMBER_KEY_SIZE];
        str_t key = index_number_key(room, mark), value;
        buf_t copy BUF_SCOPED = BUF_INIT;
        check_ok(kv_get(&tx, TABLE_ADDED_MARKS, key, &value));
        buf_append(&copy, value);
        copy.data[mark * 100] = (char)(copy.data[mark * 100] ^ 1);
        check_ok(kv_put(&tx, TABLE_ADDED_MARKS, key, buf_str(&copy)));
    }
    check_ok(kv_commit(&tx));
}

Test(search_added, a_mark_that_is_damaged_is_found)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 2);
    static moments_t moments;
    moments = (moments_t){.random = &rig.random, .count = MARKED, .spread = 1000000};
    search_build_options_t options = {.source = {.context = &moments, .next = next_document}};
    check_ok(search_build(rig.path.path, &options));
    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(rig.path.path);
    damage_marks(index);
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    roaring_bitmap_t *bitmap;
    check_ok(search_read_begin(index, &arena, &read));

    for (int64_t ms = 125000; ms < 1000000; ms += 125000)
        check_err(search_added_since(&read, ms, &bitmap), ERR_CORRUPT);
}

Test(search_added, a_bitset_is_the_bitmap_of_its_numbers)
{
    enum { WORDS = 3000 }; /* two whole containers and a part of one */
    random_seed_t seed = {1};
    ms_random_t random = random_seeded(&seed);
    static uint64_t words[WORDS];
    static const uint32_t kept[] = {0, 1, 40, 4096, 4097, 60000, 192000};
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        roaring_bitmap_t *wanted = roaring_bitmap_create(), *got = NULL;
        memset(words, 0, sizeof words);
        for (uint32_t n = 0; n < kept[i]; n++) {
            /* Odd ones are close together, so that a container is exactly as full as an array. */
            uint32_t number = i % 2 == 1 ? n : (uint32_t)random_below(&random, 64 * WORDS);
            words[number / 64] |= 1ull << number % 64;
            roaring_bitmap_add(wanted, number);
        }

        check_ok(bitset_to_bitmap(words, WORDS, &got));

        cr_assert(roaring_bitmap_equals(got, wanted), "%u numbers", kept[i]);
        roaring_bitmap_free(wanted);
        roaring_bitmap_free(got);
    }
}
