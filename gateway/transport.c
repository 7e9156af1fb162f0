#include "gateway/transport.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static int64_t result_of(ssize_t count)
{
    if (count >= 0)
        return count;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static int64_t plain_receive(void *context UNUSED, int fd, void *out, size_t size)
{
    return result_of(recv(fd, out, size, 0));
}

static int64_t plain_send(void *context UNUSED, int fd, const struct iovec *parts, size_t count,
                          bool has_more)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
    return result_of(sendmsg(fd, &message, MSG_NOSIGNAL | (has_more ? MSG_MORE : 0)));
}

static int64_t plain_send_file(void *context UNUSED, int fd, int file, uint64_t offset, size_t size)
{
    off_t at = (off_t)offset;
    return result_of(sendfile(fd, file, &at, size));
}

const transport_t transport_plain = {plain_receive, plain_send, plain_send_file, NULL};
