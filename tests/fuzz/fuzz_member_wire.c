/* What a peer says as a member: a word that there is, and all of it written again byte for byte,
 * but for the byte that is 1 or not. An older version says less: the rest is 0. */
#include "node/cluster/member_wire.h"
#include "runtime/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[MEMBER_MESSAGE_SIZE];
    member_message_t message;
    if (member_message_read(str_of((const char *)data, size), &message) != ERR_OK)
        return 0;
    size_t used = size < sizeof again ? MEMBER_MESSAGE_SIZE_MIN : sizeof again;
    ASSERT(size >= used && message.word > 0 && message.word < MEMBER_WORDS);
    member_message_write(&message, again);
    ASSERT(again[0] == data[0] && again[1] == (data[1] == 1));
    ASSERT(memcmp(again + 2, data + 2, used - 2) == 0);
    ASSERT(used == sizeof again || (message.moving == 0 && message.queue_age_ms == 0));
    return 0;
}
