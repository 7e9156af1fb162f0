/* Filters, totals and counts against a naive model: random documents, random filters. */

#include "runtime/base/random.h"
#include "tests/storage/search/query/shelf.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 240, FRESH = 40 };

static const char *const genres[] = {"Rock", "Jazz", "Hip-Hop", NULL};
static const char *const languages[] = {"en", "de", NULL};
static const char *const roots[] = {"home", "shared", "secret"};
static const char *const titles[] = {"Love Song", "Night Song", "Love Night", "Rain"};

typedef struct library {
    shelf_row_t rows[ROWS + FRESH + 1];
    size_t count;
} library_t;

static shelf_row_t random_row(const ms_random_t *random, uint64_t id)
{
    bool is_album = random_below(random, 4) == 0;
    return (shelf_row_t){
        .kind = is_album ? SEARCH_ALBUM : SEARCH_TRACK,
        .id = id,
        .title = titles[random_below(random, COUNT_OF(titles))],
        .artist = "Somebody",
        .album = "",
        .plays = random_below(random, 5000),
        .genre = genres[random_below(random, COUNT_OF(genres))],
        .language = languages[random_below(random, COUNT_OF(languages))],
        .root = roots[random_below(random, COUNT_OF(roots))],
        .year = (uint32_t)(random_below(random, 5) == 0 ? 0 : 1960 + random_below(random, 60)),
        .added_at_ms = (int64_t)random_below(random, 1000),
    };
}

typedef struct asked {
    search_request_t request;
    str_t genres[2], languages[1], roots[2];
    search_names_t visible;
    uint64_t favourites[ROWS];
    const char *word; /* empty: none */
} asked_t;

static void random_names(const ms_random_t *random, const char *const *all, size_t count,
                         str_t *room, size_t room_size, search_names_t *out)
{
    out->items = room;
    out->count = random_below(random, room_size + 1);
    for (size_t i = 0; i < out->count; i++)
        room[i] = str_from(all[random_below(random, count)]);
}

static void random_question(const ms_random_t *random, asked_t *out)
{
    static const char *const words[] = {"", "love", "song", "night"};
    memset(out, 0, sizeof *out);
    out->word = words[random_below(random, COUNT_OF(words))];
    out->request = shelf_question(out->word);
    out->request.wants_facets = true;
    out->request.work_max = UINT64_MAX;
    search_filter_t *filter = &out->request.filter;
    if (random_below(random, 2) == 0)
        random_names(random, genres, 3, out->genres, 2, &filter->genres);
    if (random_below(random, 3) == 0)
        random_names(random, languages, 2, out->languages, 1, &filter->languages);
    if (random_below(random, 2) == 0) {
        random_names(random, roots, 3, out->roots, 2, &out->visible);
        filter->roots = &out->visible;
    }
    if (random_below(random, 2) == 0)
        filter->year_from = (uint32_t)(1955 + random_below(random, 50));
    if (random_below(random, 2) == 0)
        filter->year_to = MAX(filter->year_from, 1965u) + (uint32_t)random_below(random, 30);
    if (random_below(random, 3) == 0)
        filter->popularity_min = (uint32_t)random_below(random, 100);
    if (random_below(random, 3) == 0)
        filter->added_since_ms = (int64_t)random_below(random, 1000);
    filter->is_only_tracks = random_below(random, 4) == 0;
    filter->only_tracks = out->favourites;
    for (uint64_t id = 1; filter->is_only_tracks && id <= ROWS; id += 1 + random_below(random, 4))
        out->favourites[filter->only_track_count++] = id;
}

/* ---- the model ---- */

static bool is_among(const search_names_t *names, const char *value)
{
    for (size_t i = 0; i < names->count; i++)
        if (value != NULL && str_equal(names->items[i], str_from(value)))
            return true;
    return names->count == 0;
}

static bool is_favourite(const search_filter_t *filter, const shelf_row_t *row)
{
    for (size_t i = 0; i < filter->only_track_count; i++)
        if (row->kind == SEARCH_TRACK && filter->only_tracks[i] == row->id)
            return true;
    return !filter->is_only_tracks;
}

static bool has_years(const search_filter_t *filter, const shelf_row_t *row)
{
    uint32_t to = filter->year_to == 0 ? UINT32_MAX : filter->year_to;
    if (filter->year_from == 0 && filter->year_to == 0)
        return true;
    return row->year > 0 && row->year >= filter->year_from && row->year <= to;
}

/* `but`: this facet's own filter is left out; SEARCH_FACET_COUNT: none is. */
static bool passes(const asked_t *asked, const shelf_row_t *row, uint32_t popularity,
                   search_facet_t but)
{
    const search_filter_t *filter = &asked->request.filter;
    bool is_seen =
        filter->roots == NULL || (filter->roots->count > 0 && is_among(filter->roots, row->root));
    return is_seen && (but == SEARCH_FACET_GENRE || is_among(&filter->genres, row->genre)) &&
           (but == SEARCH_FACET_LANGUAGE || is_among(&filter->languages, row->language)) &&
           (but == SEARCH_FACET_DECADE || has_years(filter, row)) &&
           popularity >= filter->popularity_min &&
           (filter->added_since_ms == 0 || row->added_at_ms >= filter->added_since_ms) &&
           is_favourite(filter, row);
}

static bool has_word(const asked_t *asked, const shelf_row_t *row)
{
    return asked->word[0] == '\0' || strcasestr(row->title, asked->word) != NULL;
}

/* Popularities are the index's own: how it makes them is its store's matter. */
typedef struct popularities {
    uint32_t items[ROWS + FRESH + 1];
} popularities_t;

static void look_up(shelf_t *shelf, const library_t *library, popularities_t *out)
{
    for (size_t i = 0; i < library->count; i++) {
        search_request_t request = {.text = str_from("")};
        request.first[library->rows[i].kind] = SEARCH_RANKED_MAX;
        search_found_t found = shelf_ask(shelf, &request);
        for (size_t j = 0; j < found.counts[library->rows[i].kind]; j++) {
            const search_result_t *result = &found.results[library->rows[i].kind][j];
            if (result->id == library->rows[i].id)
                out->items[i] = result->popularity;
        }
        arena_reset(&shelf->arena);
    }
}

static uint64_t count_of(const asked_t *asked, const library_t *library,
                         const popularities_t *popularities, search_facet_t but, const char *value)
{
    uint64_t count = 0;
    for (size_t i = 0; i < library->count; i++) {
        const shelf_row_t *row = &library->rows[i];
        char decade[16];
        (void)snprintf(decade, sizeof decade, "%u", row->year / 10 * 10);
        const char *of_row = but == SEARCH_FACET_GENRE      ? row->genre
                             : but == SEARCH_FACET_LANGUAGE ? row->language
                                                            : decade;
        count += row->kind == SEARCH_TRACK && of_row != NULL && strcmp(of_row, value) == 0 &&
                         has_word(asked, row) && passes(asked, row, popularities->items[i], but)
                     ? 1
                     : 0;
    }
    return count;
}

static void check_facet(const asked_t *asked, const library_t *library,
                        const popularities_t *popularities, const search_found_t *found,
                        search_facet_t facet)
{
    uint64_t before = UINT64_MAX, sum = 0, wanted = 0;
    for (size_t i = 0; i < found->facets[facet].count; i++) {
        const search_facet_value_t *value = &found->facets[facet].items[i];
        uint64_t want = count_of(asked, library, popularities, facet, value->value.data);
        cr_assert(value->count == want, "%.*s: %lu, not %lu", STR_ARG(value->value),
                  (unsigned long)value->count, (unsigned long)want);
        cr_assert(value->count <= before);
        before = value->count;
        sum += value->count;
    }
    for (size_t i = 0; i < library->count; i++) {
        const shelf_row_t *row = &library->rows[i];
        bool has_value = facet == SEARCH_FACET_GENRE      ? row->genre != NULL
                         : facet == SEARCH_FACET_LANGUAGE ? row->language != NULL
                                                          : row->year > 0;
        wanted += row->kind == SEARCH_TRACK && has_value && has_word(asked, row) &&
                          passes(asked, row, popularities->items[i], facet)
                      ? 1
                      : 0;
    }
    cr_assert(sum == wanted, "values of facet %d are missing", facet);
}

static void check_question(shelf_t *shelf, const asked_t *asked, const library_t *library,
                           const popularities_t *popularities)
{
    static const search_facet_t facets[] = {SEARCH_FACET_GENRE, SEARCH_FACET_LANGUAGE,
                                            SEARCH_FACET_DECADE};
    uint64_t totals[SEARCH_KIND_COUNT] = {0};
    search_request_t request = asked->request;
    request.is_exact = true;
    search_found_t found = shelf_ask(shelf, &request);
    for (size_t i = 0; i < library->count; i++)
        totals[library->rows[i].kind] +=
            has_word(asked, &library->rows[i]) &&
                    passes(asked, &library->rows[i], popularities->items[i], SEARCH_FACET_COUNT)
                ? 1
                : 0;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        cr_assert(found.totals[kind] == totals[kind], "\"%s\", kind %d: %lu, not %lu", asked->word,
                  kind, (unsigned long)found.totals[kind], (unsigned long)totals[kind]);
        cr_assert(found.counts[kind] == MIN(totals[kind], 10u));
    }
    for (size_t i = 0; i < COUNT_OF(facets); i++)
        check_facet(asked, library, popularities, &found, facets[i]);
}

Test(filter, what_is_found_and_counted_is_what_a_scan_finds)
{
    static library_t library;
    static asked_t asked;
    static popularities_t popularities;
    random_seed_t seed = {21};
    ms_random_t random = random_seeded(&seed);
    shelf_t shelf SHELF_SCOPED;
    for (library.count = 0; library.count < ROWS; library.count++)
        library.rows[library.count] = random_row(&random, library.count + 1);
    library.rows[library.count] = (shelf_row_t){.title = NULL};
    shelf_init(&shelf, library.rows);
    for (size_t i = 0; i < FRESH; i++) { /* some are new, some are others than they were */
        uint64_t id = i % 2 == 0 ? ROWS + i + 1 : i * 5 + 1;
        shelf_row_t row = random_row(&random, id);
        size_t at = i % 2 == 0 ? library.count++ : i * 5;
        if (i % 2 == 1)
            row.kind = library.rows[at].kind;
        library.rows[at] = row;
        shelf_put(&shelf, &row);
    }
    look_up(&shelf, &library, &popularities);

    for (int round = 0; round < 300; round++) {
        random_question(&random, &asked);
        check_question(&shelf, &asked, &library, &popularities);
        arena_reset(&shelf.arena);
    }
}

Test(filter, a_language_is_one_value_whatever_files_call_it)
{
    static const shelf_row_t rows[] = {SHELF_TRACK(1, "Love", "A", "B", 1, .language = "eng"),
                                       SHELF_TRACK(2, "Love", "A", "C", 2, .language = "English"),
                                       SHELF_TRACK(3, "Love", "A", "D", 3, .language = "deu/en-GB"),
                                       SHELF_TRACK(4, "Love", "A", "E", 4, .language = "und"),
                                       SHELF_END};
    static const str_t asked[] = {STR_INIT("EN"), STR_INIT("eng"), STR_INIT("English")};
    shelf_t shelf SHELF_SCOPED;
    shelf_init(&shelf, rows);

    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        search_request_t request = shelf_question("love");
        request.wants_facets = true;
        request.filter.languages = (search_names_t){&asked[i], 1};
        search_found_t found = shelf_ask(&shelf, &request);
        const search_facet_list_t *languages = &found.facets[SEARCH_FACET_LANGUAGE];

        cr_expect(strcmp(shelf_ids(&shelf, &found, SEARCH_TRACK), "3 2 1") == 0);
        cr_assert(languages->count == 2 && languages->items[0].count == 3);
        check_str(languages->items[0].value, STR("en"));
        check_str(languages->items[1].value, STR("de"));
    }
}

Test(filter, what_can_not_be_is_refused)
{
    static const shelf_row_t rows[] = {SHELF_TRACK(1, "Love", "A", "B", 1), SHELF_END};
    static const uint64_t twice[] = {4, 4};
    shelf_t shelf SHELF_SCOPED;
    search_found_t found;
    shelf_init(&shelf, rows);
    search_request_t years = shelf_question("love"), ids = years;
    years.filter = (search_filter_t){.year_from = 1990, .year_to = 1980};
    ids.filter =
        (search_filter_t){.only_tracks = twice, .only_track_count = 2, .is_only_tracks = true};

    check_err(search_ask(shelf.index, &shelf.arena, &years, &found), ERR_INVALID);
    check_err(search_ask(shelf.index, &shelf.arena, &ids, &found), ERR_INVALID);
}
