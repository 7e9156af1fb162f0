#include "storage/search/query/rank_text.h"

/* How well a word is matched. A misspelt one loses by how much of it is wrong: an edit in three
 * letters is another word more often than a slip. What was run together is hardly a mistake. */
static const double value_beginning = 0.97, value_joined = 0.9, value_merged_beginning = 0.88;
static const double value_edit = 1.5, value_near_max = 0.85, value_near_min = 0.3;
static const double value_far = 0.6; /* times it: farther than words are looked up */
static const double value_sound = 0.5;
static const double value_near_beginning = 0.7, value_merged_near = 0.65, value_cjk_part = 0.9,
                    value_cjk_scattered = 0.7;
enum { CJK_SHORT = 8, COMPACT_SIZE_MAX = 1024 };

void rank_text_init(rank_text_t *out, str_t text)
{
    str_t rest = text;
    out->text = text;
    out->count = out->cjk_count = 0;
    out->has_sounds = false;
    while (out->count < RANK_RUNS_MAX && words_next(&rest, &out->runs[out->count])) {
        const words_run_t *run = &out->runs[out->count];
        out->units[out->count] = run->is_cjk ? (uint16_t)words_characters(run->text) : 1;
        out->covered[out->count] = 0;
        out->letters[out->count] = 0;
        out->cjk_count += run->is_cjk ? 1 : 0;
        out->count++;
    }
}

double rank_text_coverage(const rank_text_t *self)
{
    unsigned units = 0, covered = 0;
    for (size_t i = 0; i < self->count; i++) {
        units += self->units[i];
        covered += MIN(self->covered[i], self->units[i]);
    }
    return units == 0 ? 0.0 : (double)covered / units;
}

static rank_match_t matched(rank_text_t *self, size_t index, double value, rank_how_t how)
{
    self->covered[index] = self->units[index];
    return (rank_match_t){
        .value = value, .how = how, .found = self->runs[index].text, .place = index};
}

/* ---- words ---- */

static double near_value(const question_word_t *word, uint32_t edits)
{
    if (word->is_prefix)
        return value_near_beginning;
    double value = 1.0 - value_edit * edits / MAX(word->size, 1u);
    value = MAX(MIN(value, value_near_max), value_near_min);
    return edits > word->edits ? value * value_far : value;
}

/* Is the word neighbours of the text, run together? How many, from *out_first on; 0: no. */
static size_t find_joined(const rank_text_t *self, str_t word, size_t *out_first)
{
    for (size_t first = 0; first + 1 < self->count; first++) {
        size_t size = 0, count = 0;
        while (first + count < self->count && size < word.size) {
            str_t text = self->runs[first + count].text;
            if (text.size > word.size - size || memcmp(word.data + size, text.data, text.size) != 0)
                break;
            size += text.size;
            count++;
        }
        *out_first = first;
        if (size == word.size && count > 1)
            return count;
    }
    return 0;
}

static str_t span_of(str_t a, str_t b)
{
    return str_of(a.data, (size_t)(b.data - a.data) + b.size);
}

static rank_match_t match_joined(rank_text_t *self, size_t first, size_t count)
{
    for (size_t i = 1; i < count; i++)
        matched(self, first + i, value_joined, RANK_JOINED);
    rank_match_t match = matched(self, first, value_joined, RANK_JOINED);
    match.found = span_of(match.found, self->runs[first + count - 1].text);
    return match;
}

/* Of the words, or of the CJK runs. */
static bool find_nearest(rank_text_t *self, question_word_t *word, size_t *out_index,
                         uint32_t *out_edits)
{
    uint32_t edits_max = word->edits_ranked, best = edits_max + 1;
    size_t nearest = 0;
    for (size_t i = 0; i < self->count && edits_max > 0; i++) {
        str_t text = self->runs[i].text;
        /* Bytes may be four a code point: a rough look before the exact one. */
        bool is_far = text.size + (size_t)4 * edits_max < word->size ||
                      (!word->is_prefix && text.size > word->text.size + (size_t)4 * edits_max);
        if (self->runs[i].is_cjk != word->is_cjk || is_far)
            continue;
        if (self->letters[i] == 0)
            self->letters[i] = osa_letters(text);
        if (osa_lacks(&word->osa, self->letters[i]))
            continue;
        uint32_t edits = osa_measure(&word->osa, text, word->is_prefix);
        /* "viva la vita": of two that are as near the one that is not asked for yet. */
        bool is_free = edits == best && best <= edits_max && self->covered[nearest] > 0 &&
                       self->covered[i] == 0;
        if (edits < best || is_free) {
            best = edits;
            nearest = i;
        }
    }
    *out_index = nearest;
    *out_edits = best;
    return best <= edits_max;
}

static bool find_alike(rank_text_t *self, const question_word_t *word, size_t *out_index)
{
    if (word->sound.size == 0)
        return false;
    for (size_t i = 0; i < self->count && !self->has_sounds; i++)
        sound_of(self->runs[i].text, &self->sounds[i]);
    self->has_sounds = true;
    for (size_t i = 0; i < self->count; i++) {
        *out_index = i;
        if (sound_is_alike(&word->sound, &self->sounds[i]))
            return true;
    }
    return false;
}

/* Misspelt, or spelled by ear, whichever says more. */
static rank_match_t match_about(rank_text_t *self, question_word_t *word)
{
    size_t index = 0, alike = 0;
    uint32_t edits = 0;
    bool is_near = find_nearest(self, word, &index, &edits);
    double value = is_near ? near_value(word, edits) : 0.0;
    if (value < value_sound && find_alike(self, word, &alike))
        return matched(self, alike, value_sound, RANK_SOUND);
    if (!is_near)
        return (rank_match_t){0};
    rank_match_t match = matched(self, index, value, RANK_NEAR);
    match.edits = edits;
    return match;
}

static rank_match_t match_word(rank_text_t *self, question_word_t *word, bool is_plain)
{
    size_t beginning = self->count, index = 0;
    for (size_t i = 0; i < self->count; i++) {
        str_t text = self->runs[i].text;
        if (text.size < word->text.size || text.data[0] != word->text.data[0] ||
            memcmp(text.data, word->text.data, word->text.size) != 0)
            continue;
        if (text.size == word->text.size)
            return matched(self, i, 1.0, RANK_EXACT);
        if (beginning == self->count)
            beginning = i;
    }
    if (word->is_prefix && beginning < self->count)
        return matched(self, beginning, value_beginning, RANK_BEGINNING);
    if (is_plain)
        return (rank_match_t){0};
    size_t joined = find_joined(self, word->text, &index);
    if (joined > 0)
        return match_joined(self, index, joined);
    return match_about(self, word);
}

rank_match_t rank_text_match_merged(rank_text_t *self, question_word_t *merged)
{
    size_t index;
    uint32_t edits;
    for (size_t i = 0; i < self->count; i++) {
        if (str_equal(self->runs[i].text, merged->text))
            return matched(self, i, value_joined, RANK_JOINED);
        if (merged->is_prefix && str_starts_with(self->runs[i].text, merged->text))
            return matched(self, i, value_merged_beginning, RANK_JOINED);
    }
    if (!find_nearest(self, merged, &index, &edits))
        return (rank_match_t){0};
    return matched(self, index, value_merged_near, RANK_JOINED);
}

/* ---- CJK ---- */

/* The runs without what stands between them: a title may have blanks where nobody types them. */
static str_t compact(const rank_text_t *self, char room[COMPACT_SIZE_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < self->count; i++) {
        str_t text = self->runs[i].text;
        if (self->runs[i].is_cjk && self->cjk_count == 1)
            return text;
        if (!self->runs[i].is_cjk || size + text.size > COMPACT_SIZE_MAX)
            continue;
        memcpy(room + size, text.data, text.size);
        size += text.size;
    }
    return str_of(room, size);
}

static void cover_cjk(rank_text_t *self, unsigned count)
{
    for (size_t i = 0; i < self->count && count > 0; i++) {
        if (!self->runs[i].is_cjk)
            continue;
        unsigned more = MIN(count, (unsigned)(self->units[i] - self->covered[i]));
        self->covered[i] = (uint16_t)(self->covered[i] + more);
        count -= more;
    }
}

/* The part of the word's neighbouring characters that stand in the text as neighbours. */
static double shared_pairs(str_t text, str_t word)
{
    unsigned pairs = 0, found = 0;
    for (size_t size; (size = words_character(word)) > 0; word = str_slice(word, size, word.size)) {
        size_t next = words_character(str_slice(word, size, word.size));
        if (next == 0)
            break;
        pairs++;
        found += words_has(text, str_slice(word, 0, size + next)) ? 1 : 0;
    }
    return pairs == 0 ? 0.0 : (double)found / pairs;
}

/* As it was typed, in one run or over the blanks between runs. */
static bool has_run(rank_text_t *self, str_t compacted, str_t word)
{
    unsigned size = words_characters(word);
    for (size_t i = 0; i < self->count; i++) {
        if (!self->runs[i].is_cjk || !words_has(self->runs[i].text, word))
            continue;
        self->covered[i] = (uint16_t)MIN(self->units[i], self->covered[i] + size);
        return true;
    }
    if (self->cjk_count < 2 || !words_has(compacted, word))
        return false;
    cover_cjk(self, size);
    return true;
}

/* A run that is the word but for a character or two; what of a longer one is like it counts less,
 * as do neighbours that are the same somewhere. */
static rank_match_t match_cjk_near(rank_text_t *self, str_t compacted, question_word_t *word)
{
    size_t index;
    uint32_t edits;
    if (find_nearest(self, word, &index, &edits)) {
        rank_match_t match = matched(self, index, near_value(word, edits), RANK_NEAR);
        match.edits = edits;
        return match;
    }
    edits = word->edits == 0 ? 1 : osa_measure_within(&word->osa, compacted);
    double within = edits > word->edits ? 0.0 : value_cjk_part * near_value(word, edits);
    double share = shared_pairs(compacted, word->text);
    double value =
        MAX(within, (word->size < CJK_SHORT ? value_cjk_scattered : value_cjk_part) * share);
    unsigned size = word->size;
    if (value <= 0.0)
        return (rank_match_t){0};
    cover_cjk(self, within > 0.0 ? size - MIN(size, edits) : (unsigned)(share * size));
    return (rank_match_t){.value = value, .how = RANK_PART, .found = word->text};
}

static rank_match_t match_cjk(rank_text_t *self, question_word_t *word, bool is_plain)
{
    char room[COMPACT_SIZE_MAX];
    if (self->cjk_count == 0)
        return (rank_match_t){0};
    str_t compacted = compact(self, room);
    if (has_run(self, compacted, word->text))
        return (rank_match_t){.value = 1.0, .how = RANK_EXACT, .found = word->text};
    if (is_plain)
        return (rank_match_t){0};
    return match_cjk_near(self, compacted, word);
}

rank_match_t rank_text_match(rank_text_t *self, question_word_t *word, bool is_plain)
{
    return word->is_cjk ? match_cjk(self, word, is_plain) : match_word(self, word, is_plain);
}
