#include "runtime/base/schema.h"

#include "runtime/base/assert.h"

#include <msgpack/pack.h>

static const void *field_of(const schema_field_t *field, const void *value)
{
    return (const char *)value + field->offset;
}

static schema_list_t list_of(const schema_field_t *field, const void *value)
{
    schema_list_t list;
    memcpy(&list, field_of(field, value), sizeof list);
    return list;
}

static const void *item_at(const schema_field_t *field, schema_list_t list, uint32_t index)
{
    return (const char *)list.items + (size_t)index * field->items->size;
}

/* By bits, so that -0.0 travels. */
static bool is_all_zero(const void *data, size_t size)
{
    static const char zero[8];
    return memcmp(data, zero, size) == 0;
}

static bool is_empty(const schema_field_t *field, const void *value)
{
    const void *at = field_of(field, value);
    switch (field->type) {
    case FIELD_TYPE_BOOL:
        return !*(const bool *)at;
    case FIELD_TYPE_U32:
        return is_all_zero(at, sizeof(uint32_t));
    case FIELD_TYPE_U64:
    case FIELD_TYPE_I64:
    case FIELD_TYPE_F64:
        return is_all_zero(at, sizeof(uint64_t));
    case FIELD_TYPE_STR:
        return ((const str_t *)at)->size == 0;
    case FIELD_TYPE_LIST_U64:
    case FIELD_TYPE_LIST_STR:
    case FIELD_TYPE_LIST:
        return list_of(field, value).count == 0;
    }
    return true;
}

/* ---- encoding ---- */

static int write_to_buf(void *context, const char *data, size_t size)
{
    buf_append_bytes(context, data, size);
    return 0;
}

static void pack_str(msgpack_packer *packer, str_t s)
{
    msgpack_pack_str(packer, s.size);
    msgpack_pack_str_body(packer, s.data, s.size);
}

static void fail(msgpack_packer *packer, err_t err)
{
    buf_t *out = packer->data;
    if (out->failed == ERR_OK)
        out->failed = err;
}

static void pack_value(msgpack_packer *packer, const schema_t *schema, const void *value,
                       unsigned depth);

static void pack_list(msgpack_packer *packer, const schema_field_t *field, const void *value,
                      unsigned depth)
{
    schema_list_t list = list_of(field, value);
    if (list.count > SCHEMA_ITEMS_MAX || depth >= SCHEMA_DEPTH_MAX) {
        fail(packer, ERR_LIMIT);
        return;
    }
    msgpack_pack_array(packer, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        if (field->type == FIELD_TYPE_LIST_U64)
            msgpack_pack_uint64(packer, ((const uint64_t *)list.items)[i]);
        else if (field->type == FIELD_TYPE_LIST_STR)
            pack_str(packer, ((const str_t *)list.items)[i]);
        else
            pack_value(packer, field->items, item_at(field, list, i), depth + 1);
    }
}

static void pack_field(msgpack_packer *packer, const schema_field_t *field, const void *value,
                       unsigned depth)
{
    const void *at = field_of(field, value);
    switch (field->type) {
    case FIELD_TYPE_BOOL:
        msgpack_pack_true(packer);
        break;
    case FIELD_TYPE_U32:
        msgpack_pack_uint32(packer, *(const uint32_t *)at);
        break;
    case FIELD_TYPE_U64:
        msgpack_pack_uint64(packer, *(const uint64_t *)at);
        break;
    case FIELD_TYPE_I64:
        msgpack_pack_int64(packer, *(const int64_t *)at);
        break;
    case FIELD_TYPE_F64:
        msgpack_pack_double(packer, *(const double *)at);
        break;
    case FIELD_TYPE_STR:
        pack_str(packer, *(const str_t *)at);
        break;
    case FIELD_TYPE_LIST_U64:
    case FIELD_TYPE_LIST_STR:
    case FIELD_TYPE_LIST:
        pack_list(packer, field, value, depth);
        break;
    }
}

static void pack_value(msgpack_packer *packer, const schema_t *schema, const void *value,
                       unsigned depth)
{
    size_t count = 0;
    for (size_t i = 0; i < schema->field_count; i++)
        count += is_empty(&schema->fields[i], value) ? 0 : 1;
    msgpack_pack_map(packer, count);
    for (size_t i = 0; i < schema->field_count; i++) {
        if (is_empty(&schema->fields[i], value))
            continue;
        msgpack_pack_uint32(packer, schema->fields[i].tag);
        pack_field(packer, &schema->fields[i], value, depth);
    }
}

void schema_encode(const schema_t *schema, const void *value, buf_t *out)
{
    ASSERT(schema->field_count <= SCHEMA_FIELDS_MAX);
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_to_buf);
    pack_value(&packer, schema, value, 0);
}

/* ---- deep copy ---- */

/* A block being filled; without `data` it is only measured, by the same walk. */
typedef struct room {
    char *data;
    size_t used;
} room_t;

static void *take(room_t *room, size_t size, size_t align)
{
    room->used = (room->used + align - 1) & ~(align - 1);
    void *piece = room->data == NULL ? NULL : room->data + room->used;
    room->used += size;
    return piece;
}

static void copy_str(room_t *room, str_t from, str_t *to)
{
    char *bytes = take(room, from.size, 1);
    if (bytes != NULL && from.size > 0)
        memcpy(bytes, from.data, from.size);
    if (to != NULL)
        *to = str_of(from.size == 0 ? NULL : bytes, from.size);
}

static void copy_tails(const schema_t *schema, const void *value, char *copy, room_t *room);

static size_t item_size(const schema_field_t *field)
{
    return field->type == FIELD_TYPE_LIST_U64   ? sizeof(uint64_t)
           : field->type == FIELD_TYPE_LIST_STR ? sizeof(str_t)
                                                : field->items->size;
}

static void copy_list(const schema_field_t *field, const void *value, char *copy, room_t *room)
{
    schema_list_t list = list_of(field, value);
    size_t size = item_size(field);
    char *items = list.count == 0 ? NULL : take(room, list.count * size, sizeof(uint64_t));
    if (items != NULL)
        memcpy(items, list.items, list.count * size);
    if (copy != NULL)
        memcpy(copy + field->offset, (void *)&items, sizeof items);
    for (uint32_t i = 0; i < list.count && field->type != FIELD_TYPE_LIST_U64; i++) {
        char *item = items == NULL ? NULL : items + i * size;
        if (field->type == FIELD_TYPE_LIST_STR)
            copy_str(room, ((const str_t *)list.items)[i], (str_t *)(void *)item);
        else
            copy_tails(field->items, item_at(field, list, i), item, room);
    }
}

/* Copies what the fields of `value` point to, and lets those of `copy` point there. */
static void copy_tails(const schema_t *schema, const void *value, char *copy, room_t *room)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        if (field->type == FIELD_TYPE_STR)
            copy_str(room, *(const str_t *)field_of(field, value),
                     copy == NULL ? NULL : (str_t *)(void *)(copy + field->offset));
        else if (field->type >= FIELD_TYPE_LIST_U64)
            copy_list(field, value, copy, room);
    }
}

/* Most messages are a few words: for those a call of memcpy costs more than the copy. */
static void copy_struct(void *to, const void *from, size_t size)
{
    switch (size) {
    case 0:
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    case 16:
        memcpy(to, from, 16);
        break;
    case 24:
        memcpy(to, from, 24);
        break;
    case 32:
        memcpy(to, from, 32);
        break;
    default:
        memcpy(to, from, size);
    }
}

size_t schema_deep_size(const schema_t *schema, const void *value)
{
    if (schema->is_flat)
        return schema->size;
    room_t room = {NULL, schema->size};
    copy_tails(schema, value, NULL, &room);
    return room.used;
}

void schema_copy(const schema_t *schema, const void *value, void *room)
{
    copy_struct(room, value, schema->size);
    if (schema->is_flat)
        return;
    copy_tails(schema, value, room, &(room_t){room, schema->size});
}

/* ---- comparing ---- */

static bool equal_lists(const schema_field_t *field, schema_list_t a, schema_list_t b)
{
    if (a.count != b.count)
        return false;
    for (uint32_t i = 0; i < a.count; i++) {
        bool is_same = field->type == FIELD_TYPE_LIST_U64
                           ? ((const uint64_t *)a.items)[i] == ((const uint64_t *)b.items)[i]
                       : field->type == FIELD_TYPE_LIST_STR
                           ? str_equal(((const str_t *)a.items)[i], ((const str_t *)b.items)[i])
                           : schema_equal(field->items, item_at(field, a, i), item_at(field, b, i));
        if (!is_same)
            return false;
    }
    return true;
}

static bool equal_fields(const schema_field_t *field, const void *a, const void *b)
{
    const void *at_a = field_of(field, a), *at_b = field_of(field, b);
    switch (field->type) {
    case FIELD_TYPE_BOOL:
        return *(const bool *)at_a == *(const bool *)at_b;
    case FIELD_TYPE_U32:
        return memcmp(at_a, at_b, sizeof(uint32_t)) == 0;
    case FIELD_TYPE_U64:
    case FIELD_TYPE_I64:
    case FIELD_TYPE_F64: /* by bits: a NaN equals itself */
        return memcmp(at_a, at_b, sizeof(uint64_t)) == 0;
    case FIELD_TYPE_STR:
        return str_equal(*(const str_t *)at_a, *(const str_t *)at_b);
    case FIELD_TYPE_LIST_U64:
    case FIELD_TYPE_LIST_STR:
    case FIELD_TYPE_LIST:
        return equal_lists(field, list_of(field, a), list_of(field, b));
    }
    return false;
}

str_t schema_key(const schema_t *schema, const void *value)
{
    static const size_t sizes[] = {[FIELD_TYPE_BOOL] = sizeof(bool),
                                   [FIELD_TYPE_U32] = sizeof(uint32_t),
                                   [FIELD_TYPE_U64] = sizeof(uint64_t),
                                   [FIELD_TYPE_I64] = sizeof(int64_t),
                                   [FIELD_TYPE_F64] = sizeof(double)};
    if ((schema->marks & FIELD_KEY) == 0)
        return (str_t){NULL, 0};
    const schema_field_t *field = schema->fields;
    while ((field->marks & FIELD_KEY) == 0)
        field++;
    const char *at = (const char *)value + field->offset;
    if (field->type == FIELD_TYPE_STR) {
        const str_t *text = (const str_t *)(const void *)at;
        return text->data == NULL ? STR("") : *text;
    }
    return field->type < COUNT_OF(sizes) ? str_of(at, sizes[field->type]) : (str_t){NULL, 0};
}

bool schema_equal(const schema_t *schema, const void *a, const void *b)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (!equal_fields(&schema->fields[i], a, b))
            return false;
    return true;
}

/* ---- JSON ---- */

/* Past 2^53 a reader's double would round it: then it is a string. */
static const uint64_t json_number_max = (uint64_t)1 << 53;

static void u64_to_json(json_t *json, uint64_t value, bool is_negative)
{
    uint64_t size = is_negative ? 0 - value : value;
    if (size <= json_number_max) {
        if (is_negative)
            json_i64(json, (int64_t)value);
        else
            json_u64(json, value);
        return;
    }
    char digits[24];
    buf_t text = {.data = digits, .capacity = sizeof digits, .size_max = sizeof digits};
    if (is_negative)
        buf_append_char(&text, '-');
    buf_append_u64(&text, size);
    json_str(json, buf_str(&text));
}

static void list_to_json(const schema_field_t *field, schema_list_t list, uint32_t marks,
                         json_t *json)
{
    json_array_begin(json);
    for (uint32_t i = 0; i < list.count; i++) {
        if (field->type == FIELD_TYPE_LIST_U64)
            u64_to_json(json, ((const uint64_t *)list.items)[i], false);
        else if (field->type == FIELD_TYPE_LIST_STR)
            json_str(json, ((const str_t *)list.items)[i]);
        else
            schema_to_json_masked(field->items, item_at(field, list, i), marks, json);
    }
    json_array_end(json);
}

static void field_to_json(const schema_field_t *field, const void *value, uint32_t marks,
                          json_t *json)
{
    const void *at = field_of(field, value);
    switch (field->type) {
    case FIELD_TYPE_BOOL:
        json_bool(json, *(const bool *)at);
        break;
    case FIELD_TYPE_U32:
        json_u64(json, *(const uint32_t *)at);
        break;
    case FIELD_TYPE_U64:
        u64_to_json(json, *(const uint64_t *)at, false);
        break;
    case FIELD_TYPE_I64:
        u64_to_json(json, (uint64_t) * (const int64_t *)at, *(const int64_t *)at < 0);
        break;
    case FIELD_TYPE_F64:
        json_f64(json, *(const double *)at);
        break;
    case FIELD_TYPE_STR:
        json_str(json, *(const str_t *)at);
        break;
    case FIELD_TYPE_LIST_U64:
    case FIELD_TYPE_LIST_STR:
    case FIELD_TYPE_LIST:
        list_to_json(field, list_of(field, value), marks, json);
        break;
    }
}

void schema_to_json(const schema_t *schema, const void *value, json_t *json)
{
    schema_to_json_masked(schema, value, FIELD_SECRET, json);
}

void schema_to_json_masked(const schema_t *schema, const void *value, uint32_t marks, json_t *json)
{
    json_object_begin(json);
    for (size_t i = 0; i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        json_key(json, str_from(field->name));
        if ((field->marks & marks) != 0)
            json_str(json, is_empty(field, value) ? STR("") : STR("***"));
        else
            field_to_json(field, value, marks, json);
    }
    json_object_end(json);
}

/* ---- wiping ---- */

static void wipe_items(const schema_field_t *field, schema_list_t list)
{
    for (uint32_t i = 0; i < list.count; i++)
        schema_wipe(field->items, (char *)(uintptr_t)item_at(field, list, i));
}

void schema_wipe(const schema_t *schema, void *value)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        if (field->type == FIELD_TYPE_LIST)
            wipe_items(field, list_of(field, value));
        else if ((field->marks & FIELD_SECRET) != 0 && field->type == FIELD_TYPE_STR) {
            const str_t *text = field_of(field, value);
            if (text->size > 0)
                explicit_bzero((char *)(uintptr_t)text->data, text->size);
        }
    }
}
