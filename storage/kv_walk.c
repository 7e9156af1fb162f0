#include "storage/kv_walk.h"

#include "runtime/base/str.h"
#include "runtime/base/xxh64.h"
#include "storage/kv.h"

#include <lmdb.h>

enum { ENTRY_SIZE_MIN = 16 }; /* on a page: its place, its head, a key */

typedef struct walking {
    MDB_env *env;
    MDB_txn *txn;
    uint64_t entries_max; /* that the file has room for: past it, pages lead in a circle */
    kv_walk_t walk;
} walking_t;

static void walking_end(walking_t *self)
{
    if (self->txn != NULL)
        mdb_txn_abort(self->txn);
    if (self->env != NULL)
        mdb_env_close(self->env);
}

static err_t err_of(int rc)
{
    if (rc == MDB_SUCCESS)
        return ERR_OK;
    return rc == MDB_VERSION_MISMATCH ? ERR_NEWER : rc > 0 ? err_from_errno(rc) : ERR_CORRUPT;
}

static void count(walking_t *self, MDB_val key, MDB_val value)
{
    self->walk.entries++;
    self->walk.size += key.mv_size + value.mv_size;
    self->walk.sum +=
        xxh64(str_of(key.mv_data, key.mv_size), 0) + xxh64(str_of(value.mv_data, value.mv_size), 1);
}

static err_t walk_table(walking_t *self, MDB_dbi table, bool is_ordered)
{
    MDB_cursor *cursor;
    MDB_val key, value, last = {0, NULL};
    int rc = mdb_cursor_open(self->txn, table, &cursor);
    if (rc != MDB_SUCCESS)
        return err_of(rc);
    err_t err = ERR_OK;
    while (err == ERR_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        if (is_ordered && last.mv_data != NULL && mdb_cmp(self->txn, table, &last, &key) >= 0)
            err = ERR_CORRUPT;
        last = key;
        count(self, key, value);
        if (self->walk.entries > self->entries_max)
            err = ERR_CORRUPT;
    }
    mdb_cursor_close(cursor);
    if (err != ERR_OK)
        return err;
    return rc == MDB_NOTFOUND ? ERR_OK : err_of(rc);
}

/* The main table's keys are the names of the others. */
static err_t walk_named(walking_t *self)
{
    MDB_dbi main_table;
    MDB_cursor *cursor;
    MDB_val name, value;
    int rc = mdb_dbi_open(self->txn, NULL, 0, &main_table);
    if (rc == MDB_SUCCESS)
        rc = mdb_cursor_open(self->txn, main_table, &cursor);
    if (rc != MDB_SUCCESS)
        return err_of(rc);
    err_t err = ERR_OK;
    while (err == ERR_OK && (rc = mdb_cursor_get(cursor, &name, &value, MDB_NEXT)) == MDB_SUCCESS) {
        char text[64];
        MDB_dbi table;
        bool fits = str_to_array(str_of(name.mv_data, name.mv_size), text, sizeof text);
        rc = fits ? mdb_dbi_open(self->txn, text, 0, &table) : MDB_CORRUPTED;
        err = rc == MDB_SUCCESS ? walk_table(self, table, true) : ERR_CORRUPT;
        self->walk.tables++;
    }
    mdb_cursor_close(cursor);
    if (err != ERR_OK)
        return err;
    return rc == MDB_NOTFOUND ? ERR_OK : err_of(rc);
}

static err_t measure(walking_t *self)
{
    MDB_envinfo info;
    MDB_stat stat;
    int rc = mdb_env_info(self->env, &info);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_stat(self->env, &stat);
    if (rc == MDB_SUCCESS)
        self->entries_max = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize / ENTRY_SIZE_MIN;
    return err_of(rc);
}

err_t kv_walk(const char *path, size_t map_size, kv_walk_t *out_walk)
{
    walking_t self SCOPED(walking_end) = {0};
    int rc = mdb_env_create(&self.env);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_mapsize(self.env, map_size == 0 ? KV_MAP_SIZE : map_size);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxdbs(self.env, KV_TABLES_MAX);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(self.env, path, MDB_RDONLY, 0600);
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_begin(self.env, NULL, MDB_RDONLY, &self.txn);
    if (rc != MDB_SUCCESS)
        return err_of(rc);
    TRY(measure(&self));
    TRY(walk_table(&self, 0, false)); /* free pages */
    TRY(walk_named(&self));
    *out_walk = self.walk;
    return ERR_OK;
}
