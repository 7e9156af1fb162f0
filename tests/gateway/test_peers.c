#include "gateway/limits.h"
#include "gateway/peers.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct sockaddr_storage address_of_text(const char *text)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(&address, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(&address, &in6, sizeof in6);
    return address;
}

static err_t enter(peers_t *peers, const char *text, uint32_t max, peer_t **out_peer)
{
    struct sockaddr_storage address = address_of_text(text);
    return peers_enter(peers, (const struct sockaddr *)&address, max, out_peer);
}

Test(peers, an_address_is_counted_by_what_one_customer_has)
{
    static const struct {
        const char *first, *second;
        bool is_same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"2001:db8::1", "2001:db8::ffff:1", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        peers_t *peers = peers_new();
        peer_t *first = NULL, *second = NULL;
        check_ok(enter(peers, cases[i].first, 1, &first));
        err_t err = enter(peers, cases[i].second, 1, &second);
        cr_expect(err == (cases[i].is_same ? ERR_LIMIT : ERR_OK), "%s and %s", cases[i].first,
                  cases[i].second);
        peers_leave(peers, &second);
        peers_leave(peers, &first);
        check_ok(enter(peers, cases[i].second, 1, &second));
        peers_leave(peers, &second);
        peers_free(peers);
    }
}

/* Against an array of counts: 300 addresses come and go at random. */
Test(peers, counts_agree_with_a_model)
{
    enum { ADDRESSES = 300, EACH_MAX = 3 };
    random_seed_t seed = {5};
    ms_random_t random = random_seeded(&seed);
    peers_t *peers = peers_new();
    peer_t *held[ADDRESSES][EACH_MAX] = {0};
    size_t counts[ADDRESSES] = {0};

    for (int step = 0; step < 20000; step++) {
        size_t index = (size_t)random_below(&random, ADDRESSES);
        char text[32];
        snprintf(text, sizeof text, "10.0.%zu.%zu", index / 256, index % 256);
        if (random_below(&random, 2) == 0 && counts[index] > 0) {
            peers_leave(peers, &held[index][--counts[index]]);
            continue;
        }
        peer_t *peer = NULL;
        err_t err = enter(peers, text, EACH_MAX, &peer);
        cr_assert(err == (counts[index] < EACH_MAX ? ERR_OK : ERR_LIMIT));
        if (err == ERR_OK)
            held[index][counts[index]++] = peer;
    }

    peers_free(peers); /* also what was not left */
}

Test(limits, what_is_not_chosen_takes_its_default)
{
    gateway_limits_t limits = {.header_ms = 7};

    gateway_limits_complete(&limits);

    cr_assert(eq(u32, limits.header_ms, 7));
    cr_assert(eq(u32, limits.header_size_max, 16384));
#define EXPECT_SET(name, value) cr_assert(gt(u32, limits.name, 0));
    GATEWAY_LIMIT_LIST(EXPECT_SET)
#undef EXPECT_SET
}
