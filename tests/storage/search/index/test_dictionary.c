#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "storage/search/index/dictionary.h"
#include "storage/search/index/osa.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 600, NEAR_MAX = 700, POINTS_MAX = 80 };

typedef struct list {
    char words[WORDS_MAX][40];
    uint64_t frequencies[WORDS_MAX];
    size_t count;
} list_t;

/* Few letters, of scripts with one to four bytes each, so that words are near each other. */
static const uint32_t letters[] = {'a', 'b', 'c', 0xe9, 0x431, 0x5d0, 0x1100, 0x1d400};

static void random_word(const ms_random_t *random, char room[40])
{
    buf_t word BUF_SCOPED = BUF_INIT;
    size_t size = 1 + random_below(random, 8);
    size_t alphabet = random_below(random, 3) == 0 ? COUNT_OF(letters) : 3;
    for (size_t i = 0; i < size; i++)
        utf8_append(&word, letters[random_below(random, alphabet)]);
    cr_assert(str_to_array(buf_str(&word), room, 40));
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void random_list(const ms_random_t *random, size_t count, list_t *out)
{
    out->count = 0;
    for (size_t i = 0; i < count; i++)
        random_word(random, out->words[i]);
    qsort(out->words, count, sizeof out->words[0], by_bytes);
    for (size_t i = 0; i < count; i++) {
        if (out->count > 0 && strcmp(out->words[i], out->words[out->count - 1]) == 0)
            continue;
        memmove(out->words[out->count], out->words[i], sizeof out->words[0]);
        out->frequencies[out->count++] = 1 + random_below(random, 5);
    }
}

static void build(const list_t *list, buf_t *out)
{
    dictionary_builder_t *builder = NULL;
    check_ok(dictionary_builder_new(&builder));
    for (size_t i = 0; i < list->count; i++)
        check_ok(dictionary_builder_add(builder, str_from(list->words[i]), list->frequencies[i]));
    check_ok(dictionary_builder_finish(builder, out));
    dictionary_builder_free(builder);
}

/* The whole table, as the definition of optimal string alignment says. */
static uint32_t naive_distance(const uint32_t *a, size_t a_size, const uint32_t *b, size_t b_size)
{
    static uint32_t d[POINTS_MAX][POINTS_MAX];
    for (size_t i = 0; i <= a_size; i++)
        for (size_t j = 0; j <= b_size; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (uint32_t)(i + j);
                continue;
            }
            uint32_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = MIN(best, d[i - 1][j] + 1);
            best = MIN(best, d[i][j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    return d[a_size][b_size];
}

static size_t points_of(str_t text, uint32_t points[POINTS_MAX])
{
    size_t count = 0;
    for (size_t at = 0; at < text.size;)
        at += utf8_decode(str_slice(text, at, text.size), &points[count++]);
    return count;
}

/* Of a word, or of the best of its beginnings, to `asked`. */
static uint32_t naive_near(str_t asked, str_t word, bool is_prefix)
{
    uint32_t a[POINTS_MAX], b[POINTS_MAX];
    size_t a_size = points_of(asked, a), b_size = points_of(word, b);
    uint32_t best = naive_distance(a, a_size, b, b_size);
    for (size_t size = 0; is_prefix && size < b_size; size++)
        best = MIN(best, naive_distance(a, a_size, b, size));
    return best;
}

typedef struct wanted {
    dictionary_near_t items[WORDS_MAX];
    size_t count;
} wanted_t;

static int by_nearness(const void *x, const void *y, void *context)
{
    const dictionary_near_t *a = x, *b = y;
    const list_t *list = context;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    uint64_t of_a = list->frequencies[a->index], of_b = list->frequencies[b->index];
    if (of_a != of_b)
        return of_a > of_b ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void scan(list_t *list, str_t asked, uint32_t distance, bool is_prefix, wanted_t *out)
{
    out->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t near = naive_near(asked, str_from(list->words[i]), is_prefix);
        if (near <= distance)
            out->items[out->count++] = (dictionary_near_t){(uint32_t)i, near};
    }
    qsort_r(out->items, out->count, sizeof out->items[0], by_nearness, list);
}

static void compare(list_t *list, const dictionary_t *dictionary, const char *asked,
                    uint32_t distance, bool is_prefix, size_t max)
{
    static wanted_t wanted;
    dictionary_near_t found[NEAR_MAX];
    uint64_t work = 0;
    scan(list, str_from(asked), distance, is_prefix, &wanted);

    size_t count = dictionary_find_near(dictionary, str_from(asked), distance, is_prefix, found,
                                        max, &work, UINT64_MAX);

    cr_assert(count == MIN(wanted.count, max), "\"%s\" within %u%s: %zu of %zu", asked, distance,
              is_prefix ? " as a beginning" : "", count, wanted.count);
    for (size_t i = 0; i < count; i++)
        cr_assert(found[i].index == wanted.items[i].index &&
                      found[i].distance == wanted.items[i].distance,
                  "\"%s\" within %u%s: %zu is \"%s\" (%u), not \"%s\" (%u)", asked, distance,
                  is_prefix ? " as a beginning" : "", i, list->words[found[i].index],
                  found[i].distance, list->words[wanted.items[i].index], wanted.items[i].distance);
}

Test(dictionary, finds_what_a_scan_of_all_words_finds)
{
    random_seed_t seed = {11};
    ms_random_t random = random_seeded(&seed);
    static list_t list;

    for (int round = 0; round < 40; round++) {
        buf_t block BUF_SCOPED = BUF_INIT;
        dictionary_t dictionary;
        random_list(&random, 1 + random_below(&random, WORDS_MAX), &list);
        build(&list, &block);
        check_ok(dictionary_open(buf_str(&block), &dictionary));
        for (int question = 0; question < 30; question++) {
            char asked[40];
            random_word(&random, asked);
            size_t max = question % 3 == 0 ? 1 + random_below(&random, 20) : NEAR_MAX;
            compare(&list, &dictionary, asked, (uint32_t)random_below(&random, 4),
                    question % 2 == 0, max);
        }
    }
}

Test(dictionary, has_each_word_and_no_other)
{
    random_seed_t seed = {12};
    ms_random_t random = random_seeded(&seed);
    static list_t list;

    for (size_t size = 1; size <= WORDS_MAX; size = size * 2 + 1) {
        buf_t block BUF_SCOPED = BUF_INIT;
        dictionary_t dictionary;
        random_list(&random, size, &list);
        build(&list, &block);
        check_ok(dictionary_open(buf_str(&block), &dictionary));

        cr_assert(dictionary.word_count == list.count);
        for (uint32_t i = 0; i < list.count; i++) {
            uint32_t index = 0;
            check_str(dictionary_word(&dictionary, i), str_from(list.words[i]));
            cr_assert(dictionary_frequency(&dictionary, i) == list.frequencies[i]);
            check_true(dictionary_has(&dictionary, str_from(list.words[i]), &index));
            cr_assert(index == i);
            /* There is none between a word and its longer ones. */
            list.words[i][strlen(list.words[i])] = '!';
            check_true(!dictionary_has(&dictionary, str_from(list.words[i]), &index));
            cr_assert(dictionary_lower_bound(&dictionary, str_from(list.words[i])) == i + 1);
        }
    }
}

Test(dictionary, distances_of_pairs)
{
    static const struct {
        const char *a, *b;
        uint32_t max, want;
    } cases[] = {
        {"rhapsody", "rhapsody", 2, 0},
        {"rhapsody", "rapsody", 2, 1},
        {"bohemian", "bohemain", 2, 1}, /* neighbours swapped */
        {"hte", "the", 1, 1},
        {"ca", "abc", 4, 3},        /* no substring is edited twice: not 2 */
        {"кино", "кина", 2, 1},     /* code points, not bytes */
        {"abcdef", "uvwxyz", 2, 3}, /* max + 1 */
        {"", "ab", 2, 2},
        {"a", "abcdefgh", 2, 3},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t there =
            dictionary_distance(str_from(cases[i].a), str_from(cases[i].b), cases[i].max);
        uint32_t back =
            dictionary_distance(str_from(cases[i].b), str_from(cases[i].a), cases[i].max);
        cr_expect(there == cases[i].want && back == there, "\"%s\" to \"%s\": %u, %u", cases[i].a,
                  cases[i].b, there, back);
    }
}

/* The least of all parts of a text. */
static uint32_t naive_within(str_t asked, str_t text)
{
    uint32_t a[POINTS_MAX], b[POINTS_MAX];
    size_t a_size = points_of(asked, a), b_size = points_of(text, b);
    uint32_t best = (uint32_t)a_size;
    for (size_t from = 0; from <= b_size; from++)
        for (size_t size = 0; from + size <= b_size; size++)
            best = MIN(best, naive_distance(a, a_size, b + from, size));
    return best;
}

Test(dictionary, the_distance_to_the_best_part_of_a_text)
{
    random_seed_t seed = {15};
    ms_random_t random = random_seeded(&seed);
    for (int round = 0; round < 3000; round++) {
        char word[40], parts[2][40], text[80];
        osa_t osa;
        random_word(&random, word);
        random_word(&random, parts[0]);
        random_word(&random, parts[1]);
        snprintf(text, sizeof text, "%s%s", parts[0], round % 3 == 0 ? "" : parts[1]);
        uint32_t edits = (uint32_t)round % (OSA_EDITS_MAX + 1);
        check_true(osa_init(&osa, str_from(word), edits));

        uint32_t got = osa_measure_within(&osa, str_from(text));
        uint32_t want = MIN(naive_within(str_from(word), str_from(text)), edits + 1);

        cr_assert(got == want, "\"%s\" in \"%s\": %u, not %u", word, text, got, want);
        cr_assert(osa_measure(&osa, str_from(word), false) == 0, "and it is as it was");
    }
}

Test(dictionary, only_words_that_are_too_far_are_refused_by_their_letters)
{
    random_seed_t seed = {16};
    ms_random_t random = random_seeded(&seed);
    uint32_t refused = 0;
    for (int round = 0; round < 3000; round++) {
        char a[40], b[40];
        osa_t osa;
        random_word(&random, a);
        random_word(&random, b);
        uint32_t edits = (uint32_t)round % (OSA_EDITS_MAX + 1);
        check_true((round % 2 == 0 ? osa_init : osa_init_kana)(&osa, str_from(a), edits));
        bool lacks = osa_lacks(&osa, osa_letters(str_from(b)));
        refused += lacks ? 1 : 0;
        bool is_far = osa_measure(&osa, str_from(b), false) == edits + 1;
        cr_assert(is_far >= lacks, "\"%s\", \"%s\"", a, b);
    }
    cr_assert(refused > 300, "%u", refused);
}

Test(dictionary, a_kana_and_its_voicing_mark_are_one)
{
    static const struct {
        const char *a, *b;
        uint32_t edits;
    } cases[] = {
        {"か\u3099き", "かき", 1},
        {"か\u3099き", "きか\u3099", 1}, /* swapped */
        {"は\u3099は\u309a", "は\u309aは\u3099", 1},
        {"か\u3099", "く", 1},
        {"か\u3099", "", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        osa_t osa;
        check_true(osa_init_kana(&osa, str_from(cases[i].a), 3));
        cr_expect(osa_measure(&osa, str_from(cases[i].b), false) == cases[i].edits, "%s, %s",
                  cases[i].a, cases[i].b);
    }
}

/* The trie goes by code points, and so must what is looked for in it. */
Test(dictionary, a_word_with_a_voicing_mark_is_found_as_any_other)
{
    str_t word = STR("か\u3099");
    dictionary_builder_t *builder = NULL;
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_t dictionary;
    dictionary_near_t near;
    uint64_t work = 0;
    check_ok(dictionary_builder_new(&builder));
    check_ok(dictionary_builder_add(builder, word, 1));
    check_ok(dictionary_builder_finish(builder, &block));
    dictionary_builder_free(builder);
    check_ok(dictionary_open(buf_str(&block), &dictionary));

    cr_assert(dictionary_find_near(&dictionary, word, 0, false, &near, 1, &work, 100) == 1);
    cr_assert(near.distance == 0);
}

Test(dictionary, words_out_of_order_twice_or_too_long_are_refused)
{
    static const char *const bad[] = {"b", "a", "", "\xff\xfe"};
    char endless[FOLD_WORD_SIZE_MAX + 2] = {0};
    memset(endless, 'z', FOLD_WORD_SIZE_MAX + 1);
    dictionary_builder_t *builder = NULL;
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_t dictionary;
    check_ok(dictionary_builder_new(&builder));
    check_ok(dictionary_builder_add(builder, STR("b"), 1));

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_err(dictionary_builder_add(builder, str_from(bad[i]), 1), ERR_INVALID);
    check_err(dictionary_builder_add(builder, str_from(endless), 1), ERR_INVALID);
    check_ok(dictionary_builder_add(builder, str_of(endless, FOLD_WORD_SIZE_MAX), UINT64_MAX));
    check_ok(dictionary_builder_finish(builder, &block));
    dictionary_builder_free(builder);

    check_ok(dictionary_open(buf_str(&block), &dictionary));
    cr_assert(dictionary.word_count == 2);
    cr_assert(dictionary_frequency(&dictionary, 1) == UINT32_MAX);
}

Test(dictionary, the_longest_word_is_found_and_with_a_mistake_in_it)
{
    char longest[FOLD_WORD_SIZE_MAX];
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_builder_t *builder = NULL;
    dictionary_t dictionary;
    dictionary_near_t near;
    memset(longest, 'z', sizeof longest);
    check_ok(dictionary_builder_new(&builder));
    check_ok(dictionary_builder_add(builder, str_of(longest, sizeof longest), 1));
    check_ok(dictionary_builder_finish(builder, &block));
    dictionary_builder_free(builder);
    check_ok(dictionary_open(buf_str(&block), &dictionary));

    for (uint32_t mistakes = 0; mistakes < 3; mistakes++) {
        uint64_t work = 0;
        str_t asked = str_of(longest, sizeof longest);
        cr_assert(dictionary_find_near(&dictionary, asked, 2, false, &near, 1, &work, 1000) == 1);
        cr_assert(near.distance == mistakes);
        longest[10 * mistakes] = 'y';
    }
}

Test(dictionary, nothing_is_an_empty_one)
{
    dictionary_builder_t *builder = NULL;
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_near_t near;
    uint32_t index;
    uint64_t work = 0;
    check_ok(dictionary_builder_new(&builder));
    check_ok(dictionary_builder_finish(builder, &block));
    dictionary_builder_free(builder);
    str_t blocks[] = {{0}, buf_str(&block)};

    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        dictionary_t dictionary;
        check_ok(dictionary_open(blocks[i], &dictionary));
        cr_assert(dictionary_lower_bound(&dictionary, STR("a")) == dictionary.word_count);
        check_true(!dictionary_has(&dictionary, STR("a"), &index));
        cr_assert(dictionary_find_near(&dictionary, STR("a"), 2, true, &near, 1, &work, 99) == 0);
        check_str(dictionary_word(&dictionary, 0), STR(""));
        cr_assert(dictionary_frequency(&dictionary, 0) == 0);
    }
}

Test(dictionary, a_walk_ends_when_its_work_is_done)
{
    random_seed_t seed = {13};
    ms_random_t random = random_seeded(&seed);
    static list_t list;
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_t dictionary;
    dictionary_near_t near[NEAR_MAX];
    uint64_t whole = 0;
    random_list(&random, WORDS_MAX, &list);
    build(&list, &block);
    check_ok(dictionary_open(buf_str(&block), &dictionary));
    dictionary_find_near(&dictionary, STR("abcabc"), 2, false, near, NEAR_MAX, &whole, UINT64_MAX);

    for (uint64_t work_max = 0; work_max <= whole; work_max += 7) {
        uint64_t work = 0;
        dictionary_find_near(&dictionary, STR("abcabc"), 2, false, near, NEAR_MAX, &work, work_max);
        cr_assert(work == work_max);
    }
}

Test(dictionary, a_damaged_block_is_refused_or_read_within_its_bytes)
{
    random_seed_t seed = {14};
    ms_random_t random = random_seeded(&seed);
    static list_t list;
    buf_t block BUF_SCOPED = BUF_INIT;
    random_list(&random, 120, &list);
    build(&list, &block);

    for (int round = 0; round < 3000; round++) {
        /* An allocation of just this size, at an odd place: a sanitizer sees the first byte past
         * it. */
        size_t size = round % 3 == 0 ? random_below(&random, block.size + 1) : block.size;
        char *room MEMORY_SCOPED = memory_new(size + 1);
        dictionary_t dictionary;
        dictionary_near_t near[20];
        uint64_t work = 0;
        memcpy(room + 1, block.data, size);
        for (uint64_t i = random_below(&random, 6); i > 0 && size > 0; i--)
            room[1 + random_below(&random, size)] = (char)random_u64(&random);

        if (dictionary_open(str_of(room + 1, size), &dictionary) != ERR_OK)
            continue;
        size_t count = dictionary_find_near(&dictionary, STR("abacab"), 2, round % 2 == 0, near, 20,
                                            &work, 5000);
        for (size_t i = 0; i < count; i++)
            dictionary_word(&dictionary, near[i].index);
        dictionary_lower_bound(&dictionary, STR("b"));
    }
}

Test(dictionary, a_block_that_is_cut_is_corrupt)
{
    static list_t list = {.words = {"a", "ab", "b"}, .count = 3};
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_t dictionary;
    build(&list, &block);

    for (size_t size = 1; size < block.size; size++)
        check_err(dictionary_open(str_of(block.data, size), &dictionary), ERR_CORRUPT);
    block.data[0] ^= 1;
    check_err(dictionary_open(buf_str(&block), &dictionary), ERR_CORRUPT);
}
