#include "tests/support/blobs/blob_contract.h"

#include "runtime/base/memory.h"

#include <pthread.h>
#include <stdio.h>

enum { LARGE_SIZE = 300000, MANY = 23, WRITERS = 4, ROUNDS = 6 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            buf_printf(problem, "%s:%d: %s", __func__, __LINE__, #condition);                      \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

static bool holds(blob_store_t *store, str_t key, str_t wanted)
{
    buf_t got BUF_SCOPED = BUF_INIT;
    buf_append(&got, STR("before")); /* a get appends */
    return blob_store_get(store, key, &got) == ERR_OK &&
           str_starts_with(buf_str(&got), STR("before")) &&
           str_equal(str_slice(buf_str(&got), 6, got.size), wanted);
}

static bool one_is_put_read_replaced_and_removed(blob_store_t *store, buf_t *problem)
{
    str_t key = STR("contract/a/b-c_d.E/f.txt");
    buf_t got BUF_SCOPED = BUF_INIT;
    blob_info_t info;
    REQUIRE(blob_store_get(store, key, &got) == ERR_NOT_FOUND);
    REQUIRE(blob_store_find(store, key, &info) == ERR_NOT_FOUND);
    REQUIRE(blob_store_remove(store, key) == ERR_OK);
    REQUIRE(blob_store_put(store, key, STR("first")) == ERR_OK);
    REQUIRE(holds(store, key, STR("first")));
    REQUIRE(blob_store_put(store, key, STR("the second")) == ERR_OK);
    REQUIRE(holds(store, key, STR("the second")));
    REQUIRE(blob_store_find(store, key, &info) == ERR_OK);
    REQUIRE(info.size == 10 && str_equal(info.key, key) && info.modified_ms > 1600000000000);
    REQUIRE(blob_store_get(store, STR("contract/a"), &got) == ERR_NOT_FOUND);
    REQUIRE(blob_store_get(store, STR("contract/a/b-c_d.E/f.txt/g"), &got) == ERR_NOT_FOUND);
    REQUIRE(blob_store_remove(store, key) == ERR_OK);
    REQUIRE(blob_store_get(store, key, &got) == ERR_NOT_FOUND && got.size == 0);
    return true;
}

static bool sizes_and_ranges(blob_store_t *store, buf_t *problem)
{
    static const struct {
        uint64_t offset;
        size_t size_max, wanted;
    } cases[] = {{0, 1, 1},
                 {0, 5, 5},
                 {1, 3, 3},
                 {65535, 2, 2},
                 {65536, 65536, 65536},
                 {131071, 70000, 70000},
                 {LARGE_SIZE - 1, 9, 1},
                 {LARGE_SIZE, 9, 0},
                 {LARGE_SIZE + 5, 9, 0},
                 {7, 0, 0},
                 {0, LARGE_SIZE, LARGE_SIZE}};
    char *large MEMORY_SCOPED = memory_new(LARGE_SIZE);
    str_t key = STR("contract/large"), empty = STR("contract/empty");
    REQUIRE(large != NULL);
    for (size_t i = 0; i < LARGE_SIZE; i++)
        large[i] = (char)(i * 31 + i / 251);
    REQUIRE(blob_store_put(store, key, str_of(large, LARGE_SIZE)) == ERR_OK);
    REQUIRE(holds(store, key, str_of(large, LARGE_SIZE)));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t got BUF_SCOPED = BUF_INIT;
        REQUIRE(blob_store_get_range(store, key, cases[i].offset, cases[i].size_max, &got) ==
                ERR_OK);
        REQUIRE(got.size == cases[i].wanted);
        REQUIRE(got.size == 0 || memcmp(got.data, large + cases[i].offset, got.size) == 0);
    }
    REQUIRE(blob_store_put(store, empty, (str_t){NULL, 0}) == ERR_OK);
    REQUIRE(holds(store, empty, STR("")));
    REQUIRE(blob_store_remove(store, key) == ERR_OK && blob_store_remove(store, empty) == ERR_OK);
    return true;
}

static bool keys_that_are_none_lead_nowhere(blob_store_t *store, buf_t *problem)
{
    static const char *const bad[] = {"",     "/a",  "a/",   "a//b",     "../a", "a/../b", ".a",
                                      "a/.b", "a b", "a\\b", "\xc3\xa9", "a?b",  "a%2fb"};
    char large[BLOB_KEY_SIZE_MAX + 1];
    buf_t got BUF_SCOPED = BUF_INIT;
    blob_info_t info;
    memset(large, 'a', sizeof large);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        REQUIRE(blob_store_put(store, str_from(bad[i]), STR("x")) == ERR_INVALID);
        REQUIRE(blob_store_get(store, str_from(bad[i]), &got) == ERR_INVALID);
        REQUIRE(blob_store_find(store, str_from(bad[i]), &info) == ERR_INVALID);
        REQUIRE(blob_store_remove(store, str_from(bad[i])) == ERR_INVALID);
    }
    REQUIRE(blob_store_put(store, str_of(large, sizeof large), STR("x")) == ERR_INVALID);
    return true;
}

/* ---- lists ---- */

typedef struct seen {
    blob_store_t *store;
    uint32_t times[MANY], others;
    bool removes;
} seen_t;

static err_t see(void *context, const blob_info_t *blob)
{
    seen_t *self = context;
    size_t slash = str_find_last(blob->key, '/');
    uint32_t number = MANY;
    if (str_to_u32(str_slice(blob->key, slash + 1, blob->key.size), &number) != ERR_OK ||
        number >= MANY || blob->size != number)
        self->others++;
    else
        self->times[number]++;
    return self->removes ? blob_store_remove(self->store, blob->key) : ERR_OK;
}

static err_t stop_at_once(void *context, const blob_info_t *blob)
{
    (void)blob;
    ++*(uint32_t *)context;
    return ERR_CANCELLED;
}

static bool lists_name_each_once(blob_store_t *store, buf_t *problem)
{
    char key[64];
    uint32_t count = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "contract/many/%u/%u", i % 3, i);
        REQUIRE(blob_store_put(store, str_from(key), str_of("12345678901234567890123", i)) ==
                ERR_OK);
    }
    seen_t all = {.store = store}, some = {.store = store}, none = {.store = store};
    REQUIRE(blob_store_list(store, STR("contract/many/"), see, &all) == ERR_OK);
    REQUIRE(blob_store_list(store, STR("contract/many/1/1"), see, &some) == ERR_OK);
    REQUIRE(blob_store_list(store, STR("contract/none"), see, &none) == ERR_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        REQUIRE(all.times[i] == 1 && none.times[i] == 0);
        REQUIRE(some.times[i] == (i == 1 || i == 10 || i == 13 || i == 16 || i == 19));
    }
    REQUIRE(all.others == 0 && some.others == 0);
    REQUIRE(blob_store_list(store, STR("contract/many"), stop_at_once, &count) == ERR_CANCELLED);
    REQUIRE(count == 1);
    seen_t removed = {.store = store, .removes = true}, left = {.store = store};
    REQUIRE(blob_store_list(store, STR("contract/many/"), see, &removed) == ERR_OK);
    REQUIRE(blob_store_list(store, STR("contract/"), see, &left) == ERR_OK);
    for (uint32_t i = 0; i < MANY; i++)
        REQUIRE(removed.times[i] == 1 && left.times[i] == 0);
    return true;
}

/* ---- many at once ---- */

typedef struct writer {
    blob_store_t *store;
    char letter;
    bool is_right;
} writer_t;

/* All write the same key: whoever reads sees one of them, whole. */
static void *write_and_read(void *context)
{
    writer_t *self = context;
    char content[5000];
    memset(content, self->letter, sizeof content);
    self->is_right = true;
    for (uint32_t i = 0; i < ROUNDS && self->is_right; i++) {
        buf_t got BUF_SCOPED = BUF_INIT;
        self->is_right = blob_store_put(self->store, STR("contract/one"),
                                        str_of(content, sizeof content)) == ERR_OK &&
                         blob_store_get(self->store, STR("contract/one"), &got) == ERR_OK &&
                         got.size == sizeof content;
        for (size_t at = 1; self->is_right && at < got.size; at++)
            self->is_right = got.data[at] == got.data[0];
    }
    return NULL;
}

static bool readers_see_whole_blobs(blob_store_t *store, buf_t *problem)
{
    pthread_t threads[WRITERS];
    writer_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){store, (char)('a' + i), false};
        pthread_create(&threads[i], NULL, write_and_read, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < WRITERS; i++)
        REQUIRE(writers[i].is_right);
    REQUIRE(blob_store_remove(store, STR("contract/one")) == ERR_OK);
    return true;
}

static bool tidying_leaves_what_is_whole(blob_store_t *store, buf_t *problem)
{
    uint64_t count = 99;
    REQUIRE(blob_store_put(store, STR("contract/whole"), STR("x")) == ERR_OK);
    REQUIRE(blob_store_tidy(store, INT64_MAX, &count) == ERR_OK && count == 0);
    REQUIRE(holds(store, STR("contract/whole"), STR("x")));
    REQUIRE(blob_store_remove(store, STR("contract/whole")) == ERR_OK);
    return true;
}

bool blob_contract_holds(blob_store_t *store, buf_t *problem)
{
    blob_store_status_t status;
    bool is_kept =
        one_is_put_read_replaced_and_removed(store, problem) && sizes_and_ranges(store, problem) &&
        keys_that_are_none_lead_nowhere(store, problem) && lists_name_each_once(store, problem) &&
        readers_see_whole_blobs(store, problem) && tidying_leaves_what_is_whole(store, problem);
    if (!is_kept)
        return false;
    blob_store_status(store, &status);
    REQUIRE(!status.is_away && status.failed == 0 && status.puts > MANY && status.gets > 0);
    return true;
}
