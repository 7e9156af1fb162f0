#pragma once
/* peers.h -- how many connections each address has: a table of counts.
 *
 * An IPv6 address counts as its /64, which is what one customer gets.
 * Ownership  A peer lives while its count is above 0.
 * Threads    The server's. */

#include "runtime/base/error.h"

#include <sys/socket.h>

typedef struct peers peers_t;
typedef struct peer peer_t;

[[nodiscard]] peers_t *peers_new(void); /* NULL: no memory */
void peers_free(peers_t *self);

/* Counts one more. LIMIT: `count_max` are there already. NO_MEMORY. */
err_t peers_enter(peers_t *self, const struct sockaddr *address, uint32_t count_max,
                  peer_t **out_peer);
void peers_leave(peers_t *self, peer_t **peer);
