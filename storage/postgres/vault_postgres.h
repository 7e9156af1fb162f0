#pragma once
/* vault_postgres.h -- a vault's records (storage/crypt/vault_store.h) in the table `subject_keys`,
 * shared by the nodes of a database.
 *
 * A change is one transaction with its number, which the change before has committed: so whoever
 * reads by number skips nothing. PostgreSQL overwrites nothing: what a change replaced lies in the
 * table's file as a dead row until `settle` writes that file anew (VACUUM FULL; the old one is
 * emptied), and in the WAL and what is made of it (archives, replicas, backups) for as long as
 * those are kept.
 *
 * A connection is opened when it is needed; after an attempt that failed none is made for a while:
 * whoever calls then hears UNAVAILABLE at once.
 *
 * Threads  Any; one statement at a time.
 * Errors   As pg.h: UNAVAILABLE the database is away; TIMEOUT nobody knows. settle: FORBIDDEN: the
 * login is no member of ms_migrate; BUSY: a transaction that began before may still look, or
 * somebody (a backup of the database) reads the table all the while. */

#include "runtime/base/log.h"
#include "storage/crypt/vault_store.h"

enum {
    VAULT_POSTGRES_AWAY_MS = 500, /* between two attempts to connect */
    VAULT_POSTGRES_LATELY_S = 15, /* a node that was not heard of for longer is not waited for */
    VAULT_POSTGRES_PAGE = 256     /* records a statement reads */
};

typedef struct vault_postgres_options {
    const char *address;
    const char *direct; /* not through pgbouncer, for settle; NULL or empty: address */
    /* Which node this is among those that are waited for, the same at its next start: so nobody
     * waits for one that was killed and is here again. NULL: one that comes and goes. */
    const char *node;
    uint64_t timeout_ms; /* 0: as pg.h */
    const ms_log_t *log;
} vault_postgres_options_t;

/* The tables must be there (migrate.h). UNAVAILABLE, INVALID: no address. */
err_t vault_postgres_open(const vault_postgres_options_t *options, vault_store_t **out_store);
