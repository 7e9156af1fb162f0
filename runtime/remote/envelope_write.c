/* envelope_write.c -- the envelope's wire form (the MessagePack specification), a line for each
 * field of envelope.def that the preprocessor writes. Numbers take the shortest of their forms. */

#include "runtime/remote/envelope.h"

#include <string.h>

typedef struct list_u64 {
    const uint64_t *items;
    uint32_t count;
} list_u64_t;

enum { NUMBER_SIZE_MAX = 9, HEADS_SIZE_MAX = 64 * (1 + NUMBER_SIZE_MAX) };

static inline char *put_big_endian(char *at, uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--)
        *at++ = (char)(value >> 8 * i);
    return at;
}

static inline char *put_form(char *at, unsigned form, uint64_t value, int size)
{
    *at++ = (char)form;
    return put_big_endian(at, value, size);
}

static inline char *put_number(char *at, uint64_t value)
{
    if (value < 0x80) {
        *at++ = (char)value;
        return at;
    }
    return value <= UINT8_MAX    ? put_form(at, 0xcc, value, 1)
           : value <= UINT16_MAX ? put_form(at, 0xcd, value, 2)
           : value <= UINT32_MAX ? put_form(at, 0xce, value, 4)
                                 : put_form(at, 0xcf, value, 8);
}

static inline char *put_str(char *at, str_t s)
{
    if (s.size < 32)
        *at++ = (char)(0xa0 | s.size);
    else
        at = s.size <= UINT8_MAX    ? put_form(at, 0xd9, s.size, 1)
             : s.size <= UINT16_MAX ? put_form(at, 0xda, s.size, 2)
                                    : put_form(at, 0xdb, s.size, 4);
    memcpy(at, s.data, s.size);
    return at + s.size;
}

static inline char *put_head(char *at, unsigned few, unsigned many, uint32_t count)
{
    if (count < 16) {
        *at++ = (char)(few | count);
        return at;
    }
    return put_form(at, many, count, 2);
}

static char *put_list(char *at, list_u64_t list)
{
    at = put_head(at, 0x90, 0xdc, list.count);
    for (uint32_t i = 0; i < list.count; i++)
        at = put_number(at, list.items[i]);
    return at;
}

#define LIST_OF(list) ((list_u64_t){(list).items, (list).count})

#define HAS_u32(value) ((value) != 0)
#define HAS_u64(value) ((value) != 0)
#define HAS_bool(value) (value)
#define HAS__Bool(value) (value)
#define HAS_str(value) ((value).size != 0)
#define HAS_list_u64(value) ((value).count != 0)
#define PUT_u32(value) put_number(at, (value))
#define PUT_u64(value) put_number(at, (value))
#define PUT_bool(value) put_form(at, 0xc3, 0, 0)
#define PUT__Bool(value) put_form(at, 0xc3, 0, 0)
#define PUT_str(value) put_str(at, (value))
#define PUT_list_u64(value) put_list(at, LIST_OF(value))
/* What may be longer than a number. */
#define MORE_u32(value) 0
#define MORE_u64(value) 0
#define MORE_bool(value) 0
#define MORE__Bool(value) 0
#define MORE_str(value) ((value).size)
#define MORE_list_u64(value) ((size_t)(value).count * NUMBER_SIZE_MAX)

#define COUNT_FIELD(context, field) COUNT_FIELD_ field
#define COUNT_FIELD_(tag, type, name, ...)                                                         \
    count += HAS_##type(envelope->name) ? 1 : 0;                                                   \
    more += MORE_##type(envelope->name);
#define WRITE_FIELD(context, field) WRITE_FIELD_ field
#define WRITE_FIELD_(tag, type, name, ...)                                                         \
    if (HAS_##type(envelope->name)) {                                                              \
        *at++ = tag;                                                                               \
        at = PUT_##type(envelope->name);                                                           \
    }

void envelope_encode(const remote_envelope_t *envelope, buf_t *out)
{
    uint32_t count = 0;
    size_t more = 0;
#define MESSAGE(name, ...) SCHEMA_FOR_EACH(COUNT_FIELD, name, __VA_ARGS__)
#include "runtime/remote/envelope.def"
#undef MESSAGE
    if (buf_reserve(out, HEADS_SIZE_MAX + more) != ERR_OK)
        return; /* it says so itself */
    char *at = put_head(out->data + out->size, 0x80, 0xde, count);
#define MESSAGE(name, ...) SCHEMA_FOR_EACH(WRITE_FIELD, name, __VA_ARGS__)
#include "runtime/remote/envelope.def"
#undef MESSAGE
    out->size = (size_t)(at - out->data);
}
