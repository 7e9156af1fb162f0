/* Who is asking: tokens in headers and cookies, Origin, and what counts as a safe connection. */

#include "gateway/api.h"
#include "gateway/server.h"
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"

#include <stdio.h>

static void who(http_request_t *request)
{
    caller_t caller = {.claims = {.user_id = "nobody"}};
    err_t err = caller_of(request, &caller);
    if (err != ERR_OK)
        http_reply(request, err_http_status(err), STR("text/plain"), caller_user_id(&caller));
    else
        http_reply(request, 200, STR("text/plain"),
                   caller.is_cookie ? STR("cookie") : STR("bearer"));
}

static void safety(http_request_t *request)
{
    char name[COOKIE_NAME_SIZE];
    str_t text = arena_printf(request->arena, "%d%d %s", sign_in_is_safe(request),
                              session_cookie_is_secure(request),
                              session_cookie_name(request, COOKIE_REFRESH, name));
    http_reply(request, 200, STR("text/plain"), text);
}

typedef struct rig {
    keyring_t *keyring;
    api_t api;
    home_t home;
    routes_t *routes;
    gateway_thread_t thread;
    buf_t token, expired, ended;
} rig_t;

static void rig_end(rig_t *self)
{
    gateway_thread_join(&self->thread);
    routes_free(self->routes);
    token_verifier_free(self->home.verifier);
    keyring_close(self->keyring);
    buf_deinit(&self->token);
    buf_deinit(&self->expired);
    buf_deinit(&self->ended);
}

static void issue(rig_t *self, const char *sid, int64_t now_ms, buf_t *out)
{
    token_claims_t claims;
    check_ok(token_claims_init(&claims, STR("u1"), str_from(sid), 1, now_ms));
    check_ok(token_issue(self->keyring, &claims, out));
}

static void begin(rig_t *self)
{
    static const str_t origins[] = {STR_INIT("https://music.example")};
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    *self = (rig_t){0};
    int64_t now = clock_wall_ms(&clock);
    check_ok(keyring_open(STR(""), &clock, &random, &self->keyring));
    self->api = (api_t){.keyring = self->keyring,
                        .clock = clock,
                        .public_origins = origins,
                        .public_origin_count = COUNT_OF(origins)};
    self->home.api = &self->api;
    check_ok(token_verifier_new(self->keyring, &self->home.verifier));
    issue(self, "s1", now, &self->token);
    issue(self, "s1", now - TOKEN_LIFE_MS - 1000, &self->expired);
    issue(self, "s2", now, &self->ended);
    token_verifier_end_session(self->home.verifier, STR("s2"), now);
    self->routes = routes_new();
    const route_t rows[] = {{METHOD_GET, "/who", who, NULL, 0},
                            {METHOD_POST, "/who", who, NULL, 0},
                            {METHOD_GET, "/safety", safety, NULL, 0}};
    check_ok(routes_add_all(self->routes, rows, COUNT_OF(rows)));
    check_ok(gateway_thread_start(&self->thread, &(gateway_options_t){.routes = self->routes,
                                                                      .user = &self->home,
                                                                      .public_origins = origins,
                                                                      .public_origin_count = 1}));
}

static void fetch(const rig_t *self, str_t request, http_response_t *response)
{
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    check_ok(http_client_open(&client, self->thread.port));
    check_ok(http_client_send(&client, request));
    check_ok(http_client_read(&client, false, response));
}

Test(api, a_caller_is_who_the_token_names)
{
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    const char *token = buf_terminated(&rig.token), *expired = buf_terminated(&rig.expired),
               *ended = buf_terminated(&rig.ended);
    const struct {
        const char *what, *method, *scheme, *token, *origin;
        bool is_cookie;
        int want;
    } cases[] = {
        {"nothing", "GET", NULL, NULL, NULL, false, 401},
        {"a bearer token", "GET", "Bearer ", token, NULL, false, 200},
        {"the scheme in any case", "GET", "bearer ", token, NULL, false, 200},
        {"a bearer token changes without an Origin", "POST", "Bearer ", token, NULL, false, 200},
        {"and from elsewhere", "POST", "Bearer ", token, "https://app.example", false, 200},
        {"an expired one", "GET", "Bearer ", expired, NULL, false, 401},
        {"one of a session that ended", "GET", "Bearer ", ended, NULL, false, 401},
        {"nonsense", "GET", "Bearer ", "a.b.c", NULL, false, 401},
        {"an empty one", "GET", "Bearer ", "", NULL, false, 401},
        {"another scheme", "GET", "Basic ", token, NULL, false, 401},
        {"a short header", "GET", "Be", "", NULL, false, 401},
        {"our cookie", "GET", NULL, token, NULL, true, 200},
        {"it reads from anywhere", "GET", NULL, token, "https://evil.example", true, 200},
        {"it changes nothing without an Origin", "POST", NULL, token, NULL, true, 403},
        {"nor from elsewhere", "POST", NULL, token, "https://evil.example", true, 403},
        {"nor from nowhere", "POST", NULL, token, "null", true, 403},
        {"nor over another scheme", "POST", NULL, token, "https://localhost", true, 403},
        {"but from our page", "POST", NULL, token, "http://localhost", true, 200},
        {"and from our public name", "POST", NULL, token, "https://music.example", true, 200},
        {"an expired cookie", "GET", NULL, expired, NULL, true, 401},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t request BUF_SCOPED = BUF_INIT;
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        buf_printf(&request, "%s /who HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n",
                   cases[i].method);
        if (cases[i].scheme != NULL)
            buf_printf(&request, "Authorization: %s%s\r\n", cases[i].scheme, cases[i].token);
        if (cases[i].is_cookie)
            buf_printf(&request, "Cookie: a=b; __Host-ms-access-%.*s=%s\r\n",
                       STR_ARG(keyring_instance(rig.keyring)), cases[i].token);
        if (cases[i].origin != NULL)
            buf_printf(&request, "Origin: %s\r\n", cases[i].origin);
        buf_append(&request, STR("\r\n"));

        fetch(&rig, buf_str(&request), &response);

        cr_expect(response.status == cases[i].want, "%s: %d", cases[i].what, response.status);
        cr_expect(str_equal(buf_str(&response.body), response.status != 200 ? STR("nobody")
                                                     : cases[i].is_cookie   ? STR("cookie")
                                                                            : STR("bearer")),
                  "%s: %s", cases[i].what, buf_terminated(&response.body));
    }
}

Test(api, hosts_of_one_domain_share_cookies_where_the_operator_says_so)
{
    static const struct {
        const char *host, *domain, *want;
    } cases[] = {
        {"music.example", "music.example", "11 __Secure-ms-refresh-"},
        {"MUSIC.example", "music.example", "11 __Secure-ms-refresh-"},
        {"a.music.example:8484", "music.example", "00 ms-refresh-"},
        {"music.example", "example", "11 __Secure-ms-refresh-"},
        {"music.example", "usic.example", "11 __Host-ms-refresh-"},
        {"music.example", "a.music.example", "11 __Host-ms-refresh-"},
        {"music.example", "", "11 __Host-ms-refresh-"},
        {"127.0.0.1:8484", "music.example", "11 __Host-ms-refresh-"},
    };
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t request BUF_SCOPED = BUF_INIT;
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        rig.api.cookie_domain = cases[i].domain;
        buf_printf(&request, "GET /safety HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host);

        fetch(&rig, buf_str(&request), &response);

        cr_expect(str_starts_with(buf_str(&response.body), str_from(cases[i].want)), "%s: %s",
                  cases[i].host, buf_terminated(&response.body));
    }
}

/* The client of the test is always on loopback, so the host decides. */
Test(api, cookies_are_secure_on_loopback_and_behind_tls_only)
{
    static const struct {
        const char *host;
        bool allows_plain_http;
        const char *want; /* may sign in, is secure, the cookie's prefix */
    } cases[] = {
        {"localhost:8484", false, "11 __Host-ms-refresh-"},
        {"127.0.0.1", false, "11 __Host-ms-refresh-"},
        {"[::1]:8484", false, "11 __Host-ms-refresh-"},
        {"music.example", false, "11 __Host-ms-refresh-"},
        {"MUSIC.example:443", false, "11 __Host-ms-refresh-"},
        {"music.example:8484", false, "00 ms-refresh-"},
        {"192.168.1.2:8484", false, "00 ms-refresh-"},
        {"127.evil.example", false, "00 ms-refresh-"},
        {"localhost.evil.example", false, "00 ms-refresh-"},
        {"192.168.1.2:8484", true, "10 ms-refresh-"},
        {"localhost", true, "11 __Host-ms-refresh-"},
    };
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t request BUF_SCOPED = BUF_INIT;
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        rig.api.allow_plain_http = cases[i].allows_plain_http;
        buf_printf(&request, "GET /safety HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host);

        fetch(&rig, buf_str(&request), &response);

        cr_expect(str_starts_with(buf_str(&response.body), str_from(cases[i].want)), "%s: %s",
                  cases[i].host, buf_terminated(&response.body));
    }
}
