#pragma once
/* refresh_token.h -- "USER.SID.COUNTER.MAC": a link of a session's chain of refresh tokens.
 *
 * The MAC is made with the keyring's permanent secret, so the successor of a token can be computed
 * again after a crash, and no file but the keyring's holds anything to sign in with. Which counters
 * are good is for `account` to decide.
 *
 * Threads  Any. */

#include "storage/keys/keyring.h"

enum { REFRESH_TOKEN_SIZE_MAX = 160 };

typedef struct refresh_token {
    str_t user_id, sid; /* borrowed from the text */
    uint32_t counter;
} refresh_token_t;

/* Appends the text. The ids have no '.' in them. */
err_t refresh_token_write(const keyring_t *keyring, const refresh_token_t *token, buf_t *out);
/* UNAUTHENTICATED: malformed or not made with this keyring. */
err_t refresh_token_read(const keyring_t *keyring, str_t text, refresh_token_t *out_token);
