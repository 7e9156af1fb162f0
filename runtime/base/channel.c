#include "runtime/base/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_SIZE = 64 * 1024 };

static uint32_t get_u32(const char *from)
{
    const unsigned char *p = (const unsigned char *)from;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_u32(char *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (char)(value >> (8 * i));
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

void channel_reader_deinit(channel_reader_t *self)
{
    close_all(self->fds, self->fd_count);
    buf_deinit(&self->bytes);
    *self = (channel_reader_t){0};
}

static void drop_taken(channel_reader_t *self)
{
    buf_consume(&self->bytes, self->taken);
    self->taken = 0;
}

static err_t break_off(channel_reader_t *self, err_t err)
{
    if (self->broken == ERR_OK)
        self->broken = err;
    return self->broken;
}

static err_t take_descriptors(channel_reader_t *self, const int *fds, size_t fd_count)
{
    if (fd_count > COUNT_OF(self->fds) - self->fd_count) {
        close_all(fds, fd_count);
        return break_off(self, ERR_LIMIT);
    }
    for (size_t i = 0; i < fd_count; i++)
        self->fds[self->fd_count++] = fds[i];
    return self->broken;
}

err_t channel_reader_push(channel_reader_t *self, str_t bytes, const int *fds, size_t fd_count)
{
    TRY(take_descriptors(self, fds, fd_count));
    drop_taken(self);
    buf_append(&self->bytes, bytes);
    return buf_status(&self->bytes) == ERR_OK ? ERR_OK : break_off(self, ERR_NO_MEMORY);
}

static err_t check_header(const channel_reader_t *self, const channel_frame_t *frame,
                          uint32_t magic)
{
    if (magic != CHANNEL_MAGIC || frame->fd_count > CHANNEL_FDS_MAX)
        return ERR_INVALID;
    if (frame->payload.size > CHANNEL_PAYLOAD_MAX)
        return ERR_LIMIT;
    /* They came with the header's first byte at the latest. */
    return frame->fd_count <= self->fd_count ? ERR_OK : ERR_INVALID;
}

bool channel_reader_next(channel_reader_t *self, channel_frame_t *out_frame, err_t *out_err)
{
    drop_taken(self);
    *out_err = self->broken;
    if (self->broken != ERR_OK || self->bytes.size < CHANNEL_HEADER_SIZE)
        return false;
    const char *header = self->bytes.data;
    channel_frame_t frame = {
        .id = get_u32(header + 8),
        .kind = (uint16_t)((unsigned char)header[12] | (unsigned char)header[13] << 8),
        .flags = (uint8_t)header[14],
        .fd_count = (uint8_t)header[15],
        .payload = {header + CHANNEL_HEADER_SIZE, get_u32(header + 4)},
    };
    err_t err = check_header(self, &frame, get_u32(header));
    if (err != ERR_OK) {
        *out_err = break_off(self, err);
        return false;
    }
    if (self->bytes.size - CHANNEL_HEADER_SIZE < frame.payload.size)
        return false;
    self->taken = CHANNEL_HEADER_SIZE + frame.payload.size;
    *out_frame = frame;
    return true;
}

void channel_take_fds(channel_reader_t *self, const channel_frame_t *frame,
                      int out_fds[CHANNEL_FDS_MAX])
{
    uint32_t count = MIN((uint32_t)frame->fd_count, self->fd_count);
    memcpy(out_fds, self->fds, count * sizeof *out_fds);
    self->fd_count -= count;
    memmove(self->fds, self->fds + count, self->fd_count * sizeof *self->fds);
}

/* The descriptors of all control messages; a cut-off list can't be told apart, so it breaks. */
static err_t take_control(channel_reader_t *self, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        int fds[CHANNEL_FDS_MAX];
        size_t size = MIN(c->cmsg_len - CMSG_LEN(0), sizeof fds);
        memcpy(fds, CMSG_DATA(c), size);
        IGNORE_ERR(take_descriptors(self, fds, size / sizeof fds[0])); /* kept in broken */
    }
    if ((message->msg_flags & MSG_CTRUNC) != 0)
        return break_off(self, ERR_LIMIT);
    return self->broken;
}

err_t channel_receive(channel_reader_t *self, int socket)
{
    if (self->broken != ERR_OK)
        return self->broken;
    drop_taken(self);
    if (buf_reserve(&self->bytes, RECEIVE_SIZE) != ERR_OK)
        return break_off(self, ERR_NO_MEMORY);
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
    struct iovec room = {self->bytes.data + self->bytes.size,
                         self->bytes.capacity - self->bytes.size};
    struct msghdr message = {.msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t size;
    do {
        size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN ? ERR_BUSY : ERR_IO;
    if (size == 0)
        return ERR_UNAVAILABLE;
    self->bytes.size += (size_t)size;
    return take_control(self, &message);
}

err_t channel_encode(buf_t *out, const channel_frame_t *frame)
{
    if (frame->payload.size > CHANNEL_PAYLOAD_MAX || frame->fd_count > CHANNEL_FDS_MAX)
        return ERR_LIMIT;
    char header[CHANNEL_HEADER_SIZE];
    put_u32(header, CHANNEL_MAGIC);
    put_u32(header + 4, (uint32_t)frame->payload.size);
    put_u32(header + 8, frame->id);
    header[12] = (char)(frame->kind & 0xff);
    header[13] = (char)(frame->kind >> 8);
    header[14] = (char)frame->flags;
    header[15] = (char)frame->fd_count;
    TRY(buf_reserve(out, sizeof header + frame->payload.size));
    buf_append_bytes(out, header, sizeof header);
    buf_append(out, frame->payload);
    return buf_status(out);
}

err_t channel_send_some(int socket, str_t bytes, const int *fds, size_t fd_count, size_t *out_sent)
{
    if (fd_count > CHANNEL_FDS_MAX)
        return ERR_LIMIT;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))] = {0};
    union { /* iovec wants it writable, sendmsg only reads */
        const char *constant;
        void *plain;
    } data = {.constant = bytes.data};
    struct iovec part = {data.plain, bytes.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = (struct cmsghdr *)(void *)control;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN))
        return ERR_BUSY;
    if (sent < 0)
        return errno == EPIPE || errno == ECONNRESET ? ERR_UNAVAILABLE : ERR_IO;
    *out_sent = (size_t)sent;
    return ERR_OK;
}

err_t channel_send(int socket, const channel_frame_t *frame, const int *fds)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    TRY(channel_encode(&bytes, frame));
    size_t at = 0, sent = 0;
    while (at < bytes.size) {
        str_t rest = str_slice(buf_str(&bytes), at, bytes.size);
        TRY(channel_send_some(socket, rest, fds, at == 0 ? frame->fd_count : 0, &sent));
        at += sent;
    }
    return ERR_OK;
}
