#include "gateway/rest/health.h"

#include "gateway/api.h"

static void reply_text(http_request_t *request, int status, str_t text)
{
    http_reply_header(request, "Cache-Control", STR("no-store"));
    http_reply(request, status, STR("text/plain; charset=utf-8"), text);
}

static void get_livez(http_request_t *request)
{
    reply_text(request, 200, STR("ok\n"));
}

static void get_readyz(http_request_t *request)
{
    const api_t *api = home_of(request)->api;
    bool is_ready = __atomic_load_n(api->is_ready, __ATOMIC_ACQUIRE) &&
                    (api->can_store == NULL || api->can_store(api->metrics_context));
    reply_text(request, is_ready ? 200 : 503, is_ready ? STR("ok\n") : STR("not ready\n"));
}

static void get_version(http_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "version", str_from(home_of(request)->api->version));
    json_object_end(&json);
    http_reply_buf(request, 200, STR("application/json"), &body);
}

static void append_metric(buf_t *out, const char *name, const char *type, const char *help,
                          uint64_t value)
{
    buf_printf(out, "# HELP musicstream_%s %s\n# TYPE musicstream_%s %s\nmusicstream_%s ", name,
               help, name, type, name);
    buf_append_u64(out, value);
    buf_append_char(out, '\n');
}

static void append_runtime(buf_t *out, runtime_t *runtime)
{
    runtime_stats_t stats;
    runtime_stats(runtime, &stats);
    append_metric(out, "actors", "gauge", "Actors in memory.", stats.actors);
    append_metric(out, "actor_messages_total", "counter", "Messages handled.", stats.messages);
    append_metric(out, "actor_failures_total", "counter", "Actors that failed.", stats.failures);
    append_metric(out, "actor_restarts_total", "counter", "Actors restarted.", stats.restarts);
    append_metric(out, "actor_dead_letters_total", "counter", "Messages that nobody handled.",
                  stats.dead_letters);
    append_metric(out, "actor_refused_total", "counter", "Messages refused: mailbox full.",
                  stats.refused);
    append_metric(out, "actor_slow_turns_total", "counter", "Turns over 10 ms.", stats.slow_turns);
}

static void append_catalog(buf_t *out, catalog_t *catalog)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_counts_t counts;
    if (catalog_read_begin(catalog, &scratch, &read) != ERR_OK ||
        catalog_counts(&read, &counts) != ERR_OK)
        return;
    append_metric(out, "tracks", "gauge", "Tracks in the catalog.", counts.tracks);
    append_metric(out, "albums", "gauge", "Albums in the catalog.", counts.albums);
    append_metric(out, "artists", "gauge", "Artists in the catalog.", counts.artists);
}

static void get_metrics(http_request_t *request)
{
    const api_t *api = home_of(request)->api;
    buf_t body BUF_SCOPED = BUF_INIT;
    append_runtime(&body, api->runtime);
    append_catalog(&body, api->catalog);
    if (api->append_metrics != NULL)
        api->append_metrics(api->metrics_context, &body);
    http_reply_buf(request, 200, STR("text/plain; version=0.0.4; charset=utf-8"), &body);
}

err_t health_routes(routes_t *routes)
{
    const route_t rows[] = {
        {METHOD_GET, "/livez", get_livez, NULL, 0},
        {METHOD_GET, "/readyz", get_readyz, NULL, 0},
        {METHOD_GET, "/metrics", get_metrics, NULL, 0},
        {METHOD_GET, "/version", get_version, NULL, 0},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}
