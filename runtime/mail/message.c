#include "runtime/mail/message.h"

#include "runtime/base/memory.h"

enum { MESSAGE_ALIGN = 16 };

static size_t aligned(size_t size)
{
    return (size + MESSAGE_ALIGN - 1) / MESSAGE_ALIGN * MESSAGE_ALIGN;
}

static str_t put(char **at, str_t s)
{
    str_t copy = {*at, s.size};
    if (s.size > 0)
        memcpy(*at, s.data, s.size);
    *at += s.size;
    return copy;
}

message_t *message_new(message_kind_t kind, const schema_t *schema, const void *body,
                       str_t command_id, str_t text)
{
    size_t header_size = aligned(sizeof(message_t));
    size_t body_size = schema == NULL ? 0 : aligned(schema_deep_size(schema, body));
    message_t *self = memory_new(header_size + body_size + command_id.size + text.size);
    if (self == NULL)
        return NULL;

    char *at = (char *)self + header_size;
    self->kind = kind;
    self->schema = schema;
    if (schema != NULL) {
        schema_copy(schema, body, at);
        self->body = at;
    }
    at += body_size;
    self->command_id = put(&at, command_id);
    self->text = put(&at, text);
    return self;
}

message_t *message_dup(const message_t *self)
{
    message_t *copy =
        message_new(self->kind, self->schema, self->body, self->command_id, self->text);
    if (copy == NULL)
        return NULL;
    copy->err = self->err;
    copy->incarnation = self->incarnation;
    copy->depth = self->depth;
    copy->is_by_ref = self->is_by_ref;
    copy->sender = self->sender;
    copy->reply_to = self->reply_to;
    copy->deadline_ns = self->deadline_ns;
    copy->position = self->position;
    return copy;
}

void message_free(message_t *self)
{
    /* A password or a token must not stay in memory that is given back. */
    if (self != NULL && self->schema != NULL && self->body != NULL &&
        (self->schema->marks & FIELD_SECRET) != 0)
        schema_wipe(self->schema, (void *)(uintptr_t)self->body);
    memory_free(self);
}
