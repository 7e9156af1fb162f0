#include "storage/catalog/catalog_plays.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"

enum { TRACKS = 30, ROUNDS = 150 };

static void play(catalog_fixture_t *self, const char *listener, uint64_t track_id, uint64_t count)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    check_ok(catalog_add_plays(self->writer, &tx, str_from(listener), track_id, count));
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
}

static void put(catalog_fixture_t *self, const catalog_track_t *track)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    check_ok(catalog_put_track(self->writer, &tx, track));
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
}

static bool drop(catalog_fixture_t *self, uint64_t id)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    err_t err = catalog_remove_track(self->writer, &tx, id);
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
    return err == ERR_OK;
}

static uint64_t plays(const catalog_read_t *read, search_kind_t kind, uint64_t id)
{
    uint64_t count = 0;
    check_ok(catalog_plays(read, kind, id, &count));
    return count;
}

static void forget(catalog_fixture_t *self, const char *listener)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    check_ok(catalog_forget_listener(self->writer, &tx, str_from(listener)));
    check_ok(kv_commit(&tx));
}

/* The sum over what the list has, which is kept apart from it. */
static void check_sums(catalog_read_t *read, catalog_list_t entities, catalog_list_t tracks_of,
                       search_kind_t kind)
{
    catalog_page_t page, tracks;
    check_ok(catalog_page(read, &(catalog_page_options_t){.list = entities}, &page));
    cr_assert_not(page.has_more);
    for (size_t i = 0; i < page.count; i++) {
        uint64_t sum = 0;
        check_ok(catalog_page(
            read, &(catalog_page_options_t){.list = tracks_of, .of = page.items[i].id}, &tracks));
        for (size_t k = 0; k < tracks.count; k++)
            sum += plays(read, SEARCH_TRACK, tracks.items[k].id);
        cr_assert(plays(read, kind, page.items[i].id) == sum, "kind %d: not the sum", (int)kind);
    }
}

Test(catalog_plays, an_album_and_its_artists_have_the_sum_of_the_tracks_they_have_now)
{
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    uint64_t wanted[TRACKS + 1] = {0};

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t id = 1 + random_below(&random, TRACKS), count = 1 + random_below(&random, 4);
        catalog_track_t track = random_track(&self.arena, &random, id);
        switch (random_below(&random, 4)) {
        case 0:
            drop(&self, id);
            break;
        case 1: /* also of one that is not there */
            play(&self, "ann", id, count);
            wanted[id] += count;
            break;
        default:
            put(&self, &track);
        }
        if (round < 5)
            continue;
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        check_ok(catalog_read_begin(self.catalog, &self.arena, &read));
        for (uint64_t k = 1; k <= TRACKS; k++)
            cr_assert(plays(&read, SEARCH_TRACK, k) == wanted[k], "round %d", round);
        check_sums(&read, CATALOG_ALBUMS_BY_TITLE, CATALOG_TRACKS_OF_ALBUM, SEARCH_ALBUM);
        check_sums(&read, CATALOG_ARTISTS_BY_NAME, CATALOG_TRACKS_OF_ARTIST, SEARCH_ARTIST);
    }
}

Test(catalog_plays, no_track_and_no_plays_are_nothing_and_the_largest_count_is_kept_within_bounds)
{
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    play(&self, "ann", 0, 3);
    play(&self, "ann", 1, 0);
    play(&self, "ann", 2, UINT64_MAX);
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(self.catalog, &self.arena, &read));

    cr_assert(plays(&read, SEARCH_TRACK, 0) == 0);
    cr_assert(plays(&read, SEARCH_TRACK, 1) == 0);
    cr_assert(plays(&read, SEARCH_TRACK, 2) == UINT32_MAX);
}

Test(catalog_plays, whose_plays_were_counted_wants_a_recount_when_erased_and_nobody_else)
{
    static const struct {
        const char *what, *erased;
        bool wants;
    } cases[] = {{"who never listened", "bob", false}, {"who did", "ann", true}};
    catalog_fixture_t self CATALOG_FIXTURE_SCOPED = catalog_fixture_new();
    play(&self, "ann", 1, 1);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        bool wants;
        forget(&self, cases[i].erased);
        check_ok(catalog_read_begin(self.catalog, &self.arena, &read));
        check_ok(catalog_wants_recount(&read, &wants));
        cr_expect(wants == cases[i].wants, "%s", cases[i].what);
    }
}
