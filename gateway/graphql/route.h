#pragma once
/* route.h -- /graphql: queries and mutations over HTTP, everything over WebSocket.
 *
 * A GET with an upgrade becomes a graphql-transport-ws connection, any other GET a query; both take
 * the caller from the request (api.h). A connection of a session that ends is closed with 4401
 * within a second; one whose access token has expired lives on: the session is what counts. */

#include "gateway/route.h"

err_t graphql_routes(routes_t *routes);
