#include "gateway/api.h"

#include "actors/protocol/account.h"
#include "gateway/origin.h"

#include <stdio.h>

static bool is_loopback(const http_request_t *request)
{
    return str_starts_with(request->peer, STR("127.")) || str_equal(request->peer, STR("::1")) ||
           str_starts_with(request->peer, STR("::ffff:127."));
}

/* "127.0.0.1.evil.example" is no address. */
static bool is_digits_and_dots(str_t name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] != '.' && (name.data[i] < '0' || name.data[i] > '9'))
            return false;
    return true;
}

static bool host_is_loopback(str_t host)
{
    size_t port = host.size > 0 && host.data[0] == '[' ? host.size : str_find(host, ':');
    str_t name = str_slice(host, 0, port);
    return str_starts_with(host, STR("[::1]")) || str_equal_ignoring_case(name, STR("localhost")) ||
           (str_starts_with(name, STR("127.")) && is_digits_and_dots(name));
}

/* The operator says that this name is reached over TLS only. */
static bool host_is_behind_tls(const http_request_t *request)
{
    const api_t *api = home_of(request)->api;
    for (size_t i = 0; i < api->public_origin_count; i++)
        if (origin_is_same(api->public_origins[i], STR("https"), request->host, NULL, 0))
            return true;
    return false;
}

bool session_cookie_is_secure(const http_request_t *request)
{
    return str_equal(request->scheme, STR("https")) || host_is_behind_tls(request) ||
           (is_loopback(request) && host_is_loopback(request->host));
}

bool sign_in_is_safe(const http_request_t *request)
{
    return session_cookie_is_secure(request) || home_of(request)->api->allow_plain_http;
}

/* Of the configured domain, or below it. */
static bool host_is_under(str_t host, str_t domain)
{
    str_t name = str_slice(host, 0, str_find(host, ':'));
    if (str_is_empty(domain) || name.size < domain.size)
        return false;
    size_t at = name.size - domain.size;
    return str_equal_ignoring_case(str_slice(name, at, name.size), domain) &&
           (at == 0 || name.data[at - 1] == '.');
}

str_t session_cookie_domain(const http_request_t *request)
{
    const char *domain = home_of(request)->api->cookie_domain;
    return domain != NULL && host_is_under(request->host, str_from(domain)) ? str_from(domain)
                                                                            : STR("");
}

/* RFC 6265bis §4.1.3: __Host- binds to one host, __Secure- does not. */
static const char *cookie_prefix(const http_request_t *request)
{
    if (!session_cookie_is_secure(request))
        return "";
    return str_is_empty(session_cookie_domain(request)) ? "__Host-" : "__Secure-";
}

const char *session_cookie_name(const http_request_t *request, session_cookie_t which,
                                char room[COOKIE_NAME_SIZE])
{
    snprintf(room, COOKIE_NAME_SIZE, "%sms-%s-%.*s", cookie_prefix(request),
             which == COOKIE_ACCESS ? "access" : "refresh",
             STR_ARG(keyring_instance(home_of(request)->api->keyring)));
    return room;
}

static bool is_changing(const http_request_t *request)
{
    return request->method != METHOD_GET && request->method != METHOD_HEAD &&
           request->method != METHOD_OPTIONS;
}

err_t caller_of(http_request_t *request, caller_t *out_caller)
{
    home_t *home = home_of(request);
    str_t header = http_header(request, "Authorization");
    char name[COOKIE_NAME_SIZE];
    bool is_cookie = header.data == NULL;
    str_t token;
    if (is_cookie)
        token = http_cookie(request, session_cookie_name(request, COOKIE_ACCESS, name));
    else if (str_equal_ignoring_case(str_slice(header, 0, 7), STR("Bearer ")))
        token = str_trim(str_slice(header, 7, header.size));
    else
        return ERR_UNAUTHENTICATED;
    if (str_is_empty(token))
        return ERR_UNAUTHENTICATED;
    caller_t caller = {.is_cookie = is_cookie};
    TRY(token_verify(home->verifier, token, clock_wall_ms(&home->api->clock), &caller.claims));
    if (is_cookie && is_changing(request) && !http_is_same_origin(request))
        return ERR_FORBIDDEN;
    *out_caller = caller;
    return ERR_OK;
}

str_t caller_user_id(const caller_t *self)
{
    return str_from(self->claims.user_id);
}
