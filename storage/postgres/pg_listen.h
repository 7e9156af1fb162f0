#pragma once
/* pg_listen.h -- the connection over which nodes tell each other that there is something new:
 * LISTEN and NOTIFY on one channel, without a payload. It says that somebody should look, and
 * nothing else: who hears it believes only what the tables say.
 *
 * It leads to the server itself: pgbouncer in transaction mode would pass on nothing, without an
 * error. The number of the server process gives that away.
 *
 * Threads  One. Errors  As pg.h. */

#include "storage/postgres/pg.h"

typedef struct pg_listen pg_listen_t;

/* Heard and told of is `channel`, an identifier. UNSUPPORTED: there is a pooler between us and the
 * server. */
err_t pg_listen_open(const pg_options_t *options, const char *channel, pg_listen_t **out_listen);
void pg_listen_close(pg_listen_t *self); /* NULL is fine */
/* For other statements, too; it stays with the listener. */
pg_t *pg_listen_connection(const pg_listen_t *self);
/* To poll for reading. */
int pg_listen_socket(const pg_listen_t *self);
/* Takes what has come; *out_is_told: another one notified since. TIMEOUT: the connection is lost.
 */
err_t pg_listen_take(pg_listen_t *self, bool *out_is_told);
/* Tells all others. A transaction of its own, which writes nothing and waits for no disk. */
err_t pg_listen_notify(pg_listen_t *self);
/* Whether the server still answers. */
err_t pg_listen_ping(pg_listen_t *self);
