#pragma once
/* websocket_codec.h -- the frames of RFC 6455, from a client: bytes in, events out. No socket.
 *
 * It makes no difference how the bytes are cut. Checked at the earliest byte that tells: masks,
 * reserved bits and opcodes (§5.2), minimal lengths, fragments and control frames (§5.4, §5.5),
 * UTF-8 across fragments (§8.1), close codes (§7.4), the size of a message before its bytes come.
 * After CLOSE or FAILED the reader takes no more.
 *
 * Ownership  Owns the message that it gathers; `payload` is borrowed until the next step.
 * Threads    None. */

#include "runtime/base/buf.h"

enum {
    WEBSOCKET_CONTROL_SIZE_MAX = 125,
    WEBSOCKET_HEADER_SIZE_MAX = 10 /* of a frame to a client: no mask */
};

typedef enum websocket_opcode {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10
} websocket_opcode_t;

typedef enum websocket_event {
    WEBSOCKET_MORE,   /* all bytes were used */
    WEBSOCKET_TEXT,   /* payload: a whole message */
    WEBSOCKET_BINARY, /* the same */
    WEBSOCKET_PING,   /* payload: what the pong repeats */
    WEBSOCKET_PONG,
    WEBSOCKET_CLOSE, /* code (1005: none given), payload: the reason */
    WEBSOCKET_FAILED /* code to close with: 1002, 1007, 1009, 1011 */
} websocket_event_t;

typedef struct utf8_reader {
    uint8_t left;      /* bytes of the current code point still to come */
    uint8_t low, high; /* what the next one may be */
} utf8_reader_t;

typedef struct websocket_reader {
    buf_t message;
    str_t payload;
    uint16_t code;
    uint8_t header[14];
    uint8_t header_size, header_needed;
    uint8_t opcode;         /* of the frame */
    uint8_t message_opcode; /* of the message that is open, 0: none */
    uint8_t mask_at;
    uint8_t control_size;
    bool is_final, is_in_payload, is_ended;
    utf8_reader_t utf8;
    uint64_t left; /* of the frame's payload */
    char control[WEBSOCKET_CONTROL_SIZE_MAX];
} websocket_reader_t;

void websocket_reader_init(websocket_reader_t *self, size_t message_size_max);
void websocket_reader_deinit(websocket_reader_t *self);
/* Takes bytes up to the next event; *out_used of them were used. */
websocket_event_t websocket_reader_step(websocket_reader_t *self, const char *data, size_t size,
                                        size_t *out_used);

/* The header of one whole unmasked frame; returns its size. */
size_t websocket_header(websocket_opcode_t opcode, uint64_t size,
                        uint8_t out_header[WEBSOCKET_HEADER_SIZE_MAX]);

/* May stand in a Close frame: 1000-1003, 1007-1014, 3000-4999 (§7.4, and the registry). */
bool websocket_code_is_valid(uint16_t code);

/* Takes bytes of text; false at the first that cannot be UTF-8. At its end, left must be 0. */
bool utf8_reader_take(utf8_reader_t *self, str_t bytes);
