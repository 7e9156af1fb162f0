#include "gateway/output.h"

#include "gateway/limits.h"
#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <unistd.h>

enum { GATHER_SIZE = 4096, IOVEC_COUNT = 32 };

typedef enum part_kind { PART_GATHERED, PART_BUF, PART_SHARED, PART_FILE } part_kind_t;

struct output_part {
    output_part_t *next;
    part_kind_t kind;
    bool is_begun; /* something of it was sent */
    int fd;
    const char *data; /* what is left, of bytes in memory */
    uint64_t offset;  /* in the file */
    uint64_t size;    /* what is left */
    size_t room_left; /* of `room`, for gathering */
    buf_t buf;
    shared_bytes_t *shared;
    char room[];
};

/* ---- shared bytes ---- */

shared_bytes_t *shared_bytes_new(size_t size)
{
    shared_bytes_t *self = memory_new(sizeof *self + size);
    if (self == NULL)
        return NULL;
    self->ref_count = 1;
    self->size = size;
    return self;
}

shared_bytes_t *shared_bytes_ref(shared_bytes_t *self)
{
    self->ref_count++;
    return self;
}

void shared_bytes_unref(shared_bytes_t **self)
{
    shared_bytes_t *bytes = *self;
    *self = NULL;
    if (bytes != NULL && --bytes->ref_count == 0)
        memory_free(bytes);
}

/* ---- parts ---- */

static output_part_t *part_new(output_t *self, part_kind_t kind, size_t room)
{
    output_part_t *part = memory_new(sizeof *part + room);
    if (part == NULL)
        return NULL;
    part->kind = kind;
    part->fd = -1;
    part->data = part->room;
    part->room_left = room;
    if (self->last == NULL)
        self->first = part;
    else
        self->last->next = part;
    self->last = part;
    return part;
}

static void part_free(output_part_t *part)
{
    buf_deinit(&part->buf);
    shared_bytes_unref(&part->shared);
    if (part->fd >= 0)
        close(part->fd);
    memory_free(part);
}

static void drop_first(output_t *self)
{
    output_part_t *part = self->first;
    if (part->kind == PART_FILE)
        self->file_count--;
    else
        self->size -= part->size;
    self->first = part->next;
    if (self->first == NULL)
        self->last = NULL;
    part_free(part);
}

void output_deinit(output_t *self)
{
    while (self->first != NULL)
        drop_first(self);
}

bool output_is_empty(const output_t *self)
{
    return self->first == NULL;
}

err_t output_append(output_t *self, str_t bytes)
{
    output_part_t *part = self->last;
    if (str_is_empty(bytes))
        return ERR_OK;
    if (part == NULL || part->kind != PART_GATHERED || part->room_left < bytes.size)
        part = part_new(self, PART_GATHERED, MAX(bytes.size, (size_t)GATHER_SIZE));
    if (part == NULL)
        return ERR_NO_MEMORY;
    memcpy((char *)(uintptr_t)part->data + part->size, bytes.data, bytes.size);
    part->size += bytes.size;
    part->room_left -= bytes.size;
    self->size += bytes.size;
    return ERR_OK;
}

err_t output_append_buf(output_t *self, buf_t *bytes)
{
    buf_t taken BUF_SCOPED = STEAL(*bytes);
    if (taken.size <= GATHER_SIZE)
        return output_append(self, buf_str(&taken));
    output_part_t *part = part_new(self, PART_BUF, 0);
    if (part == NULL)
        return ERR_NO_MEMORY;
    part->buf = STEAL(taken);
    part->data = part->buf.data;
    part->size = part->buf.size;
    self->size += part->size;
    return ERR_OK;
}

err_t output_append_shared(output_t *self, shared_bytes_t *bytes)
{
    output_part_t *part = part_new(self, PART_SHARED, 0);
    if (part == NULL)
        return ERR_NO_MEMORY;
    part->shared = shared_bytes_ref(bytes);
    part->data = bytes->data;
    part->size = bytes->size;
    self->size += part->size;
    return ERR_OK;
}

err_t output_append_file(output_t *self, int fd, uint64_t offset, uint64_t size)
{
    output_part_t *part = size == 0 ? NULL : part_new(self, PART_FILE, 0);
    if (part == NULL) {
        close(fd);
        return size == 0 ? ERR_OK : ERR_NO_MEMORY;
    }
    part->fd = fd;
    part->offset = offset;
    part->size = size;
    self->file_count++;
    return ERR_OK;
}

void output_drop_unsent(output_t *self)
{
    output_t kept = {0};
    if (self->first != NULL && self->first->is_begun) {
        kept.first = kept.last = self->first;
        kept.file_count = self->first->kind == PART_FILE;
        kept.size = kept.file_count == 1 ? 0 : (size_t)self->first->size;
        self->first = self->first->next;
        kept.first->next = NULL;
        self->size -= kept.size;
        self->file_count -= kept.file_count;
    }
    output_deinit(self);
    *self = kept;
}

/* ---- sending ---- */

/* Takes what was sent off the front. */
static void advance(output_t *self, uint64_t sent)
{
    while (sent > 0) {
        output_part_t *part = self->first;
        ASSERT(part != NULL); /* no more was sent than there was */
        uint64_t step = MIN(sent, part->size);
        sent -= step;
        part->is_begun = true;
        part->size -= step;
        part->data += step;
        self->size -= (size_t)step;
        if (part->size == 0)
            drop_first(self);
    }
}

static int64_t send_memory(output_t *self, const transport_t *transport, int fd)
{
    struct iovec parts[IOVEC_COUNT];
    size_t count = 0;
    const output_part_t *part = self->first;
    for (; part != NULL && part->kind != PART_FILE && count < IOVEC_COUNT; part = part->next)
        parts[count++] = (struct iovec){(void *)(uintptr_t)part->data, (size_t)part->size};
    /* A header in a packet of its own costs a file's first bytes a round trip. */
    int64_t sent = transport->send(transport->context, fd, parts, count, part != NULL);
    if (sent > 0)
        advance(self, (uint64_t)sent);
    return sent;
}

static int64_t send_file(output_t *self, const transport_t *transport, int fd, uint64_t limit)
{
    output_part_t *part = self->first;
    int64_t sent = transport->send_file(transport->context, fd, part->fd, part->offset,
                                        (size_t)MIN(part->size, limit));
    if (sent == 0)
        return -EIO; /* the file became shorter: the promised length cannot be kept */
    if (sent < 0)
        return sent;
    part->is_begun = true;
    part->offset += (uint64_t)sent;
    part->size -= (uint64_t)sent;
    if (part->size == 0)
        drop_first(self);
    return sent;
}

err_t output_flush(output_t *self, const transport_t *transport, int fd, uint64_t *out_sent)
{
    uint64_t file_sent = 0;
    *out_sent = 0;
    while (self->first != NULL && file_sent < HTTP_FILE_STEP_SIZE) {
        bool is_file = self->first->kind == PART_FILE;
        int64_t sent = is_file ? send_file(self, transport, fd, HTTP_FILE_STEP_SIZE - file_sent)
                               : send_memory(self, transport, fd);
        if (sent == -EAGAIN)
            break;
        if (sent <= 0)
            return ERR_IO;
        *out_sent += (uint64_t)sent;
        file_sent += is_file ? (uint64_t)sent : 0;
    }
    return ERR_OK;
}
