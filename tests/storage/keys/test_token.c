#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/keys/refresh_token.h"
#include "storage/keys/token.h"
#include "tests/support/check.h"

#include <stdio.h>

static const int64_t NOW = INT64_C(1764000000123);

typedef struct world {
    keyring_t *keyring;
    token_verifier_t *verifier;
} world_t;

static world_t world_new(void)
{
    world_t world = {NULL, NULL};
    ms_clock_t clock = clock_system();
    ms_random_t random = random_system();
    check_ok(keyring_open(STR(""), &clock, &random, &world.keyring));
    check_ok(token_verifier_new(world.keyring, &world.verifier));
    return world;
}

static void world_free(world_t *world)
{
    token_verifier_free(world->verifier);
    keyring_close(world->keyring);
}

static void issue(world_t *world, const char *sid, int64_t now_ms, buf_t *out)
{
    token_claims_t claims;
    check_ok(token_claims_init(&claims, STR("0123456789abcdef"), str_from(sid), 2, now_ms));
    check_ok(token_issue(world->keyring, &claims, out));
}

Test(token, says_who_asks_until_it_expires)
{
    world_t world SCOPED(world_free) = world_new();
    buf_t token BUF_SCOPED = BUF_INIT;
    token_claims_t claims;
    issue(&world, "s1", NOW, &token);

    for (int i = 0; i < 2; i++) /* the second comes from the cache */
        check_ok(token_verify(world.verifier, buf_str(&token), NOW, &claims));

    check_str(str_from(claims.user_id), STR("0123456789abcdef"));
    check_str(str_from(claims.sid), STR("s1"));
    cr_assert(eq(u32, claims.role, 2));
    cr_assert(eq(i64, claims.expires_at_ms, NOW / 1000 * 1000 + TOKEN_LIFE_MS));
    check_ok(token_verify(world.verifier, buf_str(&token), claims.expires_at_ms - 1, &claims));
    check_err(token_verify(world.verifier, buf_str(&token), claims.expires_at_ms, &claims),
              ERR_UNAUTHENTICATED);
}

Test(token, every_altered_character_is_refused)
{
    world_t world SCOPED(world_free) = world_new();
    buf_t token BUF_SCOPED = BUF_INIT;
    token_claims_t claims;
    issue(&world, "s1", NOW, &token);

    for (size_t i = 0; i + 1 < token.size; i++) { /* the last one carries spare bits */
        char held = token.data[i];
        token.data[i] = held == 'A' ? 'B' : 'A';
        err_t err = token_verify(world.verifier, buf_str(&token), NOW, &claims);
        cr_assert(err == ERR_UNAUTHENTICATED, "character %zu: %s", i, err_name(err));
        token.data[i] = held;
    }
    for (size_t i = 0; i < token.size; i++)
        check_err(token_verify(world.verifier, str_of(token.data, i), NOW, &claims),
                  ERR_UNAUTHENTICATED);
}

/* A token of another algorithm, key or issuer: RFC 8725. */
Test(token, what_others_made_is_refused)
{
    world_t world SCOPED(world_free) = world_new(), other SCOPED(world_free) = world_new();
    buf_t token BUF_SCOPED = BUF_INIT, none BUF_SCOPED = BUF_INIT, huge BUF_SCOPED = BUF_INIT;
    token_claims_t claims;
    issue(&other, "s1", NOW, &token);
    base64url_append(&none, STR("{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"1\"}"));
    buf_append(&none, str_slice(buf_str(&token), str_find(buf_str(&token), '.'), token.size));
    for (int i = 0; i < TOKEN_SIZE_MAX + 1; i++)
        buf_append_char(&huge, 'A');

    check_err(token_verify(world.verifier, buf_str(&token), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(other.verifier, buf_str(&none), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(world.verifier, buf_str(&huge), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(world.verifier, STR(""), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(world.verifier, STR(".."), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(world.verifier, STR("."), NOW, &claims), ERR_UNAUTHENTICATED);
}

Test(token, ids_that_could_break_the_json_are_refused)
{
    static const struct {
        const char *what, *id;
        err_t want;
    } cases[] = {
        {"the longest", "0123456789abcdef0123456789abcdef", ERR_OK},
        {"one longer", "0123456789abcdef0123456789abcdef0", ERR_INVALID},
        {"empty", "", ERR_INVALID},
        {"a quote", "a\"", ERR_INVALID},
        {"a backslash", "a\\", ERR_INVALID},
        {"other letters", "\xc3\xa4", ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        token_claims_t claims;
        err_t got = token_claims_init(&claims, str_from(cases[i].id), STR("s"), 1, NOW);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
        got = token_claims_init(&claims, STR("u"), str_from(cases[i].id), 1, NOW);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
}

Test(token, a_session_that_ended_is_refused_also_out_of_the_cache)
{
    world_t world SCOPED(world_free) = world_new();
    buf_t cached BUF_SCOPED = BUF_INIT, fresh BUF_SCOPED = BUF_INIT, other BUF_SCOPED = BUF_INIT;
    token_claims_t claims;
    issue(&world, "s1", NOW, &cached);
    issue(&world, "s1", NOW + 5000, &fresh);
    issue(&world, "s2", NOW, &other);
    check_ok(token_verify(world.verifier, buf_str(&cached), NOW, &claims));

    token_verifier_end_session(world.verifier, STR("s1"), NOW);

    check_err(token_verify(world.verifier, buf_str(&cached), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(world.verifier, buf_str(&fresh), NOW, &claims), ERR_UNAUTHENTICATED);
    check_ok(token_verify(world.verifier, buf_str(&other), NOW, &claims));
}

Test(token, too_many_ended_sessions_refuse_all_rather_than_let_one_in)
{
    world_t world SCOPED(world_free) = world_new();
    buf_t first BUF_SCOPED = BUF_INIT, other BUF_SCOPED = BUF_INIT, later BUF_SCOPED = BUF_INIT;
    token_claims_t claims;
    issue(&world, "first", NOW, &first);
    issue(&world, "other", NOW, &other);
    issue(&world, "later", NOW + 1000, &later);
    token_verifier_end_session(world.verifier, STR("first"), NOW);

    for (int i = 0; i < TOKEN_ENDED_MAX - 1; i++) {
        char sid[16];
        snprintf(sid, sizeof sid, "e%d", i);
        token_verifier_end_session(world.verifier, str_from(sid), NOW);
    }
    check_err(token_verify(world.verifier, buf_str(&first), NOW, &claims), ERR_UNAUTHENTICATED);
    check_ok(token_verify(world.verifier, buf_str(&other), NOW, &claims));
    token_verifier_end_session(world.verifier, STR("one more"), NOW);

    check_err(token_verify(world.verifier, buf_str(&first), NOW, &claims), ERR_UNAUTHENTICATED);
    check_err(token_verify(world.verifier, buf_str(&other), NOW, &claims), ERR_UNAUTHENTICATED);
    check_ok(token_verify(world.verifier, buf_str(&later), NOW, &claims));
}

Test(refresh_token, is_read_as_it_was_written)
{
    world_t world SCOPED(world_free) = world_new();
    buf_t text BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
    refresh_token_t token = {STR("user"), STR("sid"), 4294967295u}, read;

    check_ok(refresh_token_write(world.keyring, &token, &text));
    check_ok(refresh_token_write(world.keyring, &token, &again));
    check_ok(refresh_token_read(world.keyring, buf_str(&text), &read));

    check_str(buf_str(&text), buf_str(&again)); /* so a successor can be given twice */
    check_str(read.user_id, STR("user"));
    check_str(read.sid, STR("sid"));
    cr_assert(eq(u32, read.counter, 4294967295u));
}

Test(refresh_token, malformed_ones_are_refused)
{
    world_t world SCOPED(world_free) = world_new();
    static const char *const cases[] = {
        "",        ".",         "...",          "a.b.1",     "a.b.1.",
        "a.b.x.",  ".b.1.AAAA", "a.b.1.c.AAAA", "a..1.AAAA", "a.b.4294967296.AAAA",
        "a.b.1.!!"};
    refresh_token_t read;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_err(refresh_token_read(world.keyring, str_from(cases[i]), &read),
                  ERR_UNAUTHENTICATED);
}
