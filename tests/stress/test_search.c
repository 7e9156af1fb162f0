/* Threads ask an index while its documents are changed and removed, and while another that ranks
 * them anew takes its place: each answer is of one moment, whole, and none is of an index that was
 * closed. For ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "storage/search/search_request.h"
#include "tests/stress/racer.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { READERS = 3, SWAPS = 4, CHANGES = 40, TRACKS = 60, GENRES = 3 };

typedef struct shared {
    search_index_t *index;
    atomic_bool is_over;
    _Atomic uint64_t answers;
    uint64_t version; /* of the writer */
} shared_t;

/* Every track is there always, under one of two names, and "alpha omega" with it: plays change,
 * so that a rebuild ranks anew. Track 1 comes and goes. Each has a genre that stays, one of two
 * lines of lyrics, and a Japanese name beside. */
static search_document_t track(uint64_t id, uint64_t version, char title[64])
{
    static const str_t genres[GENRES] = {STR_INIT("Rock"), STR_INIT("Jazz"), STR_INIT("Pop")};
    static const str_t japanese = STR_INIT("夜に駆ける");
    static const str_t lyrics[] = {STR_INIT("[00:01.00]the moon is bright tonight"),
                                   STR_INIT("[00:02.00]the moon is gone tonight")};
    snprintf(title, 64, "%s omega number%llu", (id + version) % 2 == 0 ? "alpha" : "alphb",
             (unsigned long long)id);
    return (search_document_t){.kind = SEARCH_TRACK,
                               .id = id,
                               .plays = (id * 7919 + version * 31) % 1000,
                               .title = str_from(title),
                               .artist = STR("somebody"),
                               .others = {&japanese, 1},
                               .genres = {&genres[id % GENRES], 1},
                               .year = 1980 + (uint32_t)(id % 2) * 10,
                               .lyrics = lyrics[(id + version) % 2]};
}

typedef struct source {
    uint64_t id, version;
    char title[64];
} source_t;

static err_t next(void *context, search_document_t *out_document, bool *out_is_there)
{
    source_t *self = context;
    *out_is_there = ++self->id <= TRACKS;
    if (*out_is_there)
        *out_document = track(self->id, self->version, self->title);
    return ERR_OK;
}

static void build(const char *path, uint64_t version)
{
    source_t source = {.version = version};
    search_build_options_t options = {.source = {&source, next, TRACKS}, .position = {1, version}};
    ASSERT(search_build(path, &options) == ERR_OK);
}

static size_t count(const shared_t *shared, arena_t *arena, str_t text, bool is_typing)
{
    search_request_t request = {
        .text = text, .is_typing = is_typing, .first = {[SEARCH_TRACK] = 500}};
    search_found_t found;
    ASSERT(search_ask(shared->index, arena, &request, &found) == ERR_OK);
    for (size_t i = 0; i < found.counts[SEARCH_TRACK]; i++)
        ASSERT(found.results[SEARCH_TRACK][i].id > 0 &&
               found.results[SEARCH_TRACK][i].id <= TRACKS);
    return found.counts[SEARCH_TRACK];
}

/* Of one genre and of all, counted; of one moment, so that the counts are those of the results. */
static void check_filtered(const shared_t *shared, arena_t *arena, str_t text)
{
    static const str_t rock = STR_INIT("rock");
    search_request_t request = {.text = text,
                                .first = {[SEARCH_TRACK] = 500},
                                .filter = {.genres = {&rock, 1}, .year_from = 1980},
                                .wants_facets = true};
    search_found_t found;
    ASSERT(search_ask(shared->index, arena, &request, &found) == ERR_OK);
    ASSERT(found.counts[SEARCH_TRACK] == TRACKS / GENRES &&
           found.totals[SEARCH_TRACK] == TRACKS / GENRES);
    const search_facet_list_t *genres = &found.facets[SEARCH_FACET_GENRE];
    uint64_t all = 0;
    for (size_t i = 0; i < genres->count; i++)
        all += genres->items[i].count;
    ASSERT(genres->count == GENRES && (all == TRACKS || all == TRACKS - 1));
    const search_facet_list_t *decades = &found.facets[SEARCH_FACET_DECADE];
    ASSERT(decades->count == 2 &&
           decades->items[0].count + decades->items[1].count == TRACKS / GENRES);
}

static void check_lyrics(const shared_t *shared, arena_t *arena)
{
    search_request_t request = {
        .text = STR("the moon is bright"), .in_lyrics = true, .first = {[SEARCH_TRACK] = 500}};
    search_found_t found;
    ASSERT(search_ask(shared->index, arena, &request, &found) == ERR_OK);
    ASSERT(found.counts[SEARCH_TRACK] > 0); /* of the other line all words but one */
    for (size_t i = 0; i < found.counts[SEARCH_TRACK]; i++) {
        const search_result_t *result = &found.results[SEARCH_TRACK][i];
        bool is_bright = str_contains(result->line, STR("bright"));
        ASSERT(result->line_at_ms == (is_bright ? 1000 : 2000));
    }
}

/* What was found borrows nothing of the index: it is marked while that changes. */
static void check_highlights(const shared_t *shared, arena_t *arena, str_t text, str_t shown)
{
    search_request_t request = {
        .text = text, .first = {[SEARCH_TRACK] = 5}, .wants_explanation = true};
    search_found_t found;
    search_span_t spans[SEARCH_SPANS_MAX];
    ASSERT(search_ask(shared->index, arena, &request, &found) == ERR_OK);
    ASSERT(search_highlight(shown, &found.matched, false, spans) > 0);
    ASSERT(found.results[SEARCH_TRACK][0].explanation.size > 0);
}

static void *ask_on(void *context)
{
    shared_t *shared = context;
    arena_t arena ARENA_SCOPED = {0};
    while (!atomic_load(&shared->is_over)) {
        size_t all = count(shared, &arena, STR("omega"), false);
        ASSERT(all == TRACKS || all == TRACKS - 1);
        ASSERT(count(shared, &arena, STR("number7"), false) > 0);
        ASSERT(count(shared, &arena, STR("omrga numbr"), true) > 0);
        ASSERT(search_index_position(shared->index).generation == 1);
        check_filtered(shared, &arena, STR("omega"));
        check_filtered(shared, &arena, STR(""));
        check_lyrics(shared, &arena);
        check_highlights(shared, &arena, STR("omgea number7"), STR("Omega Number7"));
        check_highlights(shared, &arena, STR("夜に掛ける"), STR("夜に駆ける"));
        arena_reset(&arena);
        atomic_fetch_add(&shared->answers, 8);
    }
    return NULL;
}

static void change(shared_t *shared)
{
    for (uint64_t i = 0; i < CHANGES; i++) {
        char titles[2][64];
        uint64_t version = ++shared->version;
        search_change_t changes[2] = {
            {.document = track(2 + i % (TRACKS - 1), version, titles[0])},
            {.is_removal = i % 2 == 0, .document = track(1, version, titles[1])}};
        ASSERT(search_index_update(shared->index, changes, 2, (search_position_t){1, version}) ==
               ERR_OK);
    }
}

static uint64_t run(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "search");
    temporary_name_t fresh_path = temporary_in(&folder, "search.new");
    shared_t shared = {.version = 1};
    pthread_t threads[READERS];
    build(path.path, 1);
    ASSERT(search_index_open(&(search_index_options_t){.path = path.path}, &shared.index) ==
           ERR_OK);
    for (int i = 0; i < READERS; i++)
        ASSERT(pthread_create(&threads[i], NULL, ask_on, &shared) == 0);
    for (uint64_t i = 0; i < SWAPS; i++) {
        search_index_t *fresh;
        change(&shared);
        build(fresh_path.path, ++shared.version);
        ASSERT(search_index_open(&(search_index_options_t){.path = fresh_path.path}, &fresh) ==
               ERR_OK);
        ASSERT(search_index_swap(shared.index, fresh) == ERR_OK);
    }
    atomic_store(&shared.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    search_index_close(shared.index);
    return SWAPS * CHANGES + shared.answers;
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "changes, swaps and answers");
    return 0;
}
