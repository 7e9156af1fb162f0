#pragma once
/* url_signature.h -- the EXPIRES.SIGNATURE part of an audio URL (ARCHITECTURE §7): whoever has the
 * URL may fetch this track in this rendition until then.
 *
 * EXPIRES is in seconds since 1970, rounded up to the hour with at least one hour more to go, so
 * that all listeners get the same URL for up to an hour. SIGNATURE is 16 bytes of HMAC-SHA-256,
 * base64url. The user is not in it.
 *
 * Threads  Any. */

#include "storage/keys/keyring.h"

enum { URL_SIGNATURE_SIZE_MAX = 48 };

typedef struct url_signature {
    char text[URL_SIGNATURE_SIZE_MAX]; /* "1764000000.Zm9v...", terminated */
    int64_t expires_at_ms;
} url_signature_t;

/* `track` and `rendition` as they stand in the path: not empty, no '/', together at most 200 bytes
 * (else INVALID). */
err_t url_signature_make(keyring_t *keyring, str_t track, str_t rendition, int64_t now_ms,
                         url_signature_t *out_signature);
/* The same with the expiry of another one (url_signature_check), so that what a URL leads to ends
 * with it. INVALID: not a whole second. */
err_t url_signature_make_until(keyring_t *keyring, str_t track, str_t rendition,
                               int64_t expires_at_ms, url_signature_t *out_signature);
/* FORBIDDEN: malformed, altered, or for another track or rendition. STALE: genuine, but expired.
 * out_expires_at_ms is set when it is genuine and not expired; it may be NULL. */
err_t url_signature_check(keyring_t *keyring, str_t text, str_t track, str_t rendition,
                          int64_t now_ms, int64_t *out_expires_at_ms);
