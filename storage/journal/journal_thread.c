#include "storage/journal/journal_thread.h"

#include "runtime/base/thread.h"

err_t journal_thread_start(journal_thread_t *self, void *(*main)(void *context), void *context)
{
    TRY(thread_start(&self->thread, main, context));
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
