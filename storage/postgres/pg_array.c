#include "storage/postgres/pg_array.h"

#include <arpa/inet.h>

enum { HEAD_SIZE = 20 };

static void put_u32(char *at, uint32_t value)
{
    uint32_t wire = htonl(value);
    memcpy(at, &wire, sizeof wire);
}

pg_array_t pg_array_of(pg_type_t element)
{
    pg_array_t self = {.element = element};
    (void)buf_extend(&self.bytes, HEAD_SIZE); /* without memory: said at the end */
    return self;
}

void pg_array_deinit(pg_array_t *self)
{
    buf_deinit(&self->bytes);
}

static void add(pg_array_t *self, const void *data, size_t size)
{
    char head[4];
    put_u32(head, (uint32_t)size);
    buf_append_bytes(&self->bytes, head, sizeof head);
    buf_append_bytes(&self->bytes, data, size);
    self->count++;
}

void pg_array_add_i64(pg_array_t *self, int64_t value)
{
    char bytes[8];
    (void)pg_i64(bytes, value);
    add(self, bytes, sizeof bytes);
}

void pg_array_add_i32(pg_array_t *self, int32_t value)
{
    char bytes[4];
    (void)pg_i32(bytes, value);
    add(self, bytes, sizeof bytes);
}

void pg_array_add_bool(pg_array_t *self, bool value)
{
    char byte = value ? 1 : 0;
    add(self, &byte, sizeof byte);
}

void pg_array_add_f64(pg_array_t *self, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    pg_array_add_i64(self, bits);
}

void pg_array_add_str(pg_array_t *self, str_t value)
{
    add(self, value.data, value.size);
}

static pg_type_t array_type(pg_type_t element)
{
    switch (element) {
    case PG_BYTEA:
        return PG_BYTEA_ARRAY;
    case PG_INT4:
        return PG_INT4_ARRAY;
    case PG_INT8:
        return PG_INT8_ARRAY;
    case PG_BOOL:
        return PG_BOOL_ARRAY;
    case PG_FLOAT8:
        return PG_FLOAT8_ARRAY;
    case PG_TEXT:
    case PG_BOOL_ARRAY:
    case PG_BYTEA_ARRAY:
    case PG_INT4_ARRAY:
    case PG_TEXT_ARRAY:
    case PG_INT8_ARRAY:
    case PG_FLOAT8_ARRAY:
        break;
    }
    return PG_TEXT_ARRAY;
}

err_t pg_array_end(pg_array_t *self, pg_parameter_t *out_parameter)
{
    TRY(buf_status(&self->bytes));
    char *head = self->bytes.data;
    put_u32(head, 1);     /* dimensions */
    put_u32(head + 4, 0); /* no NULL in it */
    put_u32(head + 8, (uint32_t)self->element);
    put_u32(head + 12, self->count);
    put_u32(head + 16, 1); /* the first has index 1 */
    *out_parameter = (pg_parameter_t){array_type(self->element), buf_str(&self->bytes)};
    return ERR_OK;
}

static uint32_t get_u32(const char *at)
{
    uint32_t wire;
    memcpy(&wire, at, sizeof wire);
    return ntohl(wire);
}

uint32_t pg_array_count(str_t bytes)
{
    bool is_one =
        bytes.size >= HEAD_SIZE && get_u32(bytes.data) == 1 && get_u32(bytes.data + 8) == PG_INT8;
    return is_one ? get_u32(bytes.data + 12) : 0;
}

int64_t pg_array_i64_at(str_t bytes, uint32_t index)
{
    enum { SIZE_SIZE = 4, ELEMENT_SIZE = SIZE_SIZE + sizeof(uint64_t) };
    uint64_t wire;
    size_t at = HEAD_SIZE + (size_t)index * ELEMENT_SIZE;
    if (bytes.size < at + ELEMENT_SIZE || get_u32(bytes.data + at) != sizeof wire)
        return 0;
    memcpy(&wire, bytes.data + at + SIZE_SIZE, sizeof wire);
    return (int64_t)__builtin_bswap64(wire);
}
