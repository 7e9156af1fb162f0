#pragma once
/* migrate.h -- brings a database to this program's schema: the files of storage/migrations, by
 * number, each once.
 *
 * One node at a time, under an advisory lock of the session (so the address must lead to the server
 * itself, not to pgbouncer: --database-direct). Each migration is one transaction with its row in
 * `migrations` (number, name, SHA-256). Forward only. The login needs rights on the database only
 * when there is something to apply.
 *
 * Threads  Any. */

#include "runtime/base/log.h"

/* CONFLICT: a migration that was applied has other bytes now; NEWER: the database has migrations
 * that this program does not know; UNAVAILABLE and the rest as pg.h. */
err_t migrate(const char *address, const ms_log_t *log);
