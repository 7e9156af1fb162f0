#include "storage/journal/journal_thread.h"

#include <signal.h>

err_t journal_thread_start(journal_thread_t *self, void *(*main)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all); /* signals belong to the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&self->thread, NULL, main, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_from_errno(rc);
    self->is_started = true;
    return ERR_OK;
}

void journal_thread_stop(journal_thread_t *self, journal_queue_t *queue)
{
    if (!self->is_started)
        return;
    journal_queue_close(queue);
    pthread_join(self->thread, NULL);
    self->is_started = false;
}
