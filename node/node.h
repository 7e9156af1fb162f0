#pragma once
/* node.h -- one process is one node: everything is built here, in order, and taken down in reverse.
 *
 *     data folder -> keys -> links -> journal -> catalog -> runtime -> services -> cluster ->
 * gateway
 *
 * Ownership  The node owns all of it; it borrows the configuration.
 * Threads    open, start, stop and close from the thread that made it, which is none of the
 * runtime's. Errors     With a sentence in *problem that says what to do. */

#include "node/config.h"
#include "runtime/runtime.h"

typedef struct node node_t;

/* Opens everything under the data folder. CONFLICT: another node uses it. NEWER, CORRUPT, FULL, ...
 */
err_t node_open(const config_t *config, const ms_log_t *log, buf_t *problem, node_t **out_node);
/* Starts threads, services and the gateway. CONFLICT: the address is in use. */
err_t node_start(node_t *self, buf_t *problem);
/* The port that it listens on. */
uint16_t node_port(const node_t *self);
/* Whether players may use it: alone, or in a cluster with the role gateway. Else it answers there
 * for its health and metrics only. */
bool node_has_players(const node_t *self);
/* The cluster went on without it, and it serves nothing any more: it was told to stop by a SIGTERM
 * to itself. */
bool node_is_expelled(const node_t *self);
/* The one-time code of the link that makes the first administrator. CONFLICT: there is one. */
err_t node_setup_code(node_t *self, buf_t *out_code);
/* Stops in order, at most 10 s: readiness, then `grace_ms`, what it owns in the cluster, listeners,
 * requests, actors, storage.
 */
void node_stop(node_t *self, uint64_t grace_ms);
void node_close(node_t *self); /* stopped or never started; NULL is fine */
