#include "runtime/base/schema_seal.h"

enum { MAP_HEAD_MAX = 3, SEALED_HEAD = 1 + 5 /* its tag, and that of bytes */ };

/* Formats: the MessagePack specification. */
static void append_map_head(buf_t *out, uint32_t count)
{
    if (count < 16) {
        buf_append_char(out, (char)(0x80u | count));
        return;
    }
    buf_append_char(out, (char)0xde);
    buf_append_char(out, (char)(count >> 8));
    buf_append_char(out, (char)(count & 0xff));
}

static void append_bytes_head(buf_t *out, size_t size)
{
    uint32_t bits = (uint32_t)size;
    const uint8_t head[] = {0xc6 /* bin 32 */, (uint8_t)(bits >> 24), (uint8_t)(bits >> 16),
                            (uint8_t)(bits >> 8), (uint8_t)bits};
    buf_append_bytes(out, head, sizeof head);
}

static const schema_field_t *field_of(const schema_t *schema, uint64_t tag)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].tag == tag)
            return &schema->fields[i];
    return NULL;
}

static bool is_marked(const schema_t *schema, uint64_t tag, uint32_t marks)
{
    const schema_field_t *field = field_of(schema, tag);
    return field != NULL && (field->marks & marks) != 0;
}

/* Which pairs of a map a walk is about. */
typedef struct pairs {
    const schema_t *schema;
    uint32_t marks;
    bool is_wanting_marked; /* else the others, but the sealed one */
} pairs_t;

static bool is_wanted(const pairs_t *self, uint64_t tag)
{
    if (self->is_wanting_marked)
        return is_marked(self->schema, tag, self->marks);
    return tag != SCHEMA_SEALED_TAG && !is_marked(self->schema, tag, self->marks);
}

/* Counts the wanted pairs and, with `out`, appends them. */
static err_t walk(const pairs_t *self, str_t wire, uint32_t *out_count, buf_t *out)
{
    str_t rest, value;
    uint32_t count, found = 0;
    TRY(schema_wire_begin(wire, &rest, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *begin = rest.data;
        uint64_t tag;
        TRY(schema_wire_next(&rest, &tag, &value));
        if (!is_wanted(self, tag))
            continue;
        found++;
        if (out != NULL)
            buf_append_bytes(out, begin, (size_t)(rest.data - begin));
    }
    if (rest.size != 0 || found > UINT16_MAX - 1)
        return ERR_INVALID;
    *out_count = found;
    return ERR_OK;
}

static size_t map_head_size(uint32_t count)
{
    return count < 16 ? 1 : 3;
}

err_t schema_split(const schema_t *schema, str_t wire, uint32_t marks, schema_split_t *out_split)
{
    schema_split_t split = {.schema = schema, .wire = wire, .marks = marks};
    str_t rest, value;
    uint32_t count;
    TRY(schema_wire_begin(wire, &rest, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *begin = rest.data;
        uint64_t tag;
        TRY(schema_wire_next(&rest, &tag, &value));
        if (is_marked(schema, tag, marks)) {
            split.marked_count++;
            split.marked_size += (size_t)(rest.data - begin);
        } else if (tag != SCHEMA_SEALED_TAG) {
            split.other_count++;
        }
    }
    if (rest.size != 0 || count > UINT16_MAX - 1)
        return ERR_INVALID;
    if (split.marked_count > 0)
        split.marked_size += map_head_size(split.marked_count);
    *out_split = split;
    return ERR_OK;
}

err_t schema_split_put(const schema_split_t *self, size_t sealed_size, size_t marked_at, buf_t *out,
                       size_t *out_at)
{
    str_t rest, value;
    uint32_t count;
    if (sealed_size > UINT32_MAX || sealed_size < marked_at + self->marked_size)
        return ERR_INVALID;
    TRY(buf_reserve(out, MAP_HEAD_MAX + SEALED_HEAD + sealed_size + self->wire.size));
    append_map_head(out, self->other_count + 1);
    buf_append_char(out, SCHEMA_SEALED_TAG);
    append_bytes_head(out, sealed_size);
    size_t at = out->size;
    char *room = buf_extend(out, sealed_size);
    buf_t marked = {.data = room + marked_at, .capacity = self->marked_size}; /* it is that much */
    append_map_head(&marked, self->marked_count);
    TRY(schema_wire_begin(self->wire, &rest, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *begin = rest.data;
        uint64_t tag;
        TRY(schema_wire_next(&rest, &tag, &value));
        if (tag != SCHEMA_SEALED_TAG)
            buf_append_bytes(is_marked(self->schema, tag, self->marks) ? &marked : out, begin,
                             (size_t)(rest.data - begin));
    }
    *out_at = at;
    return ERR_OK;
}

err_t schema_find_sealed(str_t wire, str_t *out_sealed)
{
    str_t rest, value;
    uint32_t count;
    uint64_t tag = SCHEMA_SEALED_TAG + 1;
    TRY(schema_wire_begin(wire, &rest, &count));
    if (count > 0)
        TRY(schema_wire_next(&rest, &tag, &value));
    return tag == SCHEMA_SEALED_TAG ? schema_wire_str(value, out_sealed) : ERR_NOT_FOUND;
}

err_t schema_join_marked(const schema_t *schema, str_t wire, uint32_t marks, str_t marked,
                         buf_t *out)
{
    const pairs_t others = {schema, marks, false}, wanted = {schema, marks, true};
    uint32_t public_count = 0, marked_count = 0, strange_count = 0;
    TRY(walk(&others, wire, &public_count, NULL));
    if (!str_is_empty(marked)) {
        TRY(walk(&wanted, marked, &marked_count, NULL));
        TRY(walk(&others, marked, &strange_count, NULL));
    }
    if (strange_count != 0 || public_count + marked_count > UINT16_MAX)
        return ERR_INVALID;
    append_map_head(out, public_count + marked_count);
    TRY(walk(&others, wire, &public_count, out));
    if (marked_count > 0)
        TRY(walk(&wanted, marked, &marked_count, out));
    return buf_status(out);
}

err_t schema_find_marked_str(const schema_t *schema, str_t wire, uint32_t marks, str_t *out_text)
{
    str_t rest, value;
    uint32_t count;
    if ((schema->marks & marks) == 0)
        return ERR_NOT_FOUND;
    TRY(schema_wire_begin(wire, &rest, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t tag;
        TRY(schema_wire_next(&rest, &tag, &value));
        if (!is_marked(schema, tag, marks))
            continue;
        TRY(schema_wire_str(value, out_text));
        return out_text->size == 0 ? ERR_NOT_FOUND : ERR_OK;
    }
    return ERR_NOT_FOUND;
}

/* Appends the pairs of `marked` that stay, and counts them. */
static err_t refer(const schema_t *schema, uint32_t marks, str_t marked, str_t reference,
                   uint32_t *out_count, buf_t *out)
{
    str_t rest, value;
    uint32_t count, found = 0;
    TRY(schema_wire_begin(marked, &rest, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *begin = rest.data;
        uint64_t tag;
        TRY(schema_wire_next(&rest, &tag, &value));
        const schema_field_t *field = field_of(schema, tag);
        if (field == NULL || (field->marks & marks) == 0)
            return ERR_INVALID;
        if ((field->marks & FIELD_SECRET) != 0)
            continue;
        found++;
        if (field->type != FIELD_TYPE_STR || (field->marks & FIELD_WORD) != 0) {
            buf_append_bytes(out, begin, (size_t)(rest.data - begin));
            continue;
        }
        uint32_t narrow = (uint32_t)tag;
        buf_append_bytes(out, begin, (size_t)(value.data - begin));
        append_bytes_head(out, reference.size + sizeof narrow);
        buf_append(out, reference);
        buf_append_bytes(out, &narrow, sizeof narrow);
    }
    *out_count = found;
    return rest.size == 0 ? ERR_OK : ERR_INVALID;
}

err_t schema_join_referring(const schema_t *schema, str_t wire, uint32_t marks, str_t marked,
                            str_t reference, buf_t *out)
{
    const pairs_t others = {schema, marks, false};
    buf_t referring BUF_SCOPED = BUF_INIT;
    uint32_t public_count = 0, referring_count = 0;
    TRY(walk(&others, wire, &public_count, NULL));
    if (!str_is_empty(marked))
        TRY(refer(schema, marks, marked, reference, &referring_count, &referring));
    TRY(buf_status(&referring));
    append_map_head(out, public_count + referring_count);
    TRY(walk(&others, wire, &public_count, out));
    buf_append(out, buf_str(&referring));
    return buf_status(out);
}

err_t schema_wire_cut(str_t data, str_t *out_map, str_t *out_behind)
{
    str_t rest, value;
    uint32_t count;
    uint64_t tag;
    TRY(schema_wire_begin(data, &rest, &count));
    for (uint32_t i = 0; i < count; i++)
        TRY(schema_wire_next(&rest, &tag, &value));
    *out_map = str_slice(data, 0, data.size - rest.size);
    *out_behind = rest;
    return ERR_OK;
}

err_t schema_find_str(str_t wire, uint64_t tag, str_t *out_text)
{
    str_t rest, value;
    uint32_t count;
    TRY(schema_wire_begin(wire, &rest, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t found;
        TRY(schema_wire_next(&rest, &found, &value));
        if (found == tag)
            return schema_wire_str(value, out_text);
    }
    return ERR_NOT_FOUND;
}
