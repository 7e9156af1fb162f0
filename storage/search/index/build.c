#include "storage/search/index/build_parts.h"
#include "storage/search/index/checked.h"

#include "storage/file.h"
#include "storage/kv_boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS = 3, DIRTY_MAX = 8 << 20 };

static const char mark[] = "building";

/* ---- what the passes share ---- */

uint32_t build_count(const build_t *self)
{
    return (uint32_t)(self->ranks.size / sizeof(rank_t));
}

rank_t *build_ranks(const build_t *self)
{
    return (rank_t *)(void *)self->ranks.data;
}

err_t build_check_stopped(const build_t *self)
{
    const atomic_bool *is_stopped = self->options->is_stopped;
    return is_stopped != NULL && atomic_load_explicit(is_stopped, memory_order_relaxed)
               ? ERR_CANCELLED
               : ERR_OK;
}

void build_step(const build_t *self, uint64_t steps)
{
    if (self->options->done != NULL)
        atomic_fetch_add_explicit(self->options->done, steps, memory_order_relaxed);
}

static void expect(const build_t *self, uint64_t documents)
{
    if (self->options->total != NULL)
        atomic_store_explicit(self->options->total, STEPS * documents, memory_order_relaxed);
}

err_t build_append(build_t *self, kv_table_t table, str_t key, size_t size, char **out_room)
{
    /* What a transaction has changed stays in memory until it ends. */
    if (self->dirty > MIN((size_t)DIRTY_MAX, self->memory_max / 8)) {
        TRY(kv_commit(&self->tx));
        TRY(kv_write(self->kv, &self->tx));
        self->dirty = 0;
    }
    self->dirty += key.size + size;
    err_t err = kv_append(&self->tx, table, key, size, out_room);
    return err == ERR_CONFLICT ? ERR_INTERNAL : err;
}

err_t build_append_checked(build_t *self, kv_table_t table, str_t key, size_t size, char **out_room)
{
    return build_append(self, table, key, size + CHECKED_SIZE, out_room);
}

err_t build_put_checked(build_t *self, kv_table_t table, str_t key, str_t value)
{
    char *room;
    TRY(build_append_checked(self, table, key, value.size, &room));
    if (value.size > 0)
        memcpy(room, value.data, value.size);
    checked_seal(key, room, value.size);
    return ERR_OK;
}

/* ---- the folder ---- */

static err_t name_in(const char *path, const char *name, buf_t *out)
{
    buf_reset(out);
    buf_printf(out, "%s/%s", path, name);
    (void)buf_terminated(out);
    return buf_status(out);
}

static bool has(const char *path, const char *name)
{
    buf_t whole BUF_SCOPED = BUF_INIT;
    struct stat info;
    return name_in(path, name, &whole) == ERR_OK && stat(buf_terminated(&whole), &info) == 0;
}

/* A mark that was being written has its other name still (file_replace). */
bool index_is_unfinished(const char *path)
{
    return has(path, mark) || has(path, "building.new");
}

err_t search_index_remove(const char *path)
{
    /* The mark last: as long as anything is left, it is unfinished. */
    static const char *const names[] = {"spool", "blocks",       "titles", "added",
                                        "runs",  "building.new", mark};
    buf_t name BUF_SCOPED = BUF_INIT;
    struct stat info;
    if (stat(path, &info) != 0)
        return errno == ENOENT ? ERR_OK : err_from_errno(errno);
    TRY(kv_boot_remove(path));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        TRY(name_in(path, names[i], &name));
        if (unlink(buf_terminated(&name)) != 0 && errno != ENOENT)
            return err_from_errno(errno);
    }
    return kv_remove(path);
}

err_t index_discard_unfinished(const char *path)
{
    return index_is_unfinished(path) ? search_index_remove(path) : ERR_OK;
}

static err_t make_folder(const char *path)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(search_index_remove(path));
    if (mkdir(path, 0700) != 0)
        return err_from_errno(errno);
    TRY(name_in(path, mark, &name));
    TRY(file_replace(buf_terminated(&name), STR("1\n"), true));
    return file_sync_folder_of(path);
}

/* The environment is synced before: now the folder is an index. */
static err_t unmark(const char *path)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(name_in(path, mark, &name));
    TRY(file_sync_folder_of(buf_terminated(&name)));
    if (unlink(buf_terminated(&name)) != 0)
        return err_from_errno(errno);
    return file_sync_folder_of(buf_terminated(&name));
}

/* ---- the order ---- */

static void build_scope_end(build_t *self)
{
    kv_end(&self->tx);
    kv_close(self->kv);
    tape_close(&self->spool);
    tape_close(&self->blocks);
    tape_close(&self->titles);
    tape_close(&self->added);
    runs_deinit(&self->runs);
    buf_deinit(&self->ranks);
    buf_deinit(&self->block_list);
}

static err_t start(build_t *self)
{
    TRY(make_folder(self->path));
    TRY(tape_open(self->path, "spool", &self->spool));
    TRY(tape_open(self->path, "blocks", &self->blocks));
    TRY(tape_open(self->path, "titles", &self->titles));
    TRY(tape_open(self->path, "added", &self->added));
    TRY(tape_open(self->path, "runs", &self->runs.tape));
    TRY(kv_open(&(kv_options_t){.path = self->path,
                                .tables = INDEX_TABLES,
                                .table_count = TABLE_COUNT,
                                .map_size = self->options->map_size,
                                .is_lazy = true},
                &self->kv));
    return kv_write(self->kv, &self->tx);
}

static err_t finish(build_t *self)
{
    index_base_t *base = &self->base;
    base->format = SEARCH_FORMAT;
    base->ranking = SEARCH_RANKING;
    base->built_at_ms = self->options->now_ms;
    TRY(index_base_put(&self->tx, base));
    TRY(index_state_put(&self->tx, &(index_state_t){.position = self->options->position}));
    TRY(kv_commit(&self->tx));
    TRY(kv_sync(self->kv));
    kv_close(STEAL(self->kv));
    return unmark(self->path);
}

static err_t run(build_t *self)
{
    expect(self, self->options->source.expected);
    TRY(start(self));
    TRY(build_spool(self));
    uint32_t count = build_count(self);
    expect(self, count);
    TRY(build_cut_blocks(self));
    TRY(build_write_blocks(self));
    TRY(build_write_ids(self));
    TRY(build_write_titles(self));
    TRY(build_write_added(self));
    TRY(build_merge(self));
    TRY(finish(self));
    build_step(self, count);
    return ERR_OK;
}

err_t search_build(const char *path, const search_build_options_t *options)
{
    build_t build SCOPED(build_scope_end) = {
        .path = path,
        .options = options,
        .memory_max = options->memory_max == 0 ? (size_t)BUILD_MEMORY_DEFAULT
                                               : MAX(options->memory_max, (size_t)BUILD_MEMORY_MIN),
        .spool = TAPE_CLOSED,
        .blocks = TAPE_CLOSED,
        .titles = TAPE_CLOSED,
        .added = TAPE_CLOSED,
        .runs.tape = TAPE_CLOSED,
    };
    err_t err = run(&build);
    if (err != ERR_OK) {
        kv_end(&build.tx);
        kv_close(STEAL(build.kv));
        IGNORE_ERR(search_index_remove(path)); /* its mark says that it is unfinished */
    }
    return err;
}
