#include "bench/search/names.h"

#include "bench/bench.h"
#include "bench/search/tongue.h"
#include "runtime/base/random.h"
#include "storage/search/names/name_index.h"

enum { QUESTIONS = 400, CHANGES = NAME_INDEX_RECENT_MAX, OWNED = 20, KEY_SIZE = 24 };

typedef struct maker {
    name_index_t *names;
    uint32_t count;
    buf_t name, text;
} maker_t;

const char *names_kind_text(names_kind_t kind)
{
    static const char *const texts[] = {
#define NAMES_KIND_TEXT(name, text) text,
        NAMES_KIND_LIST(NAMES_KIND_TEXT)
#undef NAMES_KIND_TEXT
    };
    return texts[kind];
}

/* ---- names ---- */

static bool is_person(uint32_t number)
{
    return number % 4 == 0;
}

static str_t name_of(maker_t *self, uint32_t number)
{
    buf_reset(&self->name);
    uint32_t words = is_person(number) ? 2 : 1 + number / 4 % 6;
    tongue_append_title(&self->name, tongue_of(number), number, words);
    return buf_str(&self->name);
}

static err_t put(maker_t *self, uint32_t number)
{
    char key[KEY_SIZE], owner[KEY_SIZE];
    uint32_t person = number / (4 * OWNED) * (4 * OWNED);
    snprintf(key, sizeof key, "%016x", (unsigned)number);
    snprintf(owner, sizeof owner, "%016x", (unsigned)person);
    return name_index_put(
        self->names, &(name_index_entry_t){
                         is_person(number) ? NAME_INDEX_PERSON : NAME_INDEX_PLAYLIST, str_from(key),
                         str_from(owner), name_of(self, number), number % 3 != 0});
}

/* ---- questions ---- */

static str_t word_of(str_t name, uint64_t number)
{
    str_t word = name, rest = name;
    for (uint64_t i = 0; i <= number && str_next(&rest, ' ', &word); i++)
        ;
    return word;
}

static size_t character_size(str_t text)
{
    size_t size = text.size > 0 ? 1 : 0;
    while (size < text.size && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size++;
    return size;
}

static str_t beginning(str_t word, uint64_t characters)
{
    size_t size = 0;
    for (uint64_t i = 0; i < characters; i++)
        size += character_size(str_slice(word, size, word.size));
    return str_slice(word, 0, size);
}

/* Without its second character. */
static void append_misspelt(buf_t *out, str_t name)
{
    str_t first = beginning(name, 1), two = beginning(name, 2);
    buf_append(out, first);
    buf_append(out, str_slice(name, two.size, name.size));
}

static void append_joined(buf_t *out, str_t name)
{
    for (size_t i = 0, blanks = 0; i < name.size; i++)
        if (name.data[i] != ' ' || blanks++ > 0)
            buf_append_char(out, name.data[i]);
}

/* Many words that many names have, once and again and again; letters; what nothing is near to. */
static void append_evil(maker_t *self, uint32_t number)
{
    for (uint32_t i = 0; i < 16; i++) {
        if (i > 0)
            buf_append_char(&self->text, ' ');
        switch (number % 4) {
        case 0:
            tongue_append_word(&self->text, TONGUE_ENGLISH, number % 40);
            break;
        case 1:
            tongue_append_word(&self->text, TONGUE_ENGLISH, (number + i) % 40);
            break;
        case 2:
            buf_append_char(&self->text, (char)('a' + (number / 4 + i) % 26));
            break;
        default:
            for (uint32_t k = 0; k < 12; k++)
                buf_append_char(&self->text, (char)('a' + (number / 4 + i * 7 + k * k * 3) % 26));
        }
    }
}

static str_t text_of(maker_t *self, names_kind_t kind, uint32_t number)
{
    str_t name = name_of(self, number);
    buf_reset(&self->text);
    switch (kind) {
    case NAMES_TYPO:
        append_misspelt(&self->text, name);
        break;
    case NAMES_JOINED:
        append_joined(&self->text, name);
        break;
    case NAMES_LACKING:
        buf_append(&self->text, name);
        buf_append(&self->text, STR(" zzyzx"));
        break;
    case NAMES_LETTER:
        buf_append(&self->text, beginning(name, 1));
        break;
    case NAMES_BEGUN:
        buf_append(&self->text, beginning(word_of(name, number % 3), 2 + number % 3));
        break;
    case NAMES_EVIL:
        append_evil(self, number);
        break;
    case NAMES_EXACT:
    case NAMES_KINDS:
        buf_append(&self->text, name);
    }
    return buf_str(&self->text);
}

typedef struct answer {
    double ms;
    bool is_cut, is_first;
    uint64_t work;
} answer_t;

static answer_t ask(maker_t *self, names_kind_t kind, uint32_t number)
{
    arena_t arena ARENA_SCOPED = {0};
    char key[KEY_SIZE];
    name_index_found_t found;
    snprintf(key, sizeof key, "%016x", (unsigned)(number / (4 * OWNED) * (4 * OWNED)));
    name_index_query_t query = {.text = text_of(self, kind, number),
                                .asker = str_from(key),
                                .is_typing = kind == NAMES_LETTER || kind == NAMES_BEGUN ||
                                             kind == NAMES_EVIL,
                                .first = {10, 10}};
    double start = bench_seconds();
    ASSERT(name_index_find(self->names, &arena, &query, &found) == ERR_OK);
    answer_t answer = {
        .ms = (bench_seconds() - start) * 1000, .is_cut = found.is_cut, .work = found.work};
    const name_index_hit_t *best = found.hits[is_person(number) ? 0 : 1];
    answer.is_first = found.counts[is_person(number) ? 0 : 1] > 0 &&
                      str_equal(best[0].name, name_of(self, number));
    return answer;
}

/* One that everybody may see. */
static uint32_t question_number(const maker_t *self, uint32_t i)
{
    uint32_t number = (uint32_t)((uint64_t)i * 2654435761u % self->count);
    return number - number % 3 + (number - number % 3 + 1 < self->count ? 1 : 0);
}

static void measure_kind(maker_t *self, names_kind_t kind, bool is_verbose, names_figures_t *out)
{
    double times[QUESTIONS], firsts = 0;
    uint64_t worst_work = 0;
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        answer_t answer = {.ms = 1e9};
        for (int again = 0; again < 2; again++) { /* the second one is warm */
            answer_t one = ask(self, kind, question_number(self, i));
            one.ms = MIN(answer.ms, one.ms);
            answer = one;
        }
        times[i] = answer.ms;
        firsts += answer.is_first ? 1 : 0;
        worst_work = MAX(worst_work, answer.work);
        if (kind != NAMES_EVIL) {
            out->asked++;
            out->cut += answer.is_cut ? 1 : 0;
        }
    }
    qsort(times, QUESTIONS, sizeof *times, bench_compare);
    out->p50_ms[kind] = times[QUESTIONS / 2];
    out->p99_ms[kind] = times[QUESTIONS * 99 / 100];
    out->worst_ms[kind] = times[QUESTIONS - 1];
    if (kind == NAMES_EXACT)
        out->found_first = firsts / QUESTIONS;
    if (is_verbose)
        fprintf(stderr, "  names %s: %.3f, %.3f, at most %.3f ms; work %lu; %.3f first\n",
                names_kind_text(kind), out->p50_ms[kind], out->p99_ms[kind], out->worst_ms[kind],
                (unsigned long)worst_work, firsts / QUESTIONS);
}

/* ---- changes ---- */

static void measure_changes(maker_t *self, names_figures_t *out)
{
    double times[CHANGES];
    names_figures_t recent = {0};
    for (uint32_t i = 0; i < CHANGES; i++) {
        double start = bench_seconds();
        ASSERT(put(self, question_number(self, i)) == ERR_OK);
        times[i] = (bench_seconds() - start) * 1000;
    }
    qsort(times, CHANGES, sizeof *times, bench_compare);
    out->change_p99_ms = times[CHANGES * 99 / 100];
    measure_kind(self, NAMES_EXACT, false, &recent);
    out->recent_p99_ms = recent.p99_ms[NAMES_EXACT];
}

void names_measure(uint32_t count, bool is_verbose, names_figures_t *out)
{
    maker_t self = {.count = count};
    double before = bench_private_mb(), start = bench_seconds();
    *out = (names_figures_t){0};
    ASSERT(name_index_new(count, &self.names) == ERR_OK);
    for (uint32_t i = 0; i < count; i++)
        ASSERT(put(&self, i) == ERR_OK);
    out->fill_s = bench_seconds() - start;
    ASSERT(put(&self, count) == ERR_LIMIT); /* there are as many as there may be */
    start = bench_seconds();
    ASSERT(name_index_settle(self.names) == ERR_OK);
    out->settle_s = bench_seconds() - start;
    out->private_mb = bench_private_mb() - before;
    for (int kind = 0; kind < NAMES_KINDS; kind++)
        measure_kind(&self, (names_kind_t)kind, is_verbose, out);
    measure_changes(&self, out);
    name_index_free(self.names);
    buf_deinit(&self.name);
    buf_deinit(&self.text);
}
