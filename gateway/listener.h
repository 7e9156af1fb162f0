#pragma once
/* listener.h -- a listening TCP socket that several schedulers may share (SO_REUSEPORT).
 *
 * Threads  None: functions of the kernel's state. */

#include "runtime/base/error.h"

#include <sys/socket.h>

/* `host` is an address or a name, of which the first address is taken. Port 0: any free one;
 * *out_port is the one it became.
 *   CONFLICT   the port is in use; with SO_REUSEPORT the kernel alone would let a second program of
 *              the same user share it, so unless `is_port_shared` it is tried without first
 *   NOT_FOUND  the host has no address, or none of this machine
 *   FORBIDDEN  the port is not for this user
 *   BUSY       no more file descriptors */
err_t listener_open(const char *host, uint16_t port, bool is_port_shared, int *out_fd,
                    uint16_t *out_port);

/* The next connection, non-blocking and without delay. -1: none, *out_is_full when descriptors ran
 * out. */
int listener_accept(int fd, struct sockaddr_storage *out_address, bool *out_is_full);
