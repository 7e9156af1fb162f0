#include "storage/crypt/aead.h"

#include "runtime/base/text.h"
#include "tests/support/check.h"

static aead_t *ciphers(void)
{
    aead_t *aead = NULL;
    check_ok(aead_new(&aead));
    return aead;
}

/* C2SP, XAES-256-GCM, the specification's test vectors. */
Test(aead, gives_the_vectors_of_the_specification)
{
    static const struct {
        const char *what;
        uint8_t key;
        const char *context, *wanted;
    } cases[] = {
        {"without a context", 1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
        {"with one", 3, "c2sp.org/XAES-256-GCM",
         "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
    };
    static const uint8_t nonce[] = "ABCDEFGHIJKLMNOPQRSTUVWX";
    aead_t *aead AEAD_SCOPED = ciphers();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        aead_key_t key, derived;
        char sealed[12 + AEAD_TAG_SIZE];
        buf_t hex BUF_SCOPED = BUF_INIT;
        memset(&key, cases[i].key, sizeof key);
        check_ok(aead_derive(aead, &key, nonce, &derived));
        check_ok(aead_seal(aead, &derived, nonce + AEAD_HALF_NONCE_SIZE, str_from(cases[i].context),
                           STR("XAES-256-GCM"), sealed));
        hex_append(&hex, str_of(sealed, sizeof sealed));
        cr_expect(str_equal(buf_str(&hex), str_from(cases[i].wanted)), "%s: %s", cases[i].what,
                  buf_terminated(&hex));
    }
}

Test(aead, what_was_altered_or_moved_is_corrupt)
{
    aead_t *aead AEAD_SCOPED = ciphers();
    const aead_key_t key = {{7}};
    const uint8_t rest[AEAD_HALF_NONCE_SIZE] = {1}, other[AEAD_HALF_NONCE_SIZE] = {2};
    char sealed[5 + AEAD_TAG_SIZE], plain[5];
    str_t whole = str_of(sealed, sizeof sealed);
    check_ok(aead_seal(aead, &key, rest, STR("here"), STR("hello"), sealed));

    check_ok(aead_open(aead, &key, rest, STR("here"), whole, plain));
    check_str(str_of(plain, sizeof plain), STR("hello"));
    check_err(aead_open(aead, &key, rest, STR("there"), whole, plain), ERR_CORRUPT);
    check_err(aead_open(aead, &key, other, STR("here"), whole, plain), ERR_CORRUPT);
    check_err(aead_open(aead, &(aead_key_t){{8}}, rest, STR("here"), whole, plain), ERR_CORRUPT);
    check_err(aead_open(aead, &key, rest, STR("here"), str_slice(whole, 0, 15), plain),
              ERR_CORRUPT);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] = (char)(sealed[bit / 8] ^ 1 << bit % 8);
        check_err(aead_open(aead, &key, rest, STR("here"), whole, plain), ERR_CORRUPT);
        sealed[bit / 8] = (char)(sealed[bit / 8] ^ 1 << bit % 8);
    }
}

Test(aead, nothing_at_all_is_sealed_too)
{
    aead_t *aead AEAD_SCOPED = ciphers();
    const aead_key_t key = {{7}};
    const uint8_t rest[AEAD_HALF_NONCE_SIZE] = {1};
    char sealed[AEAD_TAG_SIZE];

    check_ok(aead_seal(aead, &key, rest, STR(""), (str_t){NULL, 0}, sealed));

    check_ok(aead_open(aead, &key, rest, STR(""), str_of(sealed, sizeof sealed), sealed));
}

/* Contexts are kept for the key they were used with: that must never show. */
Test(aead, keys_that_take_turns_seal_as_each_alone)
{
    aead_t *aead AEAD_SCOPED = ciphers();
    enum { KEYS = 2 * AEAD_CONTEXTS };

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            aead_t *fresh AEAD_SCOPED = i % 64 == 0 ? ciphers() : NULL;
            aead_key_t key = {{(uint8_t)i, (uint8_t)(i >> 8), 9}};
            const uint8_t rest[AEAD_HALF_NONCE_SIZE] = {(uint8_t)round};
            char sealed[5 + AEAD_TAG_SIZE], alone[5 + AEAD_TAG_SIZE], plain[5];
            check_ok(aead_seal(aead, &key, rest, STR("here"), STR("hello"), sealed));
            if (fresh != NULL) {
                check_ok(aead_seal(fresh, &key, rest, STR("here"), STR("hello"), alone));
                check_str(str_of(sealed, sizeof sealed), str_of(alone, sizeof alone));
            }
            check_ok(
                aead_open(aead, &key, rest, STR("here"), str_of(sealed, sizeof sealed), plain));
            check_str(str_of(plain, sizeof plain), STR("hello"));
            sealed[0] ^= 1; /* a failure leaves nothing behind */
            check_err(
                aead_open(aead, &key, rest, STR("here"), str_of(sealed, sizeof sealed), plain),
                ERR_CORRUPT);
        }
        aead_forget(aead);
    }
}
