#pragma once
/* gateways.h -- GET /api/v1/gateways: the nodes that clients may use, for those who are signed in:
 *
 *     {"gateways": [{"url": "https://a.music.example", "isHere": true}, ...]}
 *
 * Those that live now and have a public address (the option public_url); none where there is one
 * node only, or a proxy in front of all. */

#include "gateway/route.h"

err_t gateways_routes(routes_t *routes);
