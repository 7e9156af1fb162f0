#include "storage/kv.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "storage/kv_boot.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(MS_SANITIZED)
const size_t KV_MAP_SIZE = (size_t)8 << 30; /* ThreadSanitizer's address space is small */
#else
const size_t KV_MAP_SIZE = (size_t)256 << 30;
#endif

/* How long a transaction may last before nothing is opened again for it. */
enum { KV_SHUT_MS = 1000 };

struct kv {
    MDB_env *env;
    MDB_dbi tables[KV_TABLES_MAX];
    size_t table_count;
    char *path, *boot_id;
    bool is_lazy, is_read_only, was_wiped;
    kv_faults_t faults;
    kv_options_t options; /* to open it again; its path and its list of names are ours */
    const char *names[KV_TABLES_MAX];
    pthread_mutex_t healing;
    _Atomic uint32_t users; /* of env: transactions, and who looks at it */
    _Atomic bool is_shut;   /* nobody begins to use it */
};

static err_t err_from_mdb(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return ERR_OK;
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case MDB_KEYEXIST:
        return ERR_CONFLICT;
    case MDB_MAP_FULL:
        return ERR_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return ERR_CORRUPT;
    case MDB_VERSION_MISMATCH:
        return ERR_NEWER;
    case MDB_READERS_FULL:
        return ERR_BUSY;
    case MDB_TXN_FULL:
        return ERR_LIMIT;
    case MDB_BAD_VALSIZE:
        return ERR_INVALID;
    case MDB_PANIC:
    case MDB_MAP_RESIZED:
    case MDB_BAD_TXN:
        return ERR_UNAVAILABLE;
    default:
        return rc > 0 ? err_from_errno(rc) : ERR_INTERNAL;
    }
}

static MDB_val to_val(str_t s)
{
    MDB_val val = {s.size, NULL};
    memcpy(&val.mv_data, &s.data, sizeof val.mv_data); /* LMDB reads it, though it says void * */
    return val;
}

static str_t to_str(MDB_val val)
{
    return str_of(val.mv_data, val.mv_size);
}

/* LMDB writes the reader table through a map: on a full disk an unallocated page of it would be a
 * SIGBUS. */
static err_t allocate_lock_file(const char *path)
{
    char *name MEMORY_SCOPED = NULL;
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "%s/lock.mdb", path);
    TRY(buf_status(&text));
    name = str_dup_terminated(buf_str(&text));
    if (name == NULL)
        return ERR_NO_MEMORY;
    int fd = open(name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    struct stat info;
    int failed = fstat(fd, &info) != 0 ? errno : posix_fallocate(fd, 0, info.st_size);
    close(fd);
    return failed == 0 || failed == EOPNOTSUPP ? ERR_OK : err_from_errno(failed);
}

static err_t open_tables(kv_t *self, const kv_options_t *options)
{
    MDB_txn *txn;
    unsigned read_only = options->is_read_only ? MDB_RDONLY : 0u;
    int rc = mdb_txn_begin(self->env, NULL, read_only, &txn);
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    for (size_t i = 0; i < options->table_count && rc == MDB_SUCCESS; i++)
        rc = mdb_dbi_open(txn, options->tables[i], options->is_read_only ? 0 : MDB_CREATE,
                          &self->tables[i]);
    if (rc != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return err_from_mdb(rc);
    }
    return err_from_mdb(mdb_txn_commit(txn));
}

/* LMDB leaves the data's descriptor to programs that are started: what reads strangers' media could
 * write to it. */
static err_t keep_from_children(MDB_env *env)
{
    int fd;
    int rc = mdb_env_get_fd(env, &fd);
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? ERR_OK : err_from_errno(errno);
}

static err_t open_env(kv_t *self)
{
    const kv_options_t *options = &self->options;
    int rc = mdb_env_create(&self->env);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_mapsize(self->env,
                                 options->map_size == 0 ? KV_MAP_SIZE : options->map_size);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxdbs(self->env, KV_TABLES_MAX);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxreaders(self->env, KV_READERS_MAX);
    /* NOTLS: readers belong to transactions, as actors move between threads. NORDAHEAD: pages are
     * read at random. */
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options->is_lazy ? MDB_NOSYNC : 0u) |
                     (options->is_read_only ? MDB_RDONLY : 0u);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(self->env, options->path, flags, 0600);
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    TRY(keep_from_children(self->env));
    int dead;
    rc = mdb_reader_check(self->env, &dead); /* slots of killed processes */
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    TRY(allocate_lock_file(options->path));
    return open_tables(self, options);
}

static void free_kv(kv_t *self)
{
    if (self->env != NULL)
        mdb_env_close(self->env);
    memory_free(self->path);
    pthread_mutex_destroy(&self->healing);
    memory_free(self->boot_id);
    memory_free(self);
}

static void half_open_scope_end(kv_t **self)
{
    if (*self != NULL)
        free_kv(*self);
}

err_t kv_open(const kv_options_t *options, kv_t **out_kv)
{
    ASSERT(options->table_count <= KV_TABLES_MAX);
    kv_t *self SCOPED(half_open_scope_end) = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->healing, NULL);
    self->path = str_dup_terminated(str_from(options->path));
    if (self->path == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    self->options.path = self->path;
    self->options.tables = self->names;
    for (size_t i = 0; i < options->table_count; i++)
        self->names[i] = options->tables[i];
    self->table_count = options->table_count;
    self->is_lazy = options->is_lazy;
    if (options->faults != NULL)
        self->faults = *options->faults;
    self->is_read_only = options->is_read_only;
    if (!self->is_read_only && mkdir(options->path, 0700) != 0 && errno != EEXIST)
        return err_from_errno(errno);
    if (self->is_lazy && !self->is_read_only) {
        TRY(kv_boot_id(options->boot_id, &self->boot_id));
        TRY(kv_boot_begin(self->path, self->boot_id, &self->was_wiped));
    }
    TRY(open_env(self));
    *out_kv = STEAL(self);
    return ERR_OK;
}

void kv_close(kv_t *self)
{
    if (self == NULL)
        return;
    /* Not marked clean on any failure: it is wiped after a reboot then, which is safe. */
    if (self->is_lazy && !self->is_read_only && kv_sync(self) == ERR_OK)
        IGNORE_ERR(kv_boot_end(self->path));
    free_kv(self);
}

void kv_scope_end(kv_t **self)
{
    kv_close(*self);
}

void kv_drop(kv_t *self)
{
    if (self == NULL)
        return;
    char *path MEMORY_SCOPED = STEAL(self->path);
    free_kv(self);
    IGNORE_ERR(kv_remove(path));
}

err_t kv_remove(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return errno == ENOENT ? ERR_OK : err_from_errno(errno);
    TRY(kv_boot_remove(path));
    return rmdir(path) == 0 ? ERR_OK : err_from_errno(errno);
}

const char *kv_path(const kv_t *self)
{
    return self->path;
}

err_t kv_rename(kv_t *self, const char *path)
{
    char *copy = str_dup_terminated(str_from(path));
    if (copy == NULL)
        return ERR_NO_MEMORY;
    if (rename(self->path, path) != 0) {
        err_t err = err_from_errno(errno);
        memory_free(copy);
        return err;
    }
    memory_free(self->path);
    self->path = copy;
    return ERR_OK;
}

bool kv_was_wiped(const kv_t *self)
{
    return self->was_wiped;
}

/* ---- who uses the environment, and opening it again ---- */

/* Counted first, looked at then: whoever shuts it looks in the other order. */
static err_t enter(kv_t *self)
{
    if (self == NULL)
        return ERR_UNAVAILABLE;
    atomic_fetch_add(&self->users, 1);
    if (LIKELY(!atomic_load(&self->is_shut)))
        return ERR_OK;
    atomic_fetch_sub(&self->users, 1);
    return ERR_UNAVAILABLE;
}

static void leave(kv_t *self)
{
    atomic_fetch_sub_explicit(&self->users, 1, memory_order_release);
}

static bool is_whole(kv_t *self)
{
    MDB_txn *txn;
    int rc = self->env == NULL ? MDB_PANIC : mdb_txn_begin(self->env, NULL, 0, &txn);
    if (rc == MDB_SUCCESS)
        mdb_txn_abort(txn);
    return rc != MDB_PANIC;
}

/* False: somebody uses it for longer than a turn. */
static bool shut(kv_t *self)
{
    atomic_store(&self->is_shut, true);
    for (int i = 0; i < KV_SHUT_MS; i++) {
        if (atomic_load(&self->users) == 0)
            return true;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return false;
}

static err_t open_again(kv_t *self)
{
    if (!shut(self))
        return ERR_BUSY;
    if (self->env != NULL)
        mdb_env_close(STEAL(self->env));
    self->options.path = self->path; /* it may have another name by now */
    err_t err = open_env(self);
    if (err != ERR_OK && self->env != NULL)
        mdb_env_close(STEAL(self->env));
    return err;
}

err_t kv_heal(kv_t *self)
{
    if (pthread_mutex_trylock(&self->healing) != 0)
        return ERR_BUSY;
    err_t err = is_whole(self) ? ERR_OK : open_again(self);
    atomic_store(&self->is_shut, self->env == NULL);
    pthread_mutex_unlock(&self->healing);
    return err;
}

err_t kv_sync(kv_t *self)
{
    TRY(enter(self));
    err_t err = err_from_mdb(mdb_env_sync(self->env, 1));
    leave(self);
    return err;
}

typedef struct oldest {
    uint64_t txn;
} oldest_t;

/* mdb_reader_list gives text: "pid thread txnid" a line, "-" for an idle slot. */
static int see_reader(const char *line, void *context)
{
    oldest_t *oldest = context;
    long long pid, txn;
    /* NOLINTNEXTLINE(cert-err34-c): LMDB wrote the numbers, so they fit. */
    if (sscanf(line, "%lld %*s %lld", &pid, &txn) == 2 && txn > 0)
        oldest->txn = MIN(oldest->txn, (uint64_t)txn);
    return 0;
}

static err_t count_free_pages(kv_t *self, uint64_t *out_pages)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_read(self, &tx));
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(tx.txn, 0, &cursor); /* table 0 is LMDB's list of free pages */
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    MDB_val key, value;
    uint64_t pages = 0;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        size_t count;
        memcpy(&count, value.mv_data, sizeof count);
        pages += count;
    }
    mdb_cursor_close(cursor);
    *out_pages = pages;
    return rc == MDB_NOTFOUND ? ERR_OK : err_from_mdb(rc);
}

static err_t look(kv_t *self, kv_stats_t *out_stats)
{
    MDB_envinfo info;
    MDB_stat stat;
    int rc = mdb_env_info(self->env, &info);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_stat(self->env, &stat);
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    oldest_t oldest = {info.me_last_txnid};
    mdb_reader_list(self->env, see_reader, &oldest);
    uint64_t free_pages = 0;
    TRY(count_free_pages(self, &free_pages));
    *out_stats = (kv_stats_t){
        .map_size = info.me_mapsize,
        .used_size = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize,
        .free_pages = free_pages,
        .readers = info.me_numreaders,
        .readers_max = info.me_maxreaders,
        .oldest_reader_lag = info.me_last_txnid - oldest.txn,
    };
    return ERR_OK;
}

err_t kv_stats(kv_t *self, kv_stats_t *out_stats)
{
    TRY(enter(self));
    err_t err = look(self, out_stats);
    leave(self);
    return err;
}

/* ---- transactions ---- */

static err_t begin(kv_t *self, unsigned flags, kv_tx_t *out_tx)
{
    MDB_txn *txn;
    TRY(enter(self));
    int rc = mdb_txn_begin(self->env, NULL, flags, &txn);
    if (rc != MDB_SUCCESS) {
        leave(self);
        return err_from_mdb(rc);
    }
    *out_tx = (kv_tx_t){self, txn};
    return ERR_OK;
}

err_t kv_read(kv_t *self, kv_tx_t *out_tx)
{
    return begin(self, MDB_RDONLY, out_tx);
}

err_t kv_write(kv_t *self, kv_tx_t *out_tx)
{
    return begin(self, 0, out_tx);
}

static int fault(const kv_t *self, bool is_done)
{
    return self->faults.on_commit == NULL ? 0
                                          : self->faults.on_commit(self->faults.context, is_done);
}

enum { ROOM_PROBED = 16 * 1024 * 1024 };

/* LMDB calls a write that stopped short EIO, also when the disk was full: this tells them apart, by
 * asking for the room beside it. At the offset of the file's end, so that a limit on the size of
 * files shows as well. */
static bool has_room(const kv_t *self)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    struct stat info;
    buf_printf(&name, "%s/data.mdb", self->path);
    if (stat(buf_terminated(&name), &info) != 0)
        return true;
    buf_reset(&name);
    buf_printf(&name, "%s/probe", self->path);
    int fd = open(buf_terminated(&name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno) != ERR_FULL;
    int failed = posix_fallocate(fd, info.st_size, ROOM_PROBED);
    close(fd);
    unlink(buf_terminated(&name));
    return err_from_errno(failed) != ERR_FULL;
}

err_t kv_commit(kv_tx_t *tx)
{
    int failed = fault(tx->kv, false);
    if (failed != 0) {
        kv_end(tx);
        return err_from_errno(failed);
    }
    MDB_txn *txn = STEAL(tx->txn);
    int rc = mdb_txn_commit(txn);
    leave(tx->kv);
    if (rc == EIO && !has_room(tx->kv))
        return ERR_FULL;
    if (rc != MDB_SUCCESS)
        return err_from_mdb(rc);
    failed = fault(tx->kv, true);
    return failed == 0 ? ERR_OK : err_from_errno(failed);
}

void kv_end(kv_tx_t *tx)
{
    if (tx->txn == NULL)
        return;
    mdb_txn_abort(STEAL(tx->txn));
    leave(tx->kv);
}

static MDB_dbi dbi_of(const kv_tx_t *tx, kv_table_t table)
{
    ASSERT(table < tx->kv->table_count);
    return tx->kv->tables[table];
}

err_t kv_get(const kv_tx_t *tx, kv_table_t table, str_t key, str_t *out_value)
{
    MDB_val k = to_val(key), v;
    int rc = mdb_get(tx->txn, dbi_of(tx, table), &k, &v);
    if (rc == MDB_SUCCESS)
        *out_value = to_str(v);
    return err_from_mdb(rc);
}

bool kv_has(const kv_tx_t *tx, kv_table_t table, str_t key)
{
    str_t value;
    return kv_get(tx, table, key, &value) == ERR_OK;
}

static err_t put(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value, unsigned flags)
{
    MDB_val k = to_val(key), v = to_val(value);
    return err_from_mdb(mdb_put(tx->txn, dbi_of(tx, table), &k, &v, flags));
}

err_t kv_put(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value)
{
    return put(tx, table, key, value, 0);
}

err_t kv_put_new(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value)
{
    return put(tx, table, key, value, MDB_NOOVERWRITE);
}

err_t kv_append(const kv_tx_t *tx, kv_table_t table, str_t key, size_t value_size, char **out_room)
{
    MDB_val k = to_val(key), v = {value_size, NULL};
    int rc = mdb_put(tx->txn, dbi_of(tx, table), &k, &v, MDB_APPEND | MDB_RESERVE);
    if (rc == MDB_SUCCESS)
        *out_room = v.mv_data;
    return err_from_mdb(rc);
}

err_t kv_delete(const kv_tx_t *tx, kv_table_t table, str_t key)
{
    MDB_val k = to_val(key);
    return err_from_mdb(mdb_del(tx->txn, dbi_of(tx, table), &k, NULL));
}

err_t kv_clear(const kv_tx_t *tx, kv_table_t table)
{
    return err_from_mdb(mdb_drop(tx->txn, dbi_of(tx, table), 0));
}

err_t kv_count(const kv_tx_t *tx, kv_table_t table, uint64_t *out_count)
{
    MDB_stat stat;
    int rc = mdb_stat(tx->txn, dbi_of(tx, table), &stat);
    if (rc == MDB_SUCCESS)
        *out_count = stat.ms_entries;
    return err_from_mdb(rc);
}

/* ---- cursors ---- */

err_t kv_cursor_open(const kv_tx_t *tx, kv_table_t table, kv_cursor_t *out_cursor)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(tx->txn, dbi_of(tx, table), &cursor);
    if (rc == MDB_SUCCESS)
        *out_cursor = (kv_cursor_t){.cursor = cursor};
    return err_from_mdb(rc);
}

void kv_cursor_close(kv_cursor_t *self)
{
    if (self->cursor != NULL)
        mdb_cursor_close(STEAL(self->cursor));
}

static err_t move(kv_cursor_t *self, MDB_val key, MDB_cursor_op how)
{
    MDB_val value;
    int rc = mdb_cursor_get(self->cursor, &key, &value, how);
    if (rc == MDB_SUCCESS) {
        self->key = to_str(key);
        self->value = to_str(value);
    }
    return err_from_mdb(rc);
}

err_t kv_first(kv_cursor_t *self)
{
    return move(self, (MDB_val){0, NULL}, MDB_FIRST);
}

err_t kv_last(kv_cursor_t *self)
{
    return move(self, (MDB_val){0, NULL}, MDB_LAST);
}

err_t kv_next(kv_cursor_t *self)
{
    return move(self, (MDB_val){0, NULL}, MDB_NEXT);
}

err_t kv_previous(kv_cursor_t *self)
{
    return move(self, (MDB_val){0, NULL}, MDB_PREV);
}

err_t kv_seek(kv_cursor_t *self, str_t key)
{
    return move(self, to_val(key), MDB_SET_RANGE);
}
