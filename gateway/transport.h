#pragma once
/* transport.h -- how bytes cross a connected socket: the place where TLS goes between.
 *
 * Every function returns a count of bytes above 0; 0 at the end of input; or -errno, where -EAGAIN
 * means later. `context` is the table's, the same for all connections: tests put faults there. */

#include "runtime/base/attributes.h"

#include <sys/uio.h>

typedef struct transport {
    int64_t (*receive)(void *context, int fd, void *out, size_t size);
    /* has_more: more follows at once, so a small packet may wait for it (MSG_MORE). */
    int64_t (*send)(void *context, int fd, const struct iovec *parts, size_t count, bool has_more);
    int64_t (*send_file)(void *context, int fd, int file, uint64_t offset, size_t size);
    void *context;
} transport_t;

/* recv, sendmsg and sendfile on a non-blocking socket. */
extern const transport_t transport_plain;
