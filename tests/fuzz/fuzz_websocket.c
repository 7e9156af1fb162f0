/* The reader of WebSocket frames: the first byte says how the rest is cut; the cut must not matter,
 * a text must be UTF-8, and nothing may pass its bounds. */
#include "gateway/websocket_codec.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

enum { MESSAGE_SIZE_MAX = 512 };

static void check_event(const websocket_reader_t *reader, websocket_event_t event)
{
    ASSERT(reader->payload.size <= MESSAGE_SIZE_MAX);
    if (event == WEBSOCKET_TEXT || event == WEBSOCKET_CLOSE)
        ASSERT(utf8_is_valid(reader->payload));
    if (event == WEBSOCKET_PING || event == WEBSOCKET_PONG || event == WEBSOCKET_CLOSE)
        ASSERT(reader->payload.size <= WEBSOCKET_CONTROL_SIZE_MAX);
    if (event == WEBSOCKET_CLOSE)
        ASSERT(reader->code == 1005 || websocket_code_is_valid(reader->code));
    if (event == WEBSOCKET_FAILED)
        ASSERT(websocket_code_is_valid(reader->code));
}

static void transcribe(str_t bytes, size_t step, buf_t *out)
{
    websocket_reader_t reader;
    websocket_reader_init(&reader, MESSAGE_SIZE_MAX);
    while (bytes.size > 0 && !reader.is_ended) {
        str_t part = str_slice(bytes, 0, step);
        size_t used = 0;
        websocket_event_t event = websocket_reader_step(&reader, part.data, part.size, &used);
        ASSERT(used <= part.size && (used == part.size || event != WEBSOCKET_MORE));
        bytes = str_slice(bytes, used, bytes.size);
        if (event == WEBSOCKET_MORE)
            continue;
        check_event(&reader, event);
        buf_printf(out, "%d %u %zu ", (int)event, reader.code, reader.payload.size);
        buf_append(out, reader.payload);
    }
    websocket_reader_deinit(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    buf_t whole BUF_SCOPED = BUF_INIT, cut BUF_SCOPED = BUF_INIT;
    transcribe(str_of(data + 1, size - 1), SIZE_MAX, &whole);
    transcribe(str_of(data + 1, size - 1), (size_t)1 + data[0] % 16, &cut);
    ASSERT(str_equal(buf_str(&whole), buf_str(&cut)));
    return 0;
}
