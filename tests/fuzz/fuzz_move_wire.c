/* What a peer says of partitions: what is read has partitions that there are, and is written again
 * byte for byte. */
#include "node/cluster/move_wire.h"
#include "runtime/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static handover_item_t items[HANDOVER_BATCH_MAX];
    buf_t again BUF_SCOPED = BUF_INIT;
    handover_message_t message;
    if (move_message_read(str_of((const char *)data, size), items, &message) != ERR_OK)
        return 0;
    ASSERT(message.count <= HANDOVER_BATCH_MAX);
    for (size_t i = 0; i < message.count; i++)
        ASSERT(message.items[i].partition < PARTITION_COUNT);
    ASSERT(move_message_write(&message, &again) == ERR_OK);
    ASSERT(again.size == MOVE_HEAD_SIZE + message.count * MOVE_ITEM_SIZE && again.size <= size);
    ASSERT(memcmp(again.data, data, again.size) == 0);
    return 0;
}
