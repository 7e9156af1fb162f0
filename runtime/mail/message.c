#include "runtime/mail/message.h"

#include <string.h>

enum { MESSAGE_ALIGN = 16 };
_Static_assert(sizeof(message_tail_t) % MESSAGE_ALIGN == 0, "the envelope behind it is aligned");

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

void message_init(message_t *self, message_kind_t kind, const schema_t *schema)
{
    self->schema = schema;
    self->sender = 0;
    self->reply_to = (reply_token_t){0};
    self->deadline_ns = 0;
    self->trace = 0;
    self->queued = 0;
    self->incarnation = 0;
    self->kind = kind;
    self->depth = 0;
    self->is_by_ref = self->has_tail = self->is_streamed = self->is_numbered = false;
    self->block = 0;
}

message_t *message_new_plain(message_kind_t kind, const schema_t *schema, const void *body)
{
    block_class_t block = 0;
    size_t body_size = schema == NULL ? 0 : schema_deep_size(schema, body);
    message_t *self = pool_new(pool_current(), sizeof *self + body_size, &block);
    if (self == NULL)
        return NULL;
    message_init(self, kind, schema);
    self->block = block;
    if (schema != NULL)
        schema_copy(schema, body, self + 1);
    return self;
}

message_t *message_new_tailed(message_kind_t kind, const schema_t *schema, const void *body,
                              str_t command_id, str_t text)
{
    block_class_t block = 0;
    size_t body_size = schema == NULL ? 0 : aligned(schema_deep_size(schema, body));
    size_t size = sizeof(message_tail_t) + sizeof(message_t) + body_size;
    message_tail_t *tail = pool_new(pool_current(), size + command_id.size + text.size, &block);
    if (tail == NULL)
        return NULL;
    message_t *self = (message_t *)(void *)(tail + 1);
    message_init(self, kind, schema);
    self->block = block;
    self->has_tail = true;
    if (schema != NULL)
        schema_copy(schema, body, self + 1);
    char *at = (char *)(self + 1) + body_size;
    tail->command_id = put(&at, command_id);
    tail->text = put(&at, text);
    return self;
}

message_t *message_new_post(message_post_t post)
{
    block_class_t block = 0;
    message_t *self = pool_new(pool_current(), sizeof *self + sizeof post, &block);
    if (self == NULL)
        return NULL;
    message_init(self, MESSAGE_POST, NULL);
    self->block = block;
    memcpy(self + 1, &post, sizeof post);
    return self;
}

message_t *message_dup_as(const message_t *self, const schema_t *schema, const void *body)
{
    message_t *copy =
        message_new(self->kind, schema, body, message_command_id(self), message_text(self));
    if (copy == NULL)
        return NULL;
    copy->incarnation = self->incarnation; /* or err */
    copy->depth = self->depth;
    copy->is_by_ref = self->is_by_ref;
    copy->is_numbered = self->is_numbered;
    copy->sender = self->sender;
    copy->reply_to = self->reply_to;
    copy->deadline_ns = self->deadline_ns; /* or position */
    copy->trace = self->trace;
    return copy;
}

message_t *message_dup(const message_t *self)
{
    return message_dup_as(self, self->schema, message_body(self));
}

void message_wipe(message_t *self)
{
    /* A password or a token must not stay in memory that is given back. */
    if (self->schema != NULL && (self->schema->marks & FIELD_SECRET) != 0)
        schema_wipe(self->schema, self + 1);
}

void message_free_slowly(pool_t *pool, message_t *self)
{
    message_wipe(self);
    void *block = self->has_tail ? (void *)((message_tail_t *)(void *)self - 1) : (void *)self;
    pool_free(pool, block, self->block);
}

void message_free(message_t *self)
{
    if (self != NULL)
        message_free_slowly(pool_current(), self);
}
