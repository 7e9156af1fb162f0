#pragma once
/* http_client.h -- a blocking HTTP/1.1 and WebSocket client for tests: it sends any bytes, and
 * reads answers strictly.
 *
 * Every wait ends after HTTP_CLIENT_WAIT_S with a failure, so a test never hangs.
 * Ownership  The response owns its bytes; http_response_deinit. */

#include "runtime/base/buf.h"
#include "tests/support/patience.h"

enum { HTTP_CLIENT_WAIT_S = PATIENCE_MS / 1000 };

typedef struct http_client {
    int fd;
    buf_t in; /* received, not yet used */
} http_client_t;

typedef struct http_response {
    int status;
    buf_t head; /* status line and headers */
    buf_t body;
} http_response_t;

/* To 127.0.0.1. */
err_t http_client_open(http_client_t *self, uint16_t port);
void http_client_close(http_client_t *self);
#define HTTP_CLIENT_SCOPED SCOPED(http_client_close)

err_t http_client_send(http_client_t *self, str_t bytes);
void http_client_end(http_client_t *self); /* closes our half */
/* INVALID: not an answer; IO: closed before its end; TIMEOUT. is_head: no body whatever it says. */
err_t http_client_read(http_client_t *self, bool is_head, http_response_t *out_response);
/* Exactly `size` bytes. IO, TIMEOUT. */
err_t http_client_read_bytes(http_client_t *self, size_t size, buf_t *out);
/* Everything until the server closes. */
err_t http_client_read_end(http_client_t *self, buf_t *out);

/* Opens, sends "METHOD TARGET HTTP/1.1", Host, the extra header lines and the body, reads, closes.
 */
err_t http_fetch(uint16_t port, const char *method, const char *target, const char *header_lines,
                 str_t body, http_response_t *out_response);

/* data is NULL when there is none. */
str_t http_response_header(const http_response_t *response, const char *name);
void http_response_deinit(http_response_t *self);
#define HTTP_RESPONSE_SCOPED SCOPED(http_response_deinit)

/* ---- WebSocket ---- */

/* Upgrades with the right Origin; subprotocol may be NULL. INVALID: not 101. */
err_t http_client_upgrade(http_client_t *self, uint16_t port, const char *target,
                          const char *header_lines, const char *subprotocol);
/* One masked frame; first_byte holds FIN, reserved bits and opcode. */
err_t http_client_send_frame(http_client_t *self, uint8_t first_byte, str_t payload);
/* One frame from the server: INVALID when masked or not minimal. */
err_t http_client_read_frame(http_client_t *self, uint8_t *out_first_byte, buf_t *out_payload);
