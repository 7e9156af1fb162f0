#pragma once
/* patience.h -- waiting in a test, with an end: what does not come in time is named.
 *
 * On the slowest machine, under a sanitizer, beside other work, nothing here takes a tenth of it;
 * it is below every time limit of ctest, so that a log says what was waited for.
 *
 * Threads  Any. */

#include <pthread.h>
#include <stdint.h>

enum { PATIENCE_MS = 100000 };

typedef struct patience {
    const char *what, *file;
    int line;
    uint64_t until_ms; /* 0: not begun */
} patience_t;

/* Looks aside for a moment; at its end it says `what` and where, and ends the program. */
void patience_spend(patience_t *self);
/* pthread_cond_wait, as long as patience lasts. */
void patience_wait(patience_t *self, pthread_cond_t *cond, pthread_mutex_t *lock);

#define PATIENCE_FOR(what_) ((patience_t){.what = (what_), .file = __FILE__, .line = __LINE__})

/* Until the condition holds, asked again and again. */
#define wait_until(condition)                                                                      \
    do {                                                                                           \
        patience_t patience_ = PATIENCE_FOR(#condition);                                           \
        while (!(condition))                                                                       \
            patience_spend(&patience_);                                                            \
    } while (0)
