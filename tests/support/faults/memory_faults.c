#include "tests/support/faults/memory_faults.h"

#include "runtime/base/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <string.h>

/* A test program's own: libraries have no writable globals. */
static struct {
    _Atomic bool is_armed;
    _Atomic uint64_t asked, failed;
    _Atomic int64_t live;
    const uint64_t *counts;
    size_t count;
    const void *watched;
    size_t watched_size;
    uint64_t seen;
} faults;

void *__real_memory_new(size_t size);
void *__real_memory_new_array(size_t count, size_t item_size);
void *__real_memory_resize(void *memory, size_t count, size_t item_size);
void *__real_memory_dup(const void *data, size_t size);
void *__real_memory_new_aligned(size_t alignment, size_t size);
void *__real_memory_new_unset(size_t size);
void *__real_memory_map(size_t size);
void __real_memory_free(void *memory);
void __real_memory_unmap(void *pages, size_t size);

void *__wrap_memory_new(size_t size);
void *__wrap_memory_new_array(size_t count, size_t item_size);
void *__wrap_memory_resize(void *memory, size_t count, size_t item_size);
void *__wrap_memory_dup(const void *data, size_t size);
void *__wrap_memory_new_aligned(size_t alignment, size_t size);
void *__wrap_memory_new_unset(size_t size);
void *__wrap_memory_map(size_t size);
void __wrap_memory_free(void *memory);
void __wrap_memory_unmap(void *pages, size_t size);
void __wrap_memory_scope_end(void *pointer_to_pointer);

void memory_faults_reset(void)
{
    faults.is_armed = false;
    faults.asked = faults.failed = 0;
    faults.counts = NULL;
    faults.count = 0;
}

void memory_faults_choose(const uint64_t *counts, size_t count)
{
    faults.counts = counts;
    faults.count = count;
}

bool memory_faults_arm(bool is_armed)
{
    return atomic_exchange(&faults.is_armed, is_armed);
}

uint64_t memory_faults_asked(void)
{
    return faults.asked;
}

uint64_t memory_faults_failed(void)
{
    return faults.failed;
}

int64_t memory_faults_live(void)
{
    return faults.live;
}

static bool must_fail(void)
{
    if (!faults.is_armed)
        return false;
    uint64_t count = ++faults.asked;
    for (size_t i = 0; i < faults.count && faults.counts[i] <= count; i++) {
        if (faults.counts[i] == count) {
            faults.failed++;
            return true;
        }
    }
    return false;
}

void memory_faults_watch(const void *bytes, size_t size)
{
    faults.watched = bytes;
    faults.watched_size = size;
    faults.seen = 0;
}

uint64_t memory_faults_seen(void)
{
    return faults.seen;
}

/* What whoever gets the block next could read. */
static void look_through(const void *memory)
{
    if (memory == NULL || faults.watched == NULL)
        return;
    size_t size = malloc_usable_size((void *)(uintptr_t)memory);
    faults.seen += memmem(memory, size, faults.watched, faults.watched_size) != NULL ? 1 : 0;
}

static void *made(void *memory)
{
    if (memory != NULL)
        faults.live++;
    return memory;
}

void *__wrap_memory_new(size_t size)
{
    return must_fail() ? NULL : made(__real_memory_new(size));
}

void *__wrap_memory_new_array(size_t count, size_t item_size)
{
    return must_fail() ? NULL : made(__real_memory_new_array(count, item_size));
}

void *__wrap_memory_resize(void *memory, size_t count, size_t item_size)
{
    if (must_fail())
        return NULL;
    look_through(memory); /* it may be moved */
    void *resized = __real_memory_resize(memory, count, item_size);
    return memory == NULL ? made(resized) : resized;
}

void *__wrap_memory_dup(const void *data, size_t size)
{
    return must_fail() ? NULL : made(__real_memory_dup(data, size));
}

void *__wrap_memory_new_aligned(size_t alignment, size_t size)
{
    return must_fail() ? NULL : made(__real_memory_new_aligned(alignment, size));
}

void *__wrap_memory_new_unset(size_t size)
{
    return must_fail() ? NULL : made(__real_memory_new_unset(size));
}

void *__wrap_memory_map(size_t size)
{
    return must_fail() ? NULL : made(__real_memory_map(size));
}

void __wrap_memory_unmap(void *pages, size_t size)
{
    faults.live--;
    __real_memory_unmap(pages, size);
}

void __wrap_memory_free(void *memory)
{
    if (memory != NULL)
        faults.live--;
    look_through(memory);
    __real_memory_free(memory);
}

void __wrap_memory_scope_end(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    __wrap_memory_free(memory);
}
