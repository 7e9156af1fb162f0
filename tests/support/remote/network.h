#pragma once
/* network.h -- a transport in memory between the runtimes of one process: a router for each, a
 * queue of whole messages for each ordered pair. It keeps order within a pair and loses nothing,
 * unless it is cut; then both sides hear of it (runtime_node_lost), as router.h says.
 *
 * Driven by hand (a simulation's source), or by a thread that carries what there is.
 *
 * Threads  Any may send. */

#include "runtime/base/random.h"
#include "runtime/router.h"

enum { NETWORK_NODES_MAX = 8, NETWORK_QUEUE_USUAL = 4096 };

typedef struct network network_t;

network_t *network_new(uint64_t seed);
void network_free(network_t *self);
/* Before its start: runtime_join as `node`, of 1 to NETWORK_NODES_MAX. */
void network_join(network_t *self, uint64_t node, runtime_t *runtime);
/* What is under way to and from it is gone, and nobody hears it any more. Tells nobody. */
void network_leave(network_t *self, uint64_t node);
/* Nothing passes between these two; what is under way is gone. Tells both of them. */
void network_cut(network_t *self, uint64_t a, uint64_t b);
void network_heal(network_t *self, uint64_t a, uint64_t b);
/* Messages that wait, of each pair, before a send is refused (BUSY) that is not owed. */
void network_set_queue_max(network_t *self, uint32_t max);
/* Something changes each message before it arrives; NULL: nothing. */
typedef void (*network_spoil_fn)(void *context, buf_t *message);
void network_set_spoil(network_t *self, network_spoil_fn spoil, void *context);
/* From now on nothing is carried between these two (it waits), until false. */
void network_stall(network_t *self, uint64_t from, uint64_t to, bool is_stalled);
/* Its router says that it has no lease, whatever its runtime was told. */
void network_end_lease(network_t *self, uint64_t node, bool is_over);

bool network_is_ready(void *network); /* as a simulation's source */
void network_step(void *network);     /* carries one message, of a pair drawn by the seed */
uint64_t network_carried(const network_t *self);

/* A thread that carries. */
void network_start(network_t *self);
void network_stop(network_t *self);
