#include "storage/search/fold.h"
#include "storage/search/search.h"
#include "storage/search/search_parts.h"
#include "storage/search/search_text.h"

/* Bands of the score: an exact title is above a title that starts so, that above words. */
enum { SCORE_EXACT = 3000, SCORE_PREFIX = 2000, SCORE_WORDS = 1000, SCORE_TITLE_WORD = 100 };
enum { PROBED_MAX = 256 }; /* entries looked at to find the rarest word */

typedef struct search_word {
    str_t text;
    bool is_prefix;
} search_word_t;

typedef struct finder {
    const search_t *search;
    const kv_tx_t *tx;
    str_t folded; /* the whole query */
    search_word_t words[SEARCH_WORDS_MAX];
    size_t word_count;
    search_hit_t *hits[SEARCH_KIND_COUNT]; /* best first */
    size_t counts[SEARCH_KIND_COUNT], limits[SEARCH_KIND_COUNT];
} finder_t;

static bool has_hit(const finder_t *self, search_kind_t kind, uint64_t id)
{
    for (size_t i = 0; i < self->counts[kind]; i++)
        if (self->hits[kind][i].id == id)
            return true;
    return false;
}

/* Keeps the best `limit`; of equals the one found first. */
static void add_hit(finder_t *self, search_hit_t hit)
{
    search_hit_t *hits = self->hits[hit.kind];
    size_t count = self->counts[hit.kind], at = count;
    while (at > 0 && hits[at - 1].score < hit.score)
        at--;
    if (at == self->limits[hit.kind] || has_hit(self, hit.kind, hit.id))
        return;
    count = MIN(count + 1, self->limits[hit.kind]);
    memmove(hits + at + 1, hits + at, (count - at - 1) * sizeof *hits);
    hits[at] = hit;
    self->counts[hit.kind] = count;
}

/* Titles that are the query or start with it: they lie side by side, the exact ones first. */
static err_t find_titles(finder_t *self, search_kind_t kind)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    search_key_t prefix = {.size = 0};
    search_key_add_kind(&prefix, kind);
    search_key_add(&prefix, str_slice(self->folded, 0, SEARCH_TITLE_SIZE_MAX));
    TRY(kv_cursor_open(self->tx, search_table(self->search, SEARCH_TITLES), &cursor));
    err_t err = kv_seek(&cursor, search_key_str(&prefix));
    for (; err == ERR_OK && self->counts[kind] < self->limits[kind] &&
           str_starts_with(cursor.key, search_key_str(&prefix));
         err = kv_next(&cursor)) {
        if (cursor.key.size < prefix.size + SEARCH_ENTITY_SIZE)
            return ERR_CORRUPT;
        bool is_exact = cursor.key.data[prefix.size] == '\0';
        uint64_t id = kv_u64_read(cursor.key.data + cursor.key.size - 8);
        add_hit(self, (search_hit_t){kind, id, is_exact ? SCORE_EXACT : SCORE_PREFIX});
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Where the entries of a word of this kind begin. An exact word's kinds lie apart, those of a
 * prefix are mixed. */
static search_key_t range_of(search_word_t word, search_kind_t kind)
{
    search_key_t key = {.size = 0};
    search_key_add(&key, word.text);
    if (!word.is_prefix) {
        search_key_add(&key, str_of("", 1));
        search_key_add_kind(&key, kind);
    }
    return key;
}

static err_t count_entries(const finder_t *self, search_word_t word, search_kind_t kind,
                           size_t *out_count)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    search_key_t range = range_of(word, kind);
    size_t count = 0;
    TRY(kv_cursor_open(self->tx, search_table(self->search, SEARCH_WORDS), &cursor));
    err_t err = kv_seek(&cursor, search_key_str(&range));
    for (;
         err == ERR_OK && count < PROBED_MAX && str_starts_with(cursor.key, search_key_str(&range));
         err = kv_next(&cursor))
        count++;
    *out_count = count;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t rarest_word(const finder_t *self, search_kind_t kind, search_word_t *out_word)
{
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < self->word_count; i++) {
        size_t count = 0;
        TRY(count_entries(self, self->words[i], kind, &count));
        if (count < fewest) {
            fewest = count;
            *out_word = self->words[i];
        }
    }
    return ERR_OK;
}

/* 0: not all words are there. */
static uint32_t score_of(const finder_t *self, str_t stored)
{
    search_text_t text = search_text_of(stored);
    uint32_t in_title = 0;
    for (size_t i = 0; i < self->word_count; i++) {
        search_word_t word = self->words[i];
        if (search_has_word(text.title, word.text, word.is_prefix))
            in_title++;
        else if (!search_has_word(text.more, word.text, word.is_prefix))
            return 0;
    }
    /* Among equals the shorter title is the closer one. */
    uint32_t length = (uint32_t)MIN(text.title.size, (size_t)SCORE_TITLE_WORD - 1);
    return SCORE_WORDS + in_title * SCORE_TITLE_WORD + (SCORE_TITLE_WORD - 1 - length);
}

static err_t look_at(finder_t *self, search_kind_t kind, str_t entity)
{
    str_t stored;
    err_t err = kv_get(self->tx, search_table(self->search, SEARCH_TEXTS), entity, &stored);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err; /* a word without its text */
    uint32_t score = score_of(self, stored);
    if (score > 0)
        add_hit(self, (search_hit_t){kind, kv_u64_read(entity.data + 1), score});
    return ERR_OK;
}

static err_t find_words(finder_t *self, search_kind_t kind)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    search_word_t word = self->words[0];
    TRY(rarest_word(self, kind, &word));
    search_key_t range = range_of(word, kind);
    TRY(kv_cursor_open(self->tx, search_table(self->search, SEARCH_WORDS), &cursor));
    err_t err = kv_seek(&cursor, search_key_str(&range));
    for (size_t i = 0; err == ERR_OK && i < SEARCH_CANDIDATES_MAX &&
                       str_starts_with(cursor.key, search_key_str(&range));
         i++, err = kv_next(&cursor)) {
        if (cursor.key.size < SEARCH_ENTITY_SIZE)
            return ERR_CORRUPT;
        str_t entity = str_slice(cursor.key, cursor.key.size - SEARCH_ENTITY_SIZE, cursor.key.size);
        if (entity.data[0] == (char)kind)
            TRY(look_at(self, kind, entity));
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void split(finder_t *self)
{
    str_t rest = self->folded, word;
    while (self->word_count < SEARCH_WORDS_MAX && fold_next_word(&rest, &word))
        self->words[self->word_count++] = (search_word_t){word, false};
    if (self->word_count > 0)
        self->words[self->word_count - 1].is_prefix = true; /* it may still be typed */
}

err_t search_find(const search_t *self, const kv_tx_t *tx, arena_t *arena,
                  const search_query_t *query, search_answer_t *out_answer)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    finder_t finder = {.search = self, .tx = tx};
    search_answer_t answer = {0};
    fold_append(&folded, str_slice(query->text, 0, SEARCH_QUERY_SIZE_MAX));
    TRY(buf_status(&folded));
    finder.folded = buf_str(&folded);
    split(&finder);
    for (int kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        size_t limit = MIN(query->limits[kind], (uint32_t)SEARCH_LIMIT_MAX);
        if (limit == 0 || finder.word_count == 0)
            continue;
        finder.limits[kind] = limit;
        finder.hits[kind] = arena_new_array(arena, limit, sizeof(search_hit_t));
        if (finder.hits[kind] == NULL)
            return ERR_NO_MEMORY;
        TRY(find_titles(&finder, (search_kind_t)kind));
        if (finder.counts[kind] < limit)
            TRY(find_words(&finder, (search_kind_t)kind));
        answer.hits[kind] = finder.hits[kind];
        answer.counts[kind] = finder.counts[kind];
    }
    *out_answer = answer;
    return ERR_OK;
}
