#include "storage/salvage/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct shared {
    err_t err;
    bool is_done;
    max_align_t room[];
} shared_t;

/* What bytes that make no sense end a process with. */
static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

/* What an assertion prints is for nobody: its death says it. */
static void be_quiet(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < COUNT_OF(deadly); i++)
        signal(deadly[i], SIG_DFL);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
}

static const char *name_of(int status)
{
    switch (WIFSIGNALED(status) ? WTERMSIG(status) : 0) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGABRT:
        return "an assertion";
    default:
        return "a signal";
    }
}

static bool was_ended(int status)
{
    for (size_t i = 0; i < COUNT_OF(deadly); i++)
        if (WTERMSIG(status) == deadly[i])
            return false;
    return WIFSIGNALED(status);
}

static err_t run(worker_fn fn, void *context, shared_t *shared, const char **death)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        return err_from_errno(errno);
    if (child == 0) {
        be_quiet();
        shared->err = fn(context, shared->room);
        shared->is_done = true;
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (shared->is_done)
        return shared->err;
    *death = name_of(status);
    return was_ended(status) ? ERR_CANCELLED : ERR_CORRUPT;
}

err_t worker_run(worker_fn fn, void *context, void *room, size_t size, const char **death)
{
    size_t whole = sizeof(shared_t) + size;
    shared_t *shared = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return err_from_errno(errno);
    memcpy(shared->room, room, size);
    err_t err = run(fn, context, shared, death);
    memcpy(room, shared->room, size);
    munmap(shared, whole);
    return err;
}
