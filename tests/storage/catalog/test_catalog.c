#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"

static void put_tracks(catalog_fixture_t *self, const catalog_track_t *tracks, size_t count)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    for (size_t i = 0; i < count; i++)
        check_ok(catalog_put_track(self->writer, &tx, &tracks[i]));
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
}

static void remove_track(catalog_fixture_t *self, uint64_t id)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    check_ok(catalog_remove_track(self->writer, &tx, id));
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
}

static catalog_read_t reading(catalog_fixture_t *self)
{
    catalog_read_t read;
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    return read;
}

static catalog_page_t page_of(catalog_read_t *read, catalog_page_options_t options)
{
    catalog_page_t page;
    check_ok(catalog_page(read, &options, &page));
    return page;
}

/* ---- what follows from tracks ---- */

Test(catalog, a_track_brings_its_album_artists_and_genres_and_takes_them_along)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t track = made_track(&self.arena, 5);
    track.credits.items = (catalog_credit_t[]){{.name = STR("Ada"), .join_phrase = STR(" & ")},
                                               {.name = STR("Bo"), .role = CATALOG_ROLE_FEATURED}};
    track.credits.count = 2;
    uint64_t ada = catalog_artist_id(STR("ada"), (str_t){NULL, 0});

    put_tracks(&self, &track, 1);

    {
        catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
        catalog_counts_t counts;
        catalog_track_t stored;
        catalog_album_t album;
        catalog_artist_t artist;
        check_ok(catalog_counts(&read, &counts));
        cr_assert(counts.tracks == 1 && counts.albums == 1 && counts.artists == 3 &&
                  counts.genres == 1);
        check_ok(catalog_track(&read, 6, &stored));
        check_str(stored.title, track.title);
        cr_assert(stored.credits.items[0].artist_id == ada);
        check_ok(catalog_album(&read, stored.album_id, &album));
        check_str(album.title, track.album);
        cr_assert(album.track_count == 1 && album.year == 1960 && album.credits.count == 1);
        check_ok(catalog_artist(&read, ada, &artist));
        check_str(artist.name, STR("Ada"));
        cr_assert(artist.track_count == 1 && artist.album_count == 0);
    }
    remove_track(&self, 6);
    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    catalog_counts_t counts;
    check_ok(catalog_counts(&read, &counts));
    cr_assert(counts.tracks == 0 && counts.albums == 0 && counts.artists == 0 &&
              counts.genres == 0);
    for (catalog_list_t list = 0; list < CATALOG_LIST_COUNT; list++) {
        uint64_t entries;
        check_ok(kv_count(&read.tx, (kv_table_t)list, &entries));
        cr_expect(entries == 0, "list %d keeps %llu", list, (unsigned long long)entries);
    }
}

Test(catalog, an_unavailable_track_stays_listed_with_its_reason)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t track = made_track(&self.arena, 0);
    put_tracks(&self, &track, 1);

    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog), &tx));
        check_ok(catalog_set_available(self.writer, &tx, 1, false, STR("deleted")));
        check_err(catalog_set_available(self.writer, &tx, 2, false, STR("deleted")), ERR_NOT_FOUND);
        check_ok(catalog_write_flush(self.writer, &tx));
        check_ok(kv_commit(&tx));
    }

    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    catalog_track_t stored;
    catalog_album_t album;
    check_ok(catalog_track(&read, 1, &stored));
    cr_assert(stored.is_available == false);
    check_str(stored.unavailable_reason, STR("deleted"));
    check_ok(catalog_album(&read, stored.album_id, &album));
    cr_assert(album.track_count == 1 && album.available_count == 0);
}

Test(catalog, a_discarded_batch_leaves_nothing_behind)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t first = made_track(&self.arena, 0), second = made_track(&self.arena, 40);
    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog), &tx));
        check_ok(catalog_put_track(self.writer, &tx, &first));
        catalog_write_discard(self.writer);
    }

    put_tracks(&self, &second, 1);

    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    catalog_counts_t counts;
    check_ok(catalog_counts(&read, &counts));
    cr_assert(counts.tracks == 1 && counts.albums == 1 && counts.artists == 1);
}

Test(catalog, a_track_without_id_root_or_path_is_refused)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self.catalog), &tx));
    catalog_track_t bad[3];
    for (size_t i = 0; i < 3; i++)
        bad[i] = made_track(&self.arena, i);
    bad[0].id = 0;
    bad[1].root = (str_t){NULL, 0};
    bad[2].path = (str_t){NULL, 0};

    for (size_t i = 0; i < 3; i++)
        check_err(catalog_put_track(self.writer, &tx, &bad[i]), ERR_INVALID);
}

Test(catalog, text_of_any_length_fits_the_indexes)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    static char large[100000];
    memset(large, 'x', sizeof large);
    catalog_track_t tracks[2] = {made_track(&self.arena, 0), made_track(&self.arena, 1)};
    for (size_t i = 0; i < 2; i++) {
        large[sizeof large - 1] = (char)('a' + i);
        str_t text = arena_str(&self.arena, str_of(large, sizeof large));
        tracks[i].title = tracks[i].album = tracks[i].path = tracks[i].audio_hash = text;
        tracks[i].mb_recording_id = tracks[i].mb_release_id = text;
        tracks[i].genres.items = &text;
        put_tracks(&self, &tracks[i], 1);
    }

    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    uint64_t id;
    for (size_t i = 0; i < 2; i++) {
        check_ok(catalog_find_path(&read, tracks[i].root, tracks[i].path, &id));
        cr_assert(id == tracks[i].id);
    }
}

Test(catalog, a_track_is_found_by_what_its_file_says)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t tracks[30];
    for (uint64_t i = 0; i < 30; i++) {
        tracks[i] = made_track(&self.arena, i);
        tracks[i].mb_recording_id = arena_printf(&self.arena, "rec-%d", (int)i / 2);
        tracks[i].mb_release_id = STR("release");
        tracks[i].album_id = 0;
    }
    put_tracks(&self, tracks, 30);
    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    const catalog_track_t *one = &tracks[17];
    catalog_ids_t ids;
    uint64_t id;

    check_ok(catalog_find_path(&read, one->root, one->path, &id));
    cr_assert(id == 18);
    check_err(catalog_find_path(&read, STR("other"), one->path, &id), ERR_NOT_FOUND);
    check_err(catalog_find_path(&read, one->root, STR("Artist 0"), &id), ERR_NOT_FOUND);
    check_ok(catalog_find_audio(&read, one->audio_hash, &ids));
    cr_assert(ids.count == 1 && ids.ids[0] == 18);
    check_ok(catalog_find_mbid(&read, STR("rec-8"), STR("release"), &ids));
    cr_assert(ids.count == 2 && ids.ids[0] == 17 && ids.ids[1] == 18);
    check_ok(catalog_find_mbid(&read, STR("rec-8"), STR("another"), &ids));
    cr_assert(ids.count == 0);
    check_ok(catalog_find_tags(&read, STR("ARTIST 0 OF THE RIVER"), STR("album title 1"), 1, 6,
                               STR("Söng number 17 in time"), &ids));
    cr_assert(ids.count == 1 && ids.ids[0] == 18);
}

Test(catalog, albums_are_one_by_release_then_by_name_then_by_folder)
{
    str_t none = {NULL, 0};
    uint64_t plain = catalog_album_id(STR("Björk"), STR("Début"), none, STR("m"), STR("x"));

    cr_assert(plain == catalog_album_id(STR("bjork"), STR("DEBUT"), none, STR("n"), STR("y")));
    cr_assert(plain != catalog_album_id(STR("bjork"), STR("Post"), none, STR("m"), STR("x")));
    cr_assert(plain != catalog_album_id(STR("Björk"), STR("Début"), STR("id"), STR("m"), STR("x")));
    cr_assert(catalog_album_id(none, none, none, STR("m"), STR("x")) !=
              catalog_album_id(none, none, none, STR("m"), STR("y")));
    cr_assert(catalog_artist_id(STR("!!!"), none) != catalog_artist_id(STR("???"), none));
    cr_assert(catalog_artist_id(STR("a"), STR("m")) == catalog_artist_id(STR("b"), STR("M")));
    cr_assert(plain < (uint64_t)1 << 53);
}

/* ---- pages ---- */

Test(catalog, pages_cover_a_list_once_in_both_directions)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t tracks[100];
    for (uint64_t i = 0; i < 100; i++)
        tracks[i] = made_track(&self.arena, i);
    put_tracks(&self, tracks, 100);
    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    uint64_t artist = catalog_artist_id(STR("Artist 1 of the River"), (str_t){NULL, 0});
    const catalog_page_options_t lists[] = {
        {.list = CATALOG_TRACKS_BY_TITLE},
        {.list = CATALOG_TRACKS_BY_PATH},
        {.list = CATALOG_TRACKS_BY_PATH, .root = STR("music")},
        {.list = CATALOG_TRACKS_OF_ARTIST, .of = artist},
        {.list = CATALOG_ALBUMS_OF_ARTIST, .of = artist},
        {.list = CATALOG_ALBUMS_BY_YEAR},
        {.list = CATALOG_ARTISTS_BY_NAME},
    };
    static const size_t sizes[] = {100, 100, 100, 36, 3, 9, 3};

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        uint64_t forward[100];
        size_t count = 0, seen = 0;
        catalog_page_options_t options = lists[i];
        options.limit = 7;
        for (bool has_more = true; has_more;) {
            catalog_page_t page = page_of(&read, options);
            for (size_t k = 0; k < page.count && count < 100; k++)
                forward[count++] = page.items[k].id;
            has_more = page.has_more;
            cr_assert(has_more ? page.count == 7 : page.count <= 7);
            options.after = page.items[page.count - 1].cursor;
        }
        options = lists[i];
        options.limit = 7;
        options.is_backward = true;
        for (bool has_more = true; has_more;) {
            catalog_page_t page = page_of(&read, options);
            for (size_t k = 0; k < page.count; k++, seen++)
                cr_assert(page.items[k].id == forward[count - 1 - seen], "list %zu", i);
            has_more = page.has_more;
            options.after = page.items[page.count - 1].cursor;
        }
        cr_expect(count == sizes[i] && seen == count, "list %zu: %zu, %zu", i, count, seen);
    }
}

Test(catalog, a_page_has_at_most_500_and_a_foreign_cursor_is_refused)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t *tracks = arena_new_array(&self.arena, 501, sizeof *tracks);
    for (uint64_t i = 0; i < 501; i++)
        tracks[i] = made_track(&self.arena, i);
    put_tracks(&self, tracks, 501);
    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    static char large[KV_KEY_SIZE_MAX + 1];
    catalog_page_t page;

    page = page_of(&read, (catalog_page_options_t){.limit = 100000});
    cr_assert(page.count == CATALOG_PAGE_MAX && page.has_more);
    page = page_of(&read, (catalog_page_options_t){.list = CATALOG_TRACKS_OF_ALBUM, .of = 12345});
    cr_assert(page.count == 0 && !page.has_more);
    page = page_of(&read, (catalog_page_options_t){.after = STR("\xff")});
    cr_assert(page.count == 0);
    page = page_of(&read, (catalog_page_options_t){.after = STR("\xff"), .is_backward = true});
    cr_assert(page.count == CATALOG_PAGE_MAX);
    check_err(catalog_page(&read,
                           &(catalog_page_options_t){.list = CATALOG_TRACKS_OF_ALBUM,
                                                     .of = 5,
                                                     .after = STR("not of five")},
                           &page),
              ERR_INVALID);
    check_err(
        catalog_page(&read, &(catalog_page_options_t){.after = str_of(large, sizeof large)}, &page),
        ERR_INVALID);
    check_err(catalog_page(&read, &(catalog_page_options_t){.list = CATALOG_LIST_COUNT}, &page),
              ERR_INVALID);
}

Test(catalog, an_album_lists_its_tracks_by_disc_and_number)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    static const uint32_t discs[] = {2, 1, 1, 2, 1}, numbers[] = {1, 12, 2, 3, 1};
    static const uint64_t want[] = {5, 3, 2, 1, 4};
    catalog_track_t tracks[5];
    for (uint64_t i = 0; i < 5; i++) {
        tracks[i] = made_track(&self.arena, i);
        tracks[i].disc = discs[i];
        tracks[i].number = numbers[i];
        tracks[i].album_id = 77;
    }
    put_tracks(&self, tracks, 5);
    catalog_read_t read CATALOG_READ_SCOPED = reading(&self);
    catalog_album_t album;

    catalog_page_t page =
        page_of(&read, (catalog_page_options_t){.list = CATALOG_TRACKS_OF_ALBUM, .of = 77});

    cr_assert(page.count == 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert(page.items[i].id == want[i]);
    check_ok(catalog_album(&read, 77, &album));
    cr_assert(album.disc_count == 2 && album.track_count == 5);
    cr_assert(album.added_at_ms == tracks[0].added_at_ms); /* of the first that came */
    cr_assert(album.duration_ms == 5 * 180000 + 0 + 1 + 2 + 3 + 4);
}

/* ---- against a catalog built from scratch ---- */

enum { MODEL_TRACKS = 40, MODEL_ROUNDS = 60, MODEL_TABLES = 27 };

/* Every key and value of every table, as one hash: equal for equal catalogs. */
static uint64_t fingerprint(catalog_fixture_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    uint64_t hash = str_hash(STR(""));
    check_ok(kv_read(catalog_kv(self->catalog), &tx));
    for (kv_table_t table = 0; table < MODEL_TABLES; table++) {
        kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
        check_ok(kv_cursor_open(&tx, table, &cursor));
        for (err_t err = kv_first(&cursor); err == ERR_OK; err = kv_next(&cursor)) {
            hash = str_hash_more(str_hash_more(hash, cursor.key), STR("="));
            hash = str_hash_more(str_hash_more(hash, cursor.value), STR(";"));
        }
    }
    return hash;
}

Test(catalog, after_any_changes_it_is_what_its_tracks_alone_would_make)
{
    random_seed_t seed = {99};
    ms_random_t random = random_seeded(&seed);
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    catalog_track_t tracks[MODEL_TRACKS + 1] = {0};

    for (int round = 0; round < MODEL_ROUNDS; round++) {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog), &tx));
        for (int i = 0; i < 6; i++) {
            uint64_t id = 1 + random_below(&random, MODEL_TRACKS);
            if (tracks[id].id != 0 && random_below(&random, 3) == 0) {
                check_ok(catalog_remove_track(self.writer, &tx, id));
                tracks[id] = (catalog_track_t){0};
            } else {
                tracks[id] = random_track(&self.arena, &random, id);
                check_ok(catalog_put_track(self.writer, &tx, &tracks[id]));
            }
        }
        check_ok(catalog_write_flush(self.writer, &tx));
        check_ok(kv_commit(&tx));

        catalog_fixture_t fresh CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
        for (uint64_t id = 1; id <= MODEL_TRACKS; id++)
            if (tracks[id].id != 0)
                put_tracks(&fresh, &tracks[id], 1);
        cr_assert(fingerprint(&self) == fingerprint(&fresh), "round %d", round);
    }
}
