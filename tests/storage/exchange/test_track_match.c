#include "storage/exchange/track_match.h"

#include "tests/support/check.h"
#include "tests/support/temporary.h"

typedef struct shelf {
    temporary_t folder;
    catalog_t *catalog;
    search_feed_t *search;
} shelf_t;

static void put(shelf_t *self, catalog_write_t *writer, kv_tx_t *tx, uint64_t id, str_t root,
                str_t path, str_t artist, str_t title, str_t album, uint64_t seconds)
{
    catalog_credit_t credits[] = {{.name = artist, .join_phrase = STR(" feat. ")},
                                  {.name = STR("Eve"), .role = CATALOG_ROLE_FEATURED},
                                  {.name = STR("Fay"), .role = CATALOG_ROLE_COMPOSER}};
    catalog_track_t track = {.id = id,
                             .root = root,
                             .path = path,
                             .title = title,
                             .album = album,
                             .duration_ms = seconds * 1000,
                             .is_available = id != 6};
    (void)self;
    track.credits.items = credits;
    track.credits.count = id == 11 ? COUNT_OF(credits) : 1;
    if (id == 9)
        track.sort_title = STR("zzz");
    check_ok(catalog_put_track(writer, tx, &track));
}

static shelf_t shelf_new(void)
{
    shelf_t self = {.folder = temporary_new()};
    temporary_name_t path = temporary_in(&self.folder, "catalog");
    catalog_write_t *writer;
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(catalog_open(path.path, 0, NULL, &self.catalog));
    check_ok(catalog_write_new(self.catalog, &writer));
    check_ok(kv_write(catalog_kv(self.catalog), &tx));
#define PUT(id, root, path, artist, title, album, seconds)                                         \
    put(&self, writer, &tx, id, STR(root), STR(path), STR(artist), STR(title), STR(album), seconds)
    PUT(1, "m", "a/one.mp3", "Bj\xc3\xb6rk", "The J\xc3\xb3ga", "Homogenic", 100);
    PUT(2, "m", "a/two.mp3", "Ann", "Intro", "First", 60);
    PUT(3, "m", "b/two.mp3", "Ann", "Intro", "Second", 90);
    PUT(4, "m", "c/x.mp3", "Ann", "Intro", "Second", 92);
    PUT(5, "m", "d/x.mp3", "Bob", "Twice", "Bobs", 60);
    PUT(6, "m", "e/x.mp3", "Bob", "Twice", "Bobs", 60); /* not available */
    PUT(7, "n", "d/x.mp3", "Cid", "Other", "Cids", 60);
    PUT(8, "m", "a - b.mp3", "A - B", "T", "X", 60);
    PUT(9, "m", "f/x.mp3", "Dan", "Sorted", "Dans", 60);
    PUT(10, "n", "!.mp3", "!!!", "???", "", 60);
    PUT(11, "n", "g/x.mp3", "Gus", "Both", "Guss", 60); /* with Eve, by Fay */
#undef PUT
    check_ok(catalog_write_flush(writer, &tx));
    check_ok(kv_commit(&tx));
    catalog_write_free(writer);
    temporary_name_t search = temporary_in(&self.folder, "search");
    const search_feed_options_t options = {
        .path = search.path, .catalog = self.catalog, .clock = clock_system()};
    const atomic_bool never = false;
    check_ok(search_feed_open(&options, &self.search));
    check_ok(search_feed_build(self.search, &never));
    return self;
}

static void shelf_end(shelf_t *self)
{
    search_feed_close(self->search);
    catalog_close(self->catalog);
    temporary_remove(&self->folder);
}

Test(track_match, one_track_fits_or_the_reason_is_said)
{
    static const track_root_t roots[] = {{STR_INIT("m"), STR_INIT("/srv/m/")},
                                         {STR_INIT("n"), STR_INIT("/srv/n")}};
    static const struct {
        const char *what;
        track_wanted_t wanted;
        uint64_t id; /* 0: none, for this reason */
        track_match_t match;
    } cases[] = {
        {"a path", {.path = STR_INIT("/srv/m/a/one.mp3")}, 1, TRACK_MATCH_FOUND},
        {"a path with dots", {.path = STR_INIT("/srv/n/..//m/./a/one.mp3")}, 1, TRACK_MATCH_FOUND},
        {"an absolute path counts more than names",
         {.path = STR_INIT("/srv/m/a/one.mp3"), .title = STR_INIT("X")},
         1,
         TRACK_MATCH_FOUND},
        {"a path beside a root", {.path = STR_INIT("/srv/mm/a/one.mp3")}, 0, TRACK_MATCH_UNNAMED},
        {"a path out of everything", {.path = STR_INIT("../../x")}, 0, TRACK_MATCH_UNNAMED},
        {"a relative path", {.path = STR_INIT("./a/one.mp3")}, 1, TRACK_MATCH_FOUND},
        {"a relative path in two roots", {.path = STR_INIT("d/x.mp3")}, 0, TRACK_MATCH_SEVERAL},
        {"a relative path in two roots, and a title",
         {.path = STR_INIT("d/x.mp3"), .title = STR_INIT("other")},
         7,
         TRACK_MATCH_FOUND},
        {"a relative path with another title",
         {.path = STR_INIT("a/one.mp3"), .title = STR_INIT("X"), .artist = STR_INIT("Y")},
         0,
         TRACK_MATCH_OTHER},
        {"a second path",
         {.path = STR_INIT("/music/a/one.mp3"), .relative = STR_INIT("a/one.mp3")},
         1,
         TRACK_MATCH_FOUND},
        {"names in other spelling",
         {.artist = STR_INIT("BJORK"), .title = STR_INIT("the joga")},
         1,
         TRACK_MATCH_FOUND},
        {"both in one", {.title = STR_INIT("bjork - The Joga")}, 1, TRACK_MATCH_FOUND},
        {"both in one, with a dash more", {.title = STR_INIT("A - B - T")}, 8, TRACK_MATCH_FOUND},
        {"a title that sorts otherwise",
         {.artist = STR_INIT("Dan"), .title = STR_INIT("sorted")},
         9,
         TRACK_MATCH_FOUND},
        {"nothing to fold",
         {.artist = STR_INIT("!!!"), .title = STR_INIT("???")},
         10,
         TRACK_MATCH_FOUND},
        {"two albums",
         {.artist = STR_INIT("Ann"), .title = STR_INIT("Intro")},
         0,
         TRACK_MATCH_SEVERAL},
        {"one of them",
         {.artist = STR_INIT("Ann"), .title = STR_INIT("Intro"), .album = STR_INIT("first")},
         2,
         TRACK_MATCH_FOUND},
        {"by its length",
         {.artist = STR_INIT("Ann"), .title = STR_INIT("Intro"), .duration_ms = 57000},
         2,
         TRACK_MATCH_FOUND},
        {"by a length too far off",
         {.artist = STR_INIT("Ann"), .title = STR_INIT("Intro"), .duration_ms = 56999},
         0,
         TRACK_MATCH_LENGTH},
        {"two that are alike",
         {.artist = STR_INIT("Ann"), .title = STR_INIT("Intro"), .album = STR_INIT("Second")},
         0,
         TRACK_MATCH_SEVERAL},
        {"another album",
         {.artist = STR_INIT("Ann"), .title = STR_INIT("Intro"), .album = STR_INIT("Third")},
         0,
         TRACK_MATCH_ALBUM},
        {"the one that is there",
         {.artist = STR_INIT("Bob"), .title = STR_INIT("Twice")},
         5,
         TRACK_MATCH_FOUND},
        {"two artists, as they are credited, not their composer",
         {.artist = STR_INIT("Gus feat. Eve"), .title = STR_INIT("Both")},
         11,
         TRACK_MATCH_FOUND},
        {"two artists with a sign between them",
         {.artist = STR_INIT("Gus \xe2\x80\xa2 Eve"), .title = STR_INIT("Both")},
         11,
         TRACK_MATCH_FOUND},
        {"a title alone", {.title = STR_INIT("Intro")}, 0, TRACK_MATCH_UNNAMED},
        {"nobody", {.artist = STR_INIT("Eve"), .title = STR_INIT("Intro")}, 0, TRACK_MATCH_UNKNOWN},
        {"a stream", {.path = STR_INIT("http://x.example/")}, 0, TRACK_MATCH_STREAM},
        {"nothing", {.duration_ms = 1}, 0, TRACK_MATCH_UNNAMED},
    };
    shelf_t shelf SCOPED(shelf_end) = shelf_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        track_found_t found;
        const track_shelves_t shelves = {shelf.catalog, shelf.search, roots, COUNT_OF(roots)};
        check_ok(track_match_all(&shelves, &cases[i].wanted, 1, &found));
        cr_expect(found.match == cases[i].match && found.track_id == cases[i].id,
                  "%s: %s, track %d", cases[i].what, track_match_text(found.match),
                  (int)found.track_id);
    }
}
