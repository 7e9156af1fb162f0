/* An index of another version, and one whose ranks grow old: what it answers until it is built
 * anew, and when that is. */

#include "storage/catalog/catalog_plays.h"
#include "storage/search/index/index_parts.h"
#include "tests/storage/search/feed/feed_rig.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"

static const int64_t HOUR_MS = 3600000;

/* ---- of another version ---- */

/* As another version would have made it: a real one, but for its stamp. */
static void stamp(feed_rig_t *self, uint32_t format, uint32_t ranking)
{
    kv_t *kv KV_SCOPED = NULL;
    kv_tx_t tx KV_TX_SCOPED = {0};
    index_base_t base;
    search_feed_close(STEAL(self->feed));
    check_ok(kv_open(&(kv_options_t){.path = self->path.path,
                                     .tables = INDEX_TABLES,
                                     .table_count = TABLE_COUNT},
                     &kv));
    check_ok(kv_write(kv, &tx));
    check_ok(index_base_get(&tx, &base));
    base.format = format;
    base.ranking = ranking;
    check_ok(index_base_put(&tx, &base));
    check_ok(kv_commit(&tx));
    kv_close(STEAL(kv));
    feed_rig_open(self);
}

static err_t ask(feed_rig_t *self, search_found_t *out_found)
{
    const search_request_t request = {.text = STR("title"), .first = {5, 5, 5}};
    return search_feed_ask(self->feed, &self->catalog.arena, &request, out_found);
}

static void told(void *context, err_t err)
{
    *(err_t *)context = err;
}

Test(search_feed_ages, one_of_another_ranking_answers_as_it_is_until_it_is_built_anew)
{
    feed_rig_t self FEED_RIG_SCOPED;
    search_found_t before, found;
    uint64_t behind, ticket;
    err_t reached = ERR_BUSY;
    feed_rig_init(&self, 1);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    check_ok(ask(&self, &before));
    cr_assert(before.counts[SEARCH_TRACK] > 0);

    stamp(&self, SEARCH_FORMAT, SEARCH_RANKING - 1);

    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_RANKING);
    for (int i = 0; i < 10; i++)
        catalog_rig_change(&self.catalog);
    feed_rig_catch_up(&self); /* it takes nothing: other words would stand beside its own */
    check_ok(ask(&self, &found));
    cr_assert(eq(u64, found.totals[SEARCH_TRACK], before.totals[SEARCH_TRACK]));
    check_ok(search_feed_behind(self.feed, &behind));
    cr_assert_gt(behind, 0u);
    check_err(search_feed_wait(self.feed, told, &reached, &ticket), ERR_STALE);

    check_ok(search_feed_build(self.feed, &FEED_NEVER));

    cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING);
    check_ok(search_feed_behind(self.feed, &behind));
    cr_assert(behind == 0 && search_feed_percent(self.feed) == 100);
    catalog_rig_change(&self.catalog);
    feed_rig_catch_up(&self);
    feed_rig_check_as_new(&self);
}

Test(search_feed_ages, one_of_another_format_is_built_before_anything_is_answered)
{
    static const uint32_t formats[] = {SEARCH_FORMAT - 1, SEARCH_FORMAT + 1};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        feed_rig_t self FEED_RIG_SCOPED;
        search_found_t found;
        feed_rig_init(&self, 2);
        for (int k = 0; k < 10; k++)
            catalog_rig_change(&self.catalog);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));

        stamp(&self, formats[i], SEARCH_RANKING);

        cr_assert(search_feed_wants(self.feed) == SEARCH_WANT_FORMAT);
        cr_assert(search_feed_percent(self.feed) == 0 && !search_feed_is_ready(self.feed));
        check_err(ask(&self, &found), ERR_UNAVAILABLE);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        check_ok(ask(&self, &found));
        cr_assert(found.counts[SEARCH_TRACK] > 0);
        feed_rig_check_as_new(&self);
    }
}

/* ---- plays ---- */

static void put_track(feed_rig_t *self, uint64_t id)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    catalog_track_t track = made_track(&self->catalog.arena, id);
    track.title = STR("Same Song");
    track.id = id;
    track.is_available = true;
    check_ok(kv_write(catalog_kv(self->catalog.catalog), &tx));
    check_ok(catalog_put_track(self->catalog.writer, &tx, &track));
    check_ok(catalog_write_flush(self->catalog.writer, &tx));
    check_ok(kv_commit(&tx));
}

static void play(feed_rig_t *self, uint64_t id, uint64_t count)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog.catalog), &tx));
    check_ok(catalog_add_plays(self->catalog.writer, &tx, STR("ann"), id, count));
    check_ok(catalog_write_flush(self->catalog.writer, &tx));
    check_ok(kv_commit(&tx));
}

static uint64_t first_of(feed_rig_t *self)
{
    const search_request_t request = {.text = STR("same song"), .first = {[SEARCH_TRACK] = 5}};
    search_found_t found;
    check_ok(search_feed_ask(self->feed, &self->catalog.arena, &request, &found));
    cr_assert(eq(sz, found.counts[SEARCH_TRACK], 3));
    return found.results[SEARCH_TRACK][0].id;
}

Test(search_feed_ages, plays_count_before_the_next_build)
{
    feed_rig_t self FEED_RIG_SCOPED;
    feed_rig_init(&self, 3);
    for (uint64_t id = 901; id <= 903; id++)
        put_track(&self, id);
    check_ok(search_feed_build(self.feed, &FEED_NEVER)); /* when nothing was played yet */
    static const struct {
        uint64_t id, plays;
    } heard[] = {{902, 1}, {903, 3}, {901, 30}, {903, 60}};

    for (size_t i = 0; i < COUNT_OF(heard); i++) {
        play(&self, heard[i].id, heard[i].plays);
        feed_rig_catch_up(&self);
        if (i < 3) /* past the most that the last build knew all are as known */
            cr_expect(eq(u64, first_of(&self), heard[i].id));
    }

    check_ok(search_feed_build(self.feed, &FEED_NEVER));
    cr_expect(eq(u64, first_of(&self), 903));
}

Test(search_feed_ages, ranks_of_yesterday_are_made_anew_where_something_changed)
{
    static const struct {
        const char *what;
        int64_t later_ms;
        bool is_played;
        search_want_t want;
    } cases[] = {
        {"played, the same day", SEARCH_RANKS_HOURS_MAX * 3600000LL - 60000, true,
         SEARCH_WANT_NOTHING},
        {"played, a day ago", SEARCH_RANKS_HOURS_MAX * 3600000LL + 60000, true, SEARCH_WANT_RANKS},
        {"nothing changed", SEARCH_RANKS_HOURS_MAX * 3600000LL * 30, false, SEARCH_WANT_NOTHING},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        feed_rig_t self FEED_RIG_SCOPED;
        feed_rig_init(&self, 4);
        put_track(&self, 901);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        if (cases[i].is_played)
            play(&self, 901, 1);
        feed_rig_catch_up(&self);

        atomic_store(&self.later_ms, cases[i].later_ms);

        cr_expect(search_feed_wants(self.feed) == cases[i].want, "%s", cases[i].what);
        check_ok(search_feed_build(self.feed, &FEED_NEVER));
        cr_expect(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING, "%s", cases[i].what);
        atomic_store(&self.later_ms, cases[i].later_ms + 2 * SEARCH_RANKS_HOURS_MAX * HOUR_MS);
        cr_expect(search_feed_wants(self.feed) == SEARCH_WANT_NOTHING, "%s", cases[i].what);
    }
}
