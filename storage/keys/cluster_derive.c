#include "storage/keys/cluster_derive.h"

#include <openssl/hmac.h>

err_t cluster_derive(const uint8_t cluster_key[AEAD_KEY_SIZE], const char *purpose,
                     aead_key_t *out_key)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    unsigned size = 0;
    buf_printf(&text, "musicstream %s", purpose);
    TRY(buf_status(&text));
    if (HMAC(EVP_sha256(), cluster_key, AEAD_KEY_SIZE, (const uint8_t *)text.data, text.size,
             out_key->bytes, &size) == NULL ||
        size != sizeof out_key->bytes)
        return ERR_INTERNAL;
    return ERR_OK;
}
