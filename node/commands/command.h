#pragma once
/* command.h -- the command line: one row a command, one file a topic.
 *
 * Exit codes: 0 ok, 1 failed, 2 usage. What a command found goes to standard output, what went
 * wrong to standard error, in a sentence that says what to do. */

#include "node/config.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct command {
    const char *name, *arguments, *summary, *help;
    const char *flags; /* its own, separated by blanks; "NAME=" takes a value; NULL: none */
    /* arguments: what is left after the options. */
    int (*run)(const config_t *config, int count, char **arguments);
} command_t;

int command_serve(const config_t *config, int count, char **arguments);
int command_scan(const config_t *config, int count, char **arguments);
int command_search(const config_t *config, int count, char **arguments);
int command_inspect(const config_t *config, int count, char **arguments);
int command_library(const config_t *config, int count, char **arguments);
int command_user(const config_t *config, int count, char **arguments);
int command_playlist(const config_t *config, int count, char **arguments);
int command_import(const config_t *config, int count, char **arguments);
int command_token(const config_t *config, int count, char **arguments);
int command_storage(const config_t *config, int count, char **arguments);
int command_backup(const config_t *config, int count, char **arguments);
int command_restore(const config_t *config, int count, char **arguments);
int command_storage_check(const config_t *config, bool is_repair);
int command_storage_salvage(const config_t *config);
int command_rebuild(const config_t *config, int count, char **arguments);
/* The catalog that the node of the data folder reads, also without a node. */
#define REBUILD_LOCAL_CATALOG "local-catalog"
int command_rebuild_local(const config_t *config);
/* The search index of the data folder's node. */
#define REBUILD_SEARCH "search"
int command_rebuild_search(const config_t *config);
int command_cluster(const config_t *config, int count, char **arguments);
int command_plugin(const config_t *config, int count, char **arguments);
int command_actor(const config_t *config, int count, char **arguments);
int command_top(const config_t *config, int count, char **arguments);
int command_trace(const config_t *config, int count, char **arguments);
/* The same of all nodes of the cluster: where an actor goes. */
int command_trace_all(const config_t *config, int count, char **arguments);
int command_tree(const config_t *config, int count, char **arguments);
int command_outbox(const config_t *config, int count, char **arguments);
int command_letters(const config_t *config, int count, char **arguments);
int command_crashes(const config_t *config, int count, char **arguments);
int command_recorder(const config_t *config, int count, char **arguments);

/* Finds the command and runs it. */
int command_main(int count, char **arguments, char **environment);

/* "musicstream: ..." on standard error; returns EXIT_FAILED. */
int command_failed(const char *format, ...) PRINTF_LIKE(1, 2);
int command_usage(const char *name);

/* The command's own flags stand behind what is left of its arguments, as "--name" or
 * "--name=value". How many are no flags: */
int command_plain_count(int count, char **arguments);
/* Its value, "" for a switch; NULL: it was not given. */
const char *command_flag(int count, char **arguments, const char *name);
/* "500ms", "10s", "5m", or a number of seconds. INVALID. */
err_t command_duration_ms(const char *text, uint64_t *out_ms);
