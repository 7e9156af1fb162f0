/* Reading the wire form. msgpack-c's unpacker builds a tree of everything before a limit could be
 * checked; this one reads straight into the struct, allocates only lists that the remaining bytes
 * can fill, and skips unknown values without recursion. tests/runtime/base/test_schema.c holds it
 * against msgpack-c. Formats: the MessagePack specification. */

#include "runtime/base/assert.h"
#include "runtime/base/schema_seal.h"

typedef struct reader {
    const unsigned char *at, *end;
    arena_t *arena;
} reader_t;

typedef enum token_kind {
    TOKEN_NIL,
    TOKEN_BOOL,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_BYTES, /* str and bin */
    TOKEN_ARRAY,
    TOKEN_MAP,
    TOKEN_EXTENSION,
} token_kind_t;

typedef struct token {
    token_kind_t kind;
    bool is_negative; /* of an integer: `bits` is then its two's complement */
    uint64_t bits;    /* value, bits of the double, bytes, items or pairs */
} token_t;

static size_t bytes_left(const reader_t *reader)
{
    return (size_t)(reader->end - reader->at);
}

static err_t read_big_endian(reader_t *reader, size_t size, uint64_t *out_value)
{
    if (bytes_left(reader) < size)
        return ERR_INVALID;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | *reader->at++;
    *out_value = value;
    return ERR_OK;
}

static err_t read_number(reader_t *reader, token_kind_t kind, size_t size, token_t *out_token)
{
    uint64_t bits;
    TRY(read_big_endian(reader, size, &bits));
    *out_token = (token_t){kind, false, bits};
    return ERR_OK;
}

static err_t read_signed(reader_t *reader, size_t size, token_t *out_token)
{
    uint64_t bits;
    TRY(read_big_endian(reader, size, &bits));
    unsigned unused = (unsigned)(64 - 8 * size);
    int64_t value = (int64_t)(bits << unused) >> unused;
    *out_token = (token_t){TOKEN_INTEGER, value < 0, (uint64_t)value};
    return ERR_OK;
}

static err_t read_float(reader_t *reader, token_t *out_token)
{
    uint64_t bits;
    TRY(read_big_endian(reader, sizeof(float), &bits));
    uint32_t narrow = (uint32_t)bits;
    float value;
    memcpy(&value, &narrow, sizeof value);
    double wide = (double)value;
    memcpy(&bits, &wide, sizeof bits);
    *out_token = (token_t){TOKEN_FLOAT, false, bits};
    return ERR_OK;
}

/* What follows a first byte of 0xc0 to 0xdf. */
static err_t read_long_form(reader_t *reader, unsigned char first, token_t *out_token)
{
    switch (first) {
    case 0xc0:
        *out_token = (token_t){TOKEN_NIL, false, 0};
        return ERR_OK;
    case 0xc2:
    case 0xc3:
        *out_token = (token_t){TOKEN_BOOL, false, first & 1u};
        return ERR_OK;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_number(reader, TOKEN_BYTES, (size_t)1 << (first - 0xc4), out_token);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        TRY(read_number(reader, TOKEN_EXTENSION, (size_t)1 << (first - 0xc7), out_token));
        out_token->bits += 1; /* its type */
        return ERR_OK;
    case 0xca:
        return read_float(reader, out_token);
    case 0xcb:
        return read_number(reader, TOKEN_FLOAT, sizeof(double), out_token);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_number(reader, TOKEN_INTEGER, (size_t)1 << (first - 0xcc), out_token);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_signed(reader, (size_t)1 << (first - 0xd0), out_token);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_number(reader, TOKEN_BYTES, (size_t)1 << (first - 0xd9), out_token);
    case 0xdc:
    case 0xdd:
        return read_number(reader, TOKEN_ARRAY, (size_t)2 << (first - 0xdc), out_token);
    case 0xde:
    case 0xdf:
        return read_number(reader, TOKEN_MAP, (size_t)2 << (first - 0xde), out_token);
    default:
        if (first < 0xd4)
            return ERR_INVALID; /* 0xc1: never used */
        *out_token = (token_t){TOKEN_EXTENSION, false, ((uint64_t)1 << (first - 0xd4)) + 1};
        return ERR_OK;
    }
}

static err_t read_token(reader_t *reader, token_t *out_token)
{
    if (bytes_left(reader) == 0)
        return ERR_INVALID;
    unsigned char first = *reader->at++;
    if (first < 0x80)
        *out_token = (token_t){TOKEN_INTEGER, false, first};
    else if (first < 0x90)
        *out_token = (token_t){TOKEN_MAP, false, first & 0x0fu};
    else if (first < 0xa0)
        *out_token = (token_t){TOKEN_ARRAY, false, first & 0x0fu};
    else if (first < 0xc0)
        *out_token = (token_t){TOKEN_BYTES, false, first & 0x1fu};
    else if (first >= 0xe0)
        *out_token = (token_t){TOKEN_INTEGER, true, (uint64_t)(int64_t)(int8_t)first};
    else
        return read_long_form(reader, first, out_token);
    return ERR_OK;
}

static err_t read_kind(reader_t *reader, token_kind_t kind, token_t *out_token)
{
    TRY(read_token(reader, out_token));
    return out_token->kind == kind ? ERR_OK : ERR_INVALID;
}

static err_t read_str(reader_t *reader, str_t *out_str)
{
    token_t token;
    TRY(read_kind(reader, TOKEN_BYTES, &token));
    if (token.bits > bytes_left(reader))
        return ERR_INVALID;
    *out_str = str_of(token.bits == 0 ? NULL : reader->at, (size_t)token.bits);
    reader->at += token.bits;
    return ERR_OK;
}

static err_t read_u64(reader_t *reader, uint64_t max, uint64_t *out_value)
{
    token_t token;
    TRY(read_kind(reader, TOKEN_INTEGER, &token));
    if (token.is_negative || token.bits > max)
        return ERR_INVALID;
    *out_value = token.bits;
    return ERR_OK;
}

/* Skips one value. Every pending value takes at least a byte, so this ends, without recursion. */
static err_t skip_value(reader_t *reader)
{
    for (uint64_t pending = 1; pending > 0; pending--) {
        token_t token;
        TRY(read_token(reader, &token));
        if (token.kind == TOKEN_BYTES || token.kind == TOKEN_EXTENSION) {
            if (token.bits > bytes_left(reader))
                return ERR_INVALID;
            reader->at += token.bits;
        } else if (token.kind == TOKEN_ARRAY || token.kind == TOKEN_MAP) {
            pending += token.kind == TOKEN_MAP ? 2 * token.bits : token.bits;
            if (pending - 1 > bytes_left(reader))
                return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static err_t read_map(reader_t *reader, const schema_t *schema, unsigned depth, char *value);

static err_t read_item(reader_t *reader, const schema_field_t *field, unsigned depth, void *items,
                       uint64_t index)
{
    if (field->type == FIELD_TYPE_LIST_U64)
        return read_u64(reader, UINT64_MAX, (uint64_t *)items + index);
    if (field->type == FIELD_TYPE_LIST_STR)
        return read_str(reader, (str_t *)items + index);
    return read_map(reader, field->items, depth + 1, (char *)items + index * field->items->size);
}

static err_t read_list(reader_t *reader, const schema_field_t *field, unsigned depth, char *value)
{
    token_t token;
    TRY(read_kind(reader, TOKEN_ARRAY, &token));
    if (token.bits > SCHEMA_ITEMS_MAX || depth >= SCHEMA_DEPTH_MAX)
        return ERR_LIMIT;
    if (token.bits > bytes_left(reader))
        return ERR_INVALID; /* before memory is given to a promise */
    if (token.bits == 0)
        return ERR_OK;
    size_t size = field->type == FIELD_TYPE_LIST_U64   ? sizeof(uint64_t)
                  : field->type == FIELD_TYPE_LIST_STR ? sizeof(str_t)
                                                       : field->items->size;
    void *items = arena_new_array(reader->arena, (size_t)token.bits, size);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint64_t i = 0; i < token.bits; i++)
        TRY(read_item(reader, field, depth, items, i));
    schema_list_t list = {items, (uint32_t)token.bits};
    memcpy(value + field->offset, &list.items, sizeof list.items);
    memcpy(value + field->offset + offsetof(schema_list_t, count), &list.count, sizeof list.count);
    return ERR_OK;
}

static err_t read_scalar(reader_t *reader, const schema_field_t *field, char *at)
{
    if (field->type == FIELD_TYPE_U32 || field->type == FIELD_TYPE_U64) {
        uint64_t bits;
        bool is_narrow = field->type == FIELD_TYPE_U32;
        TRY(read_u64(reader, is_narrow ? UINT32_MAX : UINT64_MAX, &bits));
        if (is_narrow)
            memcpy(at, &(uint32_t){(uint32_t)bits}, sizeof(uint32_t));
        else
            memcpy(at, &bits, sizeof bits);
        return ERR_OK;
    }
    token_t token;
    TRY(read_token(reader, &token));
    token_kind_t wanted = field->type == FIELD_TYPE_BOOL  ? TOKEN_BOOL
                          : field->type == FIELD_TYPE_I64 ? TOKEN_INTEGER
                                                          : TOKEN_FLOAT;
    if (token.kind != wanted ||
        (wanted == TOKEN_INTEGER && !token.is_negative && token.bits > INT64_MAX))
        return ERR_INVALID;
    bool is_set = token.bits != 0;
    if (wanted == TOKEN_BOOL)
        memcpy(at, &is_set, sizeof is_set);
    else
        memcpy(at, &token.bits, sizeof token.bits);
    return ERR_OK;
}

static err_t read_field(reader_t *reader, const schema_field_t *field, unsigned depth, char *value)
{
    if (field->type == FIELD_TYPE_STR)
        return read_str(reader, (str_t *)(void *)(value + field->offset));
    if (field->type >= FIELD_TYPE_LIST_U64)
        return read_list(reader, field, depth, value);
    return read_scalar(reader, field, value + field->offset);
}

/* The index of the field with this tag, or field_count. Writers keep our order, so it is mostly the
 * one after the last. */
static size_t field_with(const schema_t *schema, uint64_t tag, size_t guess)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        size_t index = (guess + i) % schema->field_count;
        if (schema->fields[index].tag == tag)
            return index;
    }
    return schema->field_count;
}

static err_t read_map(reader_t *reader, const schema_t *schema, unsigned depth, char *value)
{
    token_t token;
    TRY(read_kind(reader, TOKEN_MAP, &token));
    uint64_t seen = 0;
    size_t guess = 0;
    for (uint64_t i = 0; i < token.bits; i++) {
        uint64_t tag;
        TRY(read_u64(reader, UINT64_MAX, &tag));
        size_t index = field_with(schema, tag, guess);
        if (index == schema->field_count) {
            TRY(skip_value(reader));
            continue;
        }
        if ((seen >> index & 1) != 0)
            return ERR_INVALID; /* one tag, one value */
        seen |= (uint64_t)1 << index;
        TRY(read_field(reader, &schema->fields[index], depth, value));
        guess = index + 1;
    }
    return ERR_OK;
}

err_t schema_decode(const schema_t *schema, str_t data, arena_t *arena, void *out_value)
{
    ASSERT(schema->field_count <= SCHEMA_FIELDS_MAX);
    reader_t reader = {(const unsigned char *)data.data, NULL, arena};
    reader.end = data.size == 0 ? reader.at : reader.at + data.size;
    char *value = arena_new(arena, schema->size); /* so that a failure leaves *out_value alone */
    if (value == NULL)
        return ERR_NO_MEMORY;
    TRY(read_map(&reader, schema, 0, value));
    if (reader.at != reader.end)
        return ERR_INVALID;
    memcpy(out_value, value, schema->size);
    return ERR_OK;
}

/* ---- pair by pair ---- */

static reader_t reader_of(str_t data)
{
    reader_t reader = {.at = (const unsigned char *)data.data};
    reader.end = data.size == 0 ? reader.at : reader.at + data.size;
    return reader;
}

err_t schema_wire_begin(str_t data, str_t *out_rest, uint32_t *out_count)
{
    reader_t reader = reader_of(data);
    token_t token;
    TRY(read_kind(&reader, TOKEN_MAP, &token));
    if (token.bits > bytes_left(&reader) / 2) /* a pair is two bytes at least */
        return ERR_INVALID;
    *out_rest = str_of(reader.at, bytes_left(&reader));
    *out_count = (uint32_t)token.bits;
    return ERR_OK;
}

err_t schema_wire_next(str_t *rest, uint64_t *out_tag, str_t *out_value)
{
    reader_t reader = reader_of(*rest);
    uint64_t tag;
    TRY(read_u64(&reader, UINT64_MAX, &tag));
    const unsigned char *begin = reader.at;
    TRY(skip_value(&reader));
    *out_tag = tag;
    *out_value = str_of(begin, (size_t)(reader.at - begin));
    *rest = str_of(reader.at, bytes_left(&reader));
    return ERR_OK;
}

err_t schema_wire_str(str_t value, str_t *out_text)
{
    reader_t reader = reader_of(value);
    str_t text;
    TRY(read_str(&reader, &text));
    if (reader.at != reader.end)
        return ERR_INVALID;
    *out_text = text;
    return ERR_OK;
}
