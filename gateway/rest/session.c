#include "gateway/rest/session.h"

#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "gateway/api.h"
#include "gateway/cookies.h"
#include "storage/keys/refresh_token.h"

/* ---- reading ---- */

static bool body_is_json(http_request_t *request, const graphql_value_t **out_body)
{
    str_t type = http_header(request, "Content-Type");
    str_t media = str_trim(str_slice(type, 0, str_find(type, ';')));
    graphql_value_t *body = arena_new(request->arena, sizeof *body);
    if (!str_equal_ignoring_case(media, STR("application/json"))) {
        http_reply_error(request, ERR_UNSUPPORTED, "send application/json");
        return false;
    }
    err_t err =
        body == NULL ? ERR_NO_MEMORY : graphql_value_from_json(request->body, request->arena, body);
    if (err != ERR_OK || body->kind != GRAPHQL_OBJECT) {
        http_reply_error(request, err == ERR_OK ? ERR_INVALID : err,
                         "the body is not a JSON object");
        return false;
    }
    *out_body = body;
    return true;
}

static str_t text_of(const graphql_value_t *body, const char *name)
{
    str_t text = graphql_value_str(graphql_value_get(body, name));
    return text.data == NULL ? STR("") : text;
}

/* What every request that ends in cookies has to pass: our own page (or an app that sends no Origin
 * and wants no cookies), over a connection that may carry a password. */
static bool may_sign_in(http_request_t *request, bool wants_cookies)
{
    str_t origin = http_header(request, "Origin");
    if (!sign_in_is_safe(request)) {
        http_reply_error(
            request, ERR_FORBIDDEN,
            "signing in from another machine needs HTTPS in front of this server, whose "
            "address is in the option host, or the option allow_plain_http");
        return false;
    }
    if ((wants_cookies || origin.data != NULL) && !http_is_same_origin(request)) {
        http_reply_error(request, ERR_FORBIDDEN, "this has to come from the player's own page");
        return false;
    }
    return true;
}

static bool wants_cookies(const graphql_value_t *body)
{
    return graphql_value_bool(graphql_value_get(body, "cookies"), true);
}

/* ---- answering ---- */

static err_t set_cookie(http_request_t *request, session_cookie_t which, str_t value,
                        int64_t max_age_s)
{
    buf_t header BUF_SCOPED = BUF_INIT;
    char name[COOKIE_NAME_SIZE];
    cookie_t cookie = {.name = str_from(session_cookie_name(request, which, name)),
                       .value = value,
                       .domain = session_cookie_domain(request),
                       .max_age_s = max_age_s,
                       .is_secure = session_cookie_is_secure(request),
                       .same_site = COOKIE_STRICT};
    TRY(cookie_append(&header, &cookie));
    http_reply_header(request, "Set-Cookie", buf_str(&header));
    return ERR_OK;
}

static void append_user(json_t *json, str_t user_id, str_t name, uint32_t role)
{
    json_key(json, STR("user"));
    json_object_begin(json);
    json_key_str(json, "id", user_id);
    json_key_str(json, "name", name);
    json_key_str(json, "role", role == ACCOUNT_ROLE_ADMIN ? STR("ADMIN") : STR("LISTENER"));
    json_object_end(json);
}

static void append_time(json_t *json, const char *key, int64_t wall_ms)
{
    char text[ISO_TIME_SIZE];
    clock_iso(wall_ms, text);
    json_key_str(json, key, str_from(text));
}

static void reply_json(http_request_t *request, int status, buf_t *body)
{
    http_reply_header(request, "Cache-Control", STR("no-store"));
    http_reply_buf(request, status, STR("application/json"), body);
}

static void reply_refusal(http_request_t *request, const answer_t *answer)
{
    str_t text = arena_str(request->arena, answer->text);
    http_reply_error(request, answer->err, str_is_empty(text) ? NULL : text.data);
}

typedef struct sign_in {
    http_request_t *request;
    bool has_cookies;
    int status;
} sign_in_t;

static sign_in_t *sign_in_new(http_request_t *request, bool has_cookies, int status)
{
    sign_in_t *self = arena_new(request->arena, sizeof *self);
    if (self == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return NULL;
    }
    *self = (sign_in_t){request, has_cookies, status};
    return self;
}

static void signed_in(void *context, const answer_t *answer)
{
    sign_in_t *self = context;
    http_request_t *request = self->request;
    if (answer->err != ERR_OK) {
        reply_refusal(request, answer);
        return;
    }
    const account_signed_in_t *account = answer->message;
    int64_t now = clock_wall_ms(&home_of(request)->api->clock);
    int64_t life_s = (account->refresh_expires_at - now) / 1000;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    append_user(&json, account->user_id, account->name, account->role);
    append_time(&json, "expiresAt", account->access_expires_at);
    if (self->has_cookies) {
        if (set_cookie(request, COOKIE_ACCESS, account->access_token, life_s) != ERR_OK ||
            set_cookie(request, COOKIE_REFRESH, account->refresh_token, life_s) != ERR_OK) {
            http_reply_error(request, ERR_INTERNAL, NULL);
            return;
        }
    } else {
        json_key_str(&json, "accessToken", account->access_token);
        json_key_str(&json, "refreshToken", account->refresh_token);
    }
    json_object_end(&json);
    reply_json(request, self->status, &body);
}

/* ---- the handlers ---- */

static void setup_known(void *context, const answer_t *answer)
{
    http_request_t *request = context;
    if (answer->err != ERR_OK) {
        reply_refusal(request, answer);
        return;
    }
    const accounts_setup_t *setup = answer->message;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_bool(&json, "needsSetup", setup->is_needed);
    json_object_end(&json);
    reply_json(request, 200, &body);
}

static void get_setup(http_request_t *request)
{
    edge_ask(request->edge, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
             setup_known, request, accounts_get_setup);
}

static void post_setup(http_request_t *request)
{
    const graphql_value_t *body;
    if (!body_is_json(request, &body) || !may_sign_in(request, wants_cookies(body)))
        return;
    sign_in_t *self = sign_in_new(request, wants_cookies(body), 201);
    if (self != NULL)
        edge_ask(request->edge, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
                 signed_in, self, accounts_set_up, .code = text_of(body, "code"),
                 .name = text_of(body, "name"), .password = text_of(body, "password"),
                 .device_name = text_of(body, "deviceName"), .client = request->peer);
}

static void post_session(http_request_t *request)
{
    const graphql_value_t *body;
    if (!body_is_json(request, &body) || !may_sign_in(request, wants_cookies(body)))
        return;
    sign_in_t *self = sign_in_new(request, wants_cookies(body), 201);
    if (self != NULL)
        edge_ask(request->edge, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
                 signed_in, self, accounts_sign_in, .name = text_of(body, "name"),
                 .password = text_of(body, "password"), .device_name = text_of(body, "deviceName"),
                 .client = request->peer);
}

static void post_refresh(http_request_t *request)
{
    const graphql_value_t *body = NULL;
    char name[COOKIE_NAME_SIZE];
    if (!str_is_empty(request->body) && !body_is_json(request, &body))
        return;
    str_t token = text_of(body, "refreshToken");
    bool has_cookies = str_is_empty(token);
    if (has_cookies)
        token = http_cookie(request, session_cookie_name(request, COOKIE_REFRESH, name));
    if (!may_sign_in(request, has_cookies))
        return;
    refresh_token_t parts;
    if (refresh_token_read(home_of(request)->api->keyring, token, &parts) != ERR_OK) {
        http_reply_error(request, ERR_UNAUTHENTICATED, "sign in again");
        return;
    }
    sign_in_t *self = sign_in_new(request, has_cookies, 200);
    if (self != NULL)
        edge_ask(request->edge, address_of(ACCOUNT_KIND, parts.user_id), ASK_TIMEOUT_MS, (str_t){0},
                 signed_in, self, account_refresh, .token = token);
}

typedef struct who {
    http_request_t *request;
    int64_t expires_at_ms;
} who_t;

static void account_known(void *context, const answer_t *answer)
{
    who_t *self = context;
    if (answer->err != ERR_OK) {
        reply_refusal(self->request, answer);
        return;
    }
    const account_info_t *account = answer->message;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    append_user(&json, account->user_id, account->name, account->role);
    append_time(&json, "expiresAt", self->expires_at_ms);
    json_object_end(&json);
    reply_json(self->request, 200, &body);
}

static void get_session(http_request_t *request)
{
    caller_t caller;
    err_t err = caller_of(request, &caller);
    who_t *self = arena_new(request->arena, sizeof *self);
    if (err != ERR_OK || self == NULL) {
        http_reply_error(request, err != ERR_OK ? err : ERR_NO_MEMORY, NULL);
        return;
    }
    *self = (who_t){request, caller.claims.expires_at_ms};
    edge_ask(request->edge, address_of(ACCOUNT_KIND, caller_user_id(&caller)), ASK_TIMEOUT_MS,
             (str_t){0}, account_known, self, account_get);
}

static void session_ended_here(void *context, const answer_t *answer)
{
    http_request_t *request = context;
    if (answer->err != ERR_OK) {
        reply_refusal(request, answer);
        return;
    }
    if (set_cookie(request, COOKIE_ACCESS, STR(""), 0) != ERR_OK ||
        set_cookie(request, COOKIE_REFRESH, STR(""), 0) != ERR_OK) {
        http_reply_error(request, ERR_INTERNAL, NULL);
        return;
    }
    http_reply(request, 204, (str_t){0}, (str_t){0});
}

static void delete_session(http_request_t *request)
{
    caller_t caller;
    err_t err = caller_of(request, &caller);
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    edge_ask(request->edge, address_of(ACCOUNT_KIND, caller_user_id(&caller)), ASK_TIMEOUT_MS,
             (str_t){0}, session_ended_here, request, account_end_session,
             .sid = arena_str(request->arena, str_from(caller.claims.sid)));
}

err_t session_routes(routes_t *routes)
{
    enum { SMALL_BODY = 16384 };
    const route_t rows[] = {
        {METHOD_GET, "/api/v1/setup", get_setup, NULL, 0},
        {METHOD_POST, "/api/v1/setup", post_setup, NULL, SMALL_BODY},
        {METHOD_POST, "/api/v1/session", post_session, NULL, SMALL_BODY},
        {METHOD_GET, "/api/v1/session", get_session, NULL, 0},
        {METHOD_DELETE, "/api/v1/session", delete_session, NULL, 0},
        {METHOD_POST, "/api/v1/session/refresh", post_refresh, NULL, SMALL_BODY},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}
