#include "storage/search/index/osa.h"

#include "runtime/base/utf8.h"

/* Past all code points: what a kana with a voicing mark (U+3099, U+309A) counts as. */
static const uint32_t voiced = 0x200000, half_voiced = 0x400000;

static size_t take_mark(str_t word, size_t at, uint32_t *out_point)
{
    static const char mark[] = {'\xe3', '\x82', '\x99'};
    if (word.size - at < sizeof mark || memcmp(word.data + at, mark, sizeof mark - 1) != 0)
        return 0;
    char last = word.data[at + 2];
    if (last != mark[2] && last != mark[2] + 1)
        return 0;
    *out_point |= last == mark[2] ? voiced : half_voiced;
    return sizeof mark;
}

static size_t next_point(bool is_kana, str_t word, size_t at, uint32_t *out_point)
{
    size_t size = utf8_next(word, at, out_point);
    return is_kana ? size + take_mark(word, at + size, out_point) : size;
}

static uint64_t letter_of(uint32_t code_point)
{
    return 1ull << (code_point & 63);
}

/* A kana's voicing mark, read by itself, is one letter more: nothing is refused for that. */
uint64_t osa_letters(str_t word)
{
    uint64_t letters = 0;
    uint32_t c;
    for (size_t at = 0; at < word.size; letters |= letter_of(c))
        at += utf8_next(word, at, &c);
    return letters;
}

bool osa_lacks(const osa_t *self, uint64_t letters)
{
    uint64_t lacking = self->letters & ~letters;
    for (uint32_t e = 0; e < self->edits; e++)
        lacking &= lacking - 1; /* each edit makes up for one */
    return lacking != 0;
}

static bool init(osa_t *out, str_t word, uint32_t edits, bool is_kana)
{
    uint32_t c, count = 0;
    out->is_kana = is_kana;
    memset(out->places, 0, sizeof out->places);
    out->letters = 0;
    for (size_t at = 0; at < word.size;) {
        at += next_point(is_kana, word, at, &c);
        if (count == OSA_SIZE_MAX)
            return false;
        size_t slot = osa_slot(out, c);
        out->points[slot] = c;
        out->places[slot] |= 1ull << count++;
        out->letters |= letter_of(c);
    }
    out->size = count;
    out->edits = MIN(edits, (uint32_t)OSA_EDITS_MAX);
    out->all = UINT64_MAX >> (63 - count);
    out->states[0] = (osa_state_t){0};
    for (uint32_t e = 0; e <= out->edits; e++)
        out->states[0].had[e] = ((2ull << e) - 1) & out->all; /* the first e are left out */
    return true;
}

bool osa_init(osa_t *out, str_t word, uint32_t edits)
{
    return init(out, word, edits, false);
}

bool osa_init_kana(osa_t *out, str_t word, uint32_t edits)
{
    return init(out, word, edits, true);
}

uint32_t osa_step(osa_t *self, uint32_t depth, uint32_t code_point)
{
    const osa_state_t *before = &self->states[depth - 1];
    osa_state_t *after = &self->states[depth];
    uint64_t here = osa_places(self, code_point);
    uint64_t had = ((before->had[0] & here) << 1) & self->all;
    uint32_t least = had != 0 ? 0 : self->edits + 1;
    after->had[0] = had;
    for (uint32_t e = 1; e <= self->edits; e++) {
        uint64_t less = before->had[e - 1];
        had = (before->had[e] & here) << 1;      /* as it is */
        had |= less | less << 1;                 /* one more; another */
        had |= after->had[e - 1] << 1;           /* one left out */
        had |= (before->swapped[e] & here) << 2; /* the second of two that are swapped */
        had &= self->all;
        after->had[e] = had;
        after->swapped[e] = less & here >> 1;
        if (had != 0 && e < least)
            least = e;
    }
    return least;
}

/* What is swapped with so many edits is also had with as many: it needs no look of its own. */
uint64_t osa_open(const osa_t *self, uint32_t depth, uint32_t limit)
{
    const osa_state_t *state = &self->states[depth];
    for (uint32_t e = 0; e < limit; e++)
        if (state->had[e] != 0)
            return OSA_OPEN_ALL;
    return state->had[limit];
}

uint32_t osa_distance(const osa_t *self, uint32_t depth)
{
    uint32_t e = 0;
    while (e <= self->edits && (self->states[depth].had[e] >> self->size & 1) == 0)
        e++;
    return e;
}

uint32_t osa_measure(osa_t *self, str_t word, bool is_beginning)
{
    uint32_t far = self->edits + 1, depth = 0, best = osa_distance(self, 0), c;
    for (size_t at = 0; at < word.size;) {
        at += next_point(self->is_kana, word, at, &c);
        if (depth == OSA_DEPTH_MAX || osa_step(self, ++depth, c) >= (is_beginning ? best : far))
            return is_beginning ? best : far;
        uint32_t here = osa_distance(self, depth);
        best = is_beginning ? MIN(best, here) : here;
    }
    return best;
}

uint32_t osa_measure_within(osa_t *self, str_t text)
{
    const osa_state_t start = self->states[0];
    uint32_t best = osa_distance(self, 0), c;
    for (size_t at = 0; at < text.size && best > 0;) {
        at += next_point(self->is_kana, text, at, &c);
        osa_step(self, 1, c);
        best = MIN(best, osa_distance(self, 1));
        self->states[0] = self->states[1];
        for (uint32_t e = 0; e <= self->edits; e++)
            self->states[0].had[e] |= start.had[e]; /* it may begin behind this one */
    }
    self->states[0] = start;
    return best;
}
