#pragma once
/* relations_rig.h -- a journal in PostgreSQL with the node's tables, and events appended to it as
 * fast as it takes them, so that batches hold many of several streams.
 *
 * Threads  One. Errors  Fails the test. */

#include "runtime/base/arena.h"
#include "runtime/base/schema.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>

typedef struct relations_rig {
    postgres_t server;
    journal_postgres_t *journal;
    pg_t *pg;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight, ok, refused;
    err_t err; /* the first that was not ERR_OK */
} relations_rig_t;

void rig_start(relations_rig_t *self);
void rig_stop(relations_rig_t *self);
#define RIG_SCOPED SCOPED(rig_stop)
void rig_open_journal(relations_rig_t *self, const char *address);

/* Appends one event and does not wait. `version`: of the stream before; grows. */
void rig_append(relations_rig_t *self, str_t stream, uint64_t *version, const schema_t *schema,
                const void *event);
/* Until all are answered. */
void rig_wait(relations_rig_t *self);

/* The first column of the first row, an int8. */
int64_t rig_number(relations_rig_t *self, const char *sql);
/* The first column of all rows, in one text, a space between them. */
void rig_text(relations_rig_t *self, const char *sql, buf_t *out);
/* Rows and digest of all tables of the node, as text. */
void rig_digest(relations_rig_t *self, buf_t *out);
