#include "runtime/base/thread.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

err_t thread_start(pthread_t *out, void *(*main)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(out, NULL, main, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? ERR_OK : err_from_errno(rc);
}

void thread_name(const char *format, ...)
{
    char name[THREAD_NAME_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    (void)pthread_setname_np(pthread_self(), name);
}

err_t thread_slot_start(thread_slot_t *self, void *(*main)(void *context), void *context)
{
    self->is_there = true;
    err_t err = thread_start(&self->thread, main, context);
    if (err != ERR_OK)
        self->is_there = false;
    return err;
}

void thread_slot_join(thread_slot_t *self)
{
    if (self->is_there)
        pthread_join(self->thread, NULL);
    self->is_there = false;
}
