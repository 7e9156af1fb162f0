#include "tests/storage/search/feed/feed_rig.h"

#include "storage/search/fold.h"
#include "storage/search/index/search_read.h"
#include "storage/search/index/terms.h"
#include "tests/support/check.h"

const atomic_bool FEED_NEVER;

static uint64_t mono_ns(void *context)
{
    const ms_clock_t clock = clock_system();
    (void)context;
    return clock_mono_ns(&clock);
}

static int64_t wall_ms(void *context)
{
    const feed_rig_t *self = context;
    const ms_clock_t clock = clock_system();
    return clock_wall_ms(&clock) + atomic_load(&self->later_ms);
}

void feed_rig_open(feed_rig_t *self)
{
    const search_feed_options_t options = {.path = self->path.path,
                                           .catalog = self->catalog.catalog,
                                           .lyrics = self->catalog.blobs,
                                           .clock = {mono_ns, wall_ms, self},
                                           .delta_max = FEED_RIG_DELTA_MAX,
                                           .delta_full = self->delta_full};
    check_ok(search_feed_open(&options, &self->feed));
}

void feed_rig_init(feed_rig_t *self, uint64_t seed)
{
    *self = (feed_rig_t){.delta_full = 0};
    catalog_rig_init(&self->catalog, seed);
    self->path = temporary_in(&self->catalog.folder, "search");
    feed_rig_open(self);
}

void feed_rig_deinit(feed_rig_t *self)
{
    search_feed_close(self->feed);
    catalog_rig_deinit(&self->catalog);
}

void feed_rig_catch_up(feed_rig_t *self)
{
    bool is_behind = true;
    while (is_behind)
        check_ok(search_feed_update(self->feed, &is_behind));
}

/* ---- an index against one that is built anew ---- */

typedef struct looking {
    arena_t arena;
    search_read_t read;
} looking_t;

static void looking_end(looking_t *self)
{
    search_read_end(&self->read);
    arena_deinit(&self->arena);
}
#define LOOKING_SCOPED SCOPED(looking_end)

static void look_into(looking_t *self, search_index_t *index)
{
    *self = (looking_t){0};
    check_ok(search_read_begin(index, &self->arena, &self->read));
}

/* Which documents a term finds: a sum, since they have other numbers in another index. */
static uint64_t sum_of(looking_t *self, search_space_t space, str_t term)
{
    roaring_bitmap_t *found = NULL;
    uint64_t sum = 0;
    check_ok(search_postings(&self->read, space, term, &found));
    roaring_uint32_iterator_t *at = roaring_create_iterator(found);
    for (; at->has_value; roaring_advance_uint32_iterator(at)) {
        search_entry_t entry;
        check_ok(search_entry(&self->read, at->current_value, &entry));
        sum += (entry.id * 31 + entry.kind + 1) * 0x9e3779b97f4a7c15u;
    }
    roaring_free_uint32_iterator(at);
    roaring_bitmap_free(found);
    return sum;
}

static void check_words(looking_t *a, looking_t *b, str_t text)
{
    str_t word;
    buf_t title BUF_SCOPED = BUF_INIT;
    terms_title_append(&title, text);
    cr_expect(sum_of(a, SEARCH_SPACE_TITLE, buf_str(&title)) ==
              sum_of(b, SEARCH_SPACE_TITLE, buf_str(&title)));
    while (fold_next_word(&text, &word))
        cr_expect(sum_of(a, SEARCH_SPACE_WORD, word) == sum_of(b, SEARCH_SPACE_WORD, word),
                  "the word %.*s", STR_ARG(word));
}

static bool has_same_text(const search_entry_t *a, const search_entry_t *b)
{
    return str_equal(a->title, b->title) && str_equal(a->artist, b->artist) &&
           str_equal(a->album, b->album) && str_equal(a->others, b->others);
}

static void check_document(looking_t *a, looking_t *b, search_kind_t kind, uint64_t id)
{
    uint32_t one, other;
    search_entry_t entry, wanted;
    str_t lyrics, wanted_lyrics;
    err_t err = search_number(&b->read, kind, id, &other);
    check_err(search_number(&a->read, kind, id, &one), err);
    if (err != ERR_OK)
        return;
    check_ok(search_entry(&a->read, one, &entry));
    check_ok(search_entry(&b->read, other, &wanted));
    cr_assert(has_same_text(&entry, &wanted), "kind %d %llu", (int)kind, (unsigned long long)id);
    cr_assert(eq(u32, entry.year, wanted.year));
    check_ok(search_lyrics(&a->read, one, &lyrics));
    check_ok(search_lyrics(&b->read, other, &wanted_lyrics));
    check_str(lyrics, wanted_lyrics);
    check_words(a, b, entry.title);
    check_words(a, b, entry.artist);
    check_words(a, b, entry.others);
}

static void check_facets(looking_t *a, looking_t *b)
{
    static const struct {
        search_space_t space;
        const char *values[6];
    } facets[] = {
        {SEARCH_SPACE_GENRE, {"genre a", "genre b", "genre c", "genre d", "genre e"}},
        {SEARCH_SPACE_MOOD, {"calm", "loud"}},
        {SEARCH_SPACE_LANGUAGE, {"eng", "deu"}},
        {SEARCH_SPACE_FORMAT, {"flac", "mp3"}},
        {SEARCH_SPACE_ROOT, {"root a", "root b"}},
        {SEARCH_SPACE_DECADE, {"1990"}},
    };
    for (size_t i = 0; i < COUNT_OF(facets); i++)
        for (size_t k = 0; k < COUNT_OF(facets[i].values) && facets[i].values[k] != NULL; k++) {
            str_t value = str_from(facets[i].values[k]);
            cr_expect(sum_of(a, facets[i].space, value) == sum_of(b, facets[i].space, value),
                      "%.*s", STR_ARG(value));
        }
}

/* Every document that the catalog ever had a number for. */
static void check_same(feed_rig_t *self, search_index_t *index, search_index_t *wanted)
{
    looking_t a LOOKING_SCOPED, b LOOKING_SCOPED;
    search_index_stats_t stats, wanted_stats;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(search_index_stats(index, &stats));
    check_ok(search_index_stats(wanted, &wanted_stats));
    look_into(&a, index);
    look_into(&b, wanted);
    check_ok(catalog_read_begin(self->catalog.catalog, &self->catalog.arena, &read));
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        cr_assert(stats.documents[kind] == wanted_stats.documents[kind], "kind %d: %d, not %d",
                  (int)kind, (int)stats.documents[kind], (int)wanted_stats.documents[kind]);
        uint64_t id = 0;
        while (catalog_next(&read, kind, id, &id) == ERR_OK)
            check_document(&a, &b, kind, id);
    }
    check_facets(&a, &b);
}

void feed_rig_check_as_new(feed_rig_t *self)
{
    feed_rig_t anew = {.catalog = self->catalog};
    anew.path = temporary_in(&self->catalog.folder, "anew");
    feed_rig_open(&anew);
    check_ok(search_feed_build(anew.feed, &FEED_NEVER));
    check_same(self, search_feed_index(self->feed), search_feed_index(anew.feed));
    search_feed_close(anew.feed);
}
