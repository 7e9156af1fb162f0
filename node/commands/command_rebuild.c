/* command_rebuild.c -- what is derived from the journal made anew, while nodes serve: the SQL
 * tables of --database, and the catalog of the data folder (node/catalog/command_catalog.c). */

#include "node/commands/command.h"
#include "node/keys_open.h"
#include "node/relations.h"
#include "storage/relations/relation_build.h"

#include <stdio.h>
#include <unistd.h>

static void show(void *context, uint64_t done, uint64_t total)
{
    const relation_t *relation = context;
    if (isatty(STDERR_FILENO) != 0)
        fprintf(stderr, "\r%s: %llu of %llu events (%llu %%)", relation->name,
                (unsigned long long)done, (unsigned long long)total,
                (unsigned long long)(total == 0 ? 100 : 100 * done / total));
}

static int fail(const relation_t *relation, err_t err)
{
    switch ((int)err) {
    case ERR_CONFLICT:
        return command_failed("%s is being built by somebody else", relation->name);
    case ERR_BUSY:
        return command_failed("somebody reads the tables of %s without end: the new ones could not "
                              "take their place. Start it again when that is over",
                              relation->name);
    default:
        return command_failed("%s: %s; the same command goes on where it ended", relation->name,
                              err_text(err));
    }
}

static int rebuild(const config_t *config, const ms_log_t *log, const relation_t *relation,
                   relation_opener_t opener)
{
    relation_build_report_t report;
    relation_build_options_t options = {.address = config->database,
                                        .relation = relation,
                                        .opener = opener,
                                        .log = log,
                                        .progress = show,
                                        .context = (void *)(uintptr_t)relation};
    err_t err = relation_build(&options, &report);
    if (isatty(STDERR_FILENO) != 0)
        fputc('\n', stderr);
    if (err != ERR_OK)
        return fail(relation, err);
    printf("%s: %llu events, %llu left out\n", relation->name, (unsigned long long)report.events,
           (unsigned long long)report.parked);
    return EXIT_OK;
}

static int rebuild_tables(const config_t *config, const relation_t *wanted)
{
    ms_log_t log = {STDERR_FILENO, LOG_WARNING, false};
    relation_list_t list = node_relations();
    vault_t *vault VAULT_SCOPED = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    err_t err = keys_open(config, &log, true, &problem, &vault);
    if (err != ERR_OK)
        return command_failed("%s", problem.size > 0 ? buf_terminated(&problem) : err_text(err));
    sealed_projector_t projector = keys_projector(vault);
    for (size_t i = 0; i < list.count; i++) {
        if (wanted != NULL && list.items[i] != wanted)
            continue;
        int status = rebuild(config, &log, list.items[i], keys_opener(&projector));
        if (status != EXIT_OK)
            return status;
    }
    return EXIT_OK;
}

int command_rebuild(const config_t *config, int count, char **arguments)
{
    int plain = command_plain_count(count, arguments);
    const char *name = plain == 2 ? arguments[1] : NULL;
    bool has_database = config->database[0] != '\0';
    if (name != NULL && strcmp(name, REBUILD_SEARCH) == 0 && plain == 2)
        return command_rebuild_search(config);
    bool is_local = name != NULL && strcmp(name, REBUILD_LOCAL_CATALOG) == 0;
    const relation_t *wanted =
        name != NULL && !is_local ? relation_find(node_relations(), str_from(name)) : NULL;
    if (plain > 2 || (name != NULL && !is_local && wanted == NULL))
        return command_usage("storage");
    if (wanted != NULL && !has_database)
        return command_failed("these tables are in a database: name it with --database "
                              "postgresql://USER@HOST/NAME; what a node reads itself is "
                              "'storage rebuild " REBUILD_LOCAL_CATALOG "'");
    int status = has_database && !is_local ? rebuild_tables(config, wanted) : EXIT_OK;
    return status == EXIT_OK && wanted == NULL ? command_rebuild_local(config) : status;
}
