#include "runtime/base/memory.h"
#include "storage/blob/blob_sealed.h"
#include "storage/blob/blob_store_folder.h"
#include "tests/support/blobs/blob_contract.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

static blob_store_t *folder_of(const temporary_t *folder)
{
    blob_store_t *inner = NULL;
    check_ok(blob_store_folder_open(&(blob_store_folder_options_t){folder->path, false}, &inner));
    return inner;
}

static blob_store_t *opened(const temporary_t *folder, uint8_t key)
{
    blob_store_t *store = NULL;
    const ms_random_t random = random_system();
    blob_keys_t keys = {.content = {{key}}, .name = {key, 1}};
    check_ok(blob_sealed_open(folder_of(folder), &keys, &random, &store));
    return store;
}

Test(blob_sealed, keeps_the_contract)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_store_t *store BLOB_STORE_SCOPED = opened(&folder, 7);
    buf_t problem BUF_SCOPED = BUF_INIT;

    cr_assert(blob_contract_holds(store, &problem), "%s", buf_terminated(&problem));
}

typedef struct stored {
    blob_store_t *inner;
    char keys[4][BLOB_KEY_SIZE_MAX + 1];
    size_t count;
    buf_t all;
} stored_t;

static err_t take(void *context, const blob_info_t *blob)
{
    stored_t *self = context;
    cr_assert(self->count < 4 && str_to_array(blob->key, self->keys[self->count++], 241));
    buf_append(&self->all, blob->key);
    return blob_store_get(self->inner, blob->key, &self->all);
}

Test(blob_sealed, the_store_sees_neither_names_nor_content_nor_that_two_are_equal)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_store_t *store BLOB_STORE_SCOPED = opened(&folder, 7);
    blob_store_t *other BLOB_STORE_SCOPED = opened(&folder, 8);
    stored_t stored = {.inner = folder_of(&folder)};
    check_ok(blob_store_put(store, STR("area/known-name"), STR("known content of it")));
    check_ok(blob_store_put(store, STR("area/other-name"), STR("known content of it")));
    check_ok(blob_store_put(other, STR("area/known-name"), STR("known content of it")));

    check_ok(blob_store_list(stored.inner, STR("area/"), take, &stored));

    cr_assert(stored.count == 3, "the same name under another key is another name");
    cr_assert(str_contains(buf_str(&stored.all), STR("name")) == false);
    cr_assert(str_contains(buf_str(&stored.all), STR("known")) == false);
    cr_assert(str_contains(buf_str(&stored.all), STR("content")) == false);
    buf_deinit(&stored.all);
    blob_store_close(stored.inner);
}

/* Every bit counts, and so do the end and the name. */
Test(blob_sealed, what_was_altered_cut_or_moved_is_corrupt)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_store_t *store BLOB_STORE_SCOPED = opened(&folder, 7);
    enum { SIZE = BLOB_CHUNK_SIZE + 100 };
    char *content MEMORY_SCOPED = memory_new(SIZE);
    stored_t stored = {.inner = folder_of(&folder)};
    buf_t whole BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    check_ok(blob_store_put(store, STR("a/b"), str_of(content, SIZE)));
    check_ok(blob_store_list(stored.inner, STR(""), take, &stored));
    str_t key = str_from(stored.keys[0]);
    check_ok(blob_store_get(stored.inner, key, &whole));
    buf_t altered BUF_SCOPED = BUF_INIT;

    for (size_t bit = 0; bit < whole.size * 8; bit += bit < 1000 ? 1 : 9973) {
        buf_reset(&altered);
        buf_append(&altered, buf_str(&whole));
        altered.data[bit / 8] = (char)(altered.data[bit / 8] ^ (1 << bit % 8));
        check_ok(blob_store_put(stored.inner, key, buf_str(&altered)));
        check_err(blob_store_get(store, STR("a/b"), &out), ERR_CORRUPT);
        cr_assert(out.size == 0);
    }
    static const size_t cuts[] = {0, 1, 27, 28, 29, 28 + BLOB_CHUNK_SIZE + 16, SIZE};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        check_ok(blob_store_put(stored.inner, key, str_slice(buf_str(&whole), 0, cuts[i])));
        check_err(blob_store_get(store, STR("a/b"), &out), ERR_CORRUPT);
        check_err(blob_store_get_range(store, STR("a/b"), SIZE - 5, 5, &out), ERR_CORRUPT);
    }
    /* Another's content under this name. */
    check_ok(blob_store_put(store, STR("a/c"), str_of(content, SIZE)));
    buf_reset(&stored.all);
    check_ok(blob_store_list(stored.inner, STR(""), take, &stored));
    for (size_t i = 1; i < stored.count; i++) {
        buf_t moved BUF_SCOPED = BUF_INIT;
        if (str_equal(str_from(stored.keys[i]), key))
            continue;
        check_ok(blob_store_get(stored.inner, str_from(stored.keys[i]), &moved));
        check_ok(blob_store_put(stored.inner, key, buf_str(&moved)));
        check_err(blob_store_get(store, STR("a/b"), &out), ERR_CORRUPT);
        check_ok(blob_store_get(store, STR("a/c"), &out));
    }
    buf_deinit(&stored.all);
    blob_store_close(stored.inner);
}

Test(blob_sealed, a_key_has_an_area_and_a_bound)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_store_t *store BLOB_STORE_SCOPED = opened(&folder, 7);
    char key[2 + BLOB_SEALED_NAME_MAX + 1] = "a/";
    memset(key + 2, 'n', sizeof key - 2);

    check_err(blob_store_put(store, STR("noarea"), STR("x")), ERR_INVALID);
    check_err(blob_store_put(store, str_of(key, sizeof key), STR("x")), ERR_LIMIT);
    check_ok(blob_store_put(store, str_of(key, sizeof key - 1), STR("x")));
}
