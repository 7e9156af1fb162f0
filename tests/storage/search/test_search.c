#include "runtime/base/random.h"
#include "storage/search/search.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    temporary_t folder;
    kv_t *kv;
    search_t search;
    arena_t arena;
} fixture_t;

static fixture_t set_up(void)
{
    fixture_t self = {.folder = temporary_new()};
    temporary_name_t path = temporary_in(&self.folder, "search");
    check_ok(kv_open(&(kv_options_t){.path = path.path,
                                     .tables = SEARCH_TABLES,
                                     .table_count = SEARCH_TABLE_COUNT,
                                     .is_lazy = true},
                     &self.kv));
    return self;
}

static void tear_down(fixture_t *self)
{
    kv_close(self->kv);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}
#define FIXTURE_SCOPED SCOPED(tear_down)

/* NULL title: remove. */
static void put(fixture_t *self, search_kind_t kind, uint64_t id, const char *title,
                const char *more)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(self->kv, &tx));
    if (title == NULL)
        check_ok(search_remove(&self->search, &tx, kind, id));
    else
        check_ok(search_put(&self->search, &tx, kind, id, str_from(title), str_from(more)));
    check_ok(kv_commit(&tx));
}

static search_answer_t find(fixture_t *self, const char *text, uint32_t limit)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    search_answer_t answer;
    search_query_t query = {str_from(text), {limit, limit, limit}};
    check_ok(kv_read(self->kv, &tx));
    check_ok(search_find(&self->search, &tx, &self->arena, &query, &answer));
    return answer;
}

/* The ids of the tracks found, as text: "3 1 2". */
static str_t tracks(fixture_t *self, const char *text)
{
    search_answer_t answer = find(self, text, 10);
    buf_t ids BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < answer.counts[SEARCH_TRACK]; i++)
        buf_printf(&ids, "%s%llu", i == 0 ? "" : " ",
                   (unsigned long long)answer.hits[SEARCH_TRACK][i].id);
    return arena_str(&self->arena, buf_str(&ids));
}

Test(search, every_word_must_be_there_and_the_last_may_be_unfinished)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    put(&self, SEARCH_TRACK, 1, "Bohemian Rhapsody", "Queen A Night at the Opera");
    put(&self, SEARCH_TRACK, 2, "Bohemian Like You", "The Dandy Warhols");
    put(&self, SEARCH_TRACK, 3, "Jóga", "Björk Homogenic");
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"bohemian", "2 1"},
        {"bohemian q", "1"},
        {"queen bohemian", "1"},
        {"BÖHEMIAN rhap", "1"},
        {"bohem like", ""},
        {"like bohem", "2"},
        {"joga", "3"},
        {"bjork jo", "3"},
        {"opera night", "1"},
        {"bohemian nothing", ""},
        {"", ""},
        {"...", ""},
        {"hemian", ""},
        {"q", "1"},
        {"dandy warhols bohemian", "2"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str_t got = tracks(&self, cases[i].query);
        cr_expect(str_equal(got, str_from(cases[i].want)), "\"%s\" found \"%.*s\"", cases[i].query,
                  STR_ARG(got));
    }
}

Test(search, an_exact_title_is_first_then_its_beginning_then_words)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    put(&self, SEARCH_TRACK, 1, "Something About Love", "Somebody");
    put(&self, SEARCH_TRACK, 2, "Love Me Do", "Somebody");
    put(&self, SEARCH_TRACK, 3, "Love", "Somebody");
    put(&self, SEARCH_TRACK, 4, "Other", "Love");
    put(&self, SEARCH_TRACK, 5, "Loveless", "Somebody");

    check_str(tracks(&self, "love"), STR("3 2 5 1 4"));
}

Test(search, kinds_are_apart_each_with_its_limit)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    for (uint64_t i = 1; i <= SEARCH_LIMIT_MAX + 20; i++)
        put(&self, SEARCH_TRACK, i, "River", "");
    put(&self, SEARCH_ALBUM, 1, "The River", "Bruce");
    put(&self, SEARCH_ARTIST, 1, "River Band", "");

    search_answer_t answer = find(&self, "river", 3);
    cr_assert(answer.counts[SEARCH_TRACK] == 3 && answer.counts[SEARCH_ALBUM] == 1 &&
              answer.counts[SEARCH_ARTIST] == 1);
    answer = find(&self, "river", UINT32_MAX);
    cr_assert(answer.counts[SEARCH_TRACK] == SEARCH_LIMIT_MAX);
    answer = find(&self, "river", 0);
    cr_assert(answer.counts[SEARCH_TRACK] == 0 && answer.counts[SEARCH_ALBUM] == 0);
}

Test(search, what_is_replaced_or_removed_is_found_no_more)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    put(&self, SEARCH_TRACK, 1, "Old Title Title", "Shared");
    put(&self, SEARCH_TRACK, 1, "New Name", "Shared title");

    check_str(tracks(&self, "old"), STR(""));
    check_str(tracks(&self, "title"), STR("1"));
    check_str(tracks(&self, "shared"), STR("1"));
    put(&self, SEARCH_TRACK, 1, NULL, NULL);
    put(&self, SEARCH_TRACK, 2, NULL, NULL); /* was never there */
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_read(self.kv, &tx));
    for (kv_table_t i = 0; i < SEARCH_TABLE_COUNT; i++) {
        uint64_t count;
        check_ok(kv_count(&tx, i, &count));
        cr_assert(count == 0, "table %u", i);
    }
}

Test(search, text_and_queries_of_any_length_are_taken)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    static char large[100001], words[100001];
    for (size_t i = 0; i + 1 < sizeof large; i++) {
        large[i] = 'x';
        words[i] = i % 3 == 2 ? ' ' : (char)('a' + i % 26);
    }

    put(&self, SEARCH_TRACK, 1, large, words);
    put(&self, SEARCH_TRACK, 2, words, large);

    cr_assert(find(&self, large, 10).counts[SEARCH_TRACK] == 2);
    find(&self, words, 10);
    put(&self, SEARCH_TRACK, 1, NULL, NULL);
    put(&self, SEARCH_TRACK, 2, NULL, NULL);
    cr_assert(find(&self, "x", 10).counts[SEARCH_TRACK] == 0);
}

/* ---- against a naive twin ---- */

enum { MODEL_TRACKS = 60, MODEL_ROUNDS = 600, MODEL_TEXT = 64 };

static const char *const pool[] = {"red",  "reddish", "blue", "bluer", "go",
                                   "gold", "a",       "ab",   "abc"};

static void random_text(const ms_random_t *random, char out[MODEL_TEXT])
{
    int size = 0;
    for (uint64_t i = 1 + random_below(random, 3); i > 0; i--)
        size += snprintf(out + size, MODEL_TEXT - (size_t)size, "%s%s",
                         pool[random_below(random, COUNT_OF(pool))], i > 1 ? " " : "");
}

static bool naive_has(const char *text, str_t word, bool is_prefix)
{
    str_t rest = str_from(text), at;
    while (str_next(&rest, ' ', &at))
        if (is_prefix ? str_starts_with(at, word) : str_equal(at, word))
            return true;
    return false;
}

static bool naive_matches(const char *title, const char *more, const char *query)
{
    str_t rest = str_from(query), word;
    while (str_next(&rest, ' ', &word)) {
        bool is_last = rest.data == NULL;
        if (!naive_has(title, word, is_last) && !naive_has(more, word, is_last))
            return false;
    }
    return true;
}

Test(search, finds_what_a_naive_search_finds)
{
    fixture_t self FIXTURE_SCOPED = set_up();
    random_seed_t seed = {21};
    ms_random_t random = random_seeded(&seed);
    static char titles[MODEL_TRACKS][MODEL_TEXT], more[MODEL_TRACKS][MODEL_TEXT];
    bool is_there[MODEL_TRACKS] = {0};

    for (int round = 0; round < MODEL_ROUNDS; round++) {
        uint64_t id = random_below(&random, MODEL_TRACKS);
        is_there[id] = random_below(&random, 5) > 0;
        random_text(&random, titles[id]);
        random_text(&random, more[id]);
        put(&self, SEARCH_TRACK, id, is_there[id] ? titles[id] : NULL, more[id]);
        char query[MODEL_TEXT];
        random_text(&random, query);

        search_answer_t answer = find(&self, query, SEARCH_LIMIT_MAX);

        bool is_found[MODEL_TRACKS] = {0};
        for (size_t i = 0; i < answer.counts[SEARCH_TRACK]; i++) {
            cr_assert(is_found[answer.hits[SEARCH_TRACK][i].id] == false, "twice: \"%s\"", query);
            is_found[answer.hits[SEARCH_TRACK][i].id] = true;
            cr_assert(i == 0 ||
                      answer.hits[SEARCH_TRACK][i].score <= answer.hits[SEARCH_TRACK][i - 1].score);
        }
        for (uint64_t i = 0; i < MODEL_TRACKS; i++) {
            bool want = is_there[i] && naive_matches(titles[i], more[i], query);
            cr_assert(is_found[i] == want, "round %d: \"%s\" and \"%s / %s\"", round, query,
                      titles[i], more[i]);
        }
        arena_reset(&self.arena);
    }
}
