#include "media/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* Enough for libc's allocator and for reading and writing what is open. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(ftruncate),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
};

static const int deadly[] = {
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(mount),
    SCMP_SYS(setuid),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
};

#if defined(MS_SANITIZED) || defined(MS_COVERED)
enum { IS_WIDE = 1 };
#else
enum { IS_WIDE = 0 };
#endif

static int allow_some(scmp_filter_ctx filter)
{
    int code = 0;
    for (size_t i = 0; i < COUNT_OF(allowed) && code == 0; i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    /* Memory, but never to execute. */
    for (int i = 0; i < 2 && code == 0; i++)
        code =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, i == 0 ? SCMP_SYS(mmap) : SCMP_SYS(mprotect),
                             1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* fstat is newfstatat of an empty path. */
    if (code == 0)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                SCMP_A3(SCMP_CMP_MASKED_EQ, 0x1000 /* AT_EMPTY_PATH */, 0x1000));
    /* Its own processor time. */
    if (code == 0)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                                SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU, 0));
    /* To end itself when memory is damaged. */
    if (code == 0)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return code;
}

err_t sandbox_enter(void)
{
    scmp_filter_ctx filter = seccomp_init(IS_WIDE ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return ERR_INTERNAL;
    int code = IS_WIDE ? 0 : allow_some(filter);
    for (size_t i = 0; i < COUNT_OF(deadly) && code == 0; i++)
        code = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    return code == 0 ? ERR_OK : ERR_INTERNAL;
}

static bool limit(__rlimit_resource_t resource, rlim_t value)
{
    return setrlimit(resource, &(struct rlimit){value, value}) == 0;
}

err_t sandbox_limits(int last)
{
    bool is_ok = close_range((unsigned)last + 1, UINT_MAX, 0) == 0 &&
                 prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) &&
                 limit(RLIMIT_NOFILE, SANDBOX_FILES_MAX) &&
                 limit(RLIMIT_FSIZE, (rlim_t)SANDBOX_FILE_SIZE_MAX_MIB << 20);
    /* Sanitizers reserve terabytes of address space. */
    if (!IS_WIDE)
        is_ok = is_ok && prctl(PR_SET_DUMPABLE, 0) == 0 &&
                limit(RLIMIT_AS, (rlim_t)SANDBOX_ADDRESS_SPACE_MAX_MIB << 20);
    return is_ok ? ERR_OK : ERR_INTERNAL;
}

void sandbox_allow_cpu(unsigned seconds)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return;
    rlim_t now = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    struct rlimit limits = {now + seconds, RLIM_INFINITY};
    IGNORE_ERR((err_t)setrlimit(RLIMIT_CPU, &limits)); /* refused: the node's deadline is left */
}
