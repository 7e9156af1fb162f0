#include "storage/catalog/catalog_changes.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"

/* That who follows the notes knows what the whole catalog says: feed/test_search_documents.c. */

static void put(catalog_fixture_t *self, const catalog_track_t *track)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    check_ok(catalog_put_track(self->writer, &tx, track));
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
}

static catalog_mark_t mark_of_now(catalog_fixture_t *self)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_mark_t mark;
    check_ok(catalog_follow(self->catalog, &mark));
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    check_ok(catalog_mark(&read, &mark));
    return mark;
}

static bool is_noted_since(catalog_fixture_t *self, catalog_mark_t mark, uint64_t track_id)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_changes_t changes;
    bool is_noted = false;
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    check_ok(catalog_changes(&read, mark, &changes));
    for (size_t i = 0; i < changes.count; i++)
        is_noted |= changes.items[i].kind == SEARCH_TRACK && changes.items[i].id == track_id;
    return is_noted;
}

Test(catalog_changes, each_text_that_search_sees_is_noted_when_it_alone_changes)
{
    static const str_t other = STR_INIT("1999");
    static const struct {
        const char *what;
        size_t offset;
        bool is_noted;
    } cases[] = {
        {"title", offsetof(catalog_track_t, title), true},
        {"sort title", offsetof(catalog_track_t, sort_title), true},
        {"album", offsetof(catalog_track_t, album), true},
        {"album's sort title", offsetof(catalog_track_t, album_sort), true},
        {"composer", offsetof(catalog_track_t, composer), true},
        {"codec", offsetof(catalog_track_t, codec), true},
        {"date", offsetof(catalog_track_t, date), true},
        {"original date", offsetof(catalog_track_t, original_date), true},
        {"lyrics", offsetof(catalog_track_t, lyrics), true},
        {"lyrics' blob", offsetof(catalog_track_t, lyrics_blob), true},
        {"root", offsetof(catalog_track_t, root), true},
        {"cover, which it does not see", offsetof(catalog_track_t, artwork), false},
    };
    static const catalog_track_t track = {.id = 7,
                                          .root = STR_INIT("music"),
                                          .path = STR_INIT("a.flac"),
                                          .album = STR_INIT("Album"),
                                          .title = STR_INIT("Title"),
                                          .is_available = true};
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        catalog_track_t changed = track;
        put(&self, &track);
        catalog_mark_t mark = mark_of_now(&self);
        memcpy((char *)&changed + cases[i].offset, &other, sizeof other);

        put(&self, &changed);

        cr_expect(is_noted_since(&self, mark, track.id) == cases[i].is_noted, "%s", cases[i].what);
    }
}
