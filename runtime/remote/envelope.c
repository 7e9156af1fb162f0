#include "runtime/remote/envelope.h"

#include "runtime/journal.h"
#include "runtime/remote/ref.h"

#define DEF_FILE "runtime/remote/envelope.def"
#include "runtime/base/schema_define.h"

enum { FORM_MESSAGE = 1, FORM_CHANNEL = 2, HEAD_SIZE = 3 };

/* ---- writing ---- */

err_t parcel_fill(void *what, buf_t *out)
{
    const parcel_t *parcel = what;
    size_t at = out->size;
    const char head[HEAD_SIZE] = {FORM_MESSAGE, 0, 0};
    buf_append_bytes(out, head, sizeof head);
    envelope_encode(&parcel->envelope, out);
    TRY(buf_status(out));
    size_t size = out->size - at - HEAD_SIZE;
    if (size > ROUTER_ENVELOPE_SIZE_MAX)
        return ERR_LIMIT;
    out->data[at + 1] = (char)(size & 0xff);
    out->data[at + 2] = (char)(size >> 8);
    if (parcel->schema != NULL)
        schema_encode(parcel->schema, parcel->body, out);
    TRY(buf_status(out));
    return out->size - at > ROUTER_MESSAGE_SIZE_MAX ? ERR_LIMIT : ERR_OK;
}

err_t channel_fill(void *what, buf_t *out)
{
    const channel_bytes_t *bytes = what;
    const char head[2] = {FORM_CHANNEL, (char)bytes->channel};
    buf_append_bytes(out, head, sizeof head);
    TRY(buf_status(out));
    return bytes->fill(bytes->what, out);
}

/* ---- reading ---- */

/* A number and the name of a stream. */
static bool is_numbered_id(str_t id)
{
    return id.size > sizeof(uint64_t) && id.size <= sizeof(uint64_t) + JOURNAL_STREAM_SIZE_MAX;
}

static bool is_within_bounds(const remote_envelope_t *envelope)
{
    return envelope->key.size <= ACTOR_KEY_SIZE_MAX &&
           envelope->depth <= ACTOR_CALL_DEPTH_MAX + 1 && envelope->hops <= ROUTER_HOPS_MAX &&
           envelope->err < ERR_COUNT && envelope->text.size <= ENVELOPE_TEXT_MAX &&
           envelope->chain.count <= ENVELOPE_CHAIN_MAX && envelope->chain.count % 2 == 0 &&
           envelope->seats.count <= ENVELOPE_SEATS_MAX && envelope->seats.count % 2 == 0 &&
           (!envelope->is_numbered || is_numbered_id(envelope->command_id));
}

static err_t read_message(str_t message, arena_t *arena, received_t *out)
{
    if (message.size < HEAD_SIZE)
        return ERR_INVALID;
    size_t size = (size_t)(uint8_t)message.data[1] | (size_t)(uint8_t)message.data[2] << 8;
    if (size > ROUTER_ENVELOPE_SIZE_MAX || size > message.size - HEAD_SIZE)
        return ERR_INVALID;
    str_t envelope = str_slice(message, HEAD_SIZE, HEAD_SIZE + size);
    err_t err = schema_decode(&remote_envelope_schema, envelope, arena, &out->envelope);
    if (err != ERR_OK)
        return err == ERR_NO_MEMORY ? err : ERR_INVALID;
    out->body = str_slice(message, HEAD_SIZE + size, message.size);
    return is_within_bounds(&out->envelope) ? ERR_OK : ERR_INVALID;
}

err_t envelope_read(str_t message, arena_t *arena, received_t *out)
{
    received_t received = {0};
    if (message.size < 2 || message.size > ROUTER_MESSAGE_SIZE_MAX)
        return ERR_INVALID;
    if (message.data[0] == FORM_CHANNEL) {
        received.is_channel = true;
        received.channel = (uint8_t)message.data[1];
        received.body = str_slice(message, 2, message.size);
    } else if (message.data[0] == FORM_MESSAGE) {
        TRY(read_message(message, arena, &received));
    } else {
        return ERR_INVALID;
    }
    *out = received;
    return ERR_OK;
}

/* ---- references ---- */

static bool is_ref(const schema_field_t *field)
{
    return field->type == FIELD_TYPE_U64 && (field->marks & FIELD_REF) != 0;
}

bool schema_has_refs(const schema_t *schema)
{
    if ((schema->marks & FIELD_REF) != 0)
        return true;
    for (size_t i = 0; !schema->is_flat && i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        if (field->type == FIELD_TYPE_LIST && schema_has_refs(field->items))
            return true;
    }
    return false;
}

typedef void (*visit_fn)(void *context, uint64_t *bits);

/* Levels of lists are bounded by the schemas themselves, and by SCHEMA_DEPTH_MAX. */
static void visit(const schema_t *schema, char *value, visit_fn fn, void *context)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        char *at = value + field->offset;
        if (is_ref(field)) {
            fn(context, (uint64_t *)(void *)at);
        } else if (field->type == FIELD_TYPE_LIST && schema_has_refs(field->items)) {
            const schema_list_t *list = (const schema_list_t *)(const void *)at;
            for (uint32_t j = 0; j < list->count; j++)
                visit(field->items, (char *)(uintptr_t)list->items + j * field->items->size, fn,
                      context);
        }
    }
}

typedef struct noting {
    seat_node_fn node_of;
    void *context;
    uint64_t *seats;
    uint32_t *count;
    err_t err;
} noting_t;

static void note(void *context, uint64_t *bits)
{
    noting_t *self = context;
    uint32_t seat = ref_seat(*bits);
    if (seat == 0 || self->err != ERR_OK)
        return;
    for (uint32_t i = 0; i < *self->count; i += 2)
        if (self->seats[i] == seat)
            return;
    if (*self->count + 2 > ENVELOPE_SEATS_MAX) {
        self->err = ERR_LIMIT;
        return;
    }
    self->seats[(*self->count)++] = seat;
    self->seats[(*self->count)++] = self->node_of(self->context, seat);
}

err_t refs_note(const schema_t *schema, const void *body, seat_node_fn node_of, void *context,
                uint64_t seats[ENVELOPE_SEATS_MAX], uint32_t *count)
{
    noting_t noting = {node_of, context, seats, count, ERR_OK};
    visit(schema, (char *)(uintptr_t)body, note, &noting); /* it only looks */
    return noting.err;
}

typedef struct translating {
    ref_translate_fn translate;
    void *context;
} translating_t;

static void translate(void *context, uint64_t *bits)
{
    const translating_t *self = context;
    *bits = self->translate(self->context, *bits);
}

void refs_translate(const schema_t *schema, void *body, ref_translate_fn fn, void *context)
{
    translating_t translating = {fn, context};
    visit(schema, body, translate, &translating);
}
