/* What of the catalog can't be read is the catalog's damage: the index is not built again for it,
 * lacks what is damaged, and follows the rest. */

#include "storage/catalog/catalog_parts.h"
#include "storage/search/index/search_read.h"
#include "tests/storage/search/feed/feed_rig.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"

/* Of the feed: what it has counted of the catalog, and that its index is well. */
static search_feed_stats_t stats_of(feed_rig_t *self)
{
    search_feed_stats_t stats;
    search_feed_stats(self->feed, &stats);
    cr_expect(stats.damages == 0, "the index is called damaged");
    return stats;
}

static bool has_document(feed_rig_t *self, search_kind_t kind, uint64_t id)
{
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    uint32_t number;
    check_ok(search_read_begin(search_feed_index(self->feed), &arena, &read));
    return search_number(&read, kind, id, &number) == ERR_OK;
}

/* Two tracks of an artist and an album, which go on without one. */
static void put_track(feed_rig_t *self, uint64_t id)
{
    catalog_rig_t *catalog = &self->catalog;
    kv_tx_t tx KV_TX_SCOPED = {0};
    const catalog_credit_t artist = {.name = STR("One Artist")};
    catalog_track_t track = made_track(&catalog->arena, id);
    track.album = STR("One Album");
    track.credits.items = &artist;
    track.credits.count = 1;
    track.id = id;
    track.is_available = true;
    check_ok(kv_write(catalog_kv(catalog->catalog), &tx));
    check_ok(catalog_put_track(catalog->writer, &tx, &track));
    check_ok(catalog_write_flush(catalog->writer, &tx));
    check_ok(kv_commit(&tx));
}

static uint64_t artist_id(void)
{
    return catalog_artist_id(STR("One Artist"), STR(""));
}

/* It and its artist are noted, as if they had changed. */
static void damage_record(feed_rig_t *self, uint64_t id)
{
    catalog_rig_t *catalog = &self->catalog;
    kv_tx_t tx KV_TX_SCOPED = {0};
    char key[8];
    kv_u64_write(key, id);
    check_ok(kv_write(catalog_kv(catalog->catalog), &tx));
    check_ok(kv_put(&tx, TABLE_TRACKS, str_of(key, sizeof key), STR("no record")));
    check_ok(catalog_note(catalog->writer, &tx, SEARCH_TRACK, id));
    check_ok(catalog_note(catalog->writer, &tx, SEARCH_ARTIST, artist_id()));
    check_ok(catalog_notes_flush(catalog->writer, &tx));
    check_ok(kv_commit(&tx));
}

static void check_one_is_left_out(feed_rig_t *self)
{
    cr_expect_not(has_document(self, SEARCH_TRACK, 901));
    cr_expect(has_document(self, SEARCH_TRACK, 902) &&
              has_document(self, SEARCH_ARTIST, artist_id()));
    search_feed_stats_t stats = stats_of(self);
    cr_expect(stats.source_damages > 0);
    cr_expect(eq(u64, stats.damaged_id, 901));
    cr_expect(stats.damaged_kind == SEARCH_TRACK);
    cr_expect(search_feed_wants(self->feed) == SEARCH_WANT_NOTHING);
}

Test(search_feed_damage, an_update_leaves_a_damaged_record_out_and_goes_on)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 1);
    put_track(&self, 901);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    cr_assert(has_document(&self, SEARCH_TRACK, 901));
    put_track(&self, 902);
    damage_record(&self, 901);

    feed_rig_catch_up(&self);

    check_one_is_left_out(&self);
}

Test(search_feed_damage, a_build_leaves_a_damaged_record_out)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 2);
    put_track(&self, 901);
    put_track(&self, 902);
    damage_record(&self, 901);

    check_ok(search_feed_build(self.feed, &FEED_NEVER));

    check_one_is_left_out(&self);
}

static void damage_notes(feed_rig_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog.catalog), &tx));
    check_ok(kv_cursor_open(&tx, TABLE_CHANGES, &cursor));
    for (err_t err = kv_first(&cursor); err == ERR_OK; err = kv_next(&cursor)) {
        char key[8];
        memcpy(key, cursor.key.data, sizeof key);
        check_ok(kv_put(&tx, TABLE_CHANGES, str_of(key, sizeof key), STR("?")));
    }
    kv_cursor_close(&cursor);
    check_ok(kv_commit(&tx));
}

static void nobody(void *context, err_t err)
{
    (void)context, (void)err;
}

Test(search_feed_damage, damaged_notes_want_one_build_which_needs_none_of_them)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 3);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    uint64_t ticket;
    put_track(&self, 901);
    damage_notes(&self);

    feed_rig_catch_up(&self);

    search_feed_stats_t stats = stats_of(&self);
    cr_assert(stats.source_damages == 1 && stats.damaged_id == 0);
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_CATALOG);
    cr_assert(search_feed_is_ready(self.feed));
    check_err(search_feed_wait(self.feed, nobody, NULL, &ticket), ERR_STALE);
    feed_rig_catch_up(&self); /* it is not looked at again */
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    put_track(&self, 902);
    feed_rig_catch_up(&self);
    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    cr_assert(eq(u64, stats_of(&self).source_damages, 1));
    feed_rig_check_as_new(&self);
}

Test(search_feed_damage, where_nothing_of_the_catalog_can_be_had_the_index_before_stays)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 4);
    put_track(&self, 901);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog.catalog), &tx));
        check_ok(kv_put(&tx, TABLE_META, STR("sequence"), STR("???")));
        check_ok(kv_commit(&tx));
    }

    feed_rig_catch_up(&self);
    feed_rig_catch_up(&self);
    check_err(search_feed_build(self.feed, &FEED_NEVER), ERR_CORRUPT);

    cr_assert(eq(u64, stats_of(&self).source_damages, 2));
    cr_assert(search_feed_is_ready(self.feed) && has_document(&self, SEARCH_TRACK, 901));
}
