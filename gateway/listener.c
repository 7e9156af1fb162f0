#include "gateway/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024 };

static err_t error_of(int error_number)
{
    return error_number == EADDRNOTAVAIL ? ERR_NOT_FOUND : err_from_errno(error_number);
}

static err_t bind_socket(const struct addrinfo *info, bool is_shared, int *out_fd)
{
    int one = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_of(errno);
    int rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (rc == 0 && is_shared)
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (rc == 0)
        rc = bind(fd, info->ai_addr, info->ai_addrlen);
    if (rc != 0) {
        int error_number = errno;
        close(fd);
        return error_of(error_number);
    }
    *out_fd = fd;
    return ERR_OK;
}

static err_t port_of(int fd, uint16_t *out_port)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return error_of(errno);
    memcpy(&in, &address, sizeof in);
    memcpy(&in6, &address, sizeof in6);
    *out_port = ntohs(address.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
    return ERR_OK;
}

static err_t open_at(const struct addrinfo *info, bool is_shared, int *out_fd, uint16_t *out_port)
{
    int fd;
    if (!is_shared) {
        TRY(bind_socket(info, false, &fd));
        close(fd);
    }
    TRY(bind_socket(info, true, &fd));
    err_t err = listen(fd, LISTEN_BACKLOG) == 0 ? ERR_OK : error_of(errno);
    if (err == ERR_OK)
        err = port_of(fd, out_port);
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    *out_fd = fd;
    return ERR_OK;
}

err_t listener_open(const char *host, uint16_t port, bool is_port_shared, int *out_fd,
                    uint16_t *out_port)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *info = NULL;
    if (getaddrinfo(host, service, &hints, &info) != 0 || info == NULL)
        return ERR_NOT_FOUND;
    err_t err = open_at(info, is_port_shared, out_fd, out_port);
    freeaddrinfo(info);
    return err;
}

int listener_accept(int fd, struct sockaddr_storage *out_address, bool *out_is_full)
{
    int one = 1, client;
    do {
        socklen_t size = sizeof *out_address;
        client = accept4(fd, (struct sockaddr *)out_address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (client < 0 && (errno == EINTR || errno == ECONNABORTED));
    *out_is_full = client < 0 && (errno == EMFILE || errno == ENFILE);
    /* Answers are gathered before they are sent: waiting for more would only delay them. */
    if (client >= 0 && setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        close(client);
        return -1;
    }
    return client;
}
