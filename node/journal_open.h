#pragma once
/* journal_open.h -- the journal that the configuration names, with a sentence for people when it
 * can't be opened.
 *
 * Threads  One. Errors  Of the journal; *problem says what to do. */

#include "node/config.h"
#include "runtime/base/log.h"
#include "storage/data_folder.h"
#include "storage/journal/journal_lmdb_read.h"
#include "storage/journal/journal_store.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/node_lock.h"
#include "storage/relations/relations.h"

/* In the data folder. */
err_t journal_open_lmdb(const config_t *config, const data_folder_t *data, const ms_log_t *log,
                        buf_t *problem, journal_store_t *out_store);
/* Kept in the data folder: whether its journal is in a database. Whoever comes without --database
 * is told, instead of finding none, or one from before a move. */
err_t journal_mark(const data_folder_t *data, bool is_in_database);
bool journal_is_in_database(const config_t *config); /* by --database, or by the mark */
/* Without --database: NOT_FOUND where the folder's journal is in a database. */
err_t journal_is_here(const config_t *config, buf_t *problem);
/* The same, and NOT_FOUND where there is none. */
err_t journal_is_there(const config_t *config, buf_t *problem);
/* Before anything is changed there: no other node uses the database; is_shared, for one of a
 * cluster: none that is alone. */
err_t journal_lock(const config_t *config, const ms_log_t *log, bool is_shared, buf_t *problem,
                   node_lock_t **out_lock);
/* Who this node is among those that write the journal. All zero: it is alone. */
typedef struct journal_owner {
    uint64_t node;
    partition_epochs_t *epochs; /* outlives the journal */
    node_lock_t *lock;          /* the journal's from here on, whatever comes of it; NULL: it takes
                                   it itself */
} journal_owner_t;
/* Brings the database to this program's schema. */
err_t journal_migrate(const config_t *config, const ms_log_t *log, buf_t *problem);
/* Of the server itself: --database-direct, or --database. */
const char *journal_direct_address(const config_t *config);
/* Why --database can't be used, for people. */
const char *journal_why_no_database(err_t err);
/* At --database, brought to this program's schema first. With an opener the tables of the relations
 * are complete, and written by each append; without (NULL), the next one that opens it with them
 * builds them. */
err_t journal_open_postgres(const config_t *config, const ms_log_t *log,
                            const relation_opener_t *opener, const journal_owner_t *owner,
                            buf_t *problem, journal_store_t *out_store);

/* Whichever the configuration names, to read its feed beside the node that writes it; nothing is
 * made, no schema is changed. */
typedef struct journal_beside {
    journal_lmdb_read_t *lmdb;
    journal_postgres_t *postgres;
    journal_t *journal; /* its feed and its head */
    const char *backend;
} journal_beside_t;
err_t journal_open_beside(const config_t *config, const ms_log_t *log, buf_t *problem,
                          journal_beside_t *out_beside);
void journal_close_beside(journal_beside_t *self);
#define JOURNAL_BESIDE_SCOPED SCOPED(journal_close_beside)
