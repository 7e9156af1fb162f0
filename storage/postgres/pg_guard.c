#include "storage/postgres/pg_guard.h"

#include "runtime/base/memory.h"
#include "runtime/base/xxh64.h"

#include <pthread.h>

enum { CLASS = 0x6d73 }; /* of advisory locks with two numbers; node_lock.c has another */

struct pg_guard {
    char *address;
    uint64_t wait_ms;
    const ms_log_t *log;
    pthread_mutex_t lock; /* of the connection: from a lock to its unlock */
    pg_t *pg;
};

err_t pg_guard_open(const char *address, uint64_t wait_ms, const ms_log_t *log,
                    pg_guard_t **out_guard)
{
    pg_guard_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->lock, NULL);
    self->wait_ms = wait_ms == 0 ? PG_GUARD_WAIT_MS : wait_ms;
    self->log = log;
    self->address = str_dup_terminated(str_from(address));
    if (self->address == NULL) {
        pg_guard_close(self);
        return ERR_NO_MEMORY;
    }
    *out_guard = self;
    return ERR_OK;
}

void pg_guard_close(pg_guard_t *self)
{
    if (self == NULL)
        return;
    pg_close(self->pg);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->address);
    memory_free(self);
}

void pg_guard_scope_end(pg_guard_t **self)
{
    pg_guard_close(*self);
}

static err_t connected(pg_guard_t *self)
{
    if (self->pg != NULL && pg_is_usable(self->pg))
        return ERR_OK;
    pg_close(STEAL(self->pg));
    return pg_open(&(pg_options_t){.address = self->address,
                                   .application = "musicstream guard",
                                   .timeout_ms = self->wait_ms,
                                   .log = self->log},
                   &self->pg);
}

/* Names that share a number wait for each other: that is all. */
static err_t ask(pg_guard_t *self, const char *sql, str_t name)
{
    char class[4], number[4];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = sql,
        .parameters = {pg_i32(class, CLASS), pg_i32(number, (int32_t)xxh64(name, 0))},
        .parameter_count = 2};
    TRY(connected(self));
    return pg_run(self->pg, &statement, &result);
}

err_t pg_guard_lock(pg_guard_t *self, str_t name)
{
    pthread_mutex_lock(&self->lock);
    err_t err = ask(self, "SELECT pg_advisory_lock($1, $2)", name);
    if (err == ERR_OK)
        return ERR_OK;
    pg_close(STEAL(self->pg)); /* it may have it, or get it yet */
    pthread_mutex_unlock(&self->lock);
    return err == ERR_TIMEOUT ? ERR_BUSY : err;
}

void pg_guard_unlock(pg_guard_t *self, str_t name)
{
    bool is_there = self->pg != NULL && pg_is_usable(self->pg);
    if (!is_there || ask(self, "SELECT pg_advisory_unlock($1, $2)", name) != ERR_OK)
        pg_close(STEAL(self->pg));
    pthread_mutex_unlock(&self->lock);
}
