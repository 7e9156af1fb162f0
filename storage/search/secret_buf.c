#include "storage/search/secret_buf.h"

#include <string.h>

void secret_buf_deinit(buf_t *self)
{
    if (self->data != NULL)
        explicit_bzero(self->data, self->capacity);
    buf_deinit(self);
}

void secret_buf_reserve(buf_t *self, size_t more)
{
    buf_t larger = {.size_max = self->size_max};
    if (self->failed != ERR_OK || self->capacity - self->size >= more)
        return;
    if (buf_reserve(&larger, MAX(self->size + more, self->capacity + self->capacity / 2)) !=
        ERR_OK) {
        self->failed = larger.failed;
        return;
    }
    buf_append(&larger, buf_str(self));
    secret_buf_deinit(self);
    *self = larger;
}
