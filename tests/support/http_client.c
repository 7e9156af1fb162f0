#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

err_t http_client_open(http_client_t *self, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval wait = {.tv_sec = HTTP_CLIENT_WAIT_S};
    int one = 1;
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    *self = (http_client_t){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (self->fd < 0 || setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 ||
        setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
        setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        connect(self->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        err_t err = err_from_errno(errno);
        http_client_close(self);
        return err;
    }
    return ERR_OK;
}

void http_client_close(http_client_t *self)
{
    if (self->fd > 0)
        close(self->fd);
    self->fd = -1;
    buf_deinit(&self->in);
}

err_t http_client_send(http_client_t *self, str_t bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(self->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN ? ERR_TIMEOUT : ERR_IO;
        bytes = str_slice(bytes, (size_t)sent, bytes.size);
    }
    return ERR_OK;
}

void http_client_end(http_client_t *self)
{
    shutdown(self->fd, SHUT_WR);
}

/* Some bytes more. IO: the end. */
static err_t receive(http_client_t *self)
{
    TRY(buf_reserve(&self->in, 65536));
    ssize_t got = recv(self->fd, self->in.data + self->in.size, 65536, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? ERR_TIMEOUT : ERR_IO;
    self->in.size += (size_t)got;
    return ERR_OK;
}

err_t http_client_read_bytes(http_client_t *self, size_t size, buf_t *out)
{
    while (self->in.size < size)
        TRY(receive(self));
    buf_append_bytes(out, self->in.data, size);
    buf_consume(&self->in, size);
    return buf_status(out);
}

err_t http_client_read_end(http_client_t *self, buf_t *out)
{
    err_t err;
    do {
        err = receive(self);
    } while (err == ERR_OK);
    buf_append(out, buf_str(&self->in));
    buf_reset(&self->in);
    return err == ERR_IO ? ERR_OK : err;
}

/* Up to and with the first `end`. */
static err_t read_until(http_client_t *self, str_t end, buf_t *out)
{
    for (;;) {
        const char *found =
            self->in.size == 0 ? NULL : memmem(self->in.data, self->in.size, end.data, end.size);
        if (found != NULL)
            return http_client_read_bytes(self, (size_t)(found - self->in.data) + end.size, out);
        TRY(receive(self));
    }
}

static err_t read_chunks(http_client_t *self, buf_t *out)
{
    for (;;) {
        buf_t line BUF_SCOPED = BUF_INIT, chunk BUF_SCOPED = BUF_INIT;
        TRY(read_until(self, STR("\r\n"), &line));
        size_t size = strtoull(buf_terminated(&line), NULL, 16);
        TRY(http_client_read_bytes(self, size + 2, &chunk));
        if (!str_ends_with(buf_str(&chunk), STR("\r\n")))
            return ERR_INVALID;
        buf_append_bytes(out, chunk.data, size);
        if (size == 0)
            return buf_status(out);
    }
}

err_t http_client_read(http_client_t *self, bool is_head, http_response_t *out_response)
{
    http_response_t response = {0};
    TRY(read_until(self, STR("\r\n\r\n"), &response.head));
    str_t line = buf_str(&response.head);
    uint32_t status;
    err_t err = str_starts_with(line, STR("HTTP/1.1 "))
                    ? str_to_u32(str_slice(line, 9, 12), &status)
                    : ERR_INVALID;
    str_t length = http_response_header(&response, "content-length");
    str_t coding = http_response_header(&response, "transfer-encoding");
    uint64_t size = 0;
    if (err == ERR_OK) {
        response.status = (int)status;
        if (is_head || status < 200 || status == 204 || status == 304)
            err = ERR_OK;
        else if (str_equal(coding, STR("chunked")))
            err = read_chunks(self, &response.body);
        else if (length.data == NULL)
            err = http_client_read_end(self, &response.body);
        else if ((err = str_to_u64(length, &size)) == ERR_OK)
            err = http_client_read_bytes(self, size, &response.body);
    }
    if (err != ERR_OK) {
        http_response_deinit(&response);
        return err;
    }
    *out_response = response;
    return ERR_OK;
}

err_t http_fetch(uint16_t port, const char *method, const char *target, const char *header_lines,
                 str_t body, http_response_t *out_response)
{
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    buf_t request BUF_SCOPED = BUF_INIT;
    TRY(http_client_open(&client, port));
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s", method, target, port,
               header_lines == NULL ? "" : header_lines);
    if (body.size > 0)
        buf_printf(&request, "Content-Length: %zu\r\n", body.size);
    buf_append(&request, STR("\r\n"));
    buf_append(&request, body);
    TRY(http_client_send(&client, buf_str(&request)));
    return http_client_read(&client, strcmp(method, "HEAD") == 0, out_response);
}

str_t http_response_header(const http_response_t *response, const char *name)
{
    str_t rest = buf_str(&response->head), line;
    while (str_next(&rest, '\n', &line)) {
        size_t colon = str_find(line, ':');
        if (colon < line.size && str_equal_ignoring_case(str_slice(line, 0, colon), str_from(name)))
            return str_trim(str_slice(line, colon + 1, line.size));
    }
    return (str_t){NULL, 0};
}

void http_response_deinit(http_response_t *self)
{
    buf_deinit(&self->head);
    buf_deinit(&self->body);
}

/* ---- WebSocket ---- */

err_t http_client_upgrade(http_client_t *self, uint16_t port, const char *target,
                          const char *header_lines, const char *subprotocol)
{
    buf_t request BUF_SCOPED = BUF_INIT;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    TRY(http_client_open(self, port));
    buf_printf(&request,
               "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nOrigin: http://127.0.0.1:%u\r\n"
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s",
               target, port, port, header_lines == NULL ? "" : header_lines);
    if (subprotocol != NULL)
        buf_printf(&request, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
    buf_append(&request, STR("\r\n"));
    TRY(http_client_send(self, buf_str(&request)));
    TRY(http_client_read(self, false, &response));
    /* The key and its answer are the example of RFC 6455 §1.3. */
    bool is_accepted =
        response.status == 101 && str_equal(http_response_header(&response, "sec-websocket-accept"),
                                            STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    return is_accepted ? ERR_OK : ERR_INVALID;
}

err_t http_client_send_frame(http_client_t *self, uint8_t first_byte, str_t payload)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    buf_t frame BUF_SCOPED = BUF_INIT;
    size_t length_size = payload.size < 126 ? 0 : payload.size < 65536 ? 2 : 8;
    buf_append_char(&frame, (char)first_byte);
    buf_append_char(&frame, (char)(0x80 | (length_size == 0   ? payload.size
                                           : length_size == 2 ? 126
                                                              : 127)));
    for (size_t i = 0; i < length_size; i++)
        buf_append_char(&frame, (char)(payload.size >> (8 * (length_size - 1 - i))));
    buf_append_bytes(&frame, mask, sizeof mask);
    for (size_t i = 0; i < payload.size; i++)
        buf_append_char(&frame, (char)((uint8_t)payload.data[i] ^ mask[i % 4]));
    TRY(buf_status(&frame));
    return http_client_send(self, buf_str(&frame));
}

err_t http_client_read_frame(http_client_t *self, uint8_t *out_first_byte, buf_t *out_payload)
{
    buf_t header BUF_SCOPED = BUF_INIT;
    TRY(http_client_read_bytes(self, 2, &header));
    uint8_t first = (uint8_t)header.data[0], form = (uint8_t)header.data[1];
    if (form > 127)
        return ERR_INVALID;
    uint64_t size = form;
    size_t length_size = form == 126 ? 2 : form == 127 ? 8 : 0;
    if (length_size > 0) {
        TRY(http_client_read_bytes(self, length_size, &header));
        size = 0;
        for (size_t i = 0; i < length_size; i++)
            size = size << 8 | (uint8_t)header.data[2 + i];
        if (size < (length_size == 2 ? 126u : 65536u))
            return ERR_INVALID;
    }
    buf_reset(out_payload);
    TRY(http_client_read_bytes(self, size, out_payload));
    *out_first_byte = first;
    return ERR_OK;
}
