#pragma once
/* journal_hooks.h -- who is told that a journal's head moved.
 *
 * Threads  Any. A hook runs with the list locked: it must not block, hook or unhook. */

#include "runtime/base/error.h"

#include <pthread.h>

enum { JOURNAL_HOOKS_MAX = 8 };

typedef void (*journal_hook_fn)(void *context, uint64_t head);

typedef struct journal_hooks {
    pthread_mutex_t lock;
    struct journal_hook {
        journal_hook_fn fn;
        void *context;
    } hooks[JOURNAL_HOOKS_MAX];
    size_t count;
} journal_hooks_t;

void journal_hooks_init(journal_hooks_t *self);
void journal_hooks_deinit(journal_hooks_t *self);
/* LIMIT: JOURNAL_HOOKS_MAX. */
err_t journal_hooks_add(journal_hooks_t *self, journal_hook_fn fn, void *context);
/* Returns after a running call of it has ended. */
void journal_hooks_remove(journal_hooks_t *self, journal_hook_fn fn, void *context);
void journal_hooks_call(journal_hooks_t *self, uint64_t head);
