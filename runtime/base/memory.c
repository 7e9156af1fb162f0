#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

void *memory_new(size_t size)
{
    return calloc(1, size == 0 ? 1 : size);
}

void *memory_new_array(size_t count, size_t item_size)
{
    return count == 0 || item_size == 0 ? calloc(1, 1) : calloc(count, item_size);
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

void memory_free(void *memory)
{
    free(memory);
}

void memory_scope_end(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    free(memory);
}
