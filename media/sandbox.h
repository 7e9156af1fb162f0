#pragma once
/* sandbox.h -- confines this process for good: nothing can be opened, connected, executed or
 * started any more.
 *
 * What is not on a short list of system calls fails with EPERM; sockets, exec, fork and tracing
 * kill the process. Descriptors only come in over the socket that is open already. Builds with
 * sanitizers or coverage, whose runtimes read and write files, allow the rest but keep what kills.
 *
 * Threads  Once, before any thread is started. Errors   INTERNAL: the kernel refused; do not go on
 * then. */

#include "runtime/base/error.h"

enum {
    SANDBOX_ADDRESS_SPACE_MAX_MIB = 1536,
    SANDBOX_FILES_MAX = 192,        /* descriptors of requests, and a few */
    SANDBOX_FILE_SIZE_MAX_MIB = 64, /* of what is written: a segment */
    SANDBOX_JOB_CPU_S = 300
};

/* Resource limits, death with the parent, no new privileges; and nothing of what the parent had
 * open: descriptors past `last` are closed. */
err_t sandbox_limits(int last);
/* The filter. */
err_t sandbox_enter(void);
/* Gives the process so many seconds of processor time from now on. */
void sandbox_allow_cpu(unsigned seconds);
