#include "bench/search/judge.h"

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

typedef struct judge {
    const judge_engine_t *engine;
    const judge_options_t *options;
    judge_figures_t figures;
    double *times;
    size_t times_max;
    arena_t arena; /* of one question */
} judge_t;

double judge_share_first(const judge_figures_t *figures)
{
    return figures->asked == 0 ? 0 : (double)figures->first / (double)figures->asked;
}

double judge_share_ten(const judge_figures_t *figures)
{
    return figures->asked == 0 ? 0 : (double)figures->ten / (double)figures->asked;
}

static double milliseconds(void)
{
    ms_clock_t clock = clock_system();
    return (double)clock_mono_ns(&clock) / 1e6;
}

static void begin(judge_t *self, size_t count)
{
    self->times_max = MAX(count, (size_t)1);
    self->times = memory_new_array(self->times_max, sizeof *self->times);
    ASSERT(self->times != NULL);
}

static bool is_over(const judge_t *self)
{
    return self->options->seconds_max > 0 && self->figures.seconds > self->options->seconds_max;
}

static size_t timed(judge_t *self, const search_request_t *request, uint64_t out_ids[JUDGE_RESULTS])
{
    ASSERT(self->figures.asked < self->times_max);
    double start = milliseconds();
    size_t count = self->engine->ask(self->engine->context, request, &self->arena, out_ids);
    double took = milliseconds() - start;
    self->times[self->figures.asked++] = took;
    self->figures.seconds += took / 1000;
    if (took > self->figures.worst_ms) {
        self->figures.worst_ms = took;
        str_to_array(request->text, self->figures.worst, sizeof self->figures.worst);
    }
    return count;
}

static void count_place(judge_t *self, const search_request_t *request, str_t wanted, size_t place)
{
    self->figures.first += place == 0;
    self->figures.ten += place < JUDGE_RESULTS;
    if (place > 0 && self->options->miss != NULL)
        self->options->miss(request->text, wanted, place);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static judge_figures_t end(judge_t *self)
{
    size_t asked = self->figures.asked;
    qsort(self->times, asked, sizeof *self->times, compare);
    self->figures.p50_ms = self->times[asked / 2];
    self->figures.p99_ms = self->times[asked * 99 / 100];
    memory_free(self->times);
    arena_deinit(&self->arena);
    return self->figures;
}

/* ---- made-up questions ---- */

static size_t place_of(judge_t *self, const asking_t *asking, const uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (asking_is_meant(asking, self->options->corpus, ids[i], &self->arena))
            return i;
    return JUDGE_RESULTS;
}

judge_figures_t judge_kind(const judge_engine_t *engine, const judge_options_t *options,
                           asking_kind_t kind, tongue_t tongue)
{
    judge_t self = {.engine = engine, .options = options};
    begin(&self, options->count);
    for (size_t i = 0; i < options->count && !is_over(&self); i++) {
        uint64_t ids[JUDGE_RESULTS];
        asking_t asking = asking_make(options->corpus, kind, tongue, i, &self.arena);
        size_t count = timed(&self, &asking.request, ids);
        count_place(&self, &asking.request, asking.target.title,
                    place_of(&self, &asking, ids, count));
        arena_reset(&self.arena);
    }
    return end(&self);
}

/* ---- songs ---- */

static void ask_for_song(judge_t *self, str_t text, uint32_t song)
{
    uint64_t ids[JUDGE_RESULTS], wanted = corpus_song(self->options->corpus, song) + 1;
    search_request_t request = {.text = text, .first = {[SEARCH_TRACK] = JUDGE_RESULTS}};
    size_t count = timed(self, &request, ids), place = 0;
    while (place < count && ids[place] != wanted)
        place++;
    count_place(self, &request, self->options->corpus->songs->items[song].title,
                place < count ? place : JUDGE_RESULTS);
    arena_reset(&self->arena);
}

judge_figures_t judge_misspellings(const judge_engine_t *engine, const judge_options_t *options,
                                   const songs_misspellings_t *list)
{
    judge_t self = {.engine = engine, .options = options};
    begin(&self, list->count);
    for (size_t i = 0; i < list->count && !is_over(&self); i++)
        ask_for_song(&self, list->items[i].text, list->items[i].song);
    return end(&self);
}

judge_figures_t judge_songs(const judge_engine_t *engine, const judge_options_t *options,
                            int artist)
{
    judge_t self = {.engine = engine, .options = options};
    const songs_t *songs = options->corpus->songs;
    begin(&self, songs->count);
    for (uint32_t i = 0; i < songs->count && !is_over(&self); i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        const song_t *song = &songs->items[i];
        str_t name = corpus_main_artist(song->artist);
        str_t before = artist < 0 ? name : (str_t){0}, behind = artist > 0 ? name : (str_t){0};
        buf_printf(&text, "%.*s %.*s %.*s", STR_ARG(before), STR_ARG(song->title), STR_ARG(behind));
        ask_for_song(&self, str_trim(buf_str(&text)), i);
    }
    return end(&self);
}
