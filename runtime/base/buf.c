#include "runtime/base/buf.h"

#include "runtime/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

void buf_deinit(buf_t *self)
{
    memory_free(self->data);
    *self = (buf_t){0};
}

void buf_reset(buf_t *self)
{
    self->size = 0;
    self->failed = ERR_OK;
}

err_t buf_status(const buf_t *self)
{
    return self->failed;
}

str_t buf_str(const buf_t *self)
{
    return str_of(self->data, self->size);
}

err_t buf_reserve(buf_t *self, size_t more)
{
    if (self->failed != ERR_OK)
        return self->failed;
    size_t need;
    if (__builtin_add_overflow(self->size, more, &need) ||
        (self->size_max != 0 && need > self->size_max))
        return self->failed = ERR_LIMIT;
    if (need <= self->capacity)
        return ERR_OK;
    size_t capacity = self->capacity < 64 ? 64 : self->capacity;
    while (capacity < need)
        capacity += capacity / 2;
    char *data = memory_resize(self->data, capacity, 1);
    if (data == NULL)
        return self->failed = ERR_NO_MEMORY;
    self->data = data;
    self->capacity = capacity;
    return ERR_OK;
}

char *buf_extend(buf_t *self, size_t size)
{
    if (buf_reserve(self, size) != ERR_OK)
        return NULL;
    char *room = self->data + self->size;
    self->size += size;
    return room;
}

void buf_append_bytes(buf_t *self, const void *data, size_t size)
{
    char *room = size == 0 ? NULL : buf_extend(self, size);
    if (room != NULL)
        memcpy(room, data, size);
}

void buf_append(buf_t *self, str_t s)
{
    buf_append_bytes(self, s.data, s.size);
}

void buf_append_char(buf_t *self, char c)
{
    buf_append_bytes(self, &c, 1);
}

void buf_append_u64(buf_t *self, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append_bytes(self, digits + at, sizeof digits - at);
}

void buf_append_i64(buf_t *self, int64_t value)
{
    if (value < 0)
        buf_append_char(self, '-');
    buf_append_u64(self, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_printf(buf_t *self, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    /* vsnprintf writes a terminator: one byte more, not counted. */
    if (size > 0 && buf_reserve(self, (size_t)size + 1) == ERR_OK) {
        vsnprintf(self->data + self->size, (size_t)size + 1, format, again);
        self->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
}

void buf_consume(buf_t *self, size_t size)
{
    size = MIN(size, self->size);
    if (size > 0 && size < self->size)
        memmove(self->data, self->data + size, self->size - size);
    self->size -= size;
}

const char *buf_terminated(buf_t *self)
{
    if (buf_reserve(self, 1) != ERR_OK)
        return "";
    self->data[self->size] = '\0';
    return self->data;
}
