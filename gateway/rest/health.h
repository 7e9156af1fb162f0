#pragma once
/* health.h -- what operators and machines ask of a node.
 *
 *     GET /livez     200 while the process serves at all
 *     GET /readyz    200 when requests may be sent here; 503 while it starts, stops, or can't store
 *     GET /metrics   Prometheus text format 0.0.4: no names, no ids, nothing personal in labels
 *     GET /version   {"version": ...} */

#include "gateway/route.h"

/* A line for each kind of receiver and reason that there was: names in the program, at most 192
 * kinds (mail/dead_letters.h) times DEAD_REASONS. */
void health_append_dead_letters(buf_t *out, runtime_t *runtime);

err_t health_routes(routes_t *routes);
