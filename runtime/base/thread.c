#include "runtime/base/thread.h"

#include <signal.h>

err_t thread_start(pthread_t *out, void *(*main)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(out, NULL, main, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? ERR_OK : err_from_errno(rc);
}
