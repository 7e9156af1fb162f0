#include "storage/postgres/pg_pool.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

typedef struct place {
    pg_t *connection; /* NULL: to be opened */
    uint32_t generation;
} place_t;

struct pg_pool {
    pg_pool_options_t options;
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    place_t free[PG_POOL_CONNECTIONS];
    uint32_t free_count;
    uint32_t generation;          /* of connections that may be used */
    _Atomic uint64_t retry_at_ms; /* after a failed connect: none is tried before */
};

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

err_t pg_pool_new(const pg_pool_options_t *options, pg_pool_t **out_pool)
{
    pg_pool_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->given_back, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->free_count = PG_POOL_CONNECTIONS;
    *out_pool = self;
    return ERR_OK;
}

void pg_pool_free(pg_pool_t *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->free_count; i++)
        pg_close(self->free[i].connection);
    pthread_cond_destroy(&self->given_back);
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

static err_t wait_for_place(pg_pool_t *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(self->options.timeout_ms / 1000) + 1;
    int rc = 0;
    while (self->free_count == 0 && rc == 0)
        rc = pthread_cond_timedwait(&self->given_back, &self->lock, &until);
    return self->free_count == 0 ? ERR_BUSY : ERR_OK;
}

void pg_pool_renew(pg_pool_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->generation++;
    pthread_mutex_unlock(&self->lock);
    atomic_store(&self->retry_at_ms, 0);
}

static void drop(place_t *place)
{
    pg_close(place->connection);
    place->connection = NULL;
}

/* A place is always given back, with the connection or without. */
static err_t borrow(pg_pool_t *self, place_t *out_place)
{
    pthread_mutex_lock(&self->lock);
    err_t err = wait_for_place(self);
    place_t place = err == ERR_OK ? self->free[--self->free_count] : (place_t){0};
    bool is_old = place.generation != self->generation;
    place.generation = self->generation;
    pthread_mutex_unlock(&self->lock);
    if (is_old)
        drop(&place);
    if (err == ERR_OK)
        *out_place = place;
    return err;
}

static void give_back(pg_pool_t *self, place_t *place)
{
    if (place->connection != NULL && !pg_is_usable(place->connection))
        drop(place);
    pthread_mutex_lock(&self->lock);
    self->free[self->free_count++] = *place;
    pthread_mutex_unlock(&self->lock);
    pthread_cond_signal(&self->given_back);
}

static err_t ensure(pg_pool_t *self, place_t *place)
{
    if (place->connection != NULL)
        return ERR_OK;
    if (now_ms() < atomic_load(&self->retry_at_ms))
        return ERR_UNAVAILABLE;
    err_t err = self->options.connect(self->options.context, &place->connection);
    if (err != ERR_OK)
        atomic_store(&self->retry_at_ms, now_ms() + PG_POOL_RETRY_MS);
    return err;
}

static err_t try_once(pg_pool_t *self, place_t *place, const pg_statement_t *statement,
                      PGresult **out_result)
{
    TRY(ensure(self, place));
    return pg_run(place->connection, statement, out_result);
}

err_t pg_pool_query(pg_pool_t *self, const pg_statement_t *statement, PGresult **out_result)
{
    place_t place;
    TRY(borrow(self, &place));
    bool was_open = place.connection != NULL;
    err_t err = try_once(self, &place, statement, out_result);
    if (err != ERR_OK && was_open && !pg_is_usable(place.connection)) {
        drop(&place);
        err = try_once(self, &place, statement, out_result);
    }
    give_back(self, &place);
    return err == ERR_TIMEOUT ? ERR_UNAVAILABLE : err;
}
