#pragma once
/* kv.h -- LMDB: environments with tables, and transactions that end with their scope.
 *
 * An environment is a folder with one memory-mapped file. It has one writer at a time and readers
 * that never wait. A durable one syncs with every commit. A lazy one never does: it is derived from
 * something durable. LMDB must not even open a lazy file that a power cut interrupted, so a small
 * file beside it names the boot in which it was last written; after an unclean stop in another boot
 * the environment is wiped, and its owner sees it empty.
 *
 * Values borrow the map: until the transaction ends, or, in a write transaction, until its next
 * write. A read transaction never outlives a turn: it pins every page that was freed since.
 *
 * Limits     Keys are 1 to KV_KEY_SIZE_MAX bytes. The map is address space, not memory or disk.
 * Ownership  kv_open gives, kv_close takes. A transaction ends before its environment.
 * Threads    kv_t any. A transaction belongs to one thread at a time, a write transaction to the
 *            one that began it.
 * Errors     FULL: the disk or the map; BUSY: too many readers; CORRUPT: not what LMDB wrote; IO.
 */

#include "runtime/base/buf.h"

enum { KV_KEY_SIZE_MAX = 511, KV_TABLES_MAX = 32, KV_READERS_MAX = 1022 };

typedef struct kv kv_t;
typedef uint32_t kv_table_t; /* its place in kv_options_t.tables */

/* For tests: what a disk does when it fails. Called before a commit, and after it with `is_done`;
 * an errno that is not 0 makes the commit end with it. Before: nothing is written. */
typedef struct kv_faults {
    int (*on_commit)(void *context, bool is_done);
    void *context;
} kv_faults_t;

typedef struct kv_options {
    const char *path;          /* of the folder; made when missing (its parent must be there) */
    const char *const *tables; /* names, which outlive it */
    size_t table_count;
    size_t map_size; /* 0: KV_MAP_SIZE */
    bool is_lazy;
    /* Nothing is made, written or marked: beside another process that writes it, or to look at one
     * that is not in use. NOT_FOUND: a table, or the environment, is not there. */
    bool is_read_only;
    const char *boot_id; /* of a lazy one; NULL: the machine's */
    const kv_faults_t *faults;
} kv_options_t;

extern const size_t KV_MAP_SIZE; /* 256 GiB; less under sanitizers */

err_t kv_open(const kv_options_t *options, kv_t **out_kv);
/* A lazy one is synced first and marked clean. NULL is fine. */
void kv_close(kv_t *self);
void kv_scope_end(kv_t **self);
#define KV_SCOPED SCOPED(kv_scope_end)

/* Closes it and removes its files, the folder too: nothing of it is synced first. NULL is fine. */
void kv_drop(kv_t *self);
/* Removes an environment that nobody has open, with its folder. One that is not there is fine. */
err_t kv_remove(const char *path);
/* Borrowed until kv_rename. */
const char *kv_path(const kv_t *self);
/* Its folder has another name from now on, which must be on the same file system. While nobody
 * writes. On an error it has the old one: IO, NO_MEMORY. */
err_t kv_rename(kv_t *self, const char *path);

/* True: kv_open found a lazy environment that could not be trusted, and wiped it. */
bool kv_was_wiped(const kv_t *self);
/* Of a lazy one, after kv_write or kv_read gave UNAVAILABLE: closes and opens it, between
 * transactions, when its head could not be written and LMDB has ended it for good. What was
 * committed is there; the commit that failed is there whole or not at all, so who keeps in memory
 * how far it is reads that again. Waits for those who read; not on a scheduler. BUSY: they take too
 * long, or another thread is at it; the rest as kv_open. */
err_t kv_heal(kv_t *self);
/* Waits until all that is committed is on the disk. */
err_t kv_sync(kv_t *self);

typedef struct kv_stats {
    uint64_t map_size, used_size; /* bytes; used: up to the last page ever used */
    uint64_t free_pages;
    uint32_t readers, readers_max;
    uint64_t oldest_reader_lag; /* transactions committed since the oldest reader began */
} kv_stats_t;
err_t kv_stats(kv_t *self, kv_stats_t *out_stats);

/* ---- transactions ---- */

typedef struct kv_tx {
    kv_t *kv;
    void *txn; /* NULL: ended */
} kv_tx_t;

/* UNAVAILABLE: NULL, one that is not open; or its head could not be written: no commit and no
 * transaction is possible until it was closed and opened again. */
err_t kv_read(kv_t *self, kv_tx_t *out_tx);
/* Waits for the writer before. */
err_t kv_write(kv_t *self, kv_tx_t *out_tx);
/* Ends it. On an error nothing was written, unless it is IO: then nobody knows. */
err_t kv_commit(kv_tx_t *tx);
/* Without a commit before it, takes everything back. Twice is fine. */
void kv_end(kv_tx_t *tx);
#define KV_TX_SCOPED SCOPED(kv_end)

/* NOT_FOUND */
err_t kv_get(const kv_tx_t *tx, kv_table_t table, str_t key, str_t *out_value);
bool kv_has(const kv_tx_t *tx, kv_table_t table, str_t key);
err_t kv_put(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value);
/* CONFLICT: the key is there; nothing is changed. */
err_t kv_put_new(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value);
/* For a key past every other: fills pages to the brim. *out_room: value_size bytes for the caller
 * to write before its next call. CONFLICT: it is not past the last. */
err_t kv_append(const kv_tx_t *tx, kv_table_t table, str_t key, size_t value_size, char **out_room);
/* NOT_FOUND */
err_t kv_delete(const kv_tx_t *tx, kv_table_t table, str_t key);
/* Empties a table. */
err_t kv_clear(const kv_tx_t *tx, kv_table_t table);
err_t kv_count(const kv_tx_t *tx, kv_table_t table, uint64_t *out_count);

/* ---- cursors: in key order, within a transaction ---- */

typedef struct kv_cursor {
    void *cursor;
    str_t key, value; /* where it stands; borrowed as above */
} kv_cursor_t;

err_t kv_cursor_open(const kv_tx_t *tx, kv_table_t table, kv_cursor_t *out_cursor);
void kv_cursor_close(kv_cursor_t *self);
#define KV_CURSOR_SCOPED SCOPED(kv_cursor_close)

/* All give NOT_FOUND past the end; key and value are then as before. */
err_t kv_first(kv_cursor_t *self);
err_t kv_last(kv_cursor_t *self);
err_t kv_next(kv_cursor_t *self);
err_t kv_previous(kv_cursor_t *self);
/* The first key that is not before `key`. */
err_t kv_seek(kv_cursor_t *self, str_t key);

/* ---- keys ---- */

/* Big endian, so that keys sort as numbers. */
static inline void kv_u64_write(char room[8], uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(room, &value, sizeof value);
}

static inline uint64_t kv_u64_read(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}
