#pragma once
/* breaker.h -- a TCP relay of a test's own, in front of a node: it cuts connections, and can be
 * told to take none.
 *
 * Threads  Its own; the functions any one. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum { BREAKER_PAIRS = 16, BREAKER_ADDRESS_SIZE = 32 };

typedef struct breaker {
    char address[BREAKER_ADDRESS_SIZE]; /* host:port to reach the node through it */
    uint16_t to_port;
    int listener;
    pthread_t thread;
    atomic_bool is_ended, is_shut;
    atomic_ulong cuts_wanted, cuts_done, relayed; /* bytes */
    int pairs[BREAKER_PAIRS][2];
    uint32_t pair_count;
} breaker_t;

void breaker_start(breaker_t *self, uint16_t to_port);
void breaker_stop(breaker_t *self);
/* All connections there are, with what is under way; returns when that is done. */
void breaker_cut(breaker_t *self);
/* While it is shut, who connects is sent away. */
void breaker_shut(breaker_t *self, int is_shut);
