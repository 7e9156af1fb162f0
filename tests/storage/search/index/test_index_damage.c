/* Any byte of a value that is another one is found by who reads all of the index, whichever table
 * it lies in: bytes are changed in the file, under the map, one at a time. MS_ROUNDS=n changes n
 * times as many of them.
 *
 * LMDB's own pages are not looked at here: docs/search.md, "Damage". */

#include "storage/bytes_at.h"
#include "storage/search/index/index_parts.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

#include <fcntl.h>
#include <unistd.h>

enum { DOCUMENTS = 60, CHANGES = 40, STRIDE = 37, OWN_ID = 200 };

/* ---- reading all there is ---- */

typedef struct item {
    kv_table_t table;
    str_t key, value;
} item_t;

typedef struct world {
    rig_t rig;
    search_index_t *index;
    arena_t arena;
    item_t items[20000];
    size_t count;
} world_t;

static err_t read_term(search_read_t *read, search_space_t space, str_t text)
{
    roaring_bitmap_t *bitmap;
    TRY(search_postings(read, space, text, &bitmap));
    roaring_bitmap_free(bitmap);
    return ERR_OK;
}

static err_t read_terms(const world_t *self, search_read_t *read)
{
    for (size_t i = 0; i < self->count; i++) {
        str_t term = self->items[i].key;
        if (self->items[i].table == TABLE_DELTA_TERMS)
            term.size -= 4;
        else if (self->items[i].table != TABLE_POSTINGS)
            continue;
        TRY(read_term(read, (search_space_t)term.data[0], str_slice(term, 1, term.size)));
    }
    return ERR_OK;
}

static err_t read_number(search_read_t *read, uint32_t number)
{
    search_entry_t entry;
    str_t lyrics;
    err_t err = search_entry(read, number, &entry);
    if (err == ERR_OK)
        err = search_lyrics(read, number, &lyrics);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t read_documents(const world_t *self, search_read_t *read)
{
    const model_t *model = &self->rig.model;
    for (uint32_t number = 0; number < read->base_end; number++)
        TRY(read_number(read, number));
    for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < CHANGES * 4; i++)
            TRY(read_number(read, search_delta_first(kind) + i));
    uint32_t number;
    TRY(search_number(read, (search_kind_t)0, OWN_ID, &number));
    for (size_t i = 0; i < model->count; i++) {
        const search_document_t *document = &model->documents[i].document;
        err_t err = search_number(read, document->kind, document->id, &number);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        TRY(read_term(read, SEARCH_SPACE_TITLE, document->title));
    }
    return ERR_OK;
}

static bool see(void *context, str_t folded, str_t name, uint64_t frequency)
{
    (void)context, (void)folded, (void)name, (void)frequency;
    return true;
}

static err_t count_facets(search_read_t *read)
{
    roaring_bitmap_t *all;
    search_counted_t counted;
    TRY(search_everything(read, &all));
    err_t err = search_counted_init(read, all, read->base_end, &counted);
    roaring_bitmap_free(all);
    if (err == ERR_OK)
        search_counted_deinit(&counted);
    return err;
}

static err_t read_lists(search_read_t *read)
{
    static const search_space_t spaces[] = {
        SEARCH_SPACE_GENRE,    SEARCH_SPACE_MOOD,   SEARCH_SPACE_DECADE, SEARCH_SPACE_YEAR,
        SEARCH_SPACE_LANGUAGE, SEARCH_SPACE_FORMAT, SEARCH_SPACE_ROOT};
    roaring_bitmap_t *bitmap;
    for (size_t i = 0; i < COUNT_OF(spaces); i++)
        TRY(search_facet_values(read, spaces[i], see, NULL));
    for (int64_t ms = 0; ms < 1000; ms += 100) {
        TRY(search_added_since(read, ms, &bitmap));
        roaring_bitmap_free(bitmap);
    }
    return ERR_OK;
}

static err_t read_all(const world_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    TRY(search_read_begin(self->index, &arena, &read));
    TRY(index_dictionary_check(&read.tx)); /* as who opens it does */
    TRY(read_terms(self, &read));
    TRY(read_documents(self, &read));
    TRY(count_facets(&read));
    return read_lists(&read);
}

/* ---- what there is ---- */

static str_t kept(world_t *self, str_t text)
{
    str_t copy = arena_str(&self->arena, text);
    cr_assert_not_null(copy.data);
    return copy;
}

/* The dictionary has blanks behind it, so that it has a page of its own. */
static str_t what_counts(const kv_tx_t *tx, str_t key, str_t value)
{
    index_base_t base;
    check_ok(index_base_get(tx, &base));
    return str_equal(key, STR("dictionary")) ? str_slice(value, 0, base.dictionary_size) : value;
}

/* Who asks never reads a document that is gone; nor words of the delta, which are counted for the
 * next update. */
static bool is_read(const world_t *self, kv_table_t table, str_t key)
{
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    if (table == TABLE_DELTA_WORDS)
        return false;
    if (table != TABLE_ENTRIES && table != TABLE_LYRICS)
        return true;
    check_ok(search_read_begin(self->index, &arena, &read));
    return !roaring_bitmap_contains(read.gone, __builtin_bswap32(u32_at(key, 0)));
}

/* So few documents have no marks: test_added.c. */
static void note_items(world_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_read(kv_places_current(&self->index->places), &tx));
    for (kv_table_t table = 0; table < TABLE_COUNT; table++) {
        kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
        check_ok(kv_cursor_open(&tx, table, &cursor));
        err_t err = kv_first(&cursor);
        cr_assert(err == ERR_OK || table == TABLE_ADDED_MARKS, "nothing in \"%s\"",
                  INDEX_TABLES[table]);
        for (; err == ERR_OK; err = kv_next(&cursor)) {
            cr_assert_lt(self->count, COUNT_OF(self->items));
            str_t value = what_counts(&tx, cursor.key, cursor.value);
            if (is_read(self, table, cursor.key))
                self->items[self->count++] =
                    (item_t){table, kept(self, cursor.key), kept(self, value)};
        }
    }
}

static void put_all(world_t *self)
{
    search_change_t *changes = arena_new_array(&self->arena, CHANGES, sizeof *changes);
    rig_init(&self->rig, 1);
    for (uint64_t id = 1; id <= DOCUMENTS; id++)
        (void)model_put(&self->rig.model, &self->rig.random, (search_kind_t)(id % 3), id);
    for (size_t i = 0; i < self->rig.model.count; i++) {
        static const str_t values[] = {STR_INIT("Calm")};
        self->rig.model.documents[i].document.moods = (search_names_t){values, 1};
    }
    search_build_options_t options = rig_build_options(&self->rig);
    check_ok(search_build(self->rig.path.path, &options));
    self->index = rig_open(self->rig.path.path);
    static const str_t genres[] = {STR_INIT("New here")};
    const search_change_t own = {
        .document = {.id = OWN_ID, .title = STR("Quitenew"), .genres = {genres, 1}}};
    check_ok(search_index_update(self->index, &own, 1, (search_position_t){1, 1}));
    for (uint64_t i = 0; i < 4; i++) {
        size_t count = rig_change(&self->rig, changes, CHANGES);
        check_ok(search_index_update(self->index, changes, count, (search_position_t){1, i}));
    }
}

/* ---- the file under the map ---- */

typedef struct image {
    int fd;
    buf_t bytes;
} image_t;

static void image_open(image_t *self, const world_t *world)
{
    char path[512];
    snprintf(path, sizeof path, "%s/data.mdb", world->rig.path.path);
    *self = (image_t){.fd = open(path, O_RDWR | O_CLOEXEC)};
    cr_assert_geq(self->fd, 0);
    off_t size = lseek(self->fd, 0, SEEK_END);
    char *room = buf_extend(&self->bytes, (size_t)size);
    cr_assert(room != NULL && pread(self->fd, room, (size_t)size, 0) == size);
}

static void image_close(image_t *self)
{
    close(self->fd);
    buf_deinit(&self->bytes);
}
#define IMAGE_SCOPED SCOPED(image_close)

static size_t find(const image_t *self, str_t text, size_t from)
{
    str_t all = buf_str(&self->bytes);
    const char *at = memmem(all.data + from, all.size - from, text.data, text.size);
    return at == NULL ? all.size : (size_t)(at - all.data);
}

static void write_byte(const image_t *self, size_t at, char byte)
{
    cr_assert(pwrite(self->fd, &byte, 1, (off_t)at) == 1);
}

/* A byte of a value becomes another, wherever the value lies: old copies of it are on free pages.
 */
static size_t change(const image_t *self, const item_t *item, size_t at, char turn)
{
    buf_t both BUF_SCOPED = BUF_INIT;
    size_t changed = 0, skip = item->key.size;
    buf_append(&both, item->key);
    buf_append(&both, item->value);
    str_t text = buf_str(&both);
    if (find(self, text, 0) == self->bytes.size) { /* it has pages of its own */
        text = item->value;
        skip = 0;
    }
    for (size_t place = find(self, text, 0); place < self->bytes.size;
         place = find(self, text, place + 1), changed++)
        write_byte(self, place + skip + at, (char)(item->value.data[at] ^ turn));
    return changed;
}

Test(search_index_damage, a_byte_that_is_another_is_found_wherever_it_lies)
{
    static world_t world;
    image_t image IMAGE_SCOPED = {.fd = -1};
    size_t stride = MAX(STRIDE / scale_rounds(), (uint64_t)1), left = 0;
    put_all(&world);
    note_items(&world);
    image_open(&image, &world);
    check_ok(read_all(&world));

    for (size_t i = 0; i < world.count; i++) {
        const item_t *item = &world.items[i];
        for (size_t at = left; at < item->value.size; at += stride) {
            char turn = (char)(1 + random_below(&world.rig.random, 255));
            cr_assert_gt(change(&image, item, at, turn), 0u);
            err_t err = read_all(&world);
            cr_assert(err == ERR_CORRUPT, "byte %zu of %zu, key %zu of \"%s\": %s", at,
                      item->value.size, i, INDEX_TABLES[item->table], err_name(err));
            change(&image, item, at, 0);
        }
        left = item->value.size > left ? (stride - (item->value.size - left) % stride) % stride
                                       : left - item->value.size;
    }

    check_ok(read_all(&world));
    search_index_close(world.index);
    arena_deinit(&world.arena);
    rig_deinit(&world.rig);
}
