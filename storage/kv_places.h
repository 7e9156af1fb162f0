#pragma once
/* kv_places.h -- an environment that is put in the place of another under its readers.
 *
 * Two places, of which one is read. A reader counts itself in before it looks whether the place is
 * still the one; who swaps changes `current` first and then waits until the other count is 0. Both
 * are sequentially consistent, so one of the two sees the other.
 *
 * The new one lies in the folder PATH.new until it is complete; then PATH becomes PATH.old,
 * PATH.new becomes PATH, readers go over, and what they left is removed. A kill between any two of
 * these leaves the old one or the new one as PATH once kv_places_settle has looked.
 *
 * Ownership  kv_places_init takes the environment, kv_places_deinit closes it.
 * Threads    Reading any; swapping one at a time, while nobody writes.
 * Errors     NOT_FOUND, FULL, IO, NO_MEMORY */

#include "storage/kv.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct kv_place {
    kv_t *kv; /* NULL: none */
    atomic_uint readers;
} kv_place_t;

typedef struct kv_places {
    kv_place_t places[2];
    atomic_uint current;
    pthread_mutex_t left_lock; /* with `left`: the last reader of a place that is not current */
    pthread_cond_t left;
} kv_places_t;

void kv_places_init(kv_places_t *self, kv_t *kv);
void kv_places_deinit(kv_places_t *self);
/* The environment that is read at the moment; for who writes. */
kv_t *kv_places_current(kv_places_t *self);

/* What it holds is the caller's; only kv_places_deinit is left. */
kv_t *kv_places_take(kv_places_t *self);

/* Counts the caller in: what the place holds stays until it leaves. Not for who swaps. */
uint32_t kv_places_enter(kv_places_t *self);
/* A read transaction and the place that it holds. The errors of kv_read. */
err_t kv_places_read(kv_places_t *self, kv_tx_t *out_tx, uint32_t *out_place);
/* Once, after what was done there has ended. */
void kv_places_leave(kv_places_t *self, uint32_t place);

/* The folder PATH.ending, appended and terminated. */
err_t kv_places_beside(const char *path, const char *ending, buf_t *out);
/* Before PATH is opened: removes PATH.old, and gives PATH.new the name when PATH has none.
 * *out_has_new: one lies beside PATH. */
err_t kv_places_settle(const char *path, bool *out_has_new);
/* Readers go over to *fresh, opened from PATH.new; waits until the last has left what they read,
 * which is in *fresh then. On an error both are as they were. */
err_t kv_places_swap(kv_places_t *self, kv_t **fresh);
