/* Random catalogs, changed, built anew and swapped in between, and asked: the index finds and
 * counts what a loop over all documents does (naive.h). MS_SEED runs one; MS_ROUNDS so many more.
 */

#include "bench/catalog/words.h"
#include "bench/search/typing.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "tests/storage/search/naive.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <stdio.h>

enum {
    SEEDS = 6,
    STEPS = 12,
    QUESTIONS = 40,
    DOCUMENTS = 150,
    VOCABULARY = 80,
    CHANGES = 12,
    ID_MAX = 120,
};

typedef struct world {
    uint64_t seed, luck;
    temporary_t folder;
    naive_t naive;
    search_index_t *index;
    uint64_t version;
    arena_t arena;
} world_t;

static uint64_t draw(world_t *self, uint64_t below)
{
    self->luck = words_mix(self->luck);
    return self->luck % below;
}

/* ---- documents ---- */

/* One to nine letters of five: many words are an edit or two from another. Every eighth has a
 * letter that folds to another. */
static void append_word(buf_t *out, uint64_t number)
{
    uint64_t mixed = words_mix(number * 31 + 7);
    uint32_t count = 1 + (uint32_t)(mixed % 9);
    for (uint32_t i = 0; i < count; i++, mixed /= 5)
        buf_append_char(out, "abcde"[mixed % 5]);
    if (number % 8 == 0)
        buf_append(out, STR("é"));
}

static str_t kept(world_t *self, buf_t *text)
{
    str_t copy = arena_str(&self->arena, buf_str(text));
    check_true(copy.data != NULL && buf_status(text) == ERR_OK);
    buf_reset(text);
    return copy;
}

static str_t phrase(world_t *self, uint64_t words_max)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    for (uint64_t i = 0, count = 1 + draw(self, words_max); i < count; i++) {
        if (i > 0)
            buf_append_char(&text, ' ');
        append_word(&text, words_zipf(words_mix(draw(self, UINT64_MAX)), VOCABULARY));
    }
    return kept(self, &text);
}

static search_names_t some_of(world_t *self, const char *const *values, uint64_t count)
{
    str_t *items = arena_new_array(&self->arena, 2, sizeof *items);
    uint64_t first = draw(self, count), taken = draw(self, 3);
    check_true(items != NULL);
    for (uint64_t i = 0; i < taken; i++)
        items[i] = str_from(values[(first + i) % count]);
    return (search_names_t){items, taken};
}

static const char *const genres[] = {"Rock", "Jazz", "Drum & Bass", "rock'n'roll"};
static const char *const moods[] = {"Calm", "Dark"};
static const char *const languages[] = {"en", "de", "ja"};
static const char *const formats[] = {"flac", "mp3"};
static const char *const roots[] = {"music", "attic", "cellar"};

static search_document_t random_document(world_t *self, search_kind_t kind, uint64_t id)
{
    search_document_t document = {.kind = kind,
                                  .id = id,
                                  .plays = draw(self, 2) == 0 ? draw(self, 10) : draw(self, 100000),
                                  .title = phrase(self, 4),
                                  .year = draw(self, 4) == 0 ? 0 : 1970 + (uint32_t)draw(self, 50),
                                  .added_at_ms = (int64_t)draw(self, 1000),
                                  .genres = some_of(self, genres, COUNT_OF(genres)),
                                  .moods = some_of(self, moods, COUNT_OF(moods)),
                                  .languages = some_of(self, languages, COUNT_OF(languages)),
                                  .formats = some_of(self, formats, COUNT_OF(formats)),
                                  .roots = some_of(self, roots, COUNT_OF(roots))};
    str_t *other = arena_new_array(&self->arena, 1, sizeof *other);
    check_true(other != NULL);
    *other = phrase(self, 2);
    document.others = (search_names_t){other, draw(self, 2)};
    if (kind != SEARCH_ARTIST)
        document.artist = phrase(self, 2);
    if (kind == SEARCH_TRACK)
        document.album = phrase(self, 2);
    return document;
}

/* What the naive one holds, as a source: it keeps no text as written, so the document is made from
 * the same luck again. */
typedef struct kept_document {
    bool is_there;
    uint64_t luck;
} kept_document_t;

typedef struct shelf {
    world_t *world;
    kept_document_t items[SEARCH_KIND_COUNT * ID_MAX];
    uint64_t at;
} shelf_t;

static search_document_t document_at(shelf_t *self, size_t place)
{
    world_t *world = self->world;
    uint64_t before = world->luck;
    world->luck = self->items[place].luck;
    search_document_t document =
        random_document(world, (search_kind_t)(place / ID_MAX), place % ID_MAX + 1);
    world->luck = before;
    return document;
}

static err_t next(void *context, search_document_t *out_document, bool *out_is_there)
{
    shelf_t *self = context;
    while (self->at < COUNT_OF(self->items) && !self->items[self->at].is_there)
        self->at++;
    *out_is_there = self->at < COUNT_OF(self->items);
    if (*out_is_there)
        *out_document = document_at(self, self->at++);
    return ERR_OK;
}

static search_document_t put(shelf_t *self, size_t place)
{
    self->items[place] = (kept_document_t){true, draw(self->world, UINT64_MAX)};
    search_document_t document = document_at(self, place);
    naive_put(&self->world->naive, &document);
    return document;
}

/* ---- steps ---- */

static void build(shelf_t *self, const char *name)
{
    world_t *world = self->world;
    temporary_name_t path = temporary_in(&world->folder, name);
    self->at = 0;
    search_build_options_t options = {.source = {self, next, DOCUMENTS},
                                      .position = {world->seed, ++world->version}};
    check_ok(search_build(path.path, &options));
}

static void build_and_swap(shelf_t *self)
{
    world_t *world = self->world;
    search_index_t *fresh;
    build(self, "search.new");
    temporary_name_t path = temporary_in(&world->folder, "search.new");
    check_ok(search_index_open(&(search_index_options_t){.path = path.path}, &fresh));
    check_ok(search_index_swap(world->index, fresh));
}

static void reopen(world_t *self)
{
    temporary_name_t path = temporary_in(&self->folder, "search");
    search_index_close(self->index);
    check_ok(search_index_open(&(search_index_options_t){.path = path.path}, &self->index));
    search_position_t position = search_index_position(self->index);
    check_true(position.generation == self->seed && position.position == self->version);
}

static void change(shelf_t *self)
{
    world_t *world = self->world;
    search_change_t changes[CHANGES];
    size_t count = 1 + draw(world, CHANGES);
    for (size_t i = 0; i < count; i++) {
        size_t place = draw(world, COUNT_OF(self->items));
        search_kind_t kind = (search_kind_t)(place / ID_MAX);
        uint64_t id = place % ID_MAX + 1;
        if (draw(world, 3) == 0) {
            changes[i] = (search_change_t){true, {.kind = kind, .id = id}};
            self->items[place].is_there = false;
            naive_remove(&world->naive, kind, id);
        } else {
            changes[i] = (search_change_t){false, put(self, place)};
        }
    }
    check_ok(search_index_update(world->index, changes, count,
                                 (search_position_t){world->seed, ++world->version}));
}

/* ---- questions ---- */

typedef struct question {
    search_request_t request;
    search_names_t roots;
    char words[256];
} question_t;

static void make_filter(world_t *self, question_t *out)
{
    search_filter_t *filter = &out->request.filter;
    if (draw(self, 3) == 0)
        filter->genres = some_of(self, genres, COUNT_OF(genres));
    if (draw(self, 5) == 0)
        filter->moods = some_of(self, moods, COUNT_OF(moods));
    if (draw(self, 5) == 0)
        filter->languages = some_of(self, languages, COUNT_OF(languages));
    if (draw(self, 5) == 0)
        filter->formats = some_of(self, formats, COUNT_OF(formats));
    if (draw(self, 4) == 0)
        filter->year_from = 1970 + (uint32_t)draw(self, 50);
    if (draw(self, 4) == 0)
        filter->year_to = MAX(filter->year_from, 1970u) + (uint32_t)(self->luck >> 32) % 40;
    if (draw(self, 5) == 0)
        filter->added_since_ms = (int64_t)draw(self, 1000);
    if (draw(self, 2) == 0) {
        out->roots = some_of(self, roots, COUNT_OF(roots));
        filter->roots = &out->roots;
    }
}

static void ask(world_t *self, question_t *question, search_found_t *out_found)
{
    search_request_t *request = &question->request;
    str_to_array(request->text, question->words, sizeof question->words);
    for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        request->first[kind] = SEARCH_RANKED_MAX;
    check_ok(search_ask(self->index, &self->arena, request, out_found));
    cr_assert(out_found->is_cut == false, "seed %lu: \"%s\" was cut", (unsigned long)self->seed,
              question->words);
}

static bool has_result(const search_found_t *found, search_kind_t kind, uint64_t id)
{
    for (size_t i = 0; i < found->counts[kind]; i++)
        if (found->results[kind][i].id == id)
            return true;
    return false;
}

typedef bool (*belongs_fn)(const naive_document_t *document, const question_t *question);

/* Every result belongs there, none twice, and what belongs there is a result. */
static void compare(world_t *self, const question_t *question, const search_found_t *found,
                    belongs_fn belongs, const char *what)
{
    uint64_t wanted[SEARCH_KIND_COUNT] = {0};
    for (size_t i = 0; i < self->naive.count; i++) {
        const naive_document_t *document = &self->naive.documents[i];
        bool is_wanted = document->is_there && naive_passes(document, &question->request.filter) &&
                         belongs(document, question);
        wanted[document->kind] += is_wanted;
        cr_assert(is_wanted == has_result(found, document->kind, document->id),
                  "seed %lu, %s \"%s\": %u/%lu \"%.*s\" %s", (unsigned long)self->seed, what,
                  question->words, document->kind, (unsigned long)document->id,
                  STR_ARG(buf_str(&document->text)), is_wanted ? "is missing" : "is too much");
    }
    for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        cr_assert(found->counts[kind] == wanted[kind] && found->totals[kind] == wanted[kind],
                  "seed %lu, %s \"%s\": %zu results of kind %u, %lu in all, not %lu",
                  (unsigned long)self->seed, what, question->words, found->counts[kind], kind,
                  (unsigned long)found->totals[kind], (unsigned long)wanted[kind]);
}

static bool has_all_words(const naive_document_t *document, const question_t *question)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    fold_append(&folded, question->request.text);
    return naive_has_words(document, buf_str(&folded), question->request.is_typing);
}

/* Words as they are, and the last one as a beginning. */
static void check_exact(world_t *self, bool is_typing)
{
    question_t question = {.request = {.is_exact = true, .is_typing = is_typing}};
    search_found_t found;
    str_t text = phrase(self, 3);
    size_t cut = is_typing ? draw(self, 3) : 0, count = utf8_count(text);
    question.request.text = str_trim(typing_begun(text, count > cut ? count - cut : 1));
    make_filter(self, &question);
    ask(self, &question, &found);
    compare(self, &question, &found, has_all_words, is_typing ? "beginning" : "exact");
}

static void check_browse(world_t *self)
{
    question_t question = {0};
    search_found_t found;
    make_filter(self, &question);
    ask(self, &question, &found);
    compare(self, &question, &found, has_all_words, "browse");
    check_true(found.stage == SEARCH_STAGE_BROWSE);
}

/* A facet's own filter is left out of its counts. */
static search_filter_t filter_without(const search_filter_t *filter, search_facet_t facet)
{
    search_filter_t other = *filter;
    search_names_t *lists[SEARCH_FACET_COUNT] = {
        [SEARCH_FACET_GENRE] = &other.genres,
        [SEARCH_FACET_MOOD] = &other.moods,
        [SEARCH_FACET_LANGUAGE] = &other.languages,
        [SEARCH_FACET_FORMAT] = &other.formats,
    };
    if (lists[facet] != NULL)
        *lists[facet] = (search_names_t){0};
    else
        other.year_from = other.year_to = 0;
    return other;
}

static uint64_t count_with(world_t *self, const question_t *question, search_facet_t facet,
                           str_t value)
{
    static const char letters[SEARCH_FACET_COUNT] = {'G', 'M', 'D', 'L', 'F'};
    uint64_t count = 0, decade = 0;
    bool is_decade = facet == SEARCH_FACET_DECADE;
    search_filter_t filter = filter_without(&question->request.filter, facet);
    check_true(!is_decade || str_to_u64(value, &decade) == ERR_OK);
    for (size_t i = 0; i < self->naive.count; i++) {
        const naive_document_t *document = &self->naive.documents[i];
        bool is_of_it = is_decade ? document->year > 0 && document->year / 10 * 10 == decade
                                  : naive_has_facet(document, letters[facet], value);
        count += document->is_there && document->kind == SEARCH_TRACK && is_of_it &&
                 naive_passes(document, &filter) && has_all_words(document, question);
    }
    return count;
}

static void check_facets(world_t *self)
{
    question_t question = {.request = {.is_exact = true, .wants_facets = true}};
    search_found_t found;
    question.request.text = draw(self, 2) == 0 ? phrase(self, 1) : STR("");
    make_filter(self, &question);
    ask(self, &question, &found);
    for (uint32_t facet = 0; facet < SEARCH_FACET_COUNT; facet++) {
        for (size_t i = 0; i < found.facets[facet].count; i++) {
            const search_facet_value_t *value = &found.facets[facet].items[i];
            uint64_t wanted = count_with(self, &question, (search_facet_t)facet, value->value);
            cr_assert(value->count == wanted && wanted > 0,
                      "seed %lu, \"%s\": %lu with %.*s, not %lu", (unsigned long)self->seed,
                      question.words, (unsigned long)value->count, STR_ARG(value->value),
                      (unsigned long)wanted);
        }
    }
}

/* ---- near words ---- */

static bool is_near(const naive_document_t *document, const question_t *question)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    fold_append(&folded, question->request.text);
    return naive_is_near(document, buf_str(&folded));
}

/* One word that nothing has: what is near it is found, and nothing but what is near or was torn
 * apart. */
static void check_near(world_t *self)
{
    question_t question = {0};
    search_found_t found;
    buf_t text BUF_SCOPED = BUF_INIT;
    append_word(&text, VOCABULARY + draw(self, 1000));
    question.request.text = kept(self, &text);
    for (size_t i = 0; i < self->naive.count; i++)
        if (self->naive.documents[i].is_there &&
            has_all_words(&self->naive.documents[i], &question))
            return;
    ask(self, &question, &found);
    for (size_t i = 0; i < self->naive.count; i++) {
        const naive_document_t *document = &self->naive.documents[i];
        bool is_wanted = document->is_there && is_near(document, &question);
        bool is_found = has_result(&found, document->kind, document->id);
        cr_assert(is_found || !is_wanted, "seed %lu: \"%s\" does not find \"%.*s\"",
                  (unsigned long)self->seed, question.words, STR_ARG(buf_str(&document->text)));
        cr_assert(document->is_there || !is_found, "seed %lu: \"%s\" finds what is gone",
                  (unsigned long)self->seed, question.words);
    }
}

static void ask_all(world_t *self)
{
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        check_exact(self, i % 2 == 1);
        if (i % 4 == 0) {
            check_browse(self);
            check_facets(self);
            check_near(self);
        }
        arena_reset(&self->arena);
    }
}

static void run(uint64_t seed)
{
    world_t world = {.seed = seed, .luck = seed, .folder = temporary_new()};
    shelf_t *shelf = arena_new(&world.arena, sizeof *shelf);
    arena_t of_shelf = world.arena; /* so that a reset spares it */
    world.arena = (arena_t){0};
    check_true(shelf != NULL);
    shelf->world = &world;
    naive_init(&world.naive);
    for (uint64_t i = 0; i < DOCUMENTS; i++)
        put(shelf, draw(&world, COUNT_OF(shelf->items)));
    build(shelf, "search");
    temporary_name_t path = temporary_in(&world.folder, "search");
    check_ok(search_index_open(&(search_index_options_t){.path = path.path}, &world.index));
    for (uint32_t step = 0; step < STEPS; step++) {
        ask_all(&world);
        if (step % 4 == 3)
            build_and_swap(shelf);
        else if (step % 4 == 1)
            reopen(&world);
        change(shelf);
    }
    ask_all(&world);
    search_index_close(world.index);
    naive_deinit(&world.naive);
    arena_deinit(&world.arena);
    arena_deinit(&of_shelf);
    temporary_remove(&world.folder);
}

Test(search_model, random_catalogs_are_searched_as_a_loop_would)
{
    uint64_t seeds = SEEDS * scale_rounds(), only = scale_number("MS_SEED", 0);
    for (uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? seeds : only); seed++)
        run(seed);
}
