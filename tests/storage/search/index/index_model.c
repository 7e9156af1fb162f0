#include "tests/storage/search/index/index_model.h"

#include "runtime/base/memory.h"
#include "storage/search/index/folded.h"
#include "storage/search/index/search_read.h"
#include "storage/search/index/terms.h"
#include "tests/support/check.h"

#include <stdlib.h>

static const char *const words[] = {
    "love",   "Night",  "the",  "of",    "Sun",     "Élan",  "über",   "ночь",  "東京",
    "さくら", "ガール", "가수", "حب",    "שלום",    "a",     "ab",     "abc",   "abcd",
    "dont",   "Fire",   "rain", "moon",  "starlit", "zebra", "waltz",  "blue",  "ø",
    "walk",   "東",     "京都", "Señor", "x",       "1999",  "sunset", "lover", "nights",
};
static const char *const genres[] = {"Rock", "rock", "Hip-Hop", "Électro", "東京ポップ", "!!!"};
static const char *const roots[] = {"music", "Music", "other"};

void model_init(model_t *self)
{
    *self = (model_t){.documents = memory_new_array(MODEL_DOCUMENTS_MAX, sizeof(model_document_t))};
    cr_assert_not_null(self->documents);
}

void model_deinit(model_t *self)
{
    memory_free(self->documents);
    arena_deinit(&self->arena);
}

/* ---- documents ---- */

static str_t text(model_t *self, const ms_random_t *random, size_t words_max, const char *between)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    size_t count = random_below(random, words_max + 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append(&out, str_from(between));
        /* Few of them often, so that there are long and short lists. */
        uint64_t most = random_below(random, COUNT_OF(words)) + 1;
        buf_append(&out, str_from(words[random_below(random, most)]));
    }
    return arena_str(&self->arena, buf_str(&out));
}

static search_names_t choose(const ms_random_t *random, str_t *room, size_t room_count,
                             const char *const *from, size_t from_count)
{
    size_t count = random_below(random, room_count + 1);
    for (size_t i = 0; i < count; i++)
        room[i] = str_from(from[random_below(random, from_count)]);
    return (search_names_t){room, count};
}

static str_t lyrics(model_t *self, const ms_random_t *random)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    for (size_t line = random_below(random, 6); line > 0; line--)
        buf_printf(&out, "[00:%02u.10]%.*s\n", (unsigned)line, STR_ARG(text(self, random, 5, " ")));
    return arena_str(&self->arena, buf_str(&out));
}

static model_document_t *place_of(model_t *self, search_kind_t kind, uint64_t id)
{
    size_t i = 0;
    while (i < self->count &&
           (self->documents[i].document.kind != kind || self->documents[i].document.id != id))
        i++;
    cr_assert_lt(i, (size_t)MODEL_DOCUMENTS_MAX);
    self->count = MAX(self->count, i + 1);
    self->documents[i].document.kind = kind;
    self->documents[i].document.id = id;
    return &self->documents[i];
}

const search_document_t *model_put(model_t *self, const ms_random_t *random, search_kind_t kind,
                                   uint64_t id)
{
    model_document_t *place = place_of(self, kind, id);
    search_document_t document = {
        .kind = kind,
        .id = id,
        .plays = random_below(random, 3) == 0 ? 0 : random_below(random, 5000),
        .title = text(self, random, 4, " "),
        .year = random_below(random, 4) == 0 ? 0 : (uint32_t)(1950 + random_below(random, 80)),
        .added_at_ms = (int64_t)random_below(random, 1000),
        .genres = choose(random, place->genres, MODEL_NAMES, genres, COUNT_OF(genres)),
        .roots = choose(random, place->roots, 1, roots, COUNT_OF(roots)),
        .others = choose(random, place->others, MODEL_NAMES, words, COUNT_OF(words)),
    };
    if (kind != SEARCH_ARTIST)
        document.artist = text(self, random, 3, "・");
    if (kind == SEARCH_TRACK) {
        document.album = text(self, random, 3, " & ");
        document.lyrics = random_below(random, 3) == 0 ? lyrics(self, random) : (str_t){0};
    }
    place->document = document;
    place->is_there = true;
    return &place->document;
}

void model_remove(model_t *self, search_kind_t kind, uint64_t id)
{
    place_of(self, kind, id)->is_there = false;
}

static err_t next_document(void *context, search_document_t *out_document, bool *out_is_there)
{
    model_t *self = context;
    while (self->next < self->count && !self->documents[self->next].is_there)
        self->next++;
    *out_is_there = self->next < self->count;
    if (*out_is_there)
        *out_document = self->documents[self->next++].document;
    return ERR_OK;
}

search_source_t model_source(model_t *self)
{
    self->next = 0;
    memset(self->plays_max, 0, sizeof self->plays_max);
    for (size_t i = 0; i < self->count; i++) {
        const search_document_t *document = &self->documents[i].document;
        uint64_t *most = &self->plays_max[document->kind];
        if (self->documents[i].is_there)
            *most = MAX(*most, document->plays);
    }
    return (search_source_t){.context = self, .next = next_document, .expected = self->count};
}

/* ---- what the index says ---- */

/* A term and a document that has it. */
typedef struct use {
    str_t term;
    size_t index;
} use_t;

typedef struct uses {
    arena_t arena;
    buf_t items, scratch;
    size_t index;
} uses_t;

static err_t note_term(void *context, str_t term, str_t name)
{
    uses_t *uses = context;
    use_t use = {arena_str(&uses->arena, term), uses->index};
    (void)name;
    buf_append_bytes(&uses->items, &use, sizeof use);
    return buf_status(&uses->items);
}

static int by_term(const void *a, const void *b)
{
    const use_t *x = a, *y = b;
    int order = str_compare(x->term, y->term);
    return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

static bool is_same(const search_entry_t *entry, const search_document_t *document)
{
    return entry->kind == document->kind && entry->id == document->id;
}

static void check_entry(model_t *self, const search_entry_t *got, size_t index)
{
    const search_document_t *want = &self->documents[index].document;
    buf_t record BUF_SCOPED = BUF_INIT;
    folded_t folded;
    check_ok(folded_append(&record, want));
    check_ok(folded_read(buf_str(&record), &folded));
    cr_assert(is_same(got, want));
    cr_assert(eq(u32, got->year, want->year));
    cr_assert(
        eq(u32, got->popularity, folded_popularity(want->plays, self->plays_max[want->kind])));
    check_str(got->title, folded.entry.title);
    check_str(got->artist, folded.entry.artist);
    check_str(got->album, folded.entry.album);
    check_str(got->others, folded.entry.others);
}

static void check_documents(model_t *self, search_read_t *read, uses_t *uses)
{
    for (size_t i = 0; i < self->count; i++) {
        const search_document_t *want = &self->documents[i].document;
        buf_t record BUF_SCOPED = BUF_INIT;
        folded_t folded;
        search_entry_t entry;
        uint32_t number;
        str_t lyrics;
        check_ok(folded_append(&record, want));
        check_ok(folded_read(buf_str(&record), &folded));
        uses->index = i;
        check_ok(terms_each(&folded, &uses->scratch, note_term, uses));
        if (!self->documents[i].is_there) {
            check_err(search_number(read, want->kind, want->id, &number), ERR_NOT_FOUND);
            continue;
        }
        check_ok(search_number(read, want->kind, want->id, &number));
        check_ok(search_entry(read, number, &entry));
        check_entry(self, &entry, i);
        check_ok(search_lyrics(read, number, &lyrics));
        check_str(lyrics, want->lyrics);
    }
}

/* The documents of a bitmap are those that `is_wanted` says, each once. */
static void check_bitmap(model_t *self, search_read_t *read, const roaring_bitmap_t *bitmap,
                         const bool *is_wanted)
{
    uint64_t wanted = 0, cardinality = roaring_bitmap_get_cardinality(bitmap);
    for (size_t i = 0; i < self->count; i++) {
        const search_document_t *document = &self->documents[i].document;
        uint32_t number;
        if (!self->documents[i].is_there || !is_wanted[i])
            continue;
        check_ok(search_number(read, document->kind, document->id, &number));
        cr_assert(roaring_bitmap_contains(bitmap, number), "number %u is missing", number);
        wanted++;
    }
    cr_assert(eq(u64, cardinality, wanted));
}

static void check_term(model_t *self, search_read_t *read, str_t term, const bool *is_wanted)
{
    roaring_bitmap_t *bitmap = NULL;
    str_t text = str_slice(term, 1, term.size);
    search_space_t space = (search_space_t)term.data[0];
    check_ok(search_postings(read, space, text, &bitmap));
    check_bitmap(self, read, bitmap, is_wanted);
    cr_assert_geq(search_frequency(read, space, text), roaring_bitmap_get_cardinality(bitmap));
    roaring_bitmap_free(bitmap);
}

static bool is_new_word(search_read_t *read, str_t word)
{
    str_t found;
    return search_new_word(read, word, &found) && str_equal(found, word);
}

/* What is not CJK is a word of the dictionary or a new one, as long as somebody has it. */
static void check_word(search_read_t *read, str_t term, bool is_used)
{
    uint32_t index;
    str_t word = str_slice(term, 1, term.size);
    if (term.data[0] != SEARCH_SPACE_WORD || terms_starts_cjk(word))
        return;
    bool is_known = dictionary_has(&read->dictionary, word, &index),
         is_new = is_new_word(read, word);
    cr_assert_not(is_known && is_new);
    cr_assert(is_known || is_new == is_used, "\"%.*s\"", STR_ARG(word));
}

static void check_terms(model_t *self, search_read_t *read, uses_t *uses)
{
    use_t *items = (use_t *)(void *)uses->items.data;
    size_t count = uses->items.size / sizeof *items;
    bool *is_wanted MEMORY_SCOPED = memory_new_array(self->count + 1, sizeof *is_wanted);
    if (count > 0)
        qsort(items, count, sizeof *items, by_term);
    for (size_t i = 0, end; i < count; i = end) {
        bool is_used = false;
        memset(is_wanted, 0, self->count);
        for (end = i; end < count && str_equal(items[end].term, items[i].term); end++) {
            is_wanted[items[end].index] = true;
            is_used |= self->documents[items[end].index].is_there;
        }
        check_term(self, read, items[i].term, is_wanted);
        check_word(read, items[i].term, is_used);
    }
}

/* Kinds in ranges, most popular first. */
static void check_order(search_read_t *read)
{
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        uint32_t before = 100;
        for (uint32_t i = read->first_of_kind[kind]; i < read->end_of_kind[kind]; i++) {
            search_entry_t entry;
            err_t err = search_entry(read, i, &entry);
            if (err == ERR_NOT_FOUND)
                continue; /* removed */
            check_ok(err);
            cr_assert(eq(int, (int)entry.kind, (int)kind));
            cr_assert_leq(entry.popularity, before);
            before = entry.popularity;
        }
    }
}

static void check_lists(model_t *self, search_read_t *read)
{
    static const int64_t since[] = {-1, 0, 1, 500, 999, 1000};
    bool *is_wanted MEMORY_SCOPED = memory_new_array(self->count + 1, sizeof *is_wanted);
    roaring_bitmap_t *bitmap = NULL;
    memset(is_wanted, 1, self->count);
    check_ok(search_everything(read, &bitmap));
    check_bitmap(self, read, bitmap, is_wanted);
    roaring_bitmap_free(bitmap);
    for (size_t i = 0; i < COUNT_OF(since); i++) {
        for (size_t j = 0; j < self->count; j++)
            is_wanted[j] = self->documents[j].document.added_at_ms >= since[i];
        check_ok(search_added_since(read, since[i], &bitmap));
        check_bitmap(self, read, bitmap, is_wanted);
        roaring_bitmap_free(bitmap);
    }
}

/* Every value ascends, and those of the documents that are there come. */
typedef struct values {
    buf_t seen;
    str_t before;
} values_t;

static bool see_value(void *context, str_t folded, str_t name, uint64_t frequency)
{
    values_t *values = context;
    cr_assert(values->before.data == NULL || str_compare(values->before, folded) < 0);
    cr_assert_gt(name.size, 0u);
    cr_assert_gt(frequency, 0u);
    values->before = folded;
    buf_append(&values->seen, folded);
    buf_append_char(&values->seen, '\n');
    return true;
}

static void check_values(model_t *self, search_read_t *read)
{
    values_t values = {0};
    check_ok(search_facet_values(read, SEARCH_SPACE_GENRE, see_value, &values));
    for (size_t i = 0; i < self->count; i++)
        for (size_t j = 0;
             self->documents[i].is_there && j < self->documents[i].document.genres.count; j++) {
            buf_t term BUF_SCOPED = BUF_INIT;
            terms_facet_append(&term, SEARCH_SPACE_GENRE,
                               self->documents[i].document.genres.items[j]);
            buf_append_char(&term, '\n');
            cr_assert(str_contains(buf_str(&values.seen), buf_str(&term)));
        }
    buf_deinit(&values.seen);
}

static void check_stats(model_t *self, search_index_t *index)
{
    search_index_stats_t stats;
    uint64_t counts[SEARCH_KIND_COUNT] = {0};
    check_ok(search_index_stats(index, &stats));
    for (size_t i = 0; i < self->count; i++)
        counts[self->documents[i].document.kind] += self->documents[i].is_there ? 1 : 0;
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        cr_assert(eq(u64, stats.documents[kind], counts[kind]));
}

void model_check(model_t *self, search_index_t *index)
{
    arena_t arena ARENA_SCOPED = {0};
    search_read_t read SEARCH_READ_SCOPED = {0};
    uses_t uses = {0};
    check_ok(search_read_begin(index, &arena, &read));
    check_documents(self, &read, &uses);
    check_terms(self, &read, &uses);
    check_order(&read);
    check_lists(self, &read);
    check_values(self, &read);
    check_stats(self, index);
    buf_deinit(&uses.items);
    buf_deinit(&uses.scratch);
    arena_deinit(&uses.arena);
}

/* ---- an index in a folder of its own ---- */

void rig_init(rig_t *self, uint64_t seed)
{
    *self = (rig_t){.folder = temporary_new(), .seed = {seed}};
    self->path = temporary_in(&self->folder, "search");
    self->fresh_path = temporary_in(&self->folder, "search.new");
    self->random = random_seeded(&self->seed);
    model_init(&self->model);
}

void rig_deinit(rig_t *self)
{
    model_deinit(&self->model);
    temporary_remove(&self->folder);
}

void rig_put(rig_t *self, uint64_t count)
{
    for (uint64_t id = 1; id <= count; id++)
        model_put(&self->model, &self->random,
                  (search_kind_t)random_below(&self->random, SEARCH_KIND_COUNT),
                  id * 0x9e3779b97f4a7c15u);
}

search_build_options_t rig_build_options(rig_t *self)
{
    return (search_build_options_t){
        .source = model_source(&self->model), .position = {3, 4}, .now_ms = 5};
}

search_index_t *rig_open(const char *path)
{
    search_index_t *index = NULL;
    check_ok(search_index_open(&(search_index_options_t){.path = path}, &index));
    return index;
}

size_t rig_change(rig_t *self, search_change_t *changes, size_t max)
{
    size_t count = random_below(&self->random, max + 1);
    for (size_t i = 0; i < count; i++) {
        search_kind_t kind = (search_kind_t)random_below(&self->random, SEARCH_KIND_COUNT);
        uint64_t id = random_below(&self->random, 120);
        bool is_removal = random_below(&self->random, 3) == 0;
        changes[i] =
            (search_change_t){.is_removal = is_removal, .document = {.kind = kind, .id = id}};
        if (is_removal)
            model_remove(&self->model, kind, id);
        else
            changes[i].document = *model_put(&self->model, &self->random, kind, id);
    }
    return count;
}
