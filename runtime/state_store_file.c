#include "runtime/state_store_file.h"

#include "runtime/base/assert.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHARDS = 16, UNIT = 16, PLACE_SIZES = 72, TABLE_FIRST = 64 };

const uint64_t STATE_STORE_FILE_MAX = (uint64_t)UINT32_MAX * UNIT;

/* In the file: this, the key, the value. */
typedef struct record_head {
    uint32_t crc; /* of all behind it */
    uint32_t key_size, value_size;
} record_head_t;

typedef struct row {
    uint32_t hash;
    uint32_t place; /* in units; 0: empty */
} row_t;

typedef struct free_places {
    uint32_t *places;
    uint32_t count, capacity;
} free_places_t;

typedef struct shard {
    pthread_mutex_t lock;
    row_t *rows; /* linear probing; a row that goes lets those behind it move up */
    uint32_t capacity, count;
    free_places_t free[PLACE_SIZES];
} shard_t;

typedef struct store_file {
    state_store_t store;
    int fd;
    char *path;
    _Atomic uint64_t end; /* in units */
    _Atomic uint64_t count;
    shard_t shards[SHARDS];
} store_file_t;

static store_file_t *self_of(state_store_t *store)
{
    return CONTAINER_OF(store, store_file_t, store);
}

/* ---- the table ---- */

static uint32_t hash_of(str_t key)
{
    uint64_t hash = str_hash(key) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32);
}

static shard_t *shard_of(store_file_t *self, uint32_t hash)
{
    return &self->shards[hash % SHARDS];
}

/* Where its search begins: spread over any capacity. */
static uint32_t home_of(const shard_t *shard, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * shard->capacity >> 32);
}

static uint32_t after(const shard_t *shard, uint32_t at)
{
    return at + 1 == shard->capacity ? 0 : at + 1;
}

static void rows_add(shard_t *shard, row_t row)
{
    uint32_t at = home_of(shard, row.hash);
    while (shard->rows[at].place != 0)
        at = after(shard, at);
    shard->rows[at] = row;
    shard->count++;
}

static err_t rows_resize(shard_t *shard, uint32_t capacity)
{
    row_t *rows = memory_new_array(capacity, sizeof *rows);
    if (rows == NULL)
        return ERR_NO_MEMORY;
    row_t *old = shard->rows;
    uint32_t old_capacity = shard->capacity;
    shard->rows = rows;
    shard->capacity = capacity;
    shard->count = 0;
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].place != 0)
            rows_add(shard, old[i]);
    }
    memory_free(old);
    return ERR_OK;
}

/* Between 69 % and 86 % full. */
static err_t rows_make_room(shard_t *shard)
{
    if ((uint64_t)shard->count * 7 < (uint64_t)shard->capacity * 6 && shard->capacity > 0)
        return ERR_OK;
    return rows_resize(shard, MAX((uint32_t)TABLE_FIRST, shard->capacity / 4 * 5));
}

static void rows_remove(shard_t *shard, uint32_t at)
{
    uint32_t hole = at;
    for (uint32_t i = after(shard, at); shard->rows[i].place != 0; i = after(shard, i)) {
        /* A row may move up when its search passes the hole: its home is not behind it. */
        uint32_t home = home_of(shard, shard->rows[i].hash);
        uint32_t from_home = (i + shard->capacity - home) % shard->capacity;
        uint32_t from_hole = (i + shard->capacity - hole) % shard->capacity;
        if (from_home < from_hole)
            continue;
        shard->rows[hole] = shard->rows[i];
        hole = i;
    }
    shard->rows[hole].place = 0;
    shard->count--;
    if (shard->capacity > TABLE_FIRST && shard->count < shard->capacity / 4)
        IGNORE_ERR(rows_resize(shard, shard->capacity / 2)); /* no memory: it stays as large */
}

/* ---- places ---- */

/* Sizes in steps of an eighth to a quarter, as those of a pool; in units. */
static uint32_t size_class_of(size_t size)
{
    uint32_t units = (uint32_t)((size + UNIT - 1) / UNIT);
    if (units <= 8)
        return units;
    uint32_t octave = 31 - (uint32_t)__builtin_clz(units - 1);
    return 8 + (octave - 3) * 4 + ((units - 1) >> (octave - 2) & 3) + 1;
}

static uint32_t units_of_class(uint32_t class)
{
    if (class <= 8)
        return class;
    uint32_t octave = 3 + (class - 9) / 4;
    return (UINT32_C(1) << octave) + ((class - 9) % 4 + 1) * (UINT32_C(1) << (octave - 2));
}

/* FULL: the file is as long as it may be. */
static err_t place_take(store_file_t *self, shard_t *shard, uint32_t class, uint32_t *out_place)
{
    free_places_t *list = &shard->free[class];
    if (list->count > 0) {
        *out_place = list->places[--list->count];
        return ERR_OK;
    }
    uint64_t units = units_of_class(class);
    uint64_t begin = atomic_fetch_add(&self->end, units);
    if (begin + units > UINT32_MAX) {
        atomic_fetch_sub(&self->end, units);
        return ERR_FULL;
    }
    *out_place = (uint32_t)begin;
    return ERR_OK;
}

/* Without memory to remember it the place is lost until the file is empty. */
static void place_give(shard_t *shard, uint32_t class, uint32_t place)
{
    free_places_t *list = &shard->free[class];
    if (list->count == list->capacity) {
        uint32_t capacity = MAX(UINT32_C(16), list->capacity * 2);
        uint32_t *places = memory_resize(list->places, capacity, sizeof *places);
        if (places == NULL)
            return;
        list->places = places;
        list->capacity = capacity;
    }
    list->places[list->count++] = place;
}

/* Nobody sleeps: the file and the lists start anew. All locks, in their order. */
static void start_anew(store_file_t *self)
{
    for (uint32_t i = 0; i < SHARDS; i++)
        pthread_mutex_lock(&self->shards[i].lock);
    if (atomic_load(&self->count) == 0 && ftruncate(self->fd, 0) == 0) {
        atomic_store(&self->end, 1);
        for (uint32_t i = 0; i < SHARDS; i++) {
            for (uint32_t j = 0; j < PLACE_SIZES; j++) {
                memory_free(self->shards[i].free[j].places);
                self->shards[i].free[j] = (free_places_t){0};
            }
        }
    }
    for (uint32_t i = SHARDS; i > 0; i--)
        pthread_mutex_unlock(&self->shards[i - 1].lock);
}

/* ---- records ---- */

static err_t write_all(int fd, str_t bytes, uint64_t offset)
{
    while (bytes.size > 0) {
        ssize_t count = pwrite(fd, bytes.data, bytes.size, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count == 0 ? ERR_IO : err_from_errno(errno);
        bytes = str_of(bytes.data + count, bytes.size - (size_t)count);
        offset += (uint64_t)count;
    }
    return ERR_OK;
}

static err_t read_all(int fd, char *room, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t count = pread(fd, room, size, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count == 0 ? ERR_CORRUPT : err_from_errno(errno);
        room += count;
        size -= (size_t)count;
        offset += (uint64_t)count;
    }
    return ERR_OK;
}

static uint32_t crc_of(const char *record, size_t size)
{
    return crc32c(0, str_of(record + sizeof(uint32_t), size - sizeof(uint32_t)));
}

static err_t record_make(str_t key, str_t value, buf_t *out)
{
    record_head_t head = {0, (uint32_t)key.size, (uint32_t)value.size};
    buf_append_bytes(out, (const char *)&head, sizeof head);
    buf_append(out, key);
    buf_append(out, value);
    TRY(buf_status(out));
    head.crc = crc_of(out->data, out->size);
    memcpy(out->data, &head.crc, sizeof head.crc);
    return ERR_OK;
}

/* NOT_FOUND: another key's. The head says how long it is; the whole must agree with its CRC. */
static err_t record_read(const store_file_t *self, uint32_t place, str_t key, buf_t *out)
{
    record_head_t head;
    uint64_t offset = (uint64_t)place * UNIT;
    TRY(read_all(self->fd, (char *)&head, sizeof head, offset));
    if (head.key_size > STATE_STORE_KEY_MAX || head.value_size > STATE_STORE_VALUE_MAX)
        return ERR_CORRUPT;
    size_t size = sizeof head + head.key_size + head.value_size;
    TRY(buf_reserve(out, size));
    TRY(read_all(self->fd, out->data, size, offset));
    out->size = size;
    if (crc_of(out->data, size) != head.crc)
        return ERR_CORRUPT;
    str_t its_key = str_of(out->data + sizeof head, head.key_size);
    return str_equal(its_key, key) ? ERR_OK : ERR_NOT_FOUND;
}

/* Under the lock. A row with this hash whose record has another key is passed over; one that can't
 * be read is the answer, where no other is right. */
static err_t find(const store_file_t *self, const shard_t *shard, uint32_t hash, str_t key,
                  uint32_t *out_at, buf_t *out)
{
    err_t err = ERR_NOT_FOUND;
    if (shard->capacity == 0)
        return err;
    for (uint32_t at = home_of(shard, hash); shard->rows[at].place != 0; at = after(shard, at)) {
        if (shard->rows[at].hash != hash)
            continue;
        buf_reset(out);
        err_t got = record_read(self, shard->rows[at].place, key, out);
        if (got == ERR_NOT_FOUND)
            continue;
        *out_at = at;
        if (got == ERR_OK)
            return got;
        err = got;
    }
    return err;
}

static size_t record_size(const buf_t *record)
{
    record_head_t head;
    memcpy(&head, record->data, sizeof head);
    return sizeof head + head.key_size + head.value_size;
}

static void forget(store_file_t *self, shard_t *shard, uint32_t at, size_t size)
{
    if (size > 0) /* of a damaged one nobody knows: its place is lost */
        place_give(shard, size_class_of(size), shard->rows[at].place);
    rows_remove(shard, at);
    atomic_fetch_sub(&self->count, 1);
}

/* ---- the store's functions ---- */

static err_t put_locked(store_file_t *self, shard_t *shard, uint32_t hash, str_t record)
{
    uint32_t class = size_class_of(record.size), place = 0;
    TRY(rows_make_room(shard));
    TRY(place_take(self, shard, class, &place));
    err_t err = write_all(self->fd, record, (uint64_t)place * UNIT);
    if (err != ERR_OK) {
        place_give(shard, class, place); /* what was written of it nobody looks for */
        return err;
    }
    rows_add(shard, (row_t){hash, place});
    atomic_fetch_add(&self->count, 1);
    return ERR_OK;
}

static err_t store_put(state_store_t *store, str_t key, str_t value)
{
    store_file_t *self = self_of(store);
    if (key.size > STATE_STORE_KEY_MAX || value.size > STATE_STORE_VALUE_MAX)
        return ERR_LIMIT;
    buf_t record BUF_SCOPED = BUF_INIT, before BUF_SCOPED = BUF_INIT;
    TRY(record_make(key, value, &record));
    uint32_t hash = hash_of(key), at = 0;
    shard_t *shard = shard_of(self, hash);
    pthread_mutex_lock(&shard->lock);
    err_t old = find(self, shard, hash, key, &at, &before);
    bool has_old = old == ERR_OK || old == ERR_CORRUPT; /* a damaged one must not come back */
    uint32_t old_place = has_old ? shard->rows[at].place : 0;
    err_t err = put_locked(self, shard, hash, buf_str(&record));
    if (err == ERR_OK && has_old) {
        for (at = home_of(shard, hash); shard->rows[at].place != old_place;)
            at = after(shard, at);
        forget(self, shard, at, old == ERR_OK ? record_size(&before) : 0);
    }
    pthread_mutex_unlock(&shard->lock);
    return err;
}

static err_t take(store_file_t *self, str_t key, buf_t *record)
{
    uint32_t hash = hash_of(key), at = 0;
    shard_t *shard = shard_of(self, hash);
    pthread_mutex_lock(&shard->lock);
    err_t err = find(self, shard, hash, key, &at, record);
    if (err == ERR_OK)
        forget(self, shard, at, record_size(record));
    else if (err == ERR_CORRUPT)
        forget(self, shard, at, 0); /* nothing can be had of it any more */
    pthread_mutex_unlock(&shard->lock);
    if (err == ERR_OK && atomic_load(&self->count) == 0)
        start_anew(self);
    return err;
}

static err_t store_take(state_store_t *store, str_t key, buf_t *out)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    TRY(take(self_of(store), key, &record));
    size_t head = sizeof(record_head_t) + key.size;
    buf_append(out, str_of(record.data + head, record.size - head));
    return buf_status(out);
}

static err_t store_remove(state_store_t *store, str_t key)
{
    buf_t record BUF_SCOPED = BUF_INIT;
    err_t err = take(self_of(store), key, &record);
    return err == ERR_NOT_FOUND || err == ERR_CORRUPT ? ERR_OK : err;
}

static bool store_has(state_store_t *store, str_t key)
{
    store_file_t *self = self_of(store);
    if (atomic_load_explicit(&self->count, memory_order_relaxed) == 0)
        return false;
    uint32_t hash = hash_of(key);
    shard_t *shard = shard_of(self, hash);
    bool has_one = false;
    pthread_mutex_lock(&shard->lock);
    for (uint32_t at = shard->capacity == 0 ? 0 : home_of(shard, hash);
         !has_one && shard->capacity > 0 && shard->rows[at].place != 0; at = after(shard, at))
        has_one = shard->rows[at].hash == hash;
    pthread_mutex_unlock(&shard->lock);
    return has_one;
}

/* ---- life ---- */

static const state_store_table_t store_table = {.put = store_put,
                                                .take = store_take,
                                                .remove = store_remove,
                                                .has = store_has,
                                                .is_quick = true};

err_t state_store_file_open(const char *path, state_store_t **out_store)
{
    store_file_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->store.table = &store_table;
    for (uint32_t i = 0; i < SHARDS; i++)
        ASSERT(pthread_mutex_init(&self->shards[i].lock, NULL) == 0);
    atomic_init(&self->end, 1); /* place 0 is none */
    self->fd = -1;
    self->path = str_dup_terminated(str_from(path));
    if (self->path != NULL)
        self->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (self->fd < 0) {
        err_t err = self->path == NULL ? ERR_NO_MEMORY : err_from_errno(errno);
        state_store_file_close(&self->store);
        return err;
    }
    *out_store = &self->store;
    return ERR_OK;
}

void state_store_file_close(state_store_t *store)
{
    if (store == NULL)
        return;
    store_file_t *self = self_of(store);
    if (self->fd >= 0) {
        (void)unlink(self->path);
        (void)close(self->fd);
    }
    for (uint32_t i = 0; i < SHARDS; i++) {
        shard_t *shard = &self->shards[i];
        memory_free(shard->rows);
        for (uint32_t j = 0; j < PLACE_SIZES; j++)
            memory_free(shard->free[j].places);
        pthread_mutex_destroy(&shard->lock);
    }
    memory_free(self->path);
    memory_free(self);
}

void state_store_file_stats(state_store_t *store, state_store_file_stats_t *out_stats)
{
    store_file_t *self = self_of(store);
    state_store_file_stats_t stats = {.count = atomic_load(&self->count),
                                      .file_bytes = (atomic_load(&self->end) - 1) * UNIT};
    for (uint32_t i = 0; i < SHARDS; i++) {
        shard_t *shard = &self->shards[i];
        pthread_mutex_lock(&shard->lock);
        stats.resident_bytes += (uint64_t)shard->capacity * sizeof(row_t);
        for (uint32_t j = 0; j < PLACE_SIZES; j++)
            stats.resident_bytes += (uint64_t)shard->free[j].capacity * sizeof(uint32_t);
        pthread_mutex_unlock(&shard->lock);
    }
    *out_stats = stats;
}
