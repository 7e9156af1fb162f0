#pragma once
/* journal_thread.h -- the committer of a journal: the thread that takes what has queued.
 *
 * Threads  Start and stop from one. */

#include "storage/journal/journal_queue.h"

#include <pthread.h>

typedef struct journal_thread {
    pthread_t thread;
    bool is_started;
} journal_thread_t;

/* `main` ends when its queue is closed and empty. */
err_t journal_thread_start(journal_thread_t *self, void *(*main)(void *context), void *context);
/* Closes the queue; after everything in it was answered. Nothing where it was never started. */
void journal_thread_stop(journal_thread_t *self, journal_queue_t *queue);
