#include "storage/search/index/index_parts.h"
#include "tests/storage/search/index/index_model.h"
#include "tests/support/check.h"

#include <sys/stat.h>

enum { SMALL_MAP = 1 << 20 };

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* ---- builds that end before their time ---- */

typedef struct faulty {
    search_source_t source;
    uint64_t left; /* until it happens */
    err_t err;
    atomic_bool is_stopped;
    bool repeats;
    search_document_t last;
} faulty_t;

static err_t next_faulty(void *context, search_document_t *out_document, bool *out_is_there)
{
    faulty_t *self = context;
    if (self->left-- == 0) {
        if (self->err != ERR_OK)
            return self->err;
        if (self->repeats) {
            *out_document = self->last;
            *out_is_there = true;
            return ERR_OK;
        }
        atomic_store(&self->is_stopped, true);
    }
    TRY(self->source.next(self->source.context, out_document, out_is_there));
    self->last = *out_document;
    return ERR_OK;
}

Test(search_index_fails, a_build_that_fails_leaves_nothing)
{
    static const struct {
        const char *what;
        err_t source_err, want;
        bool repeats;
        size_t map_size;
    } cases[] = {
        {"stopped", ERR_OK, ERR_CANCELLED, false, 0},
        {"its source fails", ERR_IO, ERR_IO, false, 0},
        {"a document comes twice", ERR_OK, ERR_INVALID, true, 0},
        {"the map is full", ERR_OK, ERR_FULL, false, 64 << 10},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t rig RIG_SCOPED;
        rig_init(&rig, i);
        rig_put(&rig, 300);
        search_build_options_t options = rig_build_options(&rig);
        faulty_t faulty = {.source = options.source,
                           .left = cases[i].map_size > 0 ? UINT64_MAX : 200,
                           .err = cases[i].source_err,
                           .repeats = cases[i].repeats};
        options.source = (search_source_t){.context = &faulty, .next = next_faulty};
        options.is_stopped = &faulty.is_stopped;
        options.map_size = cases[i].map_size;

        err_t got = search_build(rig.path.path, &options);

        cr_assert(eq(int, (int)got, (int)cases[i].want), "%s: %s", cases[i].what, err_name(got));
        cr_assert_not(is_there(rig.path.path), "%s", cases[i].what);
    }
}

Test(search_index_fails, progress_ends_where_it_said)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 1);
    rig_put(&rig, 50);
    _Atomic uint64_t done = 0, total = 0;
    search_build_options_t options = rig_build_options(&rig);
    options.done = &done;
    options.total = &total;

    check_ok(search_build(rig.path.path, &options));

    cr_assert_gt(done, 0u);
    cr_assert(eq(u64, done, total));
}

Test(search_index_fails, a_build_removes_what_was_there)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 1);
    rig_put(&rig, 50);
    search_build_options_t options = rig_build_options(&rig);
    check_ok(search_build(rig.path.path, &options));
    model_remove(&rig.model, rig.model.documents[0].document.kind,
                 rig.model.documents[0].document.id);
    options = rig_build_options(&rig);

    check_ok(search_build(rig.path.path, &options));

    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(rig.path.path);
    model_check(&rig.model, index);
}

/* ---- updates ---- */

Test(search_index_fails, an_update_that_finds_no_room_changes_nothing)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 4);
    search_index_t *index SEARCH_INDEX_SCOPED = NULL;
    search_index_options_t options = {.path = rig.path.path, .map_size = SMALL_MAP};
    size_t rounds = 0;
    check_ok(search_index_open(&options, &index));
    char lyrics[20000];
    memset(lyrics, 'a', sizeof lyrics);

    for (;; rounds++) {
        search_document_t big = {.id = 1000 + rounds, .lyrics = str_of(lyrics, sizeof lyrics)};
        err_t err = search_index_update(index, &(search_change_t){.document = big}, 1,
                                        (search_position_t){1, rounds});
        if (err == ERR_FULL)
            break;
        check_ok(err);
    }
    cr_assert_gt(rounds, 1u);
    cr_assert(eq(u64, search_index_position(index).position, rounds - 1));

    /* Room that is made is room. */
    search_change_t gone[4] = {0};
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        gone[i] = (search_change_t){.is_removal = true, .document = {.id = 1000 + i}};
    check_ok(search_index_update(index, gone, 1, (search_position_t){1, rounds}));
}

static void with_tx(search_index_t *index, void (*change)(const kv_tx_t *tx))
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(kv_places_current(&index->places), &tx));
    change(&tx);
    check_ok(kv_commit(&tx));
}

static void fill_delta(const kv_tx_t *tx)
{
    index_state_t state;
    check_ok(index_state_get(tx, &state));
    state.delta[SEARCH_TRACK] = SEARCH_DELTA_FULL - 1;
    check_ok(index_state_put(tx, &state));
}

static void use_numbers_up(const kv_tx_t *tx)
{
    index_state_t state;
    check_ok(index_state_get(tx, &state));
    state.delta[SEARCH_TRACK] = 0;
    state.given[SEARCH_TRACK] = (1u << SEARCH_DELTA_KIND_SHIFT) - 1;
    check_ok(index_state_put(tx, &state));
}

Test(search_index_fails, a_delta_is_full_at_its_limit)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 5);
    search_index_t *index SEARCH_INDEX_SCOPED = rig_open(rig.path.path);
    search_change_t one = {.document = {.id = 1, .title = STR("a")}};
    search_change_t two = {.document = {.id = 2, .title = STR("b")}};
    with_tx(index, fill_delta);

    check_ok(search_index_update(index, &one, 1, (search_position_t){0}));
    check_err(search_index_update(index, &two, 1, (search_position_t){0}), ERR_FULL);

    with_tx(index, use_numbers_up);
    check_ok(search_index_update(index, &one, 1, (search_position_t){0}));
    check_err(search_index_update(index, &two, 1, (search_position_t){0}), ERR_FULL);
}

/* ---- damage ---- */

static void write_other_format(const kv_tx_t *tx)
{
    index_base_t base;
    check_ok(index_base_get(tx, &base));
    base.format = SEARCH_FORMAT + 1;
    check_ok(index_base_put(tx, &base));
}

Test(search_index_fails, another_format_is_stale)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig, 6);
    search_index_t *index = rig_open(rig.path.path);
    with_tx(index, write_other_format);
    search_index_close(index);

    check_err(search_index_open(&(search_index_options_t){.path = rig.path.path}, &index),
              ERR_STALE);
}

/* Every value of a table loses its last byte, and has another first one. */
static void damage(search_index_t *index, kv_table_t table, str_t key)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    buf_t keys BUF_SCOPED = BUF_INIT;
    check_ok(kv_write(kv_places_current(&index->places), &tx));
    check_ok(kv_cursor_open(&tx, table, &cursor));
    for (err_t err = kv_first(&cursor); err == ERR_OK; err = kv_next(&cursor)) {
        if (key.size > 0 && !str_equal(cursor.key, key))
            continue;
        buf_append_char(&keys, (char)cursor.key.size);
        buf_append(&keys, cursor.key);
    }
    kv_cursor_close(&cursor);
    cr_assert_gt(keys.size, 0u);
    for (size_t at = 0; at < keys.size; at += 1 + (size_t)(unsigned char)keys.data[at]) {
        str_t value, name = str_of(keys.data + at + 1, (unsigned char)keys.data[at]);
        buf_t copy BUF_SCOPED = BUF_INIT;
        check_ok(kv_get(&tx, table, name, &value));
        buf_append(&copy, str_slice(value, 0, value.size - 1));
        if (copy.size > 0)
            copy.data[0] = (char)~copy.data[0];
        check_ok(kv_put(&tx, table, name, buf_str(&copy)));
    }
    check_ok(kv_commit(&tx));
}

typedef struct looked {
    err_t begin, posting, title, entry, number, lyrics, since, delta, everything;
} looked_t;

static err_t look_for(search_read_t *read, search_space_t space)
{
    roaring_bitmap_t *bitmap;
    TRY(search_postings(read, space, STR("base"), &bitmap));
    roaring_bitmap_free(bitmap);
    return ERR_OK;
}

static err_t look_since(search_read_t *read)
{
    roaring_bitmap_t *bitmap;
    TRY(search_added_since(read, 0, &bitmap));
    roaring_bitmap_free(bitmap);
    return ERR_OK;
}

static err_t look_at_all(search_read_t *read)
{
    roaring_bitmap_t *bitmap;
    TRY(search_everything(read, &bitmap));
    roaring_bitmap_free(bitmap);
    return ERR_OK;
}

/* Of document 1 of the base and document 2 of the delta. */
static looked_t look(search_index_t *index)
{
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    search_entry_t entry;
    uint32_t number;
    str_t lyrics;
    looked_t looked = {.begin = search_read_begin(index, &arena, &read)};
    if (looked.begin != ERR_OK)
        return looked;
    looked.posting = look_for(&read, SEARCH_SPACE_WORD);
    looked.title = look_for(&read, SEARCH_SPACE_TITLE);
    looked.entry = search_entry(&read, 0, &entry);
    looked.number = search_number(&read, SEARCH_TRACK, 1, &number);
    looked.lyrics = search_lyrics(&read, 0, &lyrics);
    looked.since = look_since(&read);
    looked.delta = search_entry(&read, search_delta_first(SEARCH_TRACK), &entry);
    looked.everything = look_at_all(&read);
    return looked;
}

static search_index_t *open_both(rig_t *rig)
{
    (void)model_put(&rig->model, &rig->random, SEARCH_TRACK, 1);
    (void)model_put(&rig->model, &rig->random, SEARCH_TRACK, 3);
    rig->model.documents[0].document =
        (search_document_t){.id = 1, .title = STR("Base"), .added_at_ms = 1};
    rig->model.documents[1].document = (search_document_t){.id = 3};
    search_build_options_t options = rig_build_options(rig);
    check_ok(search_build(rig->path.path, &options));
    search_index_t *index = rig_open(rig->path.path);
    const search_change_t changes[] = {
        {.document = {.id = 2, .title = STR("Base"), .added_at_ms = 1}},
        {.is_removal = true, .document = {.id = 3}},
    };
    check_ok(search_index_update(index, changes, COUNT_OF(changes), (search_position_t){0}));
    return index;
}

Test(search_index_fails, what_is_damaged_is_said_to_be)
{
    static const struct {
        const char *what;
        kv_table_t table;
        const char *key; /* "": all of the table */
        size_t where;    /* in looked_t */
    } cases[] = {
        {"the base's head", TABLE_META, "base", offsetof(looked_t, begin)},
        {"the state", TABLE_META, "state", offsetof(looked_t, begin)},
        {"the dictionary", TABLE_META, "dictionary", offsetof(looked_t, begin)},
        {"what is gone", TABLE_GONE, "", offsetof(looked_t, begin)},
        {"postings", TABLE_POSTINGS, "", offsetof(looked_t, posting)},
        {"titles", TABLE_TITLES, "", offsetof(looked_t, title)},
        {"entries", TABLE_ENTRIES, "", offsetof(looked_t, entry)},
        {"ids", TABLE_IDS, "", offsetof(looked_t, number)},
        {"when they were added", TABLE_ADDED, "", offsetof(looked_t, since)},
        {"the delta's documents", TABLE_DELTA, "", offsetof(looked_t, delta)},
        {"the delta's postings", TABLE_DELTA_TERMS, "", offsetof(looked_t, everything)},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t rig RIG_SCOPED;
        rig_init(&rig, i);
        search_index_t *index SEARCH_INDEX_SCOPED = open_both(&rig);
        looked_t before = look(index);
        const looked_t fine = {0};
        cr_assert(memcmp(&before, &fine, sizeof fine) == 0, "%s", cases[i].what);

        damage(index, cases[i].table, str_from(cases[i].key));

        looked_t after = look(index);
        err_t got = *(const err_t *)(const void *)((const char *)&after + cases[i].where);
        cr_assert(eq(int, (int)got, ERR_CORRUPT), "%s: %s", cases[i].what, err_name(got));
    }
}
