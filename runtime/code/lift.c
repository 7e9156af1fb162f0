#include "runtime/code/lift.h"

bool schema_is_same(const schema_t *a, const schema_t *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->size != b->size || a->field_count != b->field_count ||
        a->marks != b->marks)
        return false;
    for (size_t i = 0; i < a->field_count; i++) {
        const schema_field_t *x = &a->fields[i], *y = &b->fields[i];
        if (x->tag != y->tag || x->type != y->type || x->offset != y->offset ||
            x->marks != y->marks || !schema_is_same(x->items, y->items))
            return false;
    }
    return true;
}

/* The wire form, for strings of a secret too, lies in the arena's memory: it is wiped there. */
static err_t encode(const schema_t *schema, const void *value, arena_t *arena, str_t *out_encoded)
{
    buf_t encoded BUF_SCOPED = BUF_INIT;
    schema_encode(schema, value, &encoded);
    err_t err = buf_status(&encoded);
    const char *copy = err == ERR_OK ? arena_dup(arena, encoded.data, encoded.size) : NULL;
    if (encoded.data != NULL && (schema->marks & FIELD_SECRET) != 0)
        explicit_bzero(encoded.data, encoded.capacity);
    if (err == ERR_OK && copy == NULL)
        err = ERR_NO_MEMORY;
    *out_encoded = str_of(copy, encoded.size);
    return err;
}

err_t schema_lift(const schema_t *from, const void *value, const schema_t *to, arena_t *arena,
                  const void **out_value)
{
    if (from == NULL || to == NULL || strcmp(from->name, to->name) != 0)
        return ERR_UNSUPPORTED;
    if (schema_is_same(from, to)) {
        *out_value = value;
        return ERR_OK;
    }
    str_t encoded;
    TRY(encode(from, value, arena, &encoded));
    void *lifted = arena_new(arena, MAX(to->size, (size_t)1));
    if (lifted == NULL)
        return ERR_NO_MEMORY;
    TRY(schema_decode(to, encoded, arena, lifted));
    *out_value = lifted;
    return ERR_OK;
}

static const actor_handler_t *handler_named(const actor_kind_t *kind, const char *name)
{
    for (size_t i = 0; i < kind->handler_count; i++) {
        if (strcmp(kind->handlers[i].schema->name, name) == 0)
            return &kind->handlers[i];
    }
    return NULL;
}

static message_t *rewritten(const message_t *message, const schema_t *schema)
{
    arena_t arena ARENA_SCOPED = {0};
    const void *value = NULL;
    if (schema_lift(message->schema, message_body(message), schema, &arena, &value) != ERR_OK)
        return NULL;
    message_t *copy = message_dup_as(message, schema, value);
    if ((schema->marks & FIELD_SECRET) != 0 && value != message_body(message))
        schema_wipe(schema, (void *)(uintptr_t)value);
    return copy;
}

bool message_lift(const actor_kind_t *kind, message_t **message)
{
    if ((*message)->schema == NULL)
        return false;
    const actor_handler_t *handler = handler_named(kind, (*message)->schema->name);
    if (handler == NULL)
        return false;
    if (schema_is_same((*message)->schema, handler->schema)) {
        (*message)->schema = handler->schema;
        return true;
    }
    message_t *lifted = rewritten(*message, handler->schema);
    if (lifted == NULL)
        return false;
    message_free(*message);
    *message = lifted;
    return true;
}

const void *answer_view(const answer_t *answer, const schema_t *schema, arena_t *arena)
{
    const void *value = NULL;
    bool is_it = answer->err == ERR_OK &&
                 schema_lift(answer->schema, answer->message, schema, arena, &value) == ERR_OK;
    return is_it ? value : NULL;
}
