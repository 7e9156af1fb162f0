#include "storage/keys/token.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <openssl/evp.h>

enum { DIGEST_SIZE = 32 };

/* ---- writing ---- */

static bool is_id(str_t s)
{
    if (s.size == 0 || s.size > TOKEN_ID_SIZE_MAX)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

err_t token_claims_init(token_claims_t *self, str_t user_id, str_t sid, uint32_t role,
                        int64_t now_ms)
{
    if (!is_id(user_id) || !is_id(sid))
        return ERR_INVALID;
    *self = (token_claims_t){.role = role,
                             .issued_at_ms = now_ms / 1000 * 1000,
                             .expires_at_ms = (now_ms + TOKEN_LIFE_MS) / 1000 * 1000};
    memcpy(self->user_id, user_id.data, user_id.size);
    memcpy(self->sid, sid.data, sid.size);
    return ERR_OK;
}

static void append_header(uint32_t generation, buf_t *out)
{
    buf_t json BUF_SCOPED = BUF_INIT;
    buf_printf(&json, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%u\"}", generation);
    base64url_append(out, buf_str(&json));
}

err_t token_issue(keyring_t *keyring, const token_claims_t *claims, buf_t *out)
{
    uint32_t generation = keyring_newest(keyring);
    buf_t json BUF_SCOPED = BUF_INIT, body BUF_SCOPED = BUF_INIT;
    str_t instance = keyring_instance(keyring);
    buf_printf(&json,
               "{\"iss\":\"%.*s\",\"sub\":\"%s\",\"sid\":\"%s\",\"role\":%u,\"iat\":%lld,"
               "\"exp\":%lld}",
               STR_ARG(instance), claims->user_id, claims->sid, claims->role,
               (long long)(claims->issued_at_ms / 1000), (long long)(claims->expires_at_ms / 1000));
    append_header(generation, &body);
    buf_append_char(&body, '.');
    base64url_append(&body, buf_str(&json));
    TRY(buf_status(&json));
    TRY(buf_status(&body));

    uint8_t signature[KEYRING_SIGNATURE_SIZE];
    TRY(keyring_sign(keyring, generation, buf_str(&body), signature));
    buf_append(out, buf_str(&body));
    buf_append_char(out, '.');
    base64url_append(out, str_of(signature, sizeof signature));
    return buf_status(out);
}

/* ---- reading ---- */

/* Takes `before`, then a value up to `end`, off the rest. */
static bool take(str_t *rest, str_t before, char end, str_t *out_value)
{
    if (!str_starts_with(*rest, before))
        return false;
    str_t value = str_slice(*rest, before.size, rest->size);
    size_t size = str_find(value, end);
    if (size == value.size)
        return false;
    *out_value = str_slice(value, 0, size);
    *rest = str_slice(value, size + 1, value.size);
    return true;
}

/* Of text whose signature was verified: it can only be what token_issue wrote. */
static err_t read_claims(str_t json, str_t instance, token_claims_t *out_claims)
{
    str_t rest = json, issuer, user_id, sid, role, issued, expires;
    token_claims_t claims;
    int64_t issued_s = 0, expires_s = 0;
    uint32_t role_number = 0;
    if (!take(&rest, STR("{\"iss\":\""), '"', &issuer) ||
        !take(&rest, STR(",\"sub\":\""), '"', &user_id) ||
        !take(&rest, STR(",\"sid\":\""), '"', &sid) ||
        !take(&rest, STR(",\"role\":"), ',', &role) ||
        !take(&rest, STR("\"iat\":"), ',', &issued) ||
        !take(&rest, STR("\"exp\":"), '}', &expires) || rest.size != 0 ||
        !str_equal(issuer, instance) || str_to_u32(role, &role_number) != ERR_OK ||
        str_to_i64(issued, &issued_s) != ERR_OK || str_to_i64(expires, &expires_s) != ERR_OK ||
        token_claims_init(&claims, user_id, sid, role_number, issued_s * 1000) != ERR_OK)
        return ERR_UNAUTHENTICATED;
    claims.expires_at_ms = expires_s * 1000;
    *out_claims = claims;
    return ERR_OK;
}

/* The generation whose header this is; 0: none of ours. */
static uint32_t generation_of_header(keyring_t *keyring, str_t header)
{
    uint32_t newest = keyring_newest(keyring);
    for (uint32_t i = 0; i < KEYRING_GENERATIONS && i < newest; i++) {
        buf_t ours BUF_SCOPED = BUF_INIT;
        append_header(newest - i, &ours);
        if (str_equal(buf_str(&ours), header))
            return newest - i;
    }
    return 0;
}

static err_t verify(keyring_t *keyring, str_t token, token_claims_t *out_claims)
{
    size_t first = str_find(token, '.'), last = str_find_last(token, '.');
    if (first == token.size || first == last)
        return ERR_UNAUTHENTICATED;
    uint32_t generation = generation_of_header(keyring, str_slice(token, 0, first));
    buf_t signature BUF_SCOPED = BUF_INIT, json BUF_SCOPED = BUF_INIT;
    if (generation == 0 ||
        base64url_decode(&signature, str_slice(token, last + 1, token.size)) != ERR_OK ||
        signature.size != KEYRING_SIGNATURE_SIZE ||
        keyring_verify(keyring, generation, str_slice(token, 0, last),
                       (const uint8_t *)signature.data) != ERR_OK ||
        base64url_decode(&json, str_slice(token, first + 1, last)) != ERR_OK)
        return ERR_UNAUTHENTICATED;
    return read_claims(buf_str(&json), keyring_instance(keyring), out_claims);
}

/* ---- the verifier ---- */

typedef struct verified {
    uint8_t digest[DIGEST_SIZE];
    token_claims_t claims; /* user_id "": an empty slot */
} verified_t;

typedef struct ended {
    uint64_t sid_hash; /* a collision of 64 bits would refuse a stranger until it refreshes */
    int64_t forget_at_ms;
} ended_t;

struct token_verifier {
    keyring_t *keyring;
    int64_t refuse_until_ms; /* tokens issued up to here */
    size_t ended_next;       /* the slot to use next */
    ended_t ended[TOKEN_ENDED_MAX];
    verified_t cache[TOKEN_CACHE_MAX];
};

err_t token_verifier_new(keyring_t *keyring, token_verifier_t **out_verifier)
{
    token_verifier_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->keyring = keyring;
    self->refuse_until_ms = INT64_MIN;
    *out_verifier = self;
    return ERR_OK;
}

void token_verifier_free(token_verifier_t *self)
{
    memory_free(self);
}

static bool has_ended(const token_verifier_t *self, str_t sid, int64_t now_ms)
{
    uint64_t hash = str_hash(sid);
    for (size_t i = 0; i < TOKEN_ENDED_MAX; i++)
        if (self->ended[i].sid_hash == hash && self->ended[i].forget_at_ms > now_ms)
            return true;
    return false;
}

err_t token_verify(token_verifier_t *self, str_t token, int64_t now_ms, token_claims_t *out_claims)
{
    uint8_t digest[DIGEST_SIZE];
    if (token.size == 0 || token.size > TOKEN_SIZE_MAX)
        return ERR_UNAUTHENTICATED;
    if (EVP_Digest(token.data, token.size, digest, NULL, EVP_sha256(), NULL) != 1)
        return ERR_INTERNAL;

    uint64_t slot = 0;
    memcpy(&slot, digest, sizeof slot);
    verified_t *cached = &self->cache[slot % TOKEN_CACHE_MAX];
    if (cached->claims.user_id[0] == '\0' || memcmp(cached->digest, digest, DIGEST_SIZE) != 0) {
        token_claims_t claims;
        TRY(verify(self->keyring, token, &claims));
        if (has_ended(self, str_from(claims.sid), now_ms))
            return ERR_UNAUTHENTICATED;
        memcpy(cached->digest, digest, DIGEST_SIZE);
        cached->claims = claims;
    }
    if (cached->claims.expires_at_ms <= now_ms ||
        cached->claims.issued_at_ms <= self->refuse_until_ms)
        return ERR_UNAUTHENTICATED;
    *out_claims = cached->claims;
    return ERR_OK;
}

void token_verifier_end_session(token_verifier_t *self, str_t sid, int64_t now_ms)
{
    ended_t *slot = &self->ended[self->ended_next];
    if (slot->forget_at_ms > now_ms)
        self->refuse_until_ms = now_ms;
    *slot = (ended_t){str_hash(sid), now_ms + TOKEN_ENDED_MS};
    self->ended_next = (self->ended_next + 1) % TOKEN_ENDED_MAX;

    for (size_t i = 0; i < TOKEN_CACHE_MAX; i++)
        if (str_equal(str_from(self->cache[i].claims.sid), sid))
            self->cache[i] = (verified_t){0};
}
