#pragma once
/* vault_store.h -- where a vault keeps its records, a small one a subject: a table of functions.
 *
 * vault_files.h is one in a folder; vault_postgres.h (storage/postgres) one in a table. What was
 * replaced or removed is gone from the store as far as its medium lets it, once it has settled.
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

/* Records that are no subject's: a subject does not begin with "_". */
#define VAULT_CHECK STR("_check")       /* any key: does the master open it? */
#define VAULT_NEXT STR("_next")         /* of a rotation: the new master, wrapped by the old one */
#define VAULT_PREVIOUS STR("_previous") /* and the old one, wrapped by the new */
#define VAULT_MOVED STR("_moved")       /* the records went to another store: vault_move.h */
#define VAULT_MASTER_RECORDS "'_check', '_next'" /* what tells that there is another master */

typedef struct vault_store vault_store_t;
typedef err_t (*vault_visit_fn)(void *context, str_t subject);
typedef err_t (*vault_change_fn)(void *context, str_t subject, str_t record);

typedef struct vault_store_table {
    /* Appends the record. */
    err_t (*get)(vault_store_t *self, str_t subject, buf_t *out);
    /* Durable when it returns. expected: what is there now; empty: nothing is. */
    err_t (*put)(vault_store_t *self, str_t subject, str_t expected, str_t record);
    err_t (*remove)(vault_store_t *self, str_t subject);
    /* All that were there when it was called, in no order. What visit returns ends it. */
    err_t (*each)(vault_store_t *self, vault_visit_fn visit, void *context);
    void (*close)(vault_store_t *self);

    /* Of a store that several processes share; NULL: nobody else writes while this one is open. */

    /* What was put after the change *reached, in order; *reached goes along. visit may be NULL:
     * then it goes to the newest at once. From the first call on, a put is refused with CONFLICT
     * when one of VAULT_MASTER_RECORDS was put after what the last call reached: it could be
     * wrapped by a master key that has been replaced. */
    err_t (*changes)(vault_store_t *self, uint64_t *reached, vault_change_fn visit, void *context);
    /* Says how far this process has read. *out_slowest: what the slowest other one that was heard
     * of lately has read; UINT64_MAX: there is none. */
    err_t (*meet)(vault_store_t *self, uint64_t reached, uint64_t *out_slowest);
    /* Rids the medium of what was replaced and removed; NULL: put and remove do. BUSY: something
     * keeps it still. */
    err_t (*settle)(vault_store_t *self);
    /* Before it is closed: what has no answer by then is given up. Any thread. NULL: it waits for
     * nobody. */
    void (*hurry)(vault_store_t *self, uint64_t within_ms);
} vault_store_table_t;

struct vault_store {
    const vault_store_table_t *table;
    bool is_near; /* a get is reading a small file: it waits for nobody else */
};
