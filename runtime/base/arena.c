#include "runtime/base/arena.h"

#include "runtime/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

enum { ARENA_BLOCK_SIZE_FIRST = 2048, ARENA_BLOCK_SIZE_MAX = 65536, ARENA_ALIGN = 16 };

struct arena_block {
    arena_block_t *next;
    size_t used, capacity;
    _Alignas(ARENA_ALIGN) char data[];
};

void arena_deinit(arena_t *self)
{
    while (self->blocks != NULL) {
        arena_block_t *next = self->blocks->next;
        memory_free(self->blocks);
        self->blocks = next;
    }
    self->size = 0;
}

void arena_reset(arena_t *self)
{
    while (self->blocks != NULL && self->blocks->next != NULL) {
        arena_block_t *next = self->blocks->next;
        memory_free(self->blocks);
        self->blocks = next;
    }
    if (self->blocks != NULL) {
        memset(self->blocks->data, 0, self->blocks->used);
        self->blocks->used = 0;
    }
    self->size = 0;
}

/* Behind its own first block: that one has room. */
void arena_take(arena_t *self, arena_t *other)
{
    arena_block_t **end = &self->blocks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = other->blocks;
    self->size += other->size;
    other->blocks = NULL;
    other->size = 0;
}

static arena_block_t *add_block(arena_t *self, size_t size)
{
    size_t capacity = self->blocks == NULL
                          ? ARENA_BLOCK_SIZE_FIRST
                          : MIN(self->blocks->capacity * 2, (size_t)ARENA_BLOCK_SIZE_MAX);
    capacity = MAX(capacity, size);
    arena_block_t *block = memory_new(sizeof *block + capacity);
    if (block == NULL)
        return NULL;
    block->capacity = capacity;
    block->next = self->blocks;
    return self->blocks = block;
}

void *arena_new(arena_t *self, size_t size)
{
    size_t total;
    if (size > SIZE_MAX - (size_t)2 * ARENA_ALIGN - sizeof(arena_block_t))
        return NULL;
    size = (MAX(size, (size_t)1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (__builtin_add_overflow(self->size, size, &total) ||
        (self->size_max != 0 && total > self->size_max))
        return NULL;
    arena_block_t *block = self->blocks;
    if (block == NULL || block->capacity - block->used < size)
        block = add_block(self, size);
    if (block == NULL)
        return NULL;
    void *piece = block->data + block->used;
    block->used += size;
    self->size = total;
    return piece;
}

void *arena_new_array(arena_t *self, size_t count, size_t item_size)
{
    size_t size;
    return __builtin_mul_overflow(count, item_size, &size) ? NULL : arena_new(self, size);
}

void *arena_dup(arena_t *self, const void *data, size_t size)
{
    void *copy = arena_new(self, size);
    if (copy != NULL && size > 0)
        memcpy(copy, data, size);
    return copy;
}

str_t arena_str(arena_t *self, str_t s)
{
    char *copy = s.size == SIZE_MAX ? NULL : arena_new(self, s.size + 1);
    if (copy == NULL)
        return (str_t){NULL, 0};
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    return str_of(copy, s.size);
}

str_t arena_printf(arena_t *self, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *copy = size < 0 ? NULL : arena_new(self, (size_t)size + 1);
    if (copy != NULL)
        vsnprintf(copy, (size_t)size + 1, format, again);
    va_end(again);
    va_end(args);
    return str_of(copy, copy == NULL ? 0 : (size_t)size);
}
