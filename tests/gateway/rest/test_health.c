/* What operators ask: ready only while it serves and stores. */

#include "gateway/rest/health.h"

#include "gateway/api.h"
#include "gateway/rest/session.h"
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"

typedef struct rig {
    bool is_ready, stores;
    keyring_t *keyring;
    api_t api;
    home_t home;
    routes_t *routes;
    gateway_thread_t thread;
} rig_t;

static bool is_able(void *context, buf_t *out_why)
{
    const rig_t *self = context;
    if (!self->stores)
        buf_append(out_why, STR("the disk is on fire"));
    return self->stores;
}

static void rig_end(rig_t *self)
{
    gateway_thread_join(&self->thread);
    routes_free(self->routes);
    token_verifier_free(self->home.verifier);
    keyring_close(self->keyring);
}

static void begin(rig_t *self)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    *self = (rig_t){.is_ready = true, .stores = true};
    check_ok(keyring_open(STR(""), &clock, &random, &self->keyring));
    check_ok(token_verifier_new(self->keyring, &self->home.verifier));
    self->api = (api_t){.keyring = self->keyring,
                        .clock = clock,
                        .version = "1.2.3",
                        .is_ready = &self->is_ready,
                        .is_able = is_able,
                        .metrics_context = self};
    self->home.api = &self->api;
    self->routes = routes_new();
    check_ok(health_routes(self->routes));
    check_ok(session_routes(self->routes));
    check_ok(gateway_thread_start(
        &self->thread, &(gateway_options_t){.routes = self->routes, .user = &self->home}));
}

Test(health, it_is_ready_while_it_serves_and_stores)
{
    static const struct {
        bool is_ready, stores;
        int want;
        const char *body;
    } cases[] = {{true, true, 200, "ok\n"},
                 {false, true, 503, "not ready\n"},
                 {true, false, 503, "not ready: the disk is on fire\n"},
                 {true, true, 200, "ok\n"}};
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0}, alive HTTP_RESPONSE_SCOPED = {0};
        rig.is_ready = cases[i].is_ready;
        rig.stores = cases[i].stores;
        check_ok(http_fetch(rig.thread.port, "GET", "/readyz", NULL, STR(""), &response));
        check_ok(http_fetch(rig.thread.port, "GET", "/livez", NULL, STR(""), &alive));
        cr_expect(response.status == cases[i].want, "case %zu: %d", i, response.status);
        check_str(buf_str(&response.body), str_from(cases[i].body));
        check_str(http_response_header(&response, "Cache-Control"), STR("no-store"));
        cr_expect(eq(int, alive.status, 200));
    }
}

Test(health, dead_letters_are_told_by_kind_and_reason)
{
    runtime_t *runtime = NULL;
    buf_t out BUF_SCOPED = BUF_INIT;
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1}, &runtime));
    for (int i = 0; i < 2; i++)
        check_err(runtime_send_message(runtime, address_of("nobody", STR("k")), &dead_letter_schema,
                                       &(dead_letter_t){.receiver = 1}),
                  ERR_NOT_FOUND);

    health_append_dead_letters(&out, runtime);

    cr_assert(str_ends_with(buf_str(&out),
                            STR("\nmusicstream_actor_dead_letters_by_reason_total{kind=\"(unknown)"
                                "\",reason=\"no such kind\"} 2\n")));
    runtime_free(runtime);
}

Test(session, what_is_no_request_to_sign_in_is_refused_before_anybody_is_asked)
{
    static const char json[] = "Content-Type: application/json\r\n";
    static const char foreign[] =
        "Content-Type: application/json\r\nOrigin: https://evil.example\r\n";
    static const struct {
        const char *what, *method, *target, *headers, *body;
        int want;
    } cases[] = {
        {"a form", "POST", "/api/v1/session", "Content-Type: application/x-www-form-urlencoded\r\n",
         "name=a", 415},
        {"no type", "POST", "/api/v1/session", NULL, "{}", 415},
        {"no JSON", "POST", "/api/v1/session", json, "{", 400},
        {"no object", "POST", "/api/v1/session", json, "[]", 400},
        {"cookies without an Origin", "POST", "/api/v1/session", json, "{\"name\":\"a\"}", 403},
        {"cookies for another page", "POST", "/api/v1/session", foreign, "{\"name\":\"a\"}", 403},
        {"tokens for another page", "POST", "/api/v1/session", foreign, "{\"cookies\":false}", 403},
        {"setup from another page", "POST", "/api/v1/setup", foreign, "{\"code\":\"a\"}", 403},
        {"a refresh without a cookie or an Origin", "POST", "/api/v1/session/refresh", NULL, "",
         403},
        {"a refresh with nonsense", "POST", "/api/v1/session/refresh", json,
         "{\"refreshToken\":\"x\"}", 401},
        {"who am I, without a token", "GET", "/api/v1/session", NULL, "", 401},
        {"signing out without a token", "DELETE", "/api/v1/session", NULL, "", 401},
    };
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_fetch(rig.thread.port, cases[i].method, cases[i].target, cases[i].headers,
                            str_from(cases[i].body), &response));
        cr_expect(response.status == cases[i].want, "%s: %d", cases[i].what, response.status);
        check_str(http_response_header(&response, "Content-Type"), STR("application/problem+json"));
        cr_expect(http_response_header(&response, "Set-Cookie").data == NULL, "%s", cases[i].what);
    }
}
