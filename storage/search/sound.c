#include "storage/search/sound.h"

enum { SOUNDS_MIN = 2, SOUNDS_MIN_FOR_ONE_WRONG = 6 };

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Before these c and g are soft. */
static bool is_softening(char c)
{
    return c == 'e' || c == 'i' || c == 'y';
}

static char at(str_t word, size_t index)
{
    return index < word.size ? word.data[index] : '\0';
}

typedef struct reading {
    char sound; /* '\0': silent */
    uint8_t letters;
} reading_t;

static reading_t read_c(char next, char after)
{
    if (next == 'h')
        return (reading_t){after == 'r' ? 'k' : 'c', 2};
    if (next == 'k' || next == 'q')
        return (reading_t){'k', 2};
    return (reading_t){is_softening(next) ? 's' : 'k', 1};
}

static reading_t read_g(bool is_first, char next, char after)
{
    if (next == 'h')
        return (reading_t){is_first ? 'g' : '\0', 2};
    if (next == 'n' && (is_first || after == '\0'))
        return (reading_t){'n', 2};
    return (reading_t){is_softening(next) ? 'j' : 'g', 1};
}

/* Two letters that are one sound; letters 0: they are none. */
static reading_t read_two(bool is_first, char c, char next, char after)
{
    if (c == 'p' && next == 'h')
        return (reading_t){'f', 2};
    if (c == 's' && next == 'h')
        return (reading_t){'c', 2};
    if (c == 't' && next == 'c' && after == 'h')
        return (reading_t){'c', 3};
    if (c == 'm' && next == 'b' && after == '\0')
        return (reading_t){'m', 2};
    if (is_first && c == 'k' && next == 'n')
        return (reading_t){'n', 2};
    if (is_first && c == 'w' && next == 'r')
        return (reading_t){'r', 2};
    return (reading_t){'\0', 0};
}

static reading_t read_one(bool is_first, char c)
{
    switch (c) {
    case 'q':
        return (reading_t){'k', 1};
    case 'z':
        return (reading_t){'s', 1};
    case 'x':
        return (reading_t){is_first ? 's' : 'x', 1};
    case 'v':
        return (reading_t){'f', 1};
    case 'h':
    case 'w':
        return (reading_t){is_first ? c : '\0', 1};
    default:
        return (reading_t){is_vowel(c) ? (is_first ? 'a' : '\0') : c, 1};
    }
}

/* Inside a word, of those that are read alike whatever stands beside them; '?': the others. */
static char read_alone(char c)
{
    /*                             abcdefghijklmnopqrstuvwxyz */
    static const char sounds[] = " b?d f?  jkl?n ?kr?? f ? s";
    return sounds[c - 'a'];
}

static reading_t read_letters(str_t word, size_t index)
{
    char c = word.data[index], next = at(word, index + 1), after = at(word, index + 2);
    bool is_first = index == 0;
    char alone = is_first ? '?' : read_alone(c);
    if (alone != '?')
        return (reading_t){alone == ' ' ? '\0' : alone, 1};
    if (c == 'c')
        return read_c(next, after);
    if (c == 'g')
        return read_g(is_first, next, after);
    reading_t two = read_two(is_first, c, next, after);
    return two.letters > 0 ? two : read_one(is_first, c);
}

/* Two of the same are one, and there are no more than there is room for. */
static void append(sound_t *self, char sound)
{
    if (self->size < SOUND_SIZE_MAX && (self->size == 0 || self->key[self->size - 1] != sound))
        self->key[self->size++] = sound;
}

void sound_of(str_t word, sound_t *out)
{
    out->size = 0;
    for (size_t i = 0; i < word.size; i++)
        if (word.data[i] < 'a' || word.data[i] > 'z')
            return;
    for (size_t i = 0; i < word.size;) {
        reading_t reading = read_letters(word, i);
        i += reading.letters;
        if (reading.sound == 'x')
            append(out, 'k');
        if (reading.sound != '\0')
            append(out, reading.sound == 'x' ? 's' : reading.sound);
    }
    if (out->size < SOUNDS_MIN)
        out->size = 0;
}

/* Are they the same from there on, `a` and `b` of them left out at the front? */
static bool is_same_behind(const sound_t *a, size_t of_a, const sound_t *b, size_t of_b)
{
    return of_a <= a->size && of_b <= b->size && a->size - of_a == b->size - of_b &&
           memcmp(a->key + of_a, b->key + of_b, a->size - of_a) == 0;
}

bool sound_is_alike(const sound_t *a, const sound_t *b)
{
    size_t same = 0;
    if (a->size == 0 || b->size == 0)
        return false;
    while (same < a->size && same < b->size && a->key[same] == b->key[same])
        same++;
    if (same == a->size && same == b->size)
        return true;
    if (MIN(a->size, b->size) < SOUNDS_MIN_FOR_ONE_WRONG)
        return false;
    bool is_swapped = same + 1 < a->size && same + 1 < b->size &&
                      a->key[same] == b->key[same + 1] && a->key[same + 1] == b->key[same];
    return is_same_behind(a, same + 1, b, same + 1) || is_same_behind(a, same + 1, b, same) ||
           is_same_behind(a, same, b, same + 1) ||
           (is_swapped && is_same_behind(a, same + 2, b, same + 2));
}
