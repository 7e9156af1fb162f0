#pragma once
/* fence.h -- a transaction while which some nodes append nothing.
 *
 * Every batch of a node's journal holds that node's advisory lock, shared (0006_append.sql). Who
 * has it alone knows that nothing of the node is under way, and that what it sends from then on
 * begins when this transaction has ended, and sees what it did.
 *
 * Threads  One for a connection. Errors  As pg.h; BUSY: what was under way did not end, not even
 * when it was told to, or others take turns with the locks. */

#include "storage/postgres/pg.h"

enum { FENCE_HOLD_MAX_MS = 1000, FENCE_LAST_WAITS = 4, FENCE_STATEMENTS_MAX = 4 };

typedef struct fence {
    const uint64_t *nodes; /* ascending: so two who take several do not wait for each other */
    size_t count;
    /* What holds out for so long is ended, and then waited for FENCE_LAST_WAITS times as long. */
    uint64_t hold_ms;
    const ms_log_t *log;
} fence_t;

/* At most FENCE_STATEMENTS_MAX; results as pg_transaction. */
err_t fence_transaction(pg_t *pg, const fence_t *fence, const pg_statement_t *statements,
                        size_t count, PGresult **out_results);
