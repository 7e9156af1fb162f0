#include "gateway/websocket_codec.h"

#include "gateway/websocket.h"

enum {
    FIN_BIT = 0x80,
    RESERVED_BITS = 0x70,
    OPCODE_BITS = 0x0f,
    MASK_BIT = 0x80,
    MASK_SIZE = 4,
    KEPT_SIZE_MAX = 4096
};

void websocket_reader_init(websocket_reader_t *self, size_t message_size_max)
{
    *self = (websocket_reader_t){.header_needed = 2, .message = {.size_max = message_size_max}};
}

void websocket_reader_deinit(websocket_reader_t *self)
{
    buf_deinit(&self->message);
}

/* ---- UTF-8, Unicode 15 table 3-7: after some first bytes the second has a narrower range ---- */

static bool take_first_byte(utf8_reader_t *self, uint8_t c)
{
    self->low = 0x80;
    self->high = 0xbf;
    if (c < 0x80)
        return true;
    if (c < 0xc2 || c > 0xf4)
        return false;
    self->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    if (c == 0xe0)
        self->low = 0xa0;
    else if (c == 0xed)
        self->high = 0x9f;
    else if (c == 0xf0)
        self->low = 0x90;
    else if (c == 0xf4)
        self->high = 0x8f;
    return true;
}

bool utf8_reader_take(utf8_reader_t *self, str_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = (uint8_t)bytes.data[i];
        if (self->left == 0) {
            if (!take_first_byte(self, c))
                return false;
            continue;
        }
        if (c < self->low || c > self->high)
            return false;
        self->left--;
        self->low = 0x80;
        self->high = 0xbf;
    }
    return true;
}

/* ---- frames ---- */

bool websocket_code_is_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static websocket_event_t fail(websocket_reader_t *self, uint16_t code)
{
    self->is_ended = true;
    self->code = code;
    self->payload = STR("");
    return WEBSOCKET_FAILED;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

static uint64_t length_of(const websocket_reader_t *self)
{
    uint64_t length = self->header[1] & 0x7fu;
    size_t size = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (size > 0)
        length = 0;
    for (size_t i = 0; i < size; i++)
        length = length << 8 | self->header[2 + i];
    return length;
}

/* The two bytes that every frame has. 0, or the code to fail with. */
static uint16_t check_start(websocket_reader_t *self)
{
    uint8_t opcode = self->header[0] & OPCODE_BITS, length = self->header[1] & 0x7f;
    self->is_final = (self->header[0] & FIN_BIT) != 0;
    self->opcode = opcode;
    if ((self->header[0] & RESERVED_BITS) != 0 ||
        (opcode > OPCODE_BINARY && opcode < OPCODE_CLOSE) || opcode > OPCODE_PONG)
        return WEBSOCKET_PROTOCOL_ERROR;
    if ((self->header[1] & MASK_BIT) == 0)
        return WEBSOCKET_PROTOCOL_ERROR;
    if (is_control(opcode) && (!self->is_final || length > WEBSOCKET_CONTROL_SIZE_MAX))
        return WEBSOCKET_PROTOCOL_ERROR;
    if (!is_control(opcode) && (opcode == OPCODE_CONTINUATION) != (self->message_opcode != 0))
        return WEBSOCKET_PROTOCOL_ERROR;
    self->header_needed = (uint8_t)(2 + MASK_SIZE + (length == 126 ? 2 : length == 127 ? 8 : 0));
    return 0;
}

/* The length, as soon as it is there: before mask and payload. */
static uint16_t check_length(websocket_reader_t *self)
{
    uint8_t form = self->header[1] & 0x7f;
    uint64_t length = length_of(self);
    if ((form == 126 && length < 126) || (form == 127 && (length <= 0xffff || length >> 63 != 0)))
        return WEBSOCKET_PROTOCOL_ERROR;
    if (!is_control(self->opcode) && self->message.size_max != 0 &&
        length > self->message.size_max - self->message.size)
        return WEBSOCKET_TOO_BIG;
    self->left = length;
    return 0;
}

static void begin_payload(websocket_reader_t *self)
{
    self->is_in_payload = true;
    self->mask_at = 0;
    self->control_size = 0;
    if (is_control(self->opcode) || self->opcode == OPCODE_CONTINUATION)
        return;
    self->message_opcode = self->opcode;
    self->utf8 = (utf8_reader_t){0};
}

/* An idle socket keeps a small buffer only. */
static void forget_message(websocket_reader_t *self)
{
    size_t size_max = self->message.size_max;
    if (self->message.capacity > KEPT_SIZE_MAX)
        buf_deinit(&self->message);
    buf_reset(&self->message);
    self->message.size_max = size_max;
}

static uint16_t take_header_byte(websocket_reader_t *self, uint8_t byte)
{
    uint16_t code = 0;
    self->header[self->header_size++] = byte;
    if (self->header_size == 2) {
        /* A finished message was borrowed until now; a new one must not count its size. */
        if (self->message_opcode == 0)
            forget_message(self);
        code = check_start(self);
    }
    if (code == 0 && self->header_size >= 2 && self->header_size == self->header_needed - MASK_SIZE)
        code = check_length(self);
    if (code == 0 && self->header_size >= 2 && self->header_size == self->header_needed)
        begin_payload(self);
    return code;
}

static void unmask(websocket_reader_t *self, char *out, const char *data, size_t size)
{
    const uint8_t *mask = self->header + self->header_needed - MASK_SIZE;
    for (size_t i = 0; i < size; i++)
        out[i] = (char)((uint8_t)data[i] ^ mask[(self->mask_at + i) & 3]);
    self->mask_at = (uint8_t)((self->mask_at + size) & 3);
}

/* 0, or the code to fail with. */
static uint16_t take_payload(websocket_reader_t *self, const char *data, size_t size)
{
    self->left -= size;
    if (is_control(self->opcode)) {
        unmask(self, self->control + self->control_size, data, size);
        self->control_size = (uint8_t)(self->control_size + size);
        return 0;
    }
    char *room = size == 0 ? NULL : buf_extend(&self->message, size);
    if (room != NULL)
        unmask(self, room, data, size);
    if (buf_status(&self->message) != ERR_OK)
        return WEBSOCKET_INTERNAL;
    bool is_text = self->message_opcode == OPCODE_TEXT;
    if (is_text && !utf8_reader_take(&self->utf8, str_of(room, room == NULL ? 0 : size)))
        return WEBSOCKET_INVALID_TEXT;
    return 0;
}

static websocket_event_t end_close(websocket_reader_t *self)
{
    str_t payload = str_of(self->control, self->control_size);
    utf8_reader_t utf8 = {0};
    if (payload.size == 1)
        return fail(self, WEBSOCKET_PROTOCOL_ERROR);
    uint16_t code = WEBSOCKET_NO_STATUS;
    if (payload.size >= 2) {
        code = (uint16_t)((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1]);
        if (!websocket_code_is_valid(code))
            return fail(self, WEBSOCKET_PROTOCOL_ERROR);
    }
    self->payload = str_slice(payload, 2, payload.size);
    if (!utf8_reader_take(&utf8, self->payload) || utf8.left != 0)
        return fail(self, WEBSOCKET_INVALID_TEXT);
    self->is_ended = true;
    self->code = code;
    return WEBSOCKET_CLOSE;
}

static websocket_event_t end_message(websocket_reader_t *self)
{
    if (!self->is_final)
        return WEBSOCKET_MORE;
    bool is_text = self->message_opcode == OPCODE_TEXT;
    self->message_opcode = 0;
    if (is_text && self->utf8.left != 0)
        return fail(self, WEBSOCKET_INVALID_TEXT);
    self->payload = buf_str(&self->message);
    return is_text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY;
}

/* The frame is whole. MORE: it was a fragment. */
static websocket_event_t end_frame(websocket_reader_t *self)
{
    self->is_in_payload = false;
    self->header_size = 0;
    self->header_needed = 2;
    if (!is_control(self->opcode))
        return end_message(self);
    if (self->opcode == OPCODE_CLOSE)
        return end_close(self);
    self->payload = str_of(self->control, self->control_size);
    return self->opcode == OPCODE_PING ? WEBSOCKET_PING : WEBSOCKET_PONG;
}

websocket_event_t websocket_reader_step(websocket_reader_t *self, const char *data, size_t size,
                                        size_t *out_used)
{
    size_t used = 0;
    uint16_t code = 0;
    websocket_event_t event = WEBSOCKET_MORE;
    while (event == WEBSOCKET_MORE && code == 0 && !self->is_ended) {
        if (self->is_in_payload && self->left == 0) {
            event = end_frame(self);
        } else if (used == size) {
            break;
        } else if (self->is_in_payload) {
            size_t step = (size_t)MIN(self->left, (uint64_t)(size - used));
            code = take_payload(self, data + used, step);
            used += step;
        } else {
            code = take_header_byte(self, (uint8_t)data[used++]);
        }
    }
    *out_used = used;
    return code != 0 ? fail(self, code) : event;
}

size_t websocket_header(websocket_opcode_t opcode, uint64_t size,
                        uint8_t out_header[WEBSOCKET_HEADER_SIZE_MAX])
{
    size_t length_size = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
    out_header[0] = (uint8_t)(FIN_BIT | opcode);
    out_header[1] = (uint8_t)(length_size == 0 ? size : length_size == 2 ? 126 : 127);
    for (size_t i = 0; i < length_size; i++)
        out_header[2 + i] = (uint8_t)(size >> (8 * (length_size - 1 - i)));
    return 2 + length_size;
}
