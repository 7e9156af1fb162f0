#include "storage/keys/url_signature.h"
#include "tests/support/check.h"

#include <stdio.h>

static const int64_t HOUR = 3600000, NOW = INT64_C(1764000000000); /* a whole hour */

typedef struct hand {
    int64_t wall_ms;
} hand_t;

static uint64_t mono_ns(void *context)
{
    (void)context;
    return 1;
}

static int64_t wall_ms(void *context)
{
    return ((const hand_t *)context)->wall_ms;
}

static keyring_t *keyring_at(hand_t *hand)
{
    keyring_t *keyring = NULL;
    ms_clock_t clock = {mono_ns, wall_ms, hand};
    ms_random_t random = random_system();
    check_ok(keyring_open(STR(""), &clock, &random, &keyring));
    return keyring;
}

Test(url_signature, expires_at_a_whole_hour_with_one_more_to_go)
{
    static const struct {
        const char *what;
        int64_t now, want;
    } cases[] = {
        {"on the hour", NOW, NOW + HOUR},
        {"just past it", NOW + 1, NOW + 2 * HOUR},
        {"just before the next", NOW + HOUR - 1, NOW + 2 * HOUR},
        {"the next", NOW + HOUR, NOW + 2 * HOUR},
    };
    hand_t hand = {NOW};
    keyring_t *keyring KEYRING_SCOPED = keyring_at(&hand);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        url_signature_t signature;
        check_ok(url_signature_make(keyring, STR("t1"), STR("aac-128"), cases[i].now, &signature));
        cr_expect(signature.expires_at_ms == cases[i].want, "%s: %lld", cases[i].what,
                  (long long)(signature.expires_at_ms - NOW));
    }
}

Test(url_signature, is_the_same_for_all_who_ask_within_the_hour)
{
    hand_t hand = {NOW};
    keyring_t *keyring KEYRING_SCOPED = keyring_at(&hand);
    url_signature_t first, second;

    check_ok(url_signature_make(keyring, STR("t1"), STR("aac-128"), NOW + 1, &first));
    check_ok(url_signature_make(keyring, STR("t1"), STR("aac-128"), NOW + HOUR, &second));

    check_str(str_from(first.text), str_from(second.text));
}

Test(url_signature, wrong_altered_and_expired_ones_are_told_apart)
{
    hand_t hand = {NOW};
    keyring_t *keyring KEYRING_SCOPED = keyring_at(&hand),
                       *other KEYRING_SCOPED = keyring_at(&hand);
    url_signature_t signature;
    check_ok(url_signature_make(keyring, STR("t1"), STR("flac"), NOW, &signature));
    str_t text = str_from(signature.text);
    char later[URL_SIGNATURE_SIZE_MAX];
    snprintf(later, sizeof later, "%lld%s", (long long)(signature.expires_at_ms + HOUR) / 1000,
             signature.text + str_find(text, '.'));
    const struct {
        const char *what;
        keyring_t *keyring;
        str_t text, track, rendition;
        int64_t now;
        err_t want;
    } cases[] = {
        {"good", keyring, text, STR("t1"), STR("flac"), NOW, ERR_OK},
        {"its last moment", keyring, text, STR("t1"), STR("flac"), NOW + HOUR - 1, ERR_OK},
        {"expired", keyring, text, STR("t1"), STR("flac"), NOW + HOUR, ERR_STALE},
        {"a later time", keyring, str_from(later), STR("t1"), STR("flac"), NOW, ERR_FORBIDDEN},
        {"another track", keyring, text, STR("t2"), STR("flac"), NOW, ERR_FORBIDDEN},
        {"another rendition", keyring, text, STR("t1"), STR("aac"), NOW, ERR_FORBIDDEN},
        {"a moved slash", keyring, text, STR("t1/flac"), STR("x"), NOW, ERR_FORBIDDEN},
        {"another server", other, text, STR("t1"), STR("flac"), NOW, ERR_FORBIDDEN},
        {"expired and wrong", keyring, text, STR("t2"), STR("flac"), NOW + HOUR, ERR_FORBIDDEN},
        {"no dot", keyring, STR("1764003600"), STR("t1"), STR("flac"), NOW, ERR_FORBIDDEN},
        {"nothing", keyring, STR(""), STR("t1"), STR("flac"), NOW, ERR_FORBIDDEN},
        {"no number", keyring, STR("x.AAAAAAAAAAAAAAAAAAAAAA"), STR("t1"), STR("flac"), NOW,
         ERR_FORBIDDEN},
        {"a huge number", keyring, STR("18446744073709551615.AAAAAAAAAAAAAAAAAAAAAA"), STR("t1"),
         STR("flac"), NOW, ERR_FORBIDDEN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t got = url_signature_check(cases[i].keyring, cases[i].text, cases[i].track,
                                        cases[i].rendition, cases[i].now, NULL);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
    for (size_t i = 0; i + 1 < text.size; i++) { /* the last character carries spare bits */
        char held = signature.text[i];
        signature.text[i] = held == '1' ? '2' : '1';
        err_t got = url_signature_check(keyring, text, STR("t1"), STR("flac"), NOW, NULL);
        cr_expect(got == ERR_FORBIDDEN, "character %zu: %s", i, err_name(got));
        signature.text[i] = held;
    }
}

Test(url_signature, outlives_one_rotation_of_the_keys)
{
    hand_t hand = {NOW};
    keyring_t *keyring KEYRING_SCOPED = keyring_at(&hand);
    url_signature_t signature;
    check_ok(url_signature_make(keyring, STR("t1"), STR("flac"), NOW, &signature));

    for (int i = 0; i < 2; i++) {
        hand.wall_ms += KEYRING_ROTATE_MS;
        check_ok(keyring_rotate_if_due(keyring));
        check_err(url_signature_check(keyring, str_from(signature.text), STR("t1"), STR("flac"),
                                      NOW, NULL),
                  i == 0 ? ERR_OK : ERR_FORBIDDEN);
    }
}

Test(url_signature, what_does_not_fit_a_path_is_not_signed)
{
    hand_t hand = {NOW};
    keyring_t *keyring KEYRING_SCOPED = keyring_at(&hand);
    url_signature_t signature;
    char track[201];
    memset(track, 'x', sizeof track);

    check_ok(url_signature_make(keyring, str_of(track, 196), STR("flac"), NOW, &signature));
    check_err(url_signature_make(keyring, str_of(track, 197), STR("flac"), NOW, &signature),
              ERR_INVALID);
    check_err(url_signature_make(keyring, STR("a/b"), STR("flac"), NOW, &signature), ERR_INVALID);
    check_err(url_signature_make(keyring, STR(""), STR("flac"), NOW, &signature), ERR_INVALID);
    check_err(url_signature_make(keyring, STR("t"), STR(""), NOW, &signature), ERR_INVALID);
}
