#include "storage/crypt/sealed_field.h"

enum { REFERENCE = 0xc1, HEAD = 2 + 8, TAG_SIZE = 4 };

static void append_short(buf_t *out, str_t s)
{
    buf_append_char(out, (char)MIN(s.size, (size_t)255));
    buf_append(out, str_slice(s, 0, 255));
}

/* All but the tag. */
static err_t write_reference(const sealed_place_t *place, str_t sealed, buf_t *out)
{
    buf_append_char(out, (char)REFERENCE);
    buf_append_char(out, 'f');
    buf_append_bytes(out, &place->version, sizeof place->version);
    append_short(out, place->stream);
    append_short(out, place->event);
    buf_append(out, sealed);
    return buf_status(out);
}

static const sealed_kind_t *kind_of(const sealed_projector_t *self, str_t stream)
{
    return sealed_kind_of(self->kinds, self->kind_count, stream);
}

err_t sealed_project(const sealed_projector_t *self, str_t stream, uint64_t version,
                     const journal_event_t *event, buf_t *out)
{
    sealed_place_t place = {kind_of(self, stream), stream, version, event->name};
    buf_t room AEAD_BUF_SCOPED = BUF_INIT, reference BUF_SCOPED = BUF_INIT;
    sealed_plain_t marked;
    const schema_t *schema = place.kind == NULL ? NULL : sealed_schema(place.kind, event->name);
    str_t sealed;
    if (schema == NULL || schema_find_sealed(event->payload, &sealed) != ERR_OK)
        return ERR_OK;
    TRY(sealed_event_marked(self->vault, &place, event->payload, &room, &marked));
    TRY(write_reference(&place, sealed, &reference));
    return schema_join_referring(schema, event->payload, SEALED_MARKS, marked.payload,
                                 buf_str(&reference), out);
}

/* ---- reading a reference ---- */

static err_t take(str_t *rest, size_t size, str_t *out_part)
{
    if (rest->size < size)
        return ERR_CORRUPT;
    *out_part = str_slice(*rest, 0, size);
    *rest = str_slice(*rest, size, rest->size);
    return ERR_OK;
}

static err_t take_short(str_t *rest, str_t *out_part)
{
    str_t size;
    TRY(take(rest, 1, &size));
    return take(rest, (uint8_t)size.data[0], out_part);
}

typedef struct reference {
    sealed_place_t place;
    str_t sealed;
    uint32_t tag;
} reference_t;

static err_t read_reference(const sealed_projector_t *self, str_t bytes, reference_t *out)
{
    str_t rest = bytes, head, tag;
    TRY(take(&rest, HEAD, &head));
    memcpy(&out->place.version, head.data + 2, sizeof out->place.version);
    TRY(take_short(&rest, &out->place.stream));
    TRY(take_short(&rest, &out->place.event));
    if (rest.size < TAG_SIZE)
        return ERR_CORRUPT;
    TRY(take(&rest, rest.size - TAG_SIZE, &out->sealed));
    TRY(take(&rest, TAG_SIZE, &tag));
    memcpy(&out->tag, tag.data, sizeof out->tag);
    out->place.kind = kind_of(self, out->place.stream);
    return out->place.kind == NULL ? ERR_CORRUPT : ERR_OK;
}

err_t sealed_field_open(const sealed_projector_t *self, str_t bytes, str_t subject, buf_t *out)
{
    reference_t reference;
    buf_t marked AEAD_BUF_SCOPED = BUF_INIT;
    str_t text;
    if (bytes.size < 2 || (uint8_t)bytes.data[0] != REFERENCE || bytes.data[1] != 'f') {
        buf_append(out, bytes);
        return buf_status(out);
    }
    TRY(read_reference(self, bytes, &reference));
    TRY(sealed_marked_open(self->vault, &reference.place, subject, reference.sealed, &marked));
    if (schema_find_str(buf_str(&marked), reference.tag, &text) != ERR_OK)
        return ERR_CORRUPT;
    buf_append(out, text);
    return buf_status(out);
}
