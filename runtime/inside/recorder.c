#include "runtime/inside/recorder.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/xxh64.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

enum { CACHE_SLOTS = 4 * RECORDER_NAMES_MAX, CACHE_PROBES = 16 };

/* What a thread has met: a pointer or the hash of a text, and its number. */
typedef struct cached {
    uint64_t key;
    uint16_t name;
} cached_t;

typedef struct ring {
    recorder_head_t *head;
    recorder_record_t *records;
    cached_t *cache;
} ring_t;

struct recorder {
    recorder_header_t *header;
    size_t size;
    recorder_name_t *names;
    uint32_t mask;
    uint32_t ring_count;
    ring_t *rings;
    uv_mutex_t names_lock, outside_lock;
};

/* ---- the file ---- */

static size_t ring_size(uint32_t records)
{
    return sizeof(recorder_head_t) + (size_t)records * sizeof(recorder_record_t);
}

/* "recorder.ring" -> "recorder.1.ring": the run before is kept. */
static err_t keep_previous(const char *path)
{
    char previous[4096];
    const char *dot = strrchr(path, '.');
    const char *slash = strrchr(path, '/');
    if (dot == NULL || (slash != NULL && dot < slash))
        dot = path + strlen(path);
    int size = snprintf(previous, sizeof previous, "%.*s.1%s", (int)(dot - path), path, dot);
    if (size < 0 || (size_t)size >= sizeof previous)
        return ERR_INVALID;
    if (rename(path, previous) != 0 && errno != ENOENT)
        return err_from_errno(errno);
    return ERR_OK;
}

static void close_scoped(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static err_t map_file(const char *path, size_t size, void **out_memory)
{
    int fd SCOPED(close_scoped) = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    int error = posix_fallocate(fd, 0, (off_t)size);
    if (error != 0) {
        unlink(path);
        return err_from_errno(error);
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (memory == MAP_FAILED) {
        error = errno;
        unlink(path);
        return err_from_errno(error);
    }
    *out_memory = memory;
    return ERR_OK;
}

static err_t set_up(recorder_t *self, const recorder_options_t *options, uint32_t records)
{
    char *at = (char *)self->header + RECORDER_HEADER_SIZE;
    self->names = (recorder_name_t *)(void *)at;
    at += (size_t)RECORDER_NAMES_MAX * sizeof(recorder_name_t);
    self->rings = memory_new_array(self->ring_count, sizeof(ring_t));
    if (self->rings == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->ring_count; i++) {
        ring_t *ring = &self->rings[i];
        ring->head = (recorder_head_t *)(void *)at;
        ring->records = (recorder_record_t *)(void *)(at + sizeof(recorder_head_t));
        ring->cache = memory_new_array(CACHE_SLOTS, sizeof(cached_t));
        if (ring->cache == NULL)
            return ERR_NO_MEMORY;
        at += ring_size(records);
    }
    recorder_header_t *header = self->header;
    header->version = RECORDER_VERSION;
    header->header_size = RECORDER_HEADER_SIZE;
    header->record_size = sizeof(recorder_record_t);
    header->head_size = sizeof(recorder_head_t);
    header->ring_count = self->ring_count;
    header->ring_records = records;
    header->name_max = RECORDER_NAMES_MAX;
    header->name_size = RECORDER_NAME_SIZE;
    header->file_size = self->size;
    header->begin_mono_ns = options->mono_ns;
    header->begin_wall_ms = options->wall_ms;
    header->process = (uint64_t)getpid();
    header->magic = RECORDER_MAGIC;
    return ERR_OK;
}

err_t recorder_open(const recorder_options_t *options, recorder_t **out_recorder)
{
    uint32_t records =
        options->ring_records == 0 ? RECORDER_RECORDS_DEFAULT : options->ring_records;
    if (records < RECORDER_RECORDS_MIN || records > RECORDER_RECORDS_MAX ||
        (records & (records - 1)) != 0 || options->scheduler_count >= RECORDER_RINGS_MAX)
        return ERR_INVALID;
    TRY(keep_previous(options->path));
    recorder_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    ASSERT(uv_mutex_init(&self->names_lock) == 0 && uv_mutex_init(&self->outside_lock) == 0);
    self->mask = records - 1;
    self->ring_count = options->scheduler_count + 1;
    self->size = RECORDER_HEADER_SIZE + (size_t)RECORDER_NAMES_MAX * sizeof(recorder_name_t) +
                 self->ring_count * ring_size(records);
    void *memory = NULL;
    err_t err = map_file(options->path, self->size, &memory);
    self->header = memory;
    if (err == ERR_OK)
        err = set_up(self, options, records);
    if (err != ERR_OK) {
        recorder_close(self);
        return err;
    }
    *out_recorder = self;
    return ERR_OK;
}

void recorder_close(recorder_t *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = 0; self->rings != NULL && i < self->ring_count; i++)
        memory_free(self->rings[i].cache);
    memory_free(self->rings);
    if (self->header != NULL) {
        atomic_store(&self->header->is_closed, 1);
        munmap(self->header, self->size);
    }
    uv_mutex_destroy(&self->names_lock);
    uv_mutex_destroy(&self->outside_lock);
    memory_free(self);
}

/* ---- names ---- */

static bool is_name(const recorder_name_t *name, str_t text)
{
    return str_equal(str_of(name->text, name->size), text);
}

/* Under the lock: the number of the name, which is added where it is new. 0: no room. */
static uint16_t name_number(recorder_t *self, str_t text)
{
    str_t kept = str_slice(text, 0, RECORDER_NAME_SIZE - 1);
    uint32_t count = atomic_load_explicit(&self->header->name_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        if (is_name(&self->names[i], kept))
            return (uint16_t)(i + 1);
    if (count == RECORDER_NAMES_MAX)
        return 0;
    self->names[count].size = (uint8_t)kept.size;
    if (kept.size > 0)
        memcpy(self->names[count].text, kept.data, kept.size);
    atomic_store_explicit(&self->header->name_count, count + 1, memory_order_release);
    return (uint16_t)(count + 1);
}

static uint16_t find_name(recorder_t *self, uint32_t ring, uint64_t key, str_t text)
{
    cached_t *cache = self->rings[ring].cache;
    size_t slot = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % CACHE_SLOTS;
    for (size_t i = 0; i < CACHE_PROBES && cache[slot].key != 0; i++) {
        if (cache[slot].key == key)
            return cache[slot].name;
        slot = (slot + 1) % CACHE_SLOTS;
    }
    uv_mutex_lock(&self->names_lock);
    uint16_t name = name_number(self, text);
    uv_mutex_unlock(&self->names_lock);
    cache[slot] = (cached_t){key, name}; /* the last probe's place, when all were taken */
    return name;
}

uint16_t recorder_name(recorder_t *self, uint32_t ring, const void *key, const char *name)
{
    return key == NULL ? 0 : find_name(self, ring, (uint64_t)(uintptr_t)key, str_from(name));
}

uint16_t recorder_text(recorder_t *self, uint32_t ring, str_t text)
{
    return str_is_empty(text) ? 0 : find_name(self, ring, xxh64(text, 0) | 1, text);
}

/* ---- records ---- */

uint32_t recorder_outside(const recorder_t *self)
{
    return self->ring_count - 1;
}

void recorder_lock(recorder_t *self, uint32_t ring)
{
    if (ring == recorder_outside(self))
        uv_mutex_lock(&self->outside_lock);
}

void recorder_unlock(recorder_t *self, uint32_t ring)
{
    if (ring == recorder_outside(self))
        uv_mutex_unlock(&self->outside_lock);
}

static void write_record(ring_t *ring, uint32_t mask, recorder_record_t *record)
{
    uint64_t index = atomic_load_explicit(&ring->head->written, memory_order_relaxed);
    recorder_record_t *slot = &ring->records[index & mask];
    /* The place counts as torn from here until its sequence is there. */
#ifdef __SANITIZE_THREAD__ /* which knows no fences */
    (void)__atomic_exchange_n(&slot->sequence, ~(uint32_t)index, __ATOMIC_ACQ_REL);
#else
    __atomic_store_n(&slot->sequence, ~(uint32_t)index, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
#endif
    record->sequence = ~(uint32_t)index;
    *slot = *record;
    __atomic_store_n(&slot->sequence, (uint32_t)(index + 1), __ATOMIC_RELEASE);
    atomic_store_explicit(&ring->head->written, index + 1, memory_order_release);
}

void recorder_write(recorder_t *self, uint32_t ring, recorder_record_t record)
{
    write_record(&self->rings[ring], self->mask, &record);
}

recorder_head_t *recorder_head(const recorder_t *self, uint32_t ring)
{
    return self->rings[ring].head;
}

void recorder_busy_names(recorder_t *self, uint32_t ring, uint32_t kind, uint32_t type)
{
    atomic_store_explicit(&self->rings[ring].head->busy_names, kind << 16 | type,
                          memory_order_relaxed);
}
