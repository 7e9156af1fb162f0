#pragma once
/* vault_store.h -- where a vault keeps its records, a small one a subject: a table of functions.
 *
 * vault_files.h is one in a folder; vault_postgres.h (storage/postgres) one in a table. What was
 * replaced or removed is gone from the store as far as its medium lets it.
 *
 * Threads  Any, many at once.
 * Errors   NOT_FOUND; CONFLICT: what is there is not `expected`; and those of the medium. After one
 *          the store is as it was, but for TIMEOUT: nobody knows. */

#include "runtime/base/buf.h"

enum {
    VAULT_SUBJECT_SIZE_MAX = 47,  /* letters, digits, '-', '_' */
    VAULT_RECORD_SIZE_MAX = 128,  /* bytes */
    VAULT_SUBJECTS_MAX = 1 << 20, /* in one store */
};

typedef struct vault_store vault_store_t;
typedef err_t (*vault_visit_fn)(void *context, str_t subject);

typedef struct vault_store_table {
    /* Appends the record. */
    err_t (*get)(vault_store_t *self, str_t subject, buf_t *out);
    /* Durable when it returns. expected: what is there now; empty: nothing is. */
    err_t (*put)(vault_store_t *self, str_t subject, str_t expected, str_t record);
    err_t (*remove)(vault_store_t *self, str_t subject);
    /* All that were there when it was called, in no order. What visit returns ends it. */
    err_t (*each)(vault_store_t *self, vault_visit_fn visit, void *context);
    void (*close)(vault_store_t *self);
} vault_store_table_t;

struct vault_store {
    const vault_store_table_t *table;
    bool is_near; /* a get is reading a small file: it waits for nobody else */
};
