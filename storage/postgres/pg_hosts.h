#pragma once
/* pg_hosts.h -- the servers that an address names: host=a,b port=5432,5433.
 *
 * libpq tries them one after the other, but a connection that is made without waiting has only one
 * time for all: a machine that vanished without a word would use it up. So each is tried by itself.
 *
 * Ownership  pg_hosts_t owns its strings. Threads  None. */

#include "runtime/base/arena.h"

enum { PG_HOSTS_MAX = 8 };

typedef struct pg_host {
    /* As libpq's keywords of these names; NULL: what the address says. */
    const char *host, *hostaddr, *port;
} pg_host_t;

typedef struct pg_hosts {
    arena_t arena;
    pg_host_t items[PG_HOSTS_MAX];
    size_t count; /* at least 1 */
} pg_hosts_t;

/* INVALID: no connection string; LIMIT: more than PG_HOSTS_MAX; NO_MEMORY. */
err_t pg_hosts_read(pg_hosts_t *self, const char *address);
void pg_hosts_deinit(pg_hosts_t *self);
#define PG_HOSTS_SCOPED SCOPED(pg_hosts_deinit)
