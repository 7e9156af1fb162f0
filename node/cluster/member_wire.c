#include "node/cluster/member_wire.h"

static void put(uint8_t *at, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(number >> (56 - 8 * i));
}

static uint64_t take(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

void member_message_write(const member_message_t *message, uint8_t out[MEMBER_MESSAGE_SIZE])
{
    out[0] = (uint8_t)message->word;
    out[1] = message->is_member ? 1 : 0;
    put(out + 2, message->about);
    put(out + 10, message->sent_ms);
    put(out + 18, message->version);
    put(out + 26, message->moving);
    put(out + 34, message->queue_age_ms);
}

err_t member_message_read(str_t bytes, member_message_t *out)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    bool is_whole = bytes.size >= MEMBER_MESSAGE_SIZE;
    if (bytes.size < MEMBER_MESSAGE_SIZE_MIN || at[0] == 0 || at[0] >= MEMBER_WORDS)
        return ERR_INVALID;
    *out = (member_message_t){.word = (member_word_t)at[0],
                              .is_member = at[1] == 1,
                              .about = take(at + 2),
                              .sent_ms = take(at + 10),
                              .version = take(at + 18),
                              .moving = is_whole ? take(at + 26) : 0,
                              .queue_age_ms = is_whole ? take(at + 34) : 0};
    return ERR_OK;
}
