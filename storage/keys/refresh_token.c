#include "storage/keys/refresh_token.h"

#include "runtime/base/text.h"

#define PURPOSE STR("refresh token")

static void write_body(const refresh_token_t *token, buf_t *out)
{
    buf_append(out, token->user_id);
    buf_append_char(out, '.');
    buf_append(out, token->sid);
    buf_append_char(out, '.');
    buf_append_u64(out, token->counter);
}

err_t refresh_token_write(const keyring_t *keyring, const refresh_token_t *token, buf_t *out)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    uint8_t mac[KEYRING_MAC_SIZE];
    write_body(token, &body);
    TRY(buf_status(&body));
    TRY(keyring_mac(keyring, PURPOSE, buf_str(&body), mac));
    buf_append(out, buf_str(&body));
    buf_append_char(out, '.');
    base64url_append(out, str_of(mac, sizeof mac));
    return buf_status(out);
}

err_t refresh_token_read(const keyring_t *keyring, str_t text, refresh_token_t *out_token)
{
    if (text.size == 0 || text.size > REFRESH_TOKEN_SIZE_MAX)
        return ERR_UNAUTHENTICATED;
    size_t body_size = str_find_last(text, '.');
    str_t rest = str_slice(text, 0, body_size), counter;
    refresh_token_t token = {0};
    if (body_size == text.size || !str_next(&rest, '.', &token.user_id) ||
        !str_next(&rest, '.', &token.sid) || !str_next(&rest, '.', &counter) || rest.data != NULL ||
        str_is_empty(token.user_id) || str_is_empty(token.sid) ||
        str_to_u32(counter, &token.counter) != ERR_OK)
        return ERR_UNAUTHENTICATED;

    buf_t given BUF_SCOPED = BUF_INIT;
    uint8_t mac[KEYRING_MAC_SIZE];
    if (base64url_decode(&given, str_slice(text, body_size + 1, text.size)) != ERR_OK ||
        given.size != sizeof mac)
        return ERR_UNAUTHENTICATED;
    TRY(keyring_mac(keyring, PURPOSE, str_slice(text, 0, body_size), mac));
    if (!keyring_equal(mac, given.data, sizeof mac))
        return ERR_UNAUTHENTICATED;
    *out_token = token;
    return ERR_OK;
}
