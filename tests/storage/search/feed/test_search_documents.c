#include "storage/search/feed/search_documents.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/catalog/catalog_rig.h"
#include "tests/support/check.h"

enum { ROUNDS = 120, ENTITIES_MAX = 512, SEEDS = 3 };

/* ---- what a follower knows ---- */

typedef struct known {
    search_kind_t kind;
    uint64_t id, digest, plays;
} known_t;

typedef struct follower {
    known_t items[ENTITIES_MAX];
    size_t count;
    catalog_mark_t mark;
} follower_t;

static known_t *known_of(follower_t *self, search_kind_t kind, uint64_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].kind == kind && self->items[i].id == id)
            return &self->items[i];
    return NULL;
}

static uint64_t mix(uint64_t digest, str_t text)
{
    return str_hash_more(digest * 31 + text.size, text);
}

static uint64_t mix_names(uint64_t digest, const search_names_t *names)
{
    digest = digest * 31 + names->count;
    for (size_t i = 0; i < names->count; i++)
        digest = mix(digest, names->items[i]);
    return digest;
}

static uint64_t digest_of(const search_document_t *document)
{
    uint64_t digest = (uint64_t)document->added_at_ms * 31 + document->year;
    digest = mix(mix(mix(digest, document->title), document->artist), document->album);
    digest = mix_names(mix_names(digest, &document->others), &document->genres);
    digest = mix_names(mix_names(digest, &document->moods), &document->languages);
    digest = mix_names(mix_names(digest, &document->formats), &document->roots);
    return mix(digest, document->lyrics);
}

static void learn(follower_t *self, const search_document_t *document)
{
    known_t *known = known_of(self, document->kind, document->id);
    if (known == NULL) {
        cr_assert(self->count < ENTITIES_MAX);
        known = &self->items[self->count++];
    }
    *known = (known_t){document->kind, document->id, digest_of(document), document->plays};
}

static void unlearn(follower_t *self, search_kind_t kind, uint64_t id)
{
    known_t *known = known_of(self, kind, id);
    if (known != NULL)
        *known = self->items[--self->count];
}

static void learn_all(catalog_rig_t *self, follower_t *follower)
{
    search_documents_t all SEARCH_DOCUMENTS_SCOPED = {0};
    search_document_t document;
    bool is_there = true;
    follower->count = 0;
    check_ok(search_documents_begin(&all, self->catalog, self->blobs, &follower->mark));
    for (;;) {
        check_ok(search_documents_next(&all, &document, &is_there));
        if (!is_there)
            return;
        cr_assert_null(known_of(follower, document.kind, document.id), "twice");
        learn(follower, &document);
    }
}

static void follow(catalog_rig_t *self, follower_t *follower)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    search_reading_t lyrics = {.blobs = self->blobs};
    catalog_changes_t changes;
    uint64_t last = follower->mark.sequence;
    check_ok(catalog_read_begin(self->catalog, &self->arena, &read));
    check_ok(catalog_changes(&read, follower->mark, &changes));
    for (size_t i = 0; i < changes.count; i++) {
        const catalog_change_t *change = &changes.items[i];
        search_document_t document;
        cr_assert(change->sequence > last, "they ascend");
        last = change->sequence;
        err_t err = search_document_of(&read, &lyrics, change->kind, change->id, &document);
        if (err == ERR_NOT_FOUND) {
            unlearn(follower, change->kind, change->id);
            continue;
        }
        check_ok(err);
        learn(follower, &document);
    }
    follower->mark.sequence = last;
    cr_assert_not(changes.has_more);
}

static void check_same(follower_t *a, follower_t *b, int round)
{
    cr_assert(a->count == b->count, "round %d: %zu documents and %zu", round, a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const known_t *one = &a->items[i], *other = known_of(b, one->kind, one->id);
        cr_assert(other != NULL && one->digest == other->digest, "round %d: kind %d %llu", round,
                  (int)one->kind, (unsigned long long)one->id);
        /* The plays may have grown by less than a fifth since. */
        uint64_t less = MIN(one->plays, other->plays), more = MAX(one->plays, other->plays);
        cr_assert(more - less <= less / 4, "round %d: %llu plays are not %llu", round,
                  (unsigned long long)less, (unsigned long long)more);
    }
}

Test(search_documents, who_follows_the_changes_knows_what_the_whole_catalog_says)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        catalog_rig_t self CATALOG_RIG_SCOPED;
        follower_t follower, anew;
        bool has_more;
        catalog_rig_init(&self, seed);
        learn_all(&self, &follower);
        for (int round = 0; round < ROUNDS; round++) {
            catalog_rig_change(&self);
            if (catalog_rig_below(&self, 3) == 0)
                continue;
            follow(&self, &follower);
            learn_all(&self, &anew);
            check_same(&follower, &anew, round);
            if (catalog_rig_below(&self, 3) == 0)
                check_ok(catalog_trim(self.catalog, follower.mark, &has_more));
            arena_reset(&self.arena);
        }
    }
}

/* ---- a document ---- */

Test(search_documents, a_track_says_who_is_credited_and_what_it_is_sung_like)
{
    catalog_rig_t self CATALOG_RIG_SCOPED;
    catalog_rig_init(&self, 1);
    static const catalog_credit_t credits[] = {
        {.name = STR_INIT("Utada"), .sort_name = STR_INIT("Utada, Hikaru"), .role = 0},
        {.name = STR_INIT("Bach"), .role = CATALOG_ROLE_COMPOSER}};
    static const catalog_credit_t album_credits[] = {{.name = STR_INIT("Various")}};
    blob_hash_t hash;
    check_ok(blob_put(self.blobs, STR("[00:01.00]la la"), &hash));
    catalog_track_t track = {.id = 7,
                             .root = STR("music"),
                             .path = STR("a.flac"),
                             .title = STR("First Love"),
                             .album = STR("Best"),
                             .album_sort = STR("Best, The"),
                             .codec = STR("pcm"),
                             .container = STR("aiff"),
                             .date = STR("2001-02-03"),
                             .original_date = STR("1999"),
                             .lyrics_blob = str_from(hash.text),
                             .is_available = true,
                             .added_at_ms = 12};
    track.credits.items = credits;
    track.credits.count = COUNT_OF(credits);
    track.album_credits.items = album_credits;
    track.album_credits.count = 1;
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self.catalog), &tx));
    check_ok(catalog_put_track(self.writer, &tx, &track));
    check_ok(catalog_write_flush(self.writer, &tx));
    check_ok(kv_commit(&tx));
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    search_reading_t lyrics = {.blobs = self.blobs};
    search_document_t document;
    check_ok(catalog_read_begin(self.catalog, &self.arena, &read));

    check_ok(search_document_of(&read, &lyrics, SEARCH_TRACK, 7, &document));

    check_str(document.title, STR("First Love"));
    check_str(document.artist, STR("Utada"));
    check_str(document.album, STR("Best"));
    check_str(document.lyrics, STR("[00:01.00]la la"));
    cr_assert(document.year == 1999 && document.added_at_ms == 12 && document.others.count == 5);
    check_str(document.others.items[1], STR("Utada, Hikaru"));
    check_str(document.roots.items[0], STR("music"));
    check_str(document.formats.items[0], STR("aiff")); /* nobody looks for "pcm" */
}

/* The last one by title is of another format. */
static void put_tracks_of_one(catalog_rig_t *self, uint64_t count, uint64_t playable_from)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    static const catalog_credit_t credit = {.name = STR_INIT("Various")};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    for (uint64_t i = 1; i <= count; i++) {
        catalog_track_t track = made_track(&self->arena, i);
        track.title = arena_printf(&self->arena, "%05u", (unsigned)i);
        track.codec = i == count ? STR("mp3") : STR("flac");
        track.is_available = i >= playable_from;
        track.credits.items = &credit;
        check_ok(catalog_put_track(self->writer, &tx, &track));
    }
    check_ok(catalog_write_flush(self->writer, &tx));
    check_ok(kv_commit(&tx));
}

Test(search_documents, of_an_artist_with_a_great_many_tracks_the_first_are_looked_at)
{
    static const struct {
        const char *what;
        uint64_t count, playable_from;
        size_t formats;
    } cases[] = {
        {"as many as are looked at", SEARCH_FACETS_TRACKS_MAX, 1, 2},
        {"one more", SEARCH_FACETS_TRACKS_MAX + 1, 1, 1},
        {"one more, which alone can be played", SEARCH_FACETS_TRACKS_MAX + 1,
         SEARCH_FACETS_TRACKS_MAX + 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        catalog_rig_t self CATALOG_RIG_SCOPED;
        catalog_rig_init(&self, 1);
        put_tracks_of_one(&self, cases[i].count, cases[i].playable_from);
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        search_reading_t lyrics = {0};
        search_document_t document;
        check_ok(catalog_read_begin(self.catalog, &self.arena, &read));

        check_ok(search_document_of(&read, &lyrics, SEARCH_ARTIST,
                                    catalog_artist_id(STR("Various"), STR("")), &document));

        cr_expect(document.formats.count == cases[i].formats, "%s", cases[i].what);
    }
}

Test(search_documents, lyrics_that_cannot_be_had_are_left_out_and_counted)
{
    catalog_rig_t self CATALOG_RIG_SCOPED;
    catalog_rig_init(&self, 1);
    catalog_track_t track = made_track(&self.arena, 1);
    track.lyrics_blob = STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self.catalog), &tx));
    check_ok(catalog_put_track(self.writer, &tx, &track));
    check_ok(catalog_write_flush(self.writer, &tx));
    check_ok(kv_commit(&tx));
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    search_reading_t lyrics = {.blobs = self.blobs};
    search_document_t document;
    check_ok(catalog_read_begin(self.catalog, &self.arena, &read));

    check_ok(search_document_of(&read, &lyrics, SEARCH_TRACK, track.id, &document));

    cr_assert(document.lyrics.size == 0 && lyrics.missed == 1);
}

/* ---- the notes ---- */

Test(search_documents, notes_of_another_catalog_or_older_than_the_oldest_are_stale)
{
    catalog_rig_t self CATALOG_RIG_SCOPED;
    catalog_mark_t mark;
    catalog_changes_t changes;
    bool has_more;
    catalog_rig_init(&self, 5);
    check_ok(catalog_follow(self.catalog, &mark));
    for (int i = 0; i < 8; i++)
        catalog_rig_change(&self);
    follower_t follower;
    learn_all(&self, &follower);
    cr_assert(follower.mark.sequence > 0 && follower.mark.generation == mark.generation);
    catalog_mark_t other = {mark.generation + 2, mark.sequence};
    catalog_mark_t ahead = {mark.generation, follower.mark.sequence + 1};
    {
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        check_ok(catalog_read_begin(self.catalog, &self.arena, &read));
        check_ok(catalog_changes(&read, mark, &changes));
        cr_assert(changes.count > 0);
        check_err(catalog_changes(&read, other, &changes), ERR_STALE);
        check_err(catalog_changes(&read, ahead, &changes), ERR_STALE);
        check_err(catalog_changes(&read, (catalog_mark_t){0, 0}, &changes), ERR_STALE);
    }
    check_ok(catalog_trim(self.catalog, follower.mark, &has_more));

    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(self.catalog, &self.arena, &read));
    check_err(catalog_changes(&read, mark, &changes), ERR_STALE);
    check_ok(catalog_changes(&read, follower.mark, &changes));
    cr_assert(changes.count == 0 && !has_more);
    check_err(catalog_trim(self.catalog, other, &has_more), ERR_STALE);
}

Test(search_documents, a_catalog_that_is_emptied_has_no_generation_any_more)
{
    catalog_rig_t self CATALOG_RIG_SCOPED;
    catalog_mark_t mark, later;
    catalog_rig_init(&self, 5);
    check_ok(catalog_follow(self.catalog, &mark));
    {
        kv_tx_t tx KV_TX_SCOPED = {0};
        check_ok(kv_write(catalog_kv(self.catalog), &tx));
        check_ok(catalog_clear(self.writer, &tx));
        check_ok(kv_commit(&tx));
    }

    check_ok(catalog_follow(self.catalog, &later));

    cr_assert(later.generation != mark.generation && later.generation != 0);
}
