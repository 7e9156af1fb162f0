#pragma once
/* session.h -- sign-in over REST: setup, sign-in, refresh, sign-out.
 *
 *     GET    /api/v1/setup             {"needsSetup": bool}
 *     POST   /api/v1/setup             {"code", "name", "password", "deviceName"?} -> 201
 *     POST   /api/v1/session           {"name", "password", "deviceName"?} -> 201
 *     GET    /api/v1/session           who I am
 *     POST   /api/v1/session/refresh   a new access token for the refresh cookie, or
 * {"refreshToken"} DELETE /api/v1/session           signs out -> 204
 *
 * Those that sign in answer {"user": {"id", "name", "role"}, "expiresAt"} and set two cookies, the
 * access token and the refresh token (both with Path=/, as the __Host- prefix demands). With
 * {"cookies": false} they answer the tokens instead, for apps: {"accessToken", "refreshToken"}.
 * Errors are problem+json; 429 and 503 come with Retry-After. */

#include "gateway/route.h"

err_t session_routes(routes_t *routes);
