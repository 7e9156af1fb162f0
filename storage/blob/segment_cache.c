#include "storage/blob/segment_cache.h"

#include "runtime/base/memory.h"
#include "storage/blob/blob_store_folder.h"
#include "storage/blob/segment_index.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct segment_cache {
    char *path;
    blob_seal_t *seal;    /* NULL: files are as they are */
    pthread_mutex_t lock; /* of all below; no disk is touched under it, but unlink and rename */
    segment_index_t index;
    uint64_t size_max, reserved, serial;
    uint64_t hits, misses, evictions;
};

static const char unfinished[] = ".writing"; /* no name may start with a dot */

static bool is_name(str_t name)
{
    char before = '/';
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
        bool is_dot = c == '.' && before != '/';
        bool is_slash = c == '/' && before != '/';
        if (!is_word && !is_dot && !is_slash)
            return false;
        before = c;
    }
    return name.size > 0 && name.size <= SEGMENT_NAME_SIZE_MAX && before != '/';
}

static err_t file_of(const segment_cache_t *self, str_t name, buf_t *out)
{
    buf_reset(out);
    buf_printf(out, "%s/%.*s", self->path, STR_ARG(name));
    (void)buf_terminated(out);
    return buf_status(out);
}

/* ---- opening: the folder is the index ---- */

typedef struct found {
    char *name;
    uint64_t size;
    int64_t used_ns;
} found_t;

typedef struct found_list {
    buf_t items;
} found_list_t;

static void found_list_deinit(found_list_t *self)
{
    for (size_t at = 0; at < self->items.size; at += sizeof(found_t)) {
        found_t item;
        memcpy(&item, self->items.data + at, sizeof item);
        memory_free(item.name);
    }
    buf_deinit(&self->items);
}

static int by_use(const void *a, const void *b)
{
    const found_t *left = a, *right = b;
    return (left->used_ns > right->used_ns) - (left->used_ns < right->used_ns);
}

static err_t take_file(const segment_cache_t *self, const FTSENT *entry, found_list_t *list)
{
    str_t name = str_from(entry->fts_path + strlen(self->path) + 1);
    if (!is_name(name)) { /* unfinished, or not ours: it would never be evicted */
        unlink(entry->fts_path);
        return ERR_OK;
    }
    found_t item = {str_dup_terminated(name), (uint64_t)entry->fts_statp->st_size,
                    (int64_t)entry->fts_statp->st_mtim.tv_sec * 1000000000 +
                        entry->fts_statp->st_mtim.tv_nsec};
    if (item.name == NULL)
        return ERR_NO_MEMORY;
    buf_append_bytes(&list->items, &item, sizeof item);
    if (buf_status(&list->items) != ERR_OK)
        memory_free(item.name);
    return buf_status(&list->items);
}

static err_t walk(const segment_cache_t *self, found_list_t *list)
{
    char *const roots[] = {self->path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return err_from_errno(errno);
    err_t err = ERR_OK;
    for (FTSENT *entry; err == ERR_OK && (entry = fts_read(walk)) != NULL;)
        if (entry->fts_info == FTS_F)
            err = take_file(self, entry, list);
    fts_close(walk);
    return err;
}

static void evict_oldest(segment_cache_t *self)
{
    segment_t *oldest = self->index.oldest;
    buf_t file BUF_SCOPED = BUF_INIT;
    if (file_of(self, str_of(oldest->name, oldest->name_size), &file) == ERR_OK)
        unlink(buf_terminated(&file));
    segment_index_remove(&self->index, oldest);
    self->evictions++;
}

static err_t load(segment_cache_t *self)
{
    found_list_t list SCOPED(found_list_deinit) = {0};
    TRY(walk(self, &list));
    size_t count = list.items.size / sizeof(found_t);
    if (count > 0)
        qsort(list.items.data, count, sizeof(found_t), by_use);
    for (size_t i = 0; i < count; i++) {
        found_t item;
        memcpy(&item, list.items.data + i * sizeof item, sizeof item);
        if (segment_index_add(&self->index, str_from(item.name), item.size) == NULL)
            return ERR_NO_MEMORY;
    }
    while (self->index.used > self->size_max)
        evict_oldest(self);
    return ERR_OK;
}

err_t segment_cache_open(const char *path, uint64_t size_max, segment_cache_t **out_cache)
{
    segment_cache_t *self SEGMENT_CACHE_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->lock, NULL);
    self->size_max = size_max;
    str_t whole = str_from(path);
    while (whole.size > 1 && whole.data[whole.size - 1] == '/')
        whole.size--; /* names begin one past the path */
    self->path = str_dup_terminated(whole);
    if (self->path == NULL)
        return ERR_NO_MEMORY;
    TRY(file_make_folders(self->path));
    TRY(load(self));
    *out_cache = STEAL(self);
    return ERR_OK;
}

void segment_cache_close(segment_cache_t *self)
{
    if (self == NULL)
        return;
    segment_index_deinit(&self->index);
    blob_seal_free(self->seal);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->path);
    memory_free(self);
}

void segment_cache_scope_end(segment_cache_t **self)
{
    segment_cache_close(*self);
}

void segment_cache_seal(segment_cache_t *self, blob_seal_t *seal)
{
    self->seal = seal;
}

bool segment_cache_is_sealed(const segment_cache_t *self)
{
    return self->seal != NULL;
}

const char *segment_cache_path(const segment_cache_t *self)
{
    return self->path;
}

/* ---- reading ---- */

bool segment_cache_has(segment_cache_t *self, str_t name)
{
    pthread_mutex_lock(&self->lock);
    bool is_there = segment_index_find(&self->index, name) != NULL;
    pthread_mutex_unlock(&self->lock);
    return is_there;
}

bool segment_cache_find(segment_cache_t *self, str_t name, uint64_t *out_size)
{
    pthread_mutex_lock(&self->lock);
    segment_t *segment = segment_index_find(&self->index, name);
    if (segment != NULL) {
        segment_index_touch(&self->index, segment);
        if (out_size != NULL)
            *out_size = self->seal == NULL ? segment->size : blob_unsealed_size(segment->size);
    }
    pthread_mutex_unlock(&self->lock);
    return segment != NULL;
}

/* Its file is gone without us (somebody emptied the folder). */
static void forget(segment_cache_t *self, str_t name)
{
    pthread_mutex_lock(&self->lock);
    segment_t *segment = segment_index_find(&self->index, name);
    if (segment != NULL)
        segment_index_remove(&self->index, segment);
    pthread_mutex_unlock(&self->lock);
}

static void count_look(segment_cache_t *self, bool is_hit)
{
    pthread_mutex_lock(&self->lock);
    if (is_hit)
        self->hits++;
    else
        self->misses++;
    pthread_mutex_unlock(&self->lock);
}

/* In memory, for sendfile as well. */
static err_t in_memory(str_t content, int *out_fd)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    err_t err = file_write_all(fd, content);
    if (err == ERR_OK && lseek(fd, 0, SEEK_SET) != 0)
        err = err_from_errno(errno);
    if (err == ERR_OK)
        *out_fd = fd;
    else
        close(fd);
    return err;
}

/* The file's descriptor is taken; *fd becomes one of its content. One that does not open is as good
 * as none. */
static err_t open_sealed(segment_cache_t *self, str_t name, int *fd, uint64_t *size)
{
    buf_t sealed BUF_SCOPED = BUF_INIT, plain AEAD_BUF_SCOPED = BUF_INIT;
    int file = *fd;
    *fd = -1;
    err_t err = file_read_at(file, 0, (size_t)*size, &sealed);
    close(file);
    if (err == ERR_OK)
        err = blob_unseal(self->seal, name, buf_str(&sealed), &plain);
    if (err == ERR_CORRUPT) {
        segment_cache_remove(self, name);
        err = ERR_NOT_FOUND;
    }
    TRY(err);
    *size = plain.size;
    return in_memory(buf_str(&plain), fd);
}

err_t segment_cache_read(segment_cache_t *self, str_t name, int *out_fd, uint64_t *out_size)
{
    buf_t file BUF_SCOPED = BUF_INIT;
    struct stat info;
    bool is_known = segment_cache_find(self, name, NULL);
    count_look(self, is_known);
    if (!is_known)
        return is_name(name) ? ERR_NOT_FOUND : ERR_INVALID;
    TRY(file_of(self, name, &file));
    int fd = open(buf_terminated(&file), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_t err = err_from_errno(errno);
        if (err == ERR_NOT_FOUND)
            forget(self, name);
        return err;
    }
    if (fstat(fd, &info) != 0) {
        err_t err = err_from_errno(errno);
        close(fd);
        return err;
    }
    /* So that the order of use outlives a restart. That it fails matters to nobody. */
    (void)!futimens(fd, (const struct timespec[2]){{0, UTIME_OMIT}, {0, UTIME_NOW}});
    *out_fd = fd;
    *out_size = (uint64_t)info.st_size;
    return self->seal == NULL ? ERR_OK : open_sealed(self, name, out_fd, out_size);
}

/* ---- writing ---- */

/* Makes room by evicting; what is reserved can't be. */
static err_t reserve(segment_cache_t *self, uint64_t size)
{
    if (size > self->size_max || self->reserved > self->size_max - size)
        return ERR_FULL;
    while (self->index.used + self->reserved + size > self->size_max)
        evict_oldest(self);
    self->reserved += size;
    return ERR_OK;
}

static err_t unfinished_of(const segment_write_t *write, buf_t *out)
{
    char name[48];
    int size =
        snprintf(name, sizeof name, "%s-%llu", unfinished, (unsigned long long)write->serial);
    return file_of(write->cache, str_of(name, (size_t)size), out);
}

err_t segment_cache_write(segment_cache_t *self, str_t name, uint64_t size_max,
                          segment_write_t *out_write)
{
    segment_write_t write = {.cache = self, .fd = -1, .size_reserved = size_max};
    buf_t file BUF_SCOPED = BUF_INIT;
    if (!is_name(name))
        return ERR_INVALID;
    memcpy(write.name, name.data, name.size);
    if (self->seal != NULL)
        write.size_reserved = blob_sealed_size(size_max);
    pthread_mutex_lock(&self->lock);
    err_t err = reserve(self, write.size_reserved);
    write.serial = ++self->serial;
    pthread_mutex_unlock(&self->lock);
    TRY(err);
    err = unfinished_of(&write, &file);
    if (err == ERR_OK && self->seal != NULL) {
        err = in_memory((str_t){NULL, 0}, &write.fd);
    } else if (err == ERR_OK) {
        write.fd = open(buf_terminated(&file), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        err = write.fd < 0 ? err_from_errno(errno) : ERR_OK;
    }
    if (err != ERR_OK) {
        segment_write_drop(&write);
        return err;
    }
    *out_write = write;
    return ERR_OK;
}

/* Gives back the reservation and the descriptor. */
static void finish(segment_write_t *write)
{
    pthread_mutex_lock(&write->cache->lock);
    write->cache->reserved -= write->size_reserved;
    pthread_mutex_unlock(&write->cache->lock);
    if (write->fd >= 0)
        close(write->fd);
    write->fd = -1;
    write->cache = NULL;
}

void segment_write_drop(segment_write_t *write)
{
    buf_t file BUF_SCOPED = BUF_INIT;
    if (write->cache == NULL)
        return;
    if (write->fd >= 0 && unfinished_of(write, &file) == ERR_OK)
        unlink(buf_terminated(&file));
    finish(write);
}

/* The file gets its name and its place in the index at once. */
static err_t give_name(segment_write_t *write, const char *from, const char *to, uint64_t size)
{
    segment_cache_t *self = write->cache;
    str_t name = str_from(write->name);
    pthread_mutex_lock(&self->lock);
    err_t err = rename(from, to) == 0 ? ERR_OK : err_from_errno(errno);
    segment_t *old = segment_index_find(&self->index, name);
    if (err == ERR_OK && old != NULL)
        segment_index_remove(&self->index, old);
    if (err == ERR_OK && segment_index_add(&self->index, name, size) == NULL) {
        unlink(to);
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK) { /* what was reserved is used now */
        self->reserved -= write->size_reserved;
        write->size_reserved = 0;
    }
    pthread_mutex_unlock(&self->lock);
    return err;
}

/* What was written in memory becomes the unfinished file, sealed. */
static err_t seal_written(segment_write_t *write, const char *path, uint64_t *size)
{
    buf_t plain AEAD_BUF_SCOPED = BUF_INIT, sealed BUF_SCOPED = BUF_INIT;
    TRY(file_read_at(write->fd, 0, (size_t)*size, &plain));
    TRY(blob_seal(write->cache->seal, str_from(write->name), buf_str(&plain), &sealed));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    err_t err = file_write_all(fd, buf_str(&sealed));
    close(fd);
    *size = sealed.size;
    return err;
}

/* For the scrub. That it fails only means that this one can't be checked. */
static void keep_sum(const segment_write_t *write, uint64_t size)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    if (file_read_at(write->fd, 0, (size_t)size, &content) == ERR_OK)
        blob_store_folder_sum(write->fd, buf_str(&content));
}

static err_t publish(segment_write_t *write)
{
    buf_t from BUF_SCOPED = BUF_INIT, to BUF_SCOPED = BUF_INIT, folder BUF_SCOPED = BUF_INIT;
    struct stat info;
    if (fstat(write->fd, &info) != 0)
        return err_from_errno(errno);
    uint64_t size = (uint64_t)info.st_size;
    bool is_sealed = write->cache->seal != NULL;
    if ((is_sealed ? blob_sealed_size(size) : size) > write->size_reserved)
        return ERR_LIMIT;
    TRY(unfinished_of(write, &from));
    if (is_sealed)
        TRY(seal_written(write, buf_terminated(&from), &size));
    else
        keep_sum(write, size);
    TRY(file_of(write->cache, str_from(write->name), &to));
    buf_append(&folder, str_slice(buf_str(&to), 0, str_find_last(buf_str(&to), '/')));
    (void)buf_terminated(&folder);
    TRY(buf_status(&folder));
    TRY(file_make_folders(folder.data));
    return give_name(write, buf_terminated(&from), buf_terminated(&to), size);
}

err_t segment_write_publish(segment_write_t *write)
{
    err_t err = write->cache == NULL ? ERR_INVALID : publish(write);
    if (err == ERR_OK)
        finish(write);
    else
        segment_write_drop(write);
    return err;
}

err_t segment_cache_put(segment_cache_t *self, str_t name, str_t content)
{
    segment_write_t write SEGMENT_WRITE_SCOPED = {.fd = -1};
    TRY(segment_cache_write(self, name, content.size, &write));
    TRY(file_write_all(write.fd, content));
    return segment_write_publish(&write);
}

void segment_cache_remove(segment_cache_t *self, str_t name)
{
    buf_t file BUF_SCOPED = BUF_INIT;
    if (!is_name(name) || file_of(self, name, &file) != ERR_OK)
        return;
    pthread_mutex_lock(&self->lock);
    segment_t *segment = segment_index_find(&self->index, name);
    if (segment != NULL) {
        unlink(buf_terminated(&file));
        segment_index_remove(&self->index, segment);
    }
    pthread_mutex_unlock(&self->lock);
}

void segment_cache_stats(segment_cache_t *self, segment_cache_stats_t *out_stats)
{
    pthread_mutex_lock(&self->lock);
    *out_stats = (segment_cache_stats_t){
        .size_max = self->size_max,
        .used = self->index.used,
        .reserved = self->reserved,
        .files = self->index.count,
        .hits = self->hits,
        .misses = self->misses,
        .evictions = self->evictions,
    };
    pthread_mutex_unlock(&self->lock);
}
