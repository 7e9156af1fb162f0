#pragma once
/* sound.h -- about how a word sounds, for what is spelled by ear: "lite" is "light".
 *
 * Of a word of the letters a to z its consonants, those that are read alike as one, those that are
 * not read left out, two of the same as one; vowels say only that the word starts with one. The
 * habits of English and what other languages share with it; nothing of what a list of words knows.
 * It says too much to look words up by, but of a song that has all the other words it is a hint.
 *
 * Threads  None: pure functions. */

#include "runtime/base/str.h"

enum { SOUND_SIZE_MAX = 16 };

typedef struct sound {
    uint8_t size; /* 0: other letters, or nothing to go by */
    char key[SOUND_SIZE_MAX];
} sound_t;

/* `word`: folded; what is behind SOUND_SIZE_MAX sounds is left out. */
void sound_of(str_t word, sound_t *out);
/* The same; of six sounds and more one may be another, missing, or swapped with the next. */
bool sound_is_alike(const sound_t *a, const sound_t *b);
