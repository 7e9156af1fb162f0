#include "gateway/rest/gateways.h"

#include "gateway/api.h"

static void get_gateways(http_request_t *request)
{
    caller_t caller;
    gateway_place_t places[GATEWAYS_MAX];
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    err_t err = caller_of(request, &caller);
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    size_t count = gateways_list(home_of(request)->api->gateways, places);
    json_object_begin(&json);
    json_key(&json, STR("gateways"));
    json_array_begin(&json);
    for (size_t i = 0; i < count; i++) {
        if (!places[i].is_live)
            continue;
        json_object_begin(&json);
        json_key_str(&json, "url", str_from(places[i].origin));
        json_key_bool(&json, "isHere", places[i].is_here);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    http_reply_header(request, "Cache-Control", STR("no-store"));
    http_reply_buf(request, 200, STR("application/json"), &body);
}

err_t gateways_routes(routes_t *routes)
{
    static const route_t rows[] = {
        {.method = METHOD_GET, .pattern = "/api/v1/gateways", .handler = get_gateways}};
    return routes_add_all(routes, rows, COUNT_OF(rows));
}
