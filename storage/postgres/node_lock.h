#pragma once
/* node_lock.h -- one node at a time on a database; or the nodes of one cluster, and none without.
 *
 * A lock of the session, held by a connection of its own for as long as the node lives. PostgreSQL
 * gives it back with the connection, however the process ends, so a node that was killed starts
 * again at once. Machines that vanish without a goodbye are noticed by keep-alives within
 * NODE_LOCK_GONE_S. The connection may be lost while the node lives; then the lock is taken again,
 * and if another node was quicker, that one serves. Nothing depends on this for safety: what two
 * nodes append is judged by the version of its stream. It is there so that a second node says so
 * instead of taking turns with the first. The nodes of a cluster share it (is_shared): what each of
 * them may write is judged by the fence (partitions.h).
 *
 * The address leads to the server itself. Behind pgbouncer in transaction mode a session belongs to
 * nobody: there nothing is locked, and the log says what would help.
 *
 * Threads  One at a time. */

#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "storage/postgres/pg.h"

typedef struct node_lock node_lock_t;

enum { NODE_LOCK_WAIT_MS = 3000, NODE_LOCK_GONE_S = 25, NODE_LOCK_RETRY_MS = 1000 };

typedef struct node_lock_options {
    const char *address; /* copied */
    uint64_t node;       /* which lock; 0 */
    bool is_shared;      /* with others of whom it is so, too */
    uint64_t timeout_ms; /* of a statement; 0: 5000 */
    const ms_log_t *log; /* NULL: says nothing */
} node_lock_options_t;

/* CONFLICT: another node has it, and had it for NODE_LOCK_WAIT_MS more (a killed one's connection
 * ends a moment after it); *out_holder (may be NULL) gets who. The rest as pg.h. */
err_t node_lock_take(const node_lock_options_t *options, buf_t *out_holder, node_lock_t **out_lock);
/* Whether it is still held; when its connection was lost, takes it again, without waiting, and
 * where that failed not again within NODE_LOCK_RETRY_MS. CONFLICT: another node has it now (the log
 * says so, once). The rest as pg.h. */
err_t node_lock_hold(node_lock_t *self);
/* The same by asking the server: also a connection that was lost without a goodbye is noticed. It
 * is tried each time. */
err_t node_lock_ask(node_lock_t *self);
/* From here on its waits end with it. */
void node_lock_set_patience(node_lock_t *self, const pg_patience_t *patience);
void node_lock_free(node_lock_t *self);
void node_lock_scope_end(node_lock_t **self);
#define NODE_LOCK_SCOPED SCOPED(node_lock_scope_end)
