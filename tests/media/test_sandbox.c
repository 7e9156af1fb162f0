/* Attacks from inside: what the filter lets through, refuses, and kills. In a build with sanitizers
 * only what kills is checked, because their runtimes need the rest. */
#include "media/sandbox.h"
#include "tests/support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAS_REFUSED = 10, WENT_THROUGH = 11, NOT_CONFINED = 12 };

static int refused(long result)
{
    return result < 0 && errno == EPERM ? WAS_REFUSED : WENT_THROUGH;
}

static int attack_socket(void)
{
    return refused(socket(AF_INET, SOCK_STREAM, 0));
}
static int attack_socketpair(void)
{
    int pair[2];
    return refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}
static int attack_exec(void)
{
    char *arguments[] = {"/bin/true", NULL};
    return refused(execve("/bin/true", arguments, arguments + 1));
}
static int attack_vfork(void)
{
    return refused(syscall(SYS_fork));
}
static int attack_ptrace(void)
{
    return refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int attack_open(void)
{
    return refused(open("/etc/passwd", O_RDONLY));
}
static int attack_create(void)
{
    return refused(open("/tmp/attack", O_WRONLY | O_CREAT, 0600));
}
static int attack_unlink(void)
{
    return refused(unlink("/etc/passwd"));
}
static int attack_kill_parent(void)
{
    return refused(kill(getppid(), 0));
}
static int attack_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? WAS_REFUSED
               : WENT_THROUGH;
}
static int attack_mprotect(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return refused(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static int attack_thread(void)
{
    return refused(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0));
}
static int honest_work(void)
{
    char *memory = malloc(1 << 20);
    int files[2] = {0, 1};
    bool is_fine = memory != NULL && lseek(files[0], 0, SEEK_CUR) != -2;
    free(memory);
    return is_fine ? 0 : WENT_THROUGH;
}

enum { OF_THE_PARENT = 77 };
static int attack_what_the_parent_has_open(void)
{
    return lseek(OF_THE_PARENT, 0, SEEK_CUR) < 0 && errno == EBADF ? WAS_REFUSED : WENT_THROUGH;
}

/* Runs it confined in a process of its own; its exit code, or minus the signal that ended it. */
static int confined(int (*attack)(void))
{
    pid_t child = fork();
    if (child == 0)
        _exit(sandbox_limits(STDERR_FILENO) != ERR_OK || sandbox_enter() != ERR_OK ? NOT_CONFINED
                                                                                   : attack());
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

typedef struct attack_case {
    const char *what;
    int (*attack)(void);
    int want;
} attack_case_t;

Test(sandbox, sockets_exec_and_fork_kill)
{
    static const attack_case_t cases[] = {
        {"a socket", attack_socket, -SIGSYS}, {"a pair of sockets", attack_socketpair, -SIGSYS},
        {"exec", attack_exec, -SIGSYS},       {"fork", attack_vfork, -SIGSYS},
        {"tracing", attack_ptrace, -SIGSYS},  {"honest work", honest_work, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int got = confined(cases[i].attack);
        cr_expect(got == cases[i].want, "%s: %d", cases[i].what, got);
    }
}

Test(sandbox, what_the_parent_has_open_is_closed)
{
    int file = open("/proc/self/exe", O_RDONLY);
    cr_assert(dup2(file, OF_THE_PARENT) == OF_THE_PARENT);
    close(file);
    cr_expect(eq(int, confined(attack_what_the_parent_has_open), WAS_REFUSED));
    close(OF_THE_PARENT);
}

/* What a sanitizer or the counting of lines needs, media/sandbox.c lets through. */
#if defined(MS_SANITIZED) || defined(MS_COVERED)
enum { IS_LOOSENED = true };
#else
enum { IS_LOOSENED = false };
#endif

Test(sandbox, files_processes_and_code_are_refused, .disabled = IS_LOOSENED)
{
    static const attack_case_t cases[] = {
        {"opening a file", attack_open, WAS_REFUSED},
        {"making a file", attack_create, WAS_REFUSED},
        {"removing a file", attack_unlink, WAS_REFUSED},
        {"a signal to the node", attack_kill_parent, WAS_REFUSED},
        {"memory to execute", attack_code, WAS_REFUSED},
        {"memory made executable", attack_mprotect, WAS_REFUSED},
        {"a process or thread by clone", attack_thread, WAS_REFUSED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int got = confined(cases[i].attack);
        cr_expect(got == cases[i].want, "%s: %d", cases[i].what, got);
    }
}
