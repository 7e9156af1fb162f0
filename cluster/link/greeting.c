#include "cluster/link/greeting.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { PROVED_MAX = FRAME_HELLO_SIZE - FRAME_PROOF_SIZE + 2 * LINK_KEY_SIZE };

static bool prove(const greeting_keys_t *keys, uint32_t index, str_t bytes,
                  uint8_t out[FRAME_PROOF_SIZE])
{
    uint8_t text[PROVED_MAX];
    memcpy(text, bytes.data, bytes.size);
    memcpy(text + bytes.size, keys->sender, LINK_KEY_SIZE);
    memcpy(text + bytes.size + LINK_KEY_SIZE, keys->receiver, LINK_KEY_SIZE);
    unsigned size = FRAME_PROOF_SIZE;
    return HMAC(EVP_sha256(), keys->cluster->keys[index], CLUSTER_KEY_SIZE, text,
                bytes.size + 2 * (size_t)LINK_KEY_SIZE, out, &size) != NULL;
}

bool greeting_is_proved(str_t bytes, const greeting_keys_t *keys)
{
    uint8_t want[FRAME_PROOF_SIZE];
    str_t said = str_slice(bytes, 0, bytes.size - FRAME_PROOF_SIZE);
    for (uint32_t i = 0; i < keys->cluster->count; i++)
        if (prove(keys, i, said, want) &&
            CRYPTO_memcmp(want, bytes.data + said.size, sizeof want) == 0)
            return true;
    return false;
}

err_t hello_write(const hello_t *hello, const greeting_keys_t *keys, char out[FRAME_HELLO_SIZE])
{
    const uint64_t said[] = {hello->from, hello->to, hello->session, hello->number};
    frame_head((uint8_t *)out, FRAME_HELLO, hello->lane, hello->oldest);
    memcpy(out + FRAME_HEAD_SIZE, said, sizeof said);
    size_t size = FRAME_HEAD_SIZE + sizeof said;
    return prove(keys, 0, str_of(out, size), (uint8_t *)out + size) ? ERR_OK : ERR_INTERNAL;
}

err_t hello_read(const frame_t *frame, hello_t *out)
{
    hello_t hello = {
        .lane = (link_lane_t)frame->count,
        .oldest = frame->seq,
        .from = frame_u64(frame->body.data),
        .to = frame_u64(frame->body.data + 8),
        .session = frame_u64(frame->body.data + 16),
        .number = frame_u64(frame->body.data + 24),
    };
    if (frame->count >= LINK_LANES || hello.oldest == 0 || hello.session == 0)
        return ERR_INVALID;
    *out = hello;
    return ERR_OK;
}

err_t welcome_write(const welcome_t *welcome, const greeting_keys_t *keys,
                    char out[FRAME_WELCOME_SIZE])
{
    frame_head((uint8_t *)out, FRAME_WELCOME, 0, welcome->seq);
    memcpy(out + FRAME_HEAD_SIZE, &welcome->number, sizeof welcome->number);
    size_t size = FRAME_HEAD_SIZE + sizeof welcome->number;
    return prove(keys, 0, str_of(out, size), (uint8_t *)out + size) ? ERR_OK : ERR_INTERNAL;
}

void welcome_read(const frame_t *frame, welcome_t *out)
{
    *out = (welcome_t){.number = frame_u64(frame->body.data), .seq = frame->seq};
}
