#pragma once
/* health.h -- what operators and machines ask of a node.
 *
 *     GET /livez     200 while the process serves at all
 *     GET /readyz    200 when requests may be sent here; 503 while it starts, stops, or can't store
 *     GET /metrics   Prometheus text format 0.0.4: no names, no ids, nothing personal in labels
 *     GET /version   {"version": ...} */

#include "gateway/route.h"

err_t health_routes(routes_t *routes);
