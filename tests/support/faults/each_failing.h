#pragma once
/* each_failing.h -- something done again and again, the n-th allocation failing in the n-th round,
 * until a round comes through without one that fails.
 *
 * Threads  One; others may allocate where `use` waits for them. */

#include "runtime/base/buf.h"

enum { EACH_FAILING_MAX = 2000 }; /* rounds: past that, it does not end */

typedef struct each_failing {
    void (*begin)(void *context); /* nothing fails in it; may be NULL */
    err_t (*use)(void *context);  /* its allocations fail */
    void (*end)(void *context);   /* gives back what `use` has made; may be NULL */
    /* What is there after it, with nothing failing; err: what `use` came to. May be NULL. */
    void (*check)(void *context, err_t err);
    void *context;
} each_failing_t;

/* False: a round came to something else than OK or NO_MEMORY, or to that without a failure; or
 * blocks were left, which *problem says. *out_rounds: how many there were. */
bool each_failing_holds(const each_failing_t *self, uint64_t *out_rounds, buf_t *problem);
