#include "bench/search/typing.h"

#include "bench/catalog/words.h"
#include "runtime/base/utf8.h"

enum { LETTERS_MAX = 256, WORDS_MAX = 32, TRIES = 64 };

typedef struct letters {
    uint32_t items[LETTERS_MAX + 8];
    size_t count;
} letters_t;

typedef struct word {
    size_t begin, count;
    uint32_t mistakes;
} word_t;

typedef struct typed {
    letters_t letters;
    word_t words[WORDS_MAX];
    size_t word_count;
} typed_t;

static void find_words(typed_t *self)
{
    self->word_count = 0;
    for (size_t i = 0; i < self->letters.count; i++) {
        bool is_letter = self->letters.items[i] > ' ';
        bool is_first = is_letter && (i == 0 || self->letters.items[i - 1] <= ' ');
        if (is_first && self->word_count < WORDS_MAX)
            self->words[self->word_count++] = (word_t){.begin = i};
        if (is_letter && self->word_count > 0)
            self->words[self->word_count - 1].count++;
    }
}

static void read_text(typed_t *self, str_t text)
{
    self->letters.count = 0;
    for (size_t at = 0; at < text.size && self->letters.count < LETTERS_MAX;) {
        uint32_t c = ' ';
        size_t size = utf8_decode(str_slice(text, at, text.size), &c);
        self->letters.items[self->letters.count++] = c;
        at += MAX(size, (size_t)1);
    }
    find_words(self);
}

static void write_text(const typed_t *self, buf_t *out)
{
    for (size_t i = 0; i < self->letters.count; i++)
        utf8_append(out, self->letters.items[i]);
}

/* False, and nothing is written: it is the text as it was. */
static bool write_other(const typed_t *self, str_t text, buf_t *out)
{
    size_t begin = out->size;
    write_text(self, out);
    bool is_same = str_equal(str_slice(buf_str(out), begin, out->size), text);
    if (is_same)
        out->size = begin;
    return !is_same;
}

/* ---- one letter ---- */

static uint32_t beside_on_keyboard(uint32_t c, uint64_t luck)
{
    static const char *const rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        const char *place = strchr(rows[row], (int)(c | 0x20));
        if (place == NULL)
            continue;
        if (place == rows[row])
            return (uint32_t)place[1];
        return (uint32_t)(place[1] == '\0' || luck & 1 ? place[-1] : place[1]);
    }
    return 'e';
}

static bool is_plain(uint32_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_korean(uint32_t c)
{
    return c >= 0xac00 && c <= 0xd7a3;
}

static uint32_t other_letter(const typed_t *self, uint32_t c, uint64_t luck)
{
    if (is_plain(c))
        return luck % 4 > 0 ? beside_on_keyboard(c, luck >> 8)
                            : 'a' + ((c | 0x20) - 'a' + 1 + (uint32_t)(luck >> 8) % 25) % 26;
    if (is_korean(c)) { /* the next vowel: 28 endings further */
        uint32_t next = c + 28;
        return (c - 0xac00) / 588 == (next - 0xac00) / 588 ? next : c - 28;
    }
    for (uint32_t i = 0; i < TRIES; i++) {
        uint32_t other = self->letters.items[words_mix(luck + i) % self->letters.count];
        if (other > ' ' && other != c)
            return other;
    }
    return c + 1;
}

static void insert(typed_t *self, size_t at, uint32_t c)
{
    uint32_t *place = self->letters.items + at;
    memmove(place + 1, place, (self->letters.count - at) * sizeof *place);
    *place = c;
    self->letters.count++;
}

static void take_away(typed_t *self, size_t at)
{
    uint32_t *place = self->letters.items + at;
    self->letters.count--;
    memmove(place, place + 1, (self->letters.count - at) * sizeof *place);
}

static void change(typed_t *self, size_t at, uint64_t luck)
{
    self->letters.items[at] = other_letter(self, self->letters.items[at], luck);
}

static void swap(uint32_t *place)
{
    uint32_t first = place[0];
    place[0] = place[1];
    place[1] = first;
}

/* One mistake within a word, behind its first letter. */
static void mistake(typed_t *self, const word_t *word, uint64_t luck)
{
    size_t at = word->begin + 1 + luck % (word->count - 1);
    uint32_t *place = self->letters.items + at;
    switch (is_korean(*place) ? 3 : luck >> 16 & 3) {
    case 0:
        if (at + 1 < word->begin + word->count && place[0] != place[1]) {
            swap(place);
            return;
        }
        change(self, at, luck >> 20);
        return;
    case 1:
        take_away(self, at);
        return;
    case 2:
        insert(self, at, other_letter(self, *place, luck >> 20));
        return;
    default:
        change(self, at, luck >> 20);
        return;
    }
}

/* Of the 46 hiragana or katakana that stand alone, or of the commonest half of Han. */
static uint32_t other_cjk(uint32_t c, uint64_t luck)
{
    static const uint8_t kana[] = {2,  4,  6,  8,  10, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                                   33, 36, 38, 40, 42, 43, 44, 45, 46, 47, 50, 53, 56, 59, 62, 63,
                                   64, 65, 66, 68, 70, 72, 73, 74, 75, 76, 77, 79, 82, 83};
    uint32_t block = c >= 0x30a0 && c <= 0x30ff ? 0x30a0 : 0x3040;
    if (c < 0x3040 || c > 0x30ff)
        return 0x4e00 + (uint32_t)(luck % 10000);
    return block + kana[luck % COUNT_OF(kana)];
}

/* A Korean syllable is two or three letters. */
static size_t letters_in(const typed_t *self, const word_t *word)
{
    return is_korean(self->letters.items[word->begin]) ? word->count * 2 : word->count;
}

static word_t *word_for_mistake(typed_t *self, uint64_t luck)
{
    for (uint32_t i = 0; i < TRIES && self->word_count > 0; i++) {
        word_t *word = &self->words[words_mix(luck + i) % self->word_count];
        size_t count = letters_in(self, word);
        if (count >= 4 && (word->mistakes == 0 || (word->mistakes == 1 && count >= 7)))
            return word;
    }
    return NULL;
}

bool typing_mistaken(buf_t *out, str_t text, uint64_t luck, uint32_t count)
{
    typed_t typed;
    uint32_t mistakes[WORDS_MAX] = {0};
    read_text(&typed, text);
    for (uint32_t i = 0; i < count; i++) {
        word_t *word = word_for_mistake(&typed, words_mix(luck + i));
        if (word == NULL)
            return false;
        mistakes[word - typed.words]++;
        mistake(&typed, word, words_mix(luck ^ words_mix(i)));
        find_words(&typed);
        for (size_t w = 0; w < typed.word_count; w++)
            typed.words[w].mistakes = mistakes[w];
    }
    return write_other(&typed, text, out);
}

bool typing_other_character(buf_t *out, str_t text, uint64_t luck)
{
    typed_t typed;
    read_text(&typed, text);
    if (typed.word_count != 1 || typed.letters.count < 2)
        return false;
    size_t at = luck % typed.letters.count, first = luck % (typed.letters.count - 1);
    uint32_t *letters = typed.letters.items, c = letters[at];
    switch (words_mix(luck) % 8) {
    case 0:
        take_away(&typed, at);
        break;
    case 1:
        insert(&typed, at, c);
        break;
    case 2:
        swap(&letters[first]);
        break;
    default:
        letters[at] = other_cjk(c, words_mix(luck + 1));
        break;
    }
    return write_other(&typed, text, out);
}

static const word_t *long_word(const typed_t *self, uint64_t luck, size_t least)
{
    for (uint32_t i = 0; i < TRIES && self->word_count > 0; i++) {
        const word_t *word = &self->words[words_mix(luck + i) % self->word_count];
        if (word->count >= least)
            return word;
    }
    return NULL;
}

bool typing_first_letter(buf_t *out, str_t text, uint64_t luck)
{
    typed_t typed;
    read_text(&typed, text);
    const word_t *word = long_word(&typed, luck, 4);
    if (word == NULL)
        return false;
    change(&typed, word->begin, words_mix(luck));
    write_text(&typed, out);
    return true;
}

bool typing_torn(buf_t *out, str_t text, uint64_t luck)
{
    typed_t typed;
    read_text(&typed, text);
    const word_t *word = long_word(&typed, luck, 6);
    if (word == NULL)
        return false;
    insert(&typed, word->begin + 3 + words_mix(luck) % (word->count - 5), ' ');
    write_text(&typed, out);
    return true;
}

bool typing_run_together(buf_t *out, str_t text, uint64_t luck)
{
    typed_t typed;
    read_text(&typed, text);
    if (typed.word_count < 2)
        return false;
    take_away(&typed, typed.words[1 + luck % (typed.word_count - 1)].begin - 1);
    write_text(&typed, out);
    return true;
}

str_t typing_begun(str_t text, size_t count)
{
    size_t at = 0;
    while (at < text.size && count > 0) {
        at++;
        while (at < text.size && ((unsigned char)text.data[at] & 0xc0) == 0x80)
            at++;
        count--;
    }
    return str_slice(text, 0, at);
}
