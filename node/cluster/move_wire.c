#include "node/cluster/move_wire.h"

static void append_number(buf_t *out, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buf_append_char(out, (char)(uint8_t)(number >> (8 * i)));
}

static uint64_t number_at(str_t bytes, size_t at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i > 0; i--)
        number = number << 8 | (uint8_t)bytes.data[at + i - 1];
    return number;
}

err_t move_message_write(const handover_message_t *message, buf_t *out)
{
    append_number(out, message->kind, 1);
    append_number(out, message->version, 8);
    append_number(out, message->count, 4);
    for (size_t i = 0; i < message->count; i++) {
        append_number(out, message->items[i].partition, 4);
        append_number(out, message->items[i].epoch, 8);
    }
    return buf_status(out);
}

err_t move_message_read(str_t bytes, handover_item_t *items, handover_message_t *out)
{
    if (bytes.size < MOVE_HEAD_SIZE)
        return ERR_INVALID;
    uint64_t kind = number_at(bytes, 0, 1), count = number_at(bytes, 9, 4);
    if (kind < HANDOVER_VIEW || kind > HANDOVER_RELEASED || count > HANDOVER_BATCH_MAX ||
        bytes.size - MOVE_HEAD_SIZE < count * MOVE_ITEM_SIZE)
        return ERR_INVALID;
    for (size_t i = 0; i < count; i++) {
        size_t at = MOVE_HEAD_SIZE + i * MOVE_ITEM_SIZE;
        uint64_t partition = number_at(bytes, at, 4);
        if (partition >= PARTITION_COUNT)
            return ERR_INVALID;
        items[i] = (handover_item_t){.partition = (uint32_t)partition,
                                     .epoch = number_at(bytes, at + 4, 8)};
    }
    *out = (handover_message_t){.kind = (handover_message_kind_t)kind,
                                .version = number_at(bytes, 1, 8),
                                .count = count,
                                .items = items};
    return ERR_OK;
}
