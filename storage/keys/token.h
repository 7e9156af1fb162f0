#pragma once
/* token.h -- access tokens: JSON Web Tokens (RFC 7519) signed with ES256, which say who asks.
 *
 * We read only what we wrote: the header must be, byte for byte, the one of a known key, and the
 * claims {iss, sub, sid, role, iat, exp} stand in that order. So no attacker chooses an algorithm
 * and no JSON parser sees what is not signed.
 *
 * A verifier belongs to one scheduler's edge. It remembers verified tokens by their SHA-256 (at
 * most TOKEN_CACHE_MAX) and the sessions that ended lately (TOKEN_ENDED_MAX; when that runs over,
 * every token issued so far is refused: clients refresh, nobody stays in).
 *
 * Threads    issue: any. A verifier: one. */

#include "storage/keys/keyring.h"

#define TOKEN_LIFE_MS INT64_C(900000) /* 15 minutes */
/* No token of a session that ended so long ago is good any more: a second for the clocks of those
 * who issue. */
#define TOKEN_ENDED_MS (TOKEN_LIFE_MS + 1000)
enum {
    TOKEN_ID_SIZE_MAX = 32,
    TOKEN_SIZE_MAX = 1024,
    TOKEN_CACHE_MAX = 1024,
    TOKEN_ENDED_MAX = 4096
};

typedef struct token_claims {
    char user_id[TOKEN_ID_SIZE_MAX + 1]; /* terminated; so is sid */
    char sid[TOKEN_ID_SIZE_MAX + 1];
    uint32_t role;                       /* account_role_t */
    int64_t issued_at_ms, expires_at_ms; /* whole seconds */
} token_claims_t;

/* Fills the claims in for a token issued now. INVALID: an id that is empty, too long, or has other
 * characters than letters, digits, '-' and '_'. */
err_t token_claims_init(token_claims_t *self, str_t user_id, str_t sid, uint32_t role,
                        int64_t now_ms);
/* Appends the token. INTERNAL, NO_MEMORY. */
err_t token_issue(keyring_t *keyring, const token_claims_t *claims, buf_t *out);

typedef struct token_verifier token_verifier_t;
err_t token_verifier_new(keyring_t *keyring, token_verifier_t **out_verifier);
void token_verifier_free(token_verifier_t *self);
/* UNAUTHENTICATED: not a token of ours, altered, expired, or of a session that ended. */
err_t token_verify(token_verifier_t *self, str_t token, int64_t now_ms, token_claims_t *out_claims);
/* From now on tokens of this session are refused. */
void token_verifier_end_session(token_verifier_t *self, str_t sid, int64_t now_ms);
