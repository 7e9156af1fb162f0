#include "node/journal_open.h"

#include "node/relations.h"
#include "storage/file.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/migrate.h"
#include "storage/relations/relation_build.h"

#include <errno.h>
#include <unistd.h>

/* ---- where it is ---- */

#define IN_DATABASE "journal.postgres" /* in the data folder: the mark */

err_t journal_mark(const data_folder_t *data, bool is_in_database)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *name = data_folder_name(data, &arena, IN_DATABASE);
    if (name == NULL)
        return ERR_NO_MEMORY;
    bool is_marked = access(name, F_OK) == 0;
    if (is_marked == is_in_database)
        return ERR_OK;
    if (is_in_database)
        return file_replace(name, STR("--database\n"), true);
    return unlink(name) == 0 ? ERR_OK : err_from_errno(errno);
}

static bool has(const config_t *config, const char *name)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/%s", config->data, name);
    return access(buf_terminated(&path), F_OK) == 0;
}

bool journal_is_in_database(const config_t *config)
{
    return config->database[0] != '\0' || has(config, IN_DATABASE);
}

err_t journal_is_here(const config_t *config, buf_t *problem)
{
    if (config->database[0] != '\0' || !journal_is_in_database(config))
        return ERR_OK;
    buf_printf(problem,
               "the journal of the data folder %s is in PostgreSQL: name that with --database, as "
               "the node has it (`musicstream storage move --to lmdb` brings it here)",
               config->data);
    return ERR_NOT_FOUND;
}

err_t journal_is_there(const config_t *config, buf_t *problem)
{
    TRY(journal_is_here(config, problem));
    if (config->database[0] != '\0' || has(config, "journal"))
        return ERR_OK;
    buf_printf(problem,
               "there is no journal in the data folder %s: name the folder with --data, and, if "
               "the node keeps its journal in PostgreSQL, that with --database; one that was lost "
               "comes from a backup",
               config->data);
    return ERR_NOT_FOUND;
}

err_t journal_open_lmdb(const config_t *config, const data_folder_t *data, const ms_log_t *log,
                        buf_t *problem, journal_store_t *out_store)
{
    arena_t arena ARENA_SCOPED = {0};
    journal_lmdb_t *journal = NULL;
    const char *path = data_folder_name(data, &arena, "journal");
    err_t err = path == NULL
                    ? ERR_NO_MEMORY
                    : journal_lmdb_open(&(journal_lmdb_options_t){.path = path,
                                                                  .map_size = config->map_gb << 30,
                                                                  .log = log},
                                        &journal);
    if (err != ERR_OK) {
        buf_printf(problem, "the journal can't be opened: %s", err_text(err));
        return err;
    }
    *out_store = journal_lmdb_store(journal);
    return ERR_OK;
}

const char *journal_why_no_database(err_t err)
{
    switch ((int)err) {
    case ERR_INVALID:
        return "--database is no connection string: postgresql://USER@HOST/NAME";
    case ERR_UNAVAILABLE:
        return "the database can't be reached, the log says why: check that it runs, and the "
               "host, port, name and password of --database";
    case ERR_NEWER:
        return "the database belongs to a newer version of musicstream: upgrade this node";
    case ERR_CONFLICT:
        return "a migration of the database was made from other contents: the log names it";
    default:
        return err_text(err);
    }
}

const char *journal_direct_address(const config_t *config)
{
    return config->database_direct[0] != '\0' ? config->database_direct : config->database;
}

err_t journal_migrate(const config_t *config, const ms_log_t *log, buf_t *problem)
{
    err_t err = migrate(journal_direct_address(config), log);
    if (err != ERR_OK)
        buf_printf(problem, "%s", journal_why_no_database(err));
    return err;
}

/* The schema, and the tables of the relations: complete, or known not to be. */
static err_t prepare(const config_t *config, const ms_log_t *log, const relation_opener_t *opener)
{
    TRY(migrate(journal_direct_address(config), log));
    if (opener == NULL)
        return relation_build_forget(config->database, log);
    return relation_build_missing(
        &(relation_build_options_t){.address = config->database, .log = log, .opener = *opener},
        node_relations());
}

err_t journal_lock(const config_t *config, const ms_log_t *log, bool is_shared, buf_t *problem,
                   node_lock_t **out_lock)
{
    buf_t holder BUF_SCOPED = BUF_INIT;
    node_lock_options_t options = {
        .address = journal_direct_address(config), .is_shared = is_shared, .log = log};
    err_t err = node_lock_take(&options, &holder, out_lock);
    if (err == ERR_CONFLICT)
        buf_printf(problem,
                   "another node uses the database (%s): stop it first, or choose another "
                   "with --database",
                   holder.size == 0 ? "it does not say which" : buf_terminated(&holder));
    else if (err != ERR_OK)
        buf_printf(problem, "%s", journal_why_no_database(err));
    return err;
}

static err_t open_postgres(const config_t *config, const ms_log_t *log,
                           const relation_opener_t *opener, const journal_owner_t *owner,
                           buf_t *problem, journal_postgres_t **out_journal)
{
    node_lock_t *lock NODE_LOCK_SCOPED = owner->lock;
    if (lock == NULL)
        TRY(journal_lock(config, log, owner->node != 0, problem, &lock));
    TRY(prepare(config, log, opener));
    journal_postgres_options_t options = {.address = config->database,
                                          .direct = config->database_direct,
                                          .replica = config->database_replica,
                                          .node = owner->node,
                                          .epochs = owner->epochs,
                                          .lock = STEAL(lock),
                                          .log = log};
    if (opener != NULL) {
        options.relations = node_relations();
        options.opener = *opener;
    }
    return journal_postgres_open(&options, out_journal);
}

err_t journal_open_postgres(const config_t *config, const ms_log_t *log,
                            const relation_opener_t *opener, const journal_owner_t *owner,
                            buf_t *problem, journal_store_t *out_store)
{
    journal_postgres_t *journal = NULL;
    err_t err = open_postgres(config, log, opener, owner, problem, &journal);
    if (err != ERR_OK) {
        if (problem->size == 0)
            buf_printf(problem, "%s", journal_why_no_database(err));
        return err;
    }
    *out_store = journal_postgres_store(journal);
    return ERR_OK;
}

/* ---- beside a node ---- */

static err_t beside_lmdb(const config_t *config, buf_t *problem, journal_beside_t *out_beside)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/journal", config->data);
    TRY(journal_is_there(config, problem));
    err_t err =
        journal_lmdb_read_open(buf_terminated(&path), config->map_gb << 30, &out_beside->lmdb);
    if (err != ERR_OK)
        buf_printf(problem, "the journal in %s can't be read: %s", config->data, err_text(err));
    TRY(err);
    out_beside->journal = journal_lmdb_read_journal(out_beside->lmdb);
    out_beside->backend = "lmdb";
    return ERR_OK;
}

static err_t beside_postgres(const config_t *config, const ms_log_t *log, buf_t *problem,
                             journal_beside_t *out_beside)
{
    journal_postgres_options_t options = {.address = config->database,
                                          .replica = config->database_replica,
                                          .is_read_only = true,
                                          .log = log};
    err_t err = journal_postgres_open(&options, &out_beside->postgres);
    if (err == ERR_INTERNAL) /* its tables are not there */
        buf_printf(problem, "there is no journal in the database: name the one that the node "
                            "serves with --database");
    else if (err != ERR_OK)
        buf_printf(problem, "%s", journal_why_no_database(err));
    TRY(err);
    out_beside->journal = journal_postgres_journal(out_beside->postgres);
    out_beside->backend = "postgres";
    return ERR_OK;
}

err_t journal_open_beside(const config_t *config, const ms_log_t *log, buf_t *problem,
                          journal_beside_t *out_beside)
{
    return config->database[0] == '\0' ? beside_lmdb(config, problem, out_beside)
                                       : beside_postgres(config, log, problem, out_beside);
}

void journal_close_beside(journal_beside_t *self)
{
    journal_lmdb_read_close(self->lmdb);
    journal_postgres_close(self->postgres);
    *self = (journal_beside_t){0};
}
