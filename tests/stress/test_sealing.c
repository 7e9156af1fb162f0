/* Threads seal and open with few keys, so that they meet at the contexts that are kept, while
 * another has them forgotten: what was sealed opens, and nothing is used by two at once
 * (ThreadSanitizer, AddressSanitizer). MS_ROUNDS=n: n times as long. */

#include "runtime/base/assert.h"
#include "storage/crypt/aead.h"
#include "tests/support/scale.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3, KEYS = 4, SEALS = 4000 };

typedef struct world {
    aead_t *aead;
    uint64_t rounds;
    _Atomic int running;
} world_t;

static void use_once(aead_t *aead, uint8_t number)
{
    aead_key_t key = {{(uint8_t)(number % KEYS)}};
    const uint8_t rest[AEAD_HALF_NONCE_SIZE] = {number};
    char sealed[5 + AEAD_TAG_SIZE], plain[5];
    ASSERT(aead_seal(aead, &key, rest, STR("here"), STR("hello"), sealed) == ERR_OK);
    ASSERT(aead_open(aead, &key, rest, STR("here"), str_of(sealed, sizeof sealed), plain) ==
           ERR_OK);
    ASSERT(memcmp(plain, "hello", sizeof plain) == 0);
    sealed[0] = (char)(sealed[0] ^ 1);
    ASSERT(aead_open(aead, &key, rest, STR("here"), str_of(sealed, sizeof sealed), plain) ==
           ERR_CORRUPT);
}

static void *seal(void *context)
{
    world_t *world = context;
    for (uint64_t i = 0; i < SEALS * world->rounds; i++)
        use_once(world->aead, (uint8_t)i);
    atomic_fetch_sub(&world->running, 1);
    return NULL;
}

int main(void)
{
    world_t world = {.rounds = scale_rounds(), .running = THREADS};
    pthread_t threads[THREADS];
    ASSERT(aead_new(&world.aead) == ERR_OK);
    for (int i = 0; i < THREADS; i++)
        ASSERT(pthread_create(&threads[i], NULL, seal, &world) == 0);
    while (atomic_load(&world.running) > 0) {
        aead_forget(world.aead);
        sched_yield();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    aead_free(world.aead);
    printf("ok\n");
    return 0;
}
