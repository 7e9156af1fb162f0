#include "gateway/rest/health.h"

#include "gateway/api.h"
#include "runtime/base/memory.h"
#include "runtime/inside.h"

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
    buf_t why BUF_SCOPED = BUF_INIT;
    if (!__atomic_load_n(api->is_ready, __ATOMIC_ACQUIRE)) {
        reply_text(request, 503, STR("not ready\n"));
    } else if (api->is_able != NULL && !api->is_able(api->metrics_context, &why)) {
        str_t text = arena_printf(request->arena, "not ready: %.*s\n", STR_ARG(buf_str(&why)));
        reply_text(request, 503, text);
    } else {
        reply_text(request, 200, STR("ok\n"));
    }
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

static void append_dead_letters_of(void *context, const char *kind, dead_reason_t reason,
                                   uint64_t count)
{
    buf_printf(context,
               "musicstream_actor_dead_letters_by_reason_total{kind=\"%s\",reason=\"%s\"} ", kind,
               dead_reason_name(reason));
    buf_append_u64(context, count);
    buf_append_char(context, '\n');
}

void health_append_dead_letters(buf_t *out, runtime_t *runtime)
{
    buf_append(out,
               STR("# HELP musicstream_actor_dead_letters_by_reason_total Messages that nobody "
                   "handled, and answers that nobody waited for.\n"
                   "# TYPE musicstream_actor_dead_letters_by_reason_total counter\n"));
    runtime_dead_letters_each(runtime, append_dead_letters_of, out);
}

static void append_labels(buf_t *out, const char *name, const latency_row_t *row)
{
    buf_printf(out, "musicstream_actor_message_%s{kind=\"%s\",type=\"%s\"", name, row->kind,
               row->type);
}

static void append_quantile(buf_t *out, const char *name, const latency_row_t *row,
                            const char *quantile, uint64_t ns)
{
    append_labels(out, name, row);
    buf_printf(out, ",quantile=\"%s\"} %.9f\n", quantile, (double)ns / 1e9);
}

/* While latencies are measured (`latencies = true`, or somebody looks at them). The labels are
 * names in the program: at most LATENCY_ROWS_MAX + 1 of them. */
static void append_latencies(buf_t *out, runtime_t *runtime)
{
    latency_row_t *rows MEMORY_SCOPED = memory_new_array(LATENCY_ROWS_MAX + 1, sizeof *rows);
    size_t count = 0;
    if (rows == NULL || runtime_latencies(runtime, rows, LATENCY_ROWS_MAX + 1, &count) != ERR_OK ||
        count == 0)
        return;
    buf_append(out, STR("# HELP musicstream_actor_message_wait_seconds Time of a message in its "
                        "queue.\n# TYPE musicstream_actor_message_wait_seconds summary\n"));
    for (size_t i = 0; i < count; i++) {
        append_quantile(out, "wait_seconds", &rows[i], "0.5", rows[i].wait_p50_ns);
        append_quantile(out, "wait_seconds", &rows[i], "0.99", rows[i].wait_p99_ns);
    }
    buf_append(out, STR("# HELP musicstream_actor_message_seconds Time a message is handled.\n"
                        "# TYPE musicstream_actor_message_seconds summary\n"));
    for (size_t i = 0; i < count; i++) {
        append_quantile(out, "seconds", &rows[i], "0.5", rows[i].took_p50_ns);
        append_quantile(out, "seconds", &rows[i], "0.99", rows[i].took_p99_ns);
        append_labels(out, "seconds_sum", &rows[i]);
        buf_printf(out, "} %.9f\n", (double)rows[i].took_sum_ns / 1e9);
        append_labels(out, "seconds_count", &rows[i]);
        buf_printf(out, "} %llu\n", (unsigned long long)rows[i].count);
    }
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
    health_append_dead_letters(&body, api->runtime);
    append_latencies(&body, api->runtime);
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
