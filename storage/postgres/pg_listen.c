#include "storage/postgres/pg_listen.h"

#include "runtime/base/memory.h"

enum { COMMAND_SIZE = 80 }; /* a channel's name has at most 63 */

struct pg_listen {
    pg_t *connection;
    char notify[COMMAND_SIZE];
};

err_t pg_listen_open(const pg_options_t *options, const char *channel, pg_listen_t **out_listen)
{
    char listen_sql[COMMAND_SIZE];
    pg_t *connection PG_SCOPED = NULL;
    pg_statement_t listen = {.sql = listen_sql};
    snprintf(listen_sql, sizeof listen_sql, "LISTEN %s", channel);
    TRY(pg_open(options, &connection));
    if (!pg_is_direct(connection))
        return pg_is_usable(connection) ? ERR_UNSUPPORTED : ERR_UNAVAILABLE;
    TRY(pg_run(connection, &listen, NULL));
    pg_listen_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->connection = STEAL(connection);
    snprintf(self->notify, sizeof self->notify, "NOTIFY %s", channel);
    *out_listen = self;
    return ERR_OK;
}

void pg_listen_close(pg_listen_t *self)
{
    if (self == NULL)
        return;
    pg_close(self->connection);
    memory_free(self);
}

pg_t *pg_listen_connection(const pg_listen_t *self)
{
    return self->connection;
}

int pg_listen_socket(const pg_listen_t *self)
{
    return PQsocket(pg_native(self->connection));
}

err_t pg_listen_take(pg_listen_t *self, bool *out_is_told)
{
    PGconn *connection = pg_native(self->connection);
    bool is_told = false;
    if (PQconsumeInput(connection) != 1 || !pg_is_usable(self->connection))
        return ERR_TIMEOUT;
    PGnotify *notify;
    while ((notify = PQnotifies(connection)) != NULL) {
        is_told |= notify->be_pid != PQbackendPID(connection);
        PQfreemem(notify);
    }
    *out_is_told = is_told;
    return ERR_OK;
}

err_t pg_listen_notify(pg_listen_t *self)
{
    pg_statement_t notify = {.sql = self->notify};
    return pg_run(self->connection, &notify, NULL);
}

err_t pg_listen_ping(pg_listen_t *self)
{
    pg_statement_t ping = {.sql = ""};
    return pg_run(self->connection, &ping, NULL);
}
