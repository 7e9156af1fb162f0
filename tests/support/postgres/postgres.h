#pragma once
/* postgres.h -- a PostgreSQL of its own for a test program: started in a temporary folder, gone
 * with it.
 *
 * Threads  One. Errors  Ends the program when it can't be started. */

#include "tests/support/temporary.h"

/* What a test gives its connections: a machine that stands still for a while is no lost server. */
enum { POSTGRES_PATIENCE_MS = 60000 };

typedef struct postgres {
    temporary_t folder;
    char address[256];
} postgres_t;

/* With the schema of storage/migrations. It ends with this process, too, however that ends. */
void postgres_start(postgres_t *self);
void postgres_stop(postgres_t *self);
#define POSTGRES_SCOPED SCOPED(postgres_stop)

/* A streaming standby of it, named "standby" in its synchronous_standby_names. */
void postgres_start_standby(postgres_t *self, const postgres_t *primary);
/* The address of whichever of two is written to. */
void postgres_both(const postgres_t *a, const postgres_t *b, char *address, size_t size);
/* pgbouncer in transaction mode in front of it; stopped with it. */
void postgres_start_bouncer(const postgres_t *self, char *address, size_t size);
/* "restart", "kill" (SIGKILL to all of it), "immediate" (it stops without cleaning up), "stop",
 * the folder stays; "promote" a standby. */
void postgres_do(const postgres_t *self, const char *action);
