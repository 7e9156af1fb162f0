/* gateway.c -- the node's gateway: one server a scheduler, all with the same routes. */

#include "gateway/graphql/resolve/graph.h"
#include "gateway/graphql/route.h"
#include "gateway/hls/routes.h"
#include "gateway/rest/gateways.h"
#include "gateway/rest/health.h"
#include "gateway/rest/playlists.h"
#include "gateway/rest/session.h"
#include "node/parts.h"
#include "node/program.h"
#include "runtime/base/memory.h"
#include "runtime/outbox.h"
#include "schema_sdl.h"
#include "version.h"

#include <unistd.h>

/* ---- what all servers share ---- */

static void open_player(node_t *self)
{
    str_t folder = program_beside(&self->arena, self->config->web, "web");
    if (folder.data == NULL || static_files_open(folder.data, &self->player) != ERR_OK)
        log_warning(self->log, "gateway",
                    "the player was not built: %s is missing (install npm and build "
                    "again); everything else works",
                    folder.data);
}

static void no_player(http_request_t *request)
{
    http_reply(request, 200, STR("text/plain; charset=utf-8"),
               STR("MusicStream is running. Its player was not built: install npm and build "
                   "again, then restart.\n"));
}

static err_t make_routes(node_t *self)
{
    self->routes = routes_new();
    if (self->routes == NULL)
        return ERR_NO_MEMORY;
    TRY(health_routes(self->routes));
    if (!node_has_role(self, MEMBER_GATEWAY)) /* balancers and Prometheus, but nobody's player */
        return ERR_OK;
    TRY(playlists_routes(self->routes));
    TRY(session_routes(self->routes));
    TRY(gateways_routes(self->routes));
    TRY(graphql_routes(self->routes));
    TRY(hls_routes(self->routes));
    const route_t page = {METHOD_GET, "/{path...}",
                          self->player == NULL ? no_player : static_files_serve, self->player, 0};
    return routes_add(self->routes, &page);
}

/* As Prometheus wants them: all rows of a family one after the other. */
static const struct {
    const char *family, *labels, *type, *help;
    size_t offset;
} gateway_metrics[] = {
#define ROW(field, family, labels, type, help)                                                     \
    {                                                                                              \
        "gateway_" family, labels, type, help, offsetof(gateway_counters_t, field)                 \
    }
#define STATUS_ROW(field, class)                                                                   \
    ROW(field, "requests_total", "{status=\"" class "\"}", "counter", "Requests answered.")
#define COUNTER_ROW(field, family, help) ROW(field, family "_total", "", "counter", help)
#define GAUGE_ROW(field, family, help) ROW(field, family, "", "gauge", help)
    STATUS_ROW(requests_1xx, "1xx"),
    STATUS_ROW(requests_2xx, "2xx"),
    STATUS_ROW(requests_3xx, "3xx"),
    STATUS_ROW(requests_4xx, "4xx"),
    STATUS_ROW(requests_5xx, "5xx"),
    COUNTER_ROW(requests_cancelled, "requests_cancelled", "The client left before the answer."),
    COUNTER_ROW(connections_accepted, "connections_accepted", "Connections taken."),
    COUNTER_ROW(connections_refused, "connections_refused", "Connections past a limit."),
    COUNTER_ROW(connections_timed_out, "connections_timed_out", "Connections closed as silent."),
    GAUGE_ROW(connections_open, "connections", "Connections open now."),
    COUNTER_ROW(bytes_received, "received_bytes", "Bytes from clients."),
    COUNTER_ROW(bytes_sent, "sent_bytes", "Bytes to clients."),
    COUNTER_ROW(websockets_opened, "websockets_opened", "Upgrades to WebSocket."),
    GAUGE_ROW(websockets_open, "websockets", "WebSockets open now."),
    COUNTER_ROW(websocket_messages_received, "websocket_received_messages", "From WebSockets."),
    COUNTER_ROW(websocket_messages_sent, "websocket_sent_messages", "To WebSockets."),
    COUNTER_ROW(websockets_too_slow, "websockets_too_slow", "WebSockets closed as too slow."),
#undef GAUGE_ROW
#undef COUNTER_ROW
#undef STATUS_ROW
#undef ROW
};

#define COUNT_COUNTER(name) +1
_Static_assert(COUNT_OF(gateway_metrics) == 0 GATEWAY_COUNTER_LIST(COUNT_COUNTER),
               "a counter of the gateway is not in /metrics");
#undef COUNT_COUNTER

static void append_head(buf_t *out, const char *family, const char *type, const char *help)
{
    buf_printf(out, "# HELP musicstream_%s %s\n# TYPE musicstream_%s %s\n", family, help, family,
               type);
}

static void append_gateway_metrics(const gateway_counters_t *total, buf_t *out)
{
    for (size_t i = 0; i < COUNT_OF(gateway_metrics); i++) {
        const char *family = gateway_metrics[i].family;
        uint64_t value;
        memcpy(&value, (const char *)total + gateway_metrics[i].offset, sizeof value);
        if (i == 0 || strcmp(family, gateway_metrics[i - 1].family) != 0)
            append_head(out, family, gateway_metrics[i].type, gateway_metrics[i].help);
        buf_printf(out, "musicstream_%s%s ", family, gateway_metrics[i].labels);
        buf_append_u64(out, value);
        buf_append_char(out, '\n');
    }
}

static void append_metric(buf_t *out, const char *family, const char *type, const char *help,
                          uint64_t value)
{
    append_head(out, family, type, help);
    buf_printf(out, "musicstream_%s ", family);
    buf_append_u64(out, value);
    buf_append_char(out, '\n');
}

static void append_journal_metrics(node_t *self, buf_t *out)
{
    journal_store_stats_t journal;
    journal_store_stats(&self->journal, &journal);
    append_metric(out, "journal_appends_total", "counter", "Appends that became durable.",
                  journal.appends);
    append_metric(out, "journal_commits_total", "counter", "Transactions synced.", journal.commits);
    append_metric(out, "journal_refused_total", "counter", "Appends refused.", journal.refused);
    append_metric(out, "journal_replica_pages_total", "counter",
                  "Pages of the feed from the replica.", journal.replica_pages);
    append_metric(out, "journal_replica_missed_total", "counter",
                  "Reads of the feed that the replica could not serve, or not in time.",
                  journal.replica_missed);
    append_metric(out, "journal_replica_behind_milliseconds", "gauge",
                  "How long the replica has been behind the database.", journal.replica_behind_ms);
    append_metric(out, "journal_went_back_total", "counter",
                  "Fail-overs that lost something acknowledged.", journal.went_back);
    append_metric(out, "journal_stalled_milliseconds", "gauge",
                  "How long something durable could not be read, because a transaction before it "
                  "is open.",
                  journal.stalled_ms);
}

static void append_outbox_metrics(node_t *self, buf_t *out)
{
    outbox_stats_t stats;
    outbox_stats(self->runtime, &stats);
    const struct {
        const char *family, *type, *help;
        uint64_t value;
    } rows[] = {
        {"outbox_waiting", "gauge", "Messages that wait for their receiver, a minute ago at most.",
         atomic_load_explicit(&self->upkeep.waiting, memory_order_relaxed)},
        {"outbox_dead", "gauge", "Messages that are not sent any more, a minute ago at most.",
         atomic_load_explicit(&self->upkeep.dead, memory_order_relaxed)},
        {"outbox_sent_total", "counter", "Messages put into an outbox.", stats.sent},
        {"outbox_attempts_total", "counter", "Attempts: those above delivered are retries.",
         stats.attempts},
        {"outbox_delivered_total", "counter", "Messages that their receiver has.", stats.delivered},
        {"outbox_refused_total", "counter", "Attempts that their receiver refused.", stats.refused},
        {"outbox_died_total", "counter", "Messages that were refused too often.", stats.died},
        {"outbox_taken_total", "counter", "Messages taken by a receiver.", stats.taken},
        {"outbox_duplicates_total", "counter", "Messages that came again and were dropped.",
         stats.duplicates},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        append_metric(out, rows[i].family, rows[i].type, rows[i].help, rows[i].value);
}

/* Of a cluster: what other nodes sent of music. */
static void append_piece_metrics(node_t *self, buf_t *out)
{
    piece_client_t *pieces = media_node_pieces(self->folders);
    if (pieces == NULL)
        return;
    piece_client_counts_t counts = piece_client_counts(pieces);
    append_metric(out, "pieces_asked_total", "counter", "Pieces of music asked of other nodes.",
                  counts.asked);
    append_metric(out, "pieces_failed_total", "counter",
                  "Those that brought nothing: a node that ended, or does not have it.",
                  counts.failed);
    append_metric(out, "pieces_received_bytes_total", "counter", "Bytes of their answers.",
                  counts.received_bytes);
    append_metric(out, "pieces_files_total", "counter",
                  "Segments, covers and lyrics that came whole from other nodes.", counts.files);
}

static void append_metrics(void *context, buf_t *out)
{
    node_t *self = context;
    gateway_counters_t total = {0}, one;
    uint32_t serving = atomic_load(&self->serving); /* requests come while others still start */
    for (uint32_t i = 0; i < serving; i++) {
        gateway_server_counters(self->posts[i].server, &one);
#define ADD_COUNTER(name) total.name += one.name;
        GATEWAY_COUNTER_LIST(ADD_COUNTER)
#undef ADD_COUNTER
    }
    append_gateway_metrics(&total, out);
    append_journal_metrics(self, out);
    append_outbox_metrics(self, out);
    catalog_keeper_append_metrics(&self->keeper, out);
    search_keeper_append_metrics(&self->search_keeper, out);
    names_follow_append_metrics(&self->names, out);
    append_piece_metrics(self, out);
    if (self->cluster != NULL)
        cluster_node_append_metrics(self->cluster, out);
}

static bool is_able(void *context, buf_t *out_why)
{
    const node_t *self = context;
    journal_store_stats_t journal;
    if (self->cluster != NULL && !cluster_node_may_serve(self->cluster)) {
        buf_append(out_why, STR("this node has no lease: it reaches neither the database nor "
                                "enough of the other nodes"));
        return false;
    }
    if (self->cluster != NULL && (cluster_node_missing_roles(self->cluster) & MEMBER_ACTORS) != 0) {
        buf_append(out_why, STR("no active node has the role actors: nobody serves users"));
        return false;
    }
    journal_store_stats(&self->journal, &journal);
    if (journal.is_away) {
        buf_append(out_why, STR("the journal takes nothing now"));
        return false;
    }
    if (catalog_keeper_is_ready(&self->keeper))
        return true;
    buf_printf(out_why, "the catalog is built from the journal, %u %%",
               catalog_keeper_percent(&self->keeper));
    return false;
}

static void add_host(node_t *self, str_t name)
{
    if (!str_is_empty(name) && self->host_count < COUNT_OF(self->hosts))
        self->hosts[self->host_count++] = name;
}

/* "https://music.example:8443" is an origin of ours and its name, "music.lan" is only a name. */
static void add_name(node_t *self, str_t entry)
{
    static const char mark[] = "://";
    size_t scheme = str_find(entry, ':');
    str_t rest = str_slice(entry, scheme, entry.size);
    if (!str_starts_with(rest, STR(mark))) {
        add_host(self, entry);
        return;
    }
    rest = str_slice(rest, sizeof mark - 1, rest.size);
    add_host(self, str_slice(rest, 0, str_find(rest, ':')));
    if (self->origin_count < COUNT_OF(self->origins))
        self->origins[self->origin_count++] = entry;
}

/* Besides addresses and localhost, requests may name what is configured, what we listen on, and
 * this machine (alone and in the local network's domain): a page of another site that has its own
 * name point here gets nothing. */
static void name_hosts(node_t *self)
{
    char machine[256] = "";
    str_t rest = str_from(self->config->host), name;
    while (str_next(&rest, ',', &name))
        add_name(self, str_trim(name));
    add_name(self, str_from(self->config->public_url));
    add_host(self, buf_str(&self->host));
    if (gethostname(machine, sizeof machine - 1) != 0 || machine[0] == '\0')
        return;
    add_host(self, arena_str(&self->arena, str_from(machine)));
    add_host(self, arena_printf(&self->arena, "%s.local", machine));
}

static err_t make_shared(node_t *self, buf_t *problem)
{
    str_t sdl = str_of(schema_sdl, sizeof schema_sdl);
    TRY(graph_engine_new(sdl, problem, &self->graphql));
    if (node_has_role(self, MEMBER_GATEWAY))
        open_player(self);
    TRY(make_routes(self));
    TRY(node_open_gateways(self));
    name_hosts(self);
    self->api = (api_t){.graphql = self->graphql,
                        .catalog = self->catalog,
                        .projection = self->projection,
                        .names = self->names.names,
                        .names_projection = self->names.projection,
                        .search = self->search,
                        .asker = self->asker,
                        .keyring = self->keyring,
                        .artwork = self->artwork,
                        .lyrics = self->lyrics,
                        .segments = self->segments,
                        .places = media_node_places(self->folders),
                        .pieces = media_node_pieces(self->folders),
                        .piece_keys = media_node_keys(self->folders),
                        .player = self->player,
                        .runtime = self->runtime,
                        .clock = clock_system(),
                        .version = MS_VERSION,
                        .allow_plain_http = self->config->allow_plain_http,
                        .public_origins = self->origins,
                        .public_origin_count = self->origin_count,
                        .gateways = self->gateways,
                        .cookie_domain = self->config->cookie_domain,
                        .is_ready = &self->is_ready,
                        .is_able = is_able,
                        .append_metrics = append_metrics,
                        .metrics_context = self};
    return ERR_OK;
}

/* ---- one server, on its scheduler's thread ---- */

static err_t start_here(post_t *post)
{
    node_t *node = post->node;
    gateway_options_t options = {.host = buf_terminated(&node->host),
                                 .port = node->port,
                                 .is_port_shared = post->scheduler > 0,
                                 .routes = node->routes,
                                 .edge = runtime_edge(node->runtime, post->scheduler),
                                 .user = &post->home,
                                 .log = node->log,
                                 .allowed_hosts = node->hosts,
                                 .allowed_host_count = node->host_count,
                                 .public_origins = node->origins,
                                 .public_origin_count = node->origin_count,
                                 .gateways = node->gateways};
    err_t err = home_init(&post->home, &node->api, options.edge);
    if (err == ERR_OK)
        err = gateway_server_new(runtime_loop(node->runtime, post->scheduler), &options,
                                 &post->server);
    if (err == ERR_OK)
        err = gateway_server_start(post->server);
    if (err != ERR_OK) { /* one that never started can't be stopped */
        gateway_server_free(post->server);
        post->server = NULL;
    }
    return err;
}

static const char *listening_advice(err_t err)
{
    if (err == ERR_CONFLICT)
        return "another program uses this port: choose one with --listen";
    if (err == ERR_NOT_FOUND)
        return "this machine has no such address: use 127.0.0.1, or 0.0.0.0 for all it has";
    if (err == ERR_FORBIDDEN)
        return "this user may not take this port: choose one above 1023 with --listen";
    return err_text(err);
}

static void post_done(void *context)
{
    post_t *post = context;
    sem_post(&post->node->done);
}

/* One that could not start is freed with the others. */
static void start_post(void *context)
{
    post_t *post = context;
    post->err = start_here(post);
    post_done(post);
}

/* One that could not start has nothing to stop, and would never say so. */
static void stop_post(void *context)
{
    post_t *post = context;
    if (post->err == ERR_OK)
        gateway_server_stop(post->server, post_done, post);
    else
        post_done(post);
}

static void free_post(void *context)
{
    post_t *post = context;
    gateway_server_free(post->server);
    post->server = NULL;
    home_close(&post->home, post_done, post);
}

static err_t on_each(node_t *self, void (*fn)(void *context))
{
    err_t err = ERR_OK;
    uint32_t asked = 0;
    for (uint32_t i = 0; i < self->post_count; i++) {
        err_t posted = edge_post(runtime_edge(self->runtime, i), fn, &self->posts[i]);
        if (posted == ERR_OK)
            asked++;
        else
            err = posted;
    }
    while (asked > 0)
        if (sem_wait(&self->done) == 0)
            asked--;
    return err;
}

static err_t start_posts(node_t *self, buf_t *problem)
{
    uint32_t count = runtime_scheduler_count(self->runtime);
    self->posts = memory_new_array(count, sizeof *self->posts);
    if (self->posts == NULL)
        return ERR_NO_MEMORY;
    /* The first one finds the port, if it is to be a free one; the others share it. */
    for (uint32_t i = 0; i < count; i++) {
        self->posts[i] = (post_t){.node = self, .scheduler = i};
        TRY(edge_post(runtime_edge(self->runtime, i), start_post, &self->posts[i]));
        while (sem_wait(&self->done) != 0)
            continue;
        self->post_count = i + 1;
        if (self->posts[i].err == ERR_OK)
            atomic_store(&self->serving, i + 1);
        else {
            buf_printf(problem, "can't listen on %s: %s", self->config->listen,
                       listening_advice(self->posts[i].err));
            return self->posts[i].err;
        }
        self->port = gateway_server_port(self->posts[i].server);
    }
    return ERR_OK;
}

err_t node_start_gateway(node_t *self, buf_t *problem)
{
    if (config_split_address(self->config->listen, &self->host, &self->port) != ERR_OK) {
        buf_printf(problem, "listen is '%s': use HOST:PORT, like 127.0.0.1:8484 or [::]:8484",
                   self->config->listen);
        return ERR_INVALID;
    }
    TRY(make_shared(self, problem));
    return start_posts(self, problem);
}

void node_stop_gateway(node_t *self)
{
    IGNORE_ERR(on_each(self, stop_post)); /* only fails when the runtime has stopped already */
    atomic_store(&self->serving, 0);
    IGNORE_ERR(on_each(self, free_post));
    self->post_count = 0;
}

void node_free_gateway(node_t *self)
{
    memory_free(self->posts);
    routes_free(self->routes);
    graphql_engine_free(self->graphql);
    static_files_close(self->player);
    gateways_free(self->gateways);
}
