#include "tests/support/patience.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_US = 200 };

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void check(patience_t *self)
{
    uint64_t now = now_ms();
    if (self->until_ms == 0)
        self->until_ms = now + PATIENCE_MS;
    if (now < self->until_ms)
        return;
    fprintf(stderr, "%s:%d: waited %d s for: %s\n", self->file, self->line, PATIENCE_MS / 1000,
            self->what);
    abort();
}

void patience_spend(patience_t *self)
{
    check(self);
    /* Not a busy loop: what is waited for needs the processor. */
    nanosleep(&(struct timespec){.tv_nsec = LOOK_US * 1000}, NULL);
}

/* By the wall clock, as conditions made by PTHREAD_COND_INITIALIZER are; it only wakes us to look
 * at ours. */
void patience_wait(patience_t *self, pthread_cond_t *cond, pthread_mutex_t *lock)
{
    struct timespec soon;
    check(self);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec++;
    (void)pthread_cond_timedwait(cond, lock, &soon);
}
