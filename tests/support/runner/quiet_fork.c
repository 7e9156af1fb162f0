/* quiet_fork.c -- fork() of Criterion's runner under AddressSanitizer, in libc's place.
 *
 * The runner forks a process for each test while threads of its own serve sockets and wait for
 * children. GCC 12's AddressSanitizer does not hold its allocator's locks over a fork: a child that
 * was forked while such a thread allocated waits for ever for a lock that nobody has. (Seen on a
 * busy machine: the child hangs in SizeClassAllocator64::GetFromAllocator, before its test begins.)
 * So the runner forks when its other threads wait in the kernel for something to happen, where they
 * hold no such lock; one that was put aside while it allocates counts as running. One may wake
 * while the process is copied; that is a small part of the time in which any of them allocates.
 * Children fork as usual. */

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOKS_MAX = 20000 };

pid_t fork(void);

static pid_t runner;

__attribute__((constructor)) static void remember_the_runner(void)
{
    runner = getpid();
}

/* Of those in which an idle thread waits; an allocator's lock is waited for in futex, too, but then
 * somebody else runs who has it. */
static bool is_waiting(const char *thread)
{
    static const long idle[] = {SYS_epoll_wait, SYS_waitid, SYS_wait4, SYS_poll, SYS_futex};
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%.16s/syscall", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return true; /* it has ended */
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0 || text[0] < '0' || text[0] > '9')
        return false; /* "running" */
    long number = strtol(text, NULL, 10);
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
        if (number == idle[i])
            return true;
    return false;
}

static bool are_others_waiting(DIR *threads)
{
    rewinddir(threads);
    for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        bool is_self = strtol(entry->d_name, NULL, 10) == gettid();
        if (entry->d_name[0] != '.' && !is_self && !is_waiting(entry->d_name))
            return false;
    }
    return true;
}

pid_t fork(void)
{
    pid_t (*of_libc)(void) = __extension__(pid_t(*)(void)) dlsym(RTLD_NEXT, "fork");
    DIR *threads = getpid() == runner ? opendir("/proc/self/task") : NULL;
    for (int look = 0; threads != NULL && look < LOOKS_MAX && !are_others_waiting(threads); look++)
        sched_yield();
    pid_t child = of_libc();
    if (threads != NULL)
        closedir(threads);
    return child;
}
