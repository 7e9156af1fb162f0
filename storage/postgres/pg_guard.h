#pragma once
/* pg_guard.h -- a lock by name that all nodes over one database share: for what each of them looks
 * at and then changes outside of the database, in a bucket.
 *
 * An advisory lock of a session, so it ends with its connection, however that ends. A session that
 * is lost while the lock is held gives it to the next at once: what is done under it is short, and
 * begun again by who finds out.
 *
 * Ownership  Copies what it is given. Threads  Any; one at a time has a lock, others wait.
 * Errors     As pg.h; BUSY: another node has had it for PG_GUARD_WAIT_MS. */

#include "storage/postgres/pg.h"

enum { PG_GUARD_WAIT_MS = 30000 };

typedef struct pg_guard pg_guard_t;

/* address: of the server itself, without a pooler. wait_ms 0: PG_GUARD_WAIT_MS. Connects when it is
 * first locked. NO_MEMORY */
err_t pg_guard_open(const char *address, uint64_t wait_ms, const ms_log_t *log,
                    pg_guard_t **out_guard);
void pg_guard_close(pg_guard_t *self); /* NULL is fine */
void pg_guard_scope_end(pg_guard_t **self);
#define PG_GUARD_SCOPED SCOPED(pg_guard_scope_end)

err_t pg_guard_lock(pg_guard_t *self, str_t name);
void pg_guard_unlock(pg_guard_t *self, str_t name);
