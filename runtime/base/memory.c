#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Smaller blocks come from malloc's cache of the thread, which calloc of glibc 2.36 does not use.
 */
enum { CACHED_MAX = 1024 };

void *memory_new(size_t size)
{
    if (size == 0 || size > CACHED_MAX)
        return calloc(1, size == 0 ? 1 : size);
    void *memory = malloc(size);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void *memory_new_array(size_t count, size_t item_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        return NULL;
    return memory_new(size);
}

void *memory_new_aligned(size_t alignment, size_t size)
{
    void *memory = aligned_alloc(alignment, size);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void *memory_resize(void *memory, size_t count, size_t item_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        return NULL;
    return realloc(memory, size == 0 ? 1 : size);
}

void *memory_dup(const void *data, size_t size)
{
    void *copy = malloc(size == 0 ? 1 : size);
    if (copy != NULL && size > 0)
        memcpy(copy, data, size);
    return copy;
}

void *memory_new_unset(size_t size)
{
    return malloc(size == 0 ? 1 : size);
}

void memory_free(void *memory)
{
    free(memory);
}

static char *map(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static size_t above_multiple(const char *pages, size_t size)
{
    return (uintptr_t)pages & (size - 1);
}

void *memory_map(size_t size)
{
    /* The kernel hands out one region below the other: most are aligned as the one before was. */
    char *pages = map(size);
    if (pages == NULL || above_multiple(pages, size) == 0)
        return pages;
    memory_unmap(pages, size);
    pages = map(size * 2);
    if (pages == NULL)
        return NULL;
    size_t before = (size - above_multiple(pages, size)) % size;
    if (before > 0)
        memory_unmap(pages, before);
    memory_unmap(pages + before + size, size - before);
    return pages + before;
}

void memory_populate(void *pages, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    (void)madvise(pages, size, MADV_POPULATE_WRITE); /* an older kernel: each when it is touched */
#else
    (void)pages;
    (void)size;
#endif
}

void memory_unmap(void *pages, size_t size)
{
    /* Refused only where a hole would be one mapping too many: then the pages go, the addresses
     * stay. */
    if (munmap(pages, size) != 0)
        (void)madvise(pages, size, MADV_DONTNEED);
}

void memory_scope_end(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    free(memory);
}
