/* command_serve.c -- runs a node until it is told to stop. */

#include "node/commands/command.h"
#include "node/node.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { READINESS_GRACE_MS = 1000 };

static log_level_t level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (log_level_t)i;
    return LOG_INFO;
}

/* A dump would hold in clear what people wrote, and keys; the flight recorder says what happened.
 */
static void forbid_core_dumps(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

/* A connection, a segment and a file of the library each want a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void announce(node_t *node, const config_t *config)
{
    buf_t host BUF_SCOPED = BUF_INIT, code BUF_SCOPED = BUF_INIT;
    uint16_t port;
    IGNORE_ERR(config_split_address(config->listen, &host, &port)); /* it listens there already */
    const char *name = buf_terminated(&host);
    if (strcmp(name, "0.0.0.0") == 0 || strcmp(name, "::") == 0)
        name = "127.0.0.1";
    bool is_v6 = strchr(name, ':') != NULL;
    printf("%s is at http://%s%s%s:%u\n",
           node_has_players(node) ? "MusicStream" : "The health of a MusicStream without players",
           is_v6 ? "[" : "", name, is_v6 ? "]" : "", node_port(node));
    if (node_has_players(node) && node_setup_code(node, &code) == ERR_OK)
        printf("Make the administrator here (the link works once):\n"
               "  http://%s%s%s:%u/setup#code=%s\n",
               is_v6 ? "[" : "", name, is_v6 ? "]" : "", node_port(node), buf_terminated(&code));
    fflush(stdout);
}

static int wait_for_signal(const sigset_t *signals)
{
    int which;
    while (sigwait(signals, &which) != 0)
        continue;
    return which;
}

int command_serve(const config_t *config, int count, char **arguments)
{
    sigset_t signals;
    (void)arguments;
    if (count > 0)
        return command_usage("serve");
    /* Threads inherit the mask: signals come to this one only. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    forbid_core_dumps();

    const ms_log_t log = {STDERR_FILENO, level_of(config->log_level), config->log_json};
    buf_t problem BUF_SCOPED = BUF_INIT;
    node_t *node = NULL;
    err_t err = node_open(config, &log, &problem, &node);
    if (err == ERR_OK)
        err = node_start(node, &problem);
    if (err != ERR_OK) {
        command_failed("%s", problem.size > 0 ? buf_terminated(&problem) : err_text(err));
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        node_close(node);
        return EXIT_FAILED;
    }
    announce(node, config);
    int which = wait_for_signal(&signals);
    log_info(&log, "node", "stopping");
    /* A second signal ends it at once: the journal takes that as it takes kill -9. */
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    bool is_expelled = node_is_expelled(node);
    node_stop(node, which == SIGTERM && !is_expelled ? READINESS_GRACE_MS : 0);
    node_close(node);
    return is_expelled ? EXIT_FAILED : EXIT_OK; /* whoever watches over it starts it again */
}
