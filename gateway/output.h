#pragma once
/* output.h -- what waits to be sent on one connection: a queue of bytes, shared frames and files.
 *
 * Invariants  size is the bytes in memory that wait, file_count the files, a descriptor each. Small
 *             appends are gathered, so the answers of several pipelined requests leave in one
 * packet. Ownership   The queue owns its parts; a file's descriptor is closed when it was sent or
 * dropped. Threads     The server's. Errors      NO_MEMORY: nothing was appended (a taken
 * descriptor or buffer is released). */

#include "gateway/transport.h"
#include "runtime/base/buf.h"

/* Bytes that several queues share: a WebSocket frame on its way to many. */
typedef struct shared_bytes {
    uint32_t ref_count;
    size_t size;
    char data[];
} shared_bytes_t;

[[nodiscard]] shared_bytes_t *shared_bytes_new(size_t size);
shared_bytes_t *shared_bytes_ref(shared_bytes_t *self);
void shared_bytes_unref(shared_bytes_t **self);

typedef struct output_part output_part_t;

typedef struct output {
    output_part_t *first, *last;
    size_t size;
    uint32_t file_count;
} output_t;

void output_deinit(output_t *self); /* drops everything */

err_t output_append(output_t *self, str_t bytes);                  /* a copy */
err_t output_append_buf(output_t *self, buf_t *bytes);             /* takes it */
err_t output_append_shared(output_t *self, shared_bytes_t *bytes); /* one more reference */
err_t output_append_file(output_t *self, int fd, uint64_t offset, uint64_t size); /* takes fd */

/* Drops all parts of which nothing was sent: what was begun is still whole on the wire. */
void output_drop_unsent(output_t *self);
bool output_is_empty(const output_t *self);

/* Sends until nothing is left, the socket takes no more, or HTTP_FILE_STEP_SIZE bytes of files
 * went; *out_sent is what went. IO: the connection is of no further use. */
err_t output_flush(output_t *self, const transport_t *transport, int fd, uint64_t *out_sent);
