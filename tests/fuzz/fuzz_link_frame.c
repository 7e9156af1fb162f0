/* What a peer sends, frame after frame: each that is read is handed to a lane's receiving half.
 * What comes out was in it, is of a type that may come on the lane, and no larger than that allows;
 * the lane's number never goes back. */
#include "cluster/link/greeting.h"
#include "cluster/link/inbound.h"
#include "runtime/base/assert.h"

#include <stdlib.h>

static void on_message(void *context, const link_message_t *message)
{
    const link_lane_t *lane = context;
    size_t size_max = frame_size_max(message->type, *lane);
    ASSERT(size_max != 0 && message->payload.size <= size_max);
    uint8_t sum = 0;
    for (size_t i = 0; i < message->payload.size; i++)
        sum = (uint8_t)(sum + (uint8_t)message->payload.data[i]); /* each byte is there */
    if (sum == 0 && message->payload.size == SIZE_MAX)
        abort();
}

static void take(inbound_t *in, str_t bytes)
{
    static const uint8_t key[LINK_KEY_SIZE];
    cluster_keys_t cluster = {.count = 1};
    greeting_keys_t keys = {&cluster, key, key};
    frame_t frame;
    hello_t hello;
    if (frame_read(bytes, &frame) != ERR_OK)
        return;
    uint64_t seq = in->seq, due_ns;
    if (frame.kind == FRAME_HELLO && hello_read(&frame, &hello) == ERR_OK) {
        ASSERT(!greeting_is_proved(bytes, &keys) || bytes.size == FRAME_HELLO_SIZE);
        (void)inbound_greeted(in, hello.session, hello.oldest);
        return;
    }
    if (frame.kind != FRAME_BATCH && frame.kind != FRAME_PIECE)
        return;
    inbound_verdict_t verdict = inbound_take(in, &frame, 1);
    ASSERT(in->seq == seq + (verdict == INBOUND_TAKEN));
    (void)inbound_ack_due(in, 1, &due_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    link_lane_t lane = data[0] % LINK_LANES;
    link_handler_t handlers[LINK_TYPES] = {
        [LINK_MEMBERSHIP] = {on_message, &lane}, [LINK_RUNTIME] = {on_message, &lane}};
    inbound_t in;
    inbound_init(&in, 1, lane, handlers);
    (void)inbound_greeted(&in, 1, 1);
    /* Frames, each after two bytes that are its size. */
    str_t rest = str_of(data + 1, size - 1);
    while (rest.size >= 2) {
        size_t next = (uint8_t)rest.data[0] | (size_t)(uint8_t)rest.data[1] << 8;
        /* In memory of its own: what reads past its end is seen. */
        str_t frame = str_slice(rest, 2, 2 + next);
        char *copy = malloc(frame.size + 1);
        if (copy == NULL)
            abort();
        memcpy(copy + 1, frame.data, frame.size);
        take(&in, str_of(copy + 1, frame.size));
        free(copy);
        rest = str_slice(rest, 2 + next, rest.size);
    }
    inbound_deinit(&in);
    return 0;
}
