#include "storage/keys/url_signature.h"

#include "runtime/base/text.h"

#include <stdio.h>

enum { HOUR_S = 3600, SIGNATURE_SIZE = 16, PATH_SIZE_MAX = 200 };

static bool is_path_part(str_t s)
{
    return s.size != 0 && str_find(s, '/') == s.size;
}

static err_t compute(keyring_t *keyring, uint32_t generation, str_t expires, str_t track,
                     str_t rendition, uint8_t out_mac[KEYRING_MAC_SIZE])
{
    char text[PATH_SIZE_MAX + 32];
    int size = snprintf(text, sizeof text, "%.*s/%.*s/%.*s", STR_ARG(expires), STR_ARG(track),
                        STR_ARG(rendition));
    if (size < 0 || (size_t)size >= sizeof text)
        return ERR_INVALID;
    return keyring_url_mac(keyring, generation, str_of(text, (size_t)size), out_mac);
}

err_t url_signature_make(keyring_t *keyring, str_t track, str_t rendition, int64_t now_ms,
                         url_signature_t *out_signature)
{
    if (now_ms < 0)
        return ERR_INVALID;
    int64_t expires_s = ((now_ms + 999) / 1000 + HOUR_S - 1) / HOUR_S * HOUR_S + HOUR_S;
    return url_signature_make_until(keyring, track, rendition, expires_s * 1000, out_signature);
}

err_t url_signature_make_until(keyring_t *keyring, str_t track, str_t rendition,
                               int64_t expires_at_ms, url_signature_t *out_signature)
{
    if (!is_path_part(track) || !is_path_part(rendition) ||
        track.size + rendition.size > PATH_SIZE_MAX || expires_at_ms < 0 ||
        expires_at_ms % 1000 != 0)
        return ERR_INVALID;
    int64_t expires_s = expires_at_ms / 1000;
    char text[24];
    int text_size = snprintf(text, sizeof text, "%lld", (long long)expires_s);
    str_t expires = str_of(text, (size_t)text_size);

    uint8_t mac[KEYRING_MAC_SIZE];
    TRY(compute(keyring, keyring_newest(keyring), expires, track, rendition, mac));
    buf_t whole BUF_SCOPED = BUF_INIT;
    buf_append(&whole, expires);
    buf_append_char(&whole, '.');
    base64url_append(&whole, str_of(mac, SIGNATURE_SIZE));
    TRY(buf_status(&whole));
    if (whole.size >= URL_SIGNATURE_SIZE_MAX)
        return ERR_INVALID;

    memcpy(out_signature->text, whole.data, whole.size);
    out_signature->text[whole.size] = '\0';
    out_signature->expires_at_ms = expires_s * 1000;
    return ERR_OK;
}

err_t url_signature_check(keyring_t *keyring, str_t text, str_t track, str_t rendition,
                          int64_t now_ms, int64_t *out_expires_at_ms)
{
    size_t dot = str_find(text, '.');
    str_t expires = str_slice(text, 0, dot);
    uint64_t expires_s = 0;
    buf_t given BUF_SCOPED = BUF_INIT;
    if (text.size >= URL_SIGNATURE_SIZE_MAX || dot == text.size || !is_path_part(track) ||
        !is_path_part(rendition) || track.size + rendition.size > PATH_SIZE_MAX ||
        str_to_u64(expires, &expires_s) != ERR_OK || expires_s > INT64_MAX / 1000 ||
        base64url_decode(&given, str_slice(text, dot + 1, text.size)) != ERR_OK ||
        given.size != SIGNATURE_SIZE)
        return ERR_FORBIDDEN;

    bool is_genuine = false;
    uint32_t newest = keyring_newest(keyring);
    for (uint32_t i = 0; i < KEYRING_GENERATIONS && i < newest && !is_genuine; i++) {
        uint8_t mac[KEYRING_MAC_SIZE];
        is_genuine = compute(keyring, newest - i, expires, track, rendition, mac) == ERR_OK &&
                     keyring_equal(mac, given.data, SIGNATURE_SIZE);
    }
    if (!is_genuine)
        return ERR_FORBIDDEN;
    if ((int64_t)expires_s * 1000 <= now_ms)
        return ERR_STALE;
    if (out_expires_at_ms != NULL)
        *out_expires_at_ms = (int64_t)expires_s * 1000;
    return ERR_OK;
}
