#include "gateway/peers.h"

#include "runtime/base/memory.h"
#include "runtime/base/str.h"

#include <netinet/in.h>

enum { PEER_BUCKETS = 1024, PEER_KEY_SIZE = 8 };

struct peer {
    peer_t *next;
    uint32_t count, bucket;
    unsigned char key[PEER_KEY_SIZE];
};

struct peers {
    peer_t *buckets[PEER_BUCKETS];
};

peers_t *peers_new(void)
{
    return memory_new(sizeof(peers_t));
}

void peers_free(peers_t *self)
{
    for (size_t i = 0; self != NULL && i < PEER_BUCKETS; i++)
        while (self->buckets[i] != NULL) {
            peer_t *next = self->buckets[i]->next;
            memory_free(self->buckets[i]);
            self->buckets[i] = next;
        }
    memory_free(self);
}

/* An IPv4 address, mapped or not, and the first half of an IPv6 one; no two can be equal, since
 * 0:0:... is not routed. */
static void key_of(const struct sockaddr *address, unsigned char out_key[PEER_KEY_SIZE])
{
    memset(out_key, 0, PEER_KEY_SIZE);
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        memcpy(out_key + 4, &in.sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
            memcpy(out_key + 4, in6.sin6_addr.s6_addr + 12, 4);
        else
            memcpy(out_key, in6.sin6_addr.s6_addr, PEER_KEY_SIZE);
    }
}

err_t peers_enter(peers_t *self, const struct sockaddr *address, uint32_t count_max,
                  peer_t **out_peer)
{
    unsigned char key[PEER_KEY_SIZE];
    key_of(address, key);
    uint32_t bucket = (uint32_t)(str_hash(str_of(key, sizeof key)) % PEER_BUCKETS);
    peer_t *peer = self->buckets[bucket];
    while (peer != NULL && memcmp(peer->key, key, sizeof key) != 0)
        peer = peer->next;
    if (peer != NULL && peer->count >= count_max)
        return ERR_LIMIT;
    if (peer == NULL) {
        peer = memory_new(sizeof *peer);
        if (peer == NULL)
            return ERR_NO_MEMORY;
        memcpy(peer->key, key, sizeof key);
        peer->bucket = bucket;
        peer->next = self->buckets[bucket];
        self->buckets[bucket] = peer;
    }
    peer->count++;
    *out_peer = peer;
    return ERR_OK;
}

void peers_leave(peers_t *self, peer_t **taken)
{
    peer_t *peer = *taken;
    *taken = NULL;
    if (peer == NULL || --peer->count > 0)
        return;
    peer_t **link = &self->buckets[peer->bucket];
    while (*link != peer)
        link = &(*link)->next;
    *link = peer->next;
    memory_free(peer);
}
