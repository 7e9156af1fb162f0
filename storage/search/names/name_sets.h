#pragma once
/* name_sets.h -- which names of a base a question may mean: a set of ranks for each number of its
 * words that they may lack.
 *
 * Sets are plain bits, a bit a rank: 125 kB for a million names, so that what a million of them
 * have is counted and cut in some microseconds. Each word costs what its lists have, the rarest
 * first; one that the budget is too small for is left out, and the sets are too large: who
 * ranks a name sees whether it has all words.
 *
 * Ownership  name_sets_new gives, name_sets_deinit takes; borrows base and question.
 * Threads    One; the base must not be changed meanwhile. Errors  NO_MEMORY */

#include "storage/search/names/name_index_parts.h"
#include "storage/search/query/question.h"

enum { NAME_SETS_LEVELS = 3, NAME_SETS_NEAR_MAX = 64 };

/* Words of the base that one may be, misspelt. */
typedef struct name_near {
    dictionary_near_t items[NAME_SETS_NEAR_MAX];
    size_t count;
} name_near_t;

/* A question's budget, in units of about 25 ns. */
typedef struct name_work {
    uint64_t spent, max;
    const atomic_bool *is_stopped; /* may be NULL */
    bool is_cut;
} name_work_t;

static inline bool name_work_is_spent(name_work_t *self)
{
    self->is_cut |=
        self->spent >= self->max ||
        (self->is_stopped != NULL && atomic_load_explicit(self->is_stopped, memory_order_relaxed));
    return self->is_cut;
}

typedef struct name_sets {
    const name_index_base_t *base;
    question_t *question;
    name_work_t *work;
    uint64_t *block, *levels[NAME_SETS_LEVELS]; /* levels[m]: who lacks at most m words */
    uint64_t *taken;                            /* the caller's */
    uint64_t *word, *part, *most;               /* of a word */
    name_near_t near[SEARCH_REQUEST_WORDS_MAX], near_merged[SEARCH_REQUEST_WORDS_MAX];
    size_t size;   /* of a set, in 64 bits */
    bool is_whole; /* no word was left out: the levels are what the names have */
} name_sets_t;

/* Of `question`, not yet looked up. */
err_t name_sets_init(name_sets_t *self, const name_index_base_t *base, question_t *question,
                     name_work_t *work);
void name_sets_deinit(name_sets_t *self); /* one of zeroes is fine */
#define NAME_SETS_SCOPED SCOPED(name_sets_deinit)

/* Fills the levels. is_wide: words that are near, run together or torn apart, too. */
void name_sets_look(name_sets_t *self, bool is_wide);
/* How many of a level have ranks from `begin` to before `end`. */
uint64_t name_sets_count(const name_sets_t *self, int level, uint32_t begin, uint32_t end);
/* Takes the next of a level that was not taken, from *rank to before `end`. False: no more. */
bool name_sets_take(name_sets_t *self, int level, uint32_t *rank, uint32_t end);
