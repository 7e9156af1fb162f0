/* command_cluster.c -- musicstream cluster keygen, status, drain, forget, locate, trace. */

#include "cluster/link/cluster_key.h"
#include "node/cluster/status_table.h"
#include "node/commands/command_ask.h"
#include "node/commands/terminal.h"

#include <stdio.h>
#include <unistd.h>

enum { STATUS_EVERY_MS = 1000, KEY_WAIT_MS = 50, LOAD_WAIT_MS = 150, COLUMNS_PIPED = 4096 };

static const graphql_value_t *get(const graphql_value_t *value, const char *name)
{
    return graphql_value_get(value, name);
}

/* ---- keygen ---- */

static int keygen(int count, char **arguments)
{
    if (count != 1)
        return command_usage("cluster");
    const char *path = arguments[0];
    err_t err = cluster_keygen(path);
    if (err == ERR_CONFLICT)
        return command_failed("%s is there already, and is not replaced: a cluster keeps its key. "
                              "Name another file for another cluster",
                              path);
    if (err != ERR_OK)
        return command_failed("the cluster key %s can't be written: %s", path, err_text(err));
    printf("The cluster key is in %s. Copy it to each machine, for musicstream's user alone (mode "
           "0600), and\nname it with --cluster-key-file.\n",
           path);
    return EXIT_OK;
}

/* ---- status ---- */

static int ask_status(const config_t *config, arena_t *arena, const graphql_value_t **out_status)
{
    return command_ask(config, "cluster.status", (str_t){0}, arena, out_status);
}

/* A pipe cuts nothing off. */
static uint32_t screen_columns(void)
{
    uint32_t wide, high;
    terminal_size(&wide, &high);
    return isatty(STDOUT_FILENO) != 0 ? wide : (uint32_t)COLUMNS_PIPED;
}

/* Twice: the first makes the others say how busy they are. */
static int status_once(const config_t *config, bool is_json)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    const graphql_value_t *status;
    int exit_code = ask_status(config, &arena, &status);
    if (exit_code != EXIT_OK)
        return exit_code;
    usleep(LOAD_WAIT_MS * 1000);
    exit_code = ask_status(config, &arena, &status);
    if (exit_code != EXIT_OK)
        return exit_code;
    if (is_json) {
        graphql_value_to_json(status, &text);
        buf_append_char(&text, '\n');
    } else {
        status_table_append(status, screen_columns(), &text);
    }
    printf("%s", buf_terminated(&text));
    return EXIT_OK;
}

/* False: it is to end. */
static bool wait_a_while(terminal_t *terminal)
{
    for (int waited = 0; waited < STATUS_EVERY_MS; waited += KEY_WAIT_MS) {
        if (terminal_is_ending(terminal) || terminal_key(terminal) == 'q')
            return false;
        usleep(KEY_WAIT_MS * 1000);
    }
    return true;
}

static int status_live(const config_t *config, terminal_t *terminal)
{
    int exit_code = EXIT_OK;
    do {
        arena_t arena ARENA_SCOPED = {0};
        buf_t text BUF_SCOPED = BUF_INIT;
        const graphql_value_t *status;
        str_t message;
        err_t err =
            control_call(config->data, "cluster.status", (str_t){0}, &arena, &status, &message);
        if (err == ERR_OK)
            status_table_append(status, screen_columns(), &text);
        else if (err == ERR_UNAVAILABLE && str_is_empty(message))
            buf_printf(&text,
                       "the node of %s does not run (any more); `musicstream cluster status "
                       "--data DIR` asks another one of this machine\n",
                       config->data);
        else
            buf_printf(&text, "the node of %s does not answer: %.*s\n", config->data,
                       STR_ARG(str_is_empty(message) ? str_from(err_text(err)) : message));
        buf_append(&text, STR("\nq quits.\n"));
        terminal_show(terminal, buf_str(&text));
    } while (wait_a_while(terminal));
    terminal_close(terminal);
    return exit_code;
}

static int status(const config_t *config, int count, char **arguments)
{
    bool is_json = command_flag(count, arguments, "json") != NULL;
    if (command_plain_count(count, arguments) > 0)
        return command_usage("cluster");
    terminal_t *terminal =
        is_json || command_flag(count, arguments, "once") != NULL ? NULL : terminal_open();
    return terminal == NULL ? status_once(config, is_json) : status_live(config, terminal);
}

/* ---- drain, forget ---- */

static int ask_of_node(const config_t *config, const char *what, int count, char **arguments,
                       uint64_t *out_node)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    if (count != 1 || str_to_u64(str_from(arguments[0]), out_node) != ERR_OK)
        return command_usage("cluster");
    buf_printf(&body, "{\"node\":%llu}", (unsigned long long)*out_node);
    const graphql_value_t *nothing;
    return command_ask(config, what, buf_str(&body), &arena, &nothing);
}

static int forget(const config_t *config, int count, char **arguments)
{
    uint64_t node = 0;
    int exit_code = ask_of_node(config, "cluster.forget", count, arguments, &node);
    if (exit_code == EXIT_OK)
        printf("Node %llu is forgotten: the others take over what it had. If it runs after all, it "
               "ends when it\nreads so in the database.\n",
               (unsigned long long)node);
    return exit_code;
}

static int drain(const config_t *config, int count, char **arguments)
{
    uint64_t node = 0;
    int exit_code = ask_of_node(config, "cluster.drain", count, arguments, &node);
    if (exit_code == EXIT_OK)
        printf("Node %llu gives its actors to the others; `musicstream cluster status` shows when "
               "it has none\nleft. Then stop it.\n",
               (unsigned long long)node);
    return exit_code;
}

/* ---- locate ---- */

static int ask_place(const config_t *config, char **arguments, arena_t *arena,
                     const graphql_value_t **out_place)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "kind", str_from(arguments[0]));
    json_key_str(&json, "key", str_from(arguments[1]));
    json_object_end(&json);
    return command_ask(config, "cluster.locate", buf_str(&body), arena, out_place);
}

static void print_place(char **arguments, const graphql_value_t *place)
{
    long long node = (long long)graphql_value_int(get(place, "node"), 0);
    long long partition = (long long)graphql_value_int(get(place, "partition"), -1);
    printf("%s %s: ", arguments[0], arguments[1]);
    if (graphql_value_bool(get(place, "is_held"), false))
        printf("on its way to another node");
    else if (node == 0)
        printf("nobody serves it at the moment");
    else
        printf("node %lld%s", node,
               graphql_value_bool(get(place, "is_self"), false) ? " (this one)" : "");
    if (!str_is_empty(graphql_value_str(get(place, "address"))))
        printf(" at %.*s", STR_ARG(graphql_value_str(get(place, "address"))));
    if (partition >= 0)
        printf(", partition %lld", partition);
    printf("\n");
}

static int locate(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *place;
    if (count != 2)
        return command_usage("cluster");
    int exit_code = ask_place(config, arguments, &arena, &place);
    if (exit_code == EXIT_OK)
        print_place(arguments, place);
    return exit_code;
}

/* On all nodes at once: so nothing is missed of an actor that moves. */
static int trace(const config_t *config, int count, char **arguments)
{
    return command_plain_count(count, arguments) > 2 ? command_usage("cluster")
                                                     : command_trace_all(config, count, arguments);
}

int command_cluster(const config_t *config, int count, char **arguments)
{
    const char *verb = count > 0 ? arguments[0] : "";
    if (strcmp(verb, "keygen") == 0)
        return keygen(count - 1, arguments + 1);
    if (strcmp(verb, "status") == 0)
        return status(config, count - 1, arguments + 1);
    if (strcmp(verb, "drain") == 0)
        return drain(config, count - 1, arguments + 1);
    if (strcmp(verb, "forget") == 0)
        return forget(config, count - 1, arguments + 1);
    if (strcmp(verb, "locate") == 0)
        return locate(config, count - 1, arguments + 1);
    if (strcmp(verb, "trace") == 0)
        return trace(config, count - 1, arguments + 1);
    return command_usage("cluster");
}
