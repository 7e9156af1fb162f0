#include "tests/integration/peers_rig.h"

#include "gateway/hls/pieces.h"
#include "gateway/hls/routes.h"
#include "storage/keys/url_signature.h"

#include <stdio.h>

enum { CACHE_SIZE = 64 << 20 };
static const char rendition[] = "aac64";

/* ---- what a cluster would say ---- */

root_node_t peers_rig_node(const peers_rig_t *self, size_t number)
{
    root_node_t node = {.node = number + 1};
    snprintf(node.address, sizeof node.address, "127.0.0.1:%u", (unsigned)self->peers[number].port);
    return node;
}

static size_t list(const peer_t *self, bool is_reading, root_node_t *out, size_t count_max)
{
    size_t count = 0;
    for (size_t i = 0; i < PEERS && count < count_max; i++) {
        const peer_t *other = &self->rig->peers[i];
        if (other != self && other->is_alive && (!is_reading || other->is_reader))
            out[count++] = peers_rig_node(self->rig, i);
    }
    return count;
}

/* Who fetches asks for as many as there are; else it only wants to know whether there is one. */
static bool may_fetch(peer_t *self, size_t count_max)
{
    if (count_max != ROOT_NODES_MAX || self->fetches_left < 0)
        return true;
    if (self->fetches_left > 0) {
        self->fetches_left--;
        return true;
    }
    self->fetches_refused++;
    return false;
}

static size_t readers(void *context, str_t root, str_t key, root_node_t *out, size_t count_max)
{
    (void)root, (void)key;
    return may_fetch(context, count_max) ? list(context, true, out, count_max) : 0;
}

/* The last ones first: so the folder's node is not among those that are chosen. */
static size_t keepers(void *context, str_t key, root_node_t *out, size_t count_max)
{
    root_node_t nodes[PEERS];
    const peer_t *self = context;
    size_t count = self->fetches_left == 0 ? 0 : list(self, false, nodes, PEERS), used = 0;
    (void)key;
    while (count > 0 && used < count_max)
        out[used++] = nodes[--count];
    return used;
}

/* ---- one peer ---- */

static void open_server(void *context)
{
    peer_t *self = context;
    /* Clients that keep their connections don't hear of an end until they use them. */
    gateway_options_t options = {.limits = {.linger_ms = 50, .drain_ms = PATIENCE_MS},
                                 .routes = self->rig->routes,
                                 .edge = runtime_edge(self->runtime, 0),
                                 .user = &self->home};
    self->home = (home_t){.api = &self->api, .edge = options.edge};
    self->err = gateway_server_new(runtime_loop(self->runtime, 0), &options, &self->server);
    if (self->err == ERR_OK)
        self->err = gateway_server_start(self->server);
    sem_post(&self->rig->done);
}

static void server_stopped(void *context)
{
    peer_t *self = context;
    sem_post(&self->rig->done);
}

static void stop_server(void *context)
{
    peer_t *self = context;
    gateway_server_stop(self->server, server_stopped, self);
}

static void free_server(void *context)
{
    peer_t *self = context;
    gateway_server_free(self->server);
    self->server = NULL;
    sem_post(&self->rig->done);
}

static void on_loop(peer_t *self, void (*fn)(void *context))
{
    check_ok(edge_post(runtime_edge(self->runtime, 0), fn, self));
    while (sem_wait(&self->rig->done) != 0)
        continue;
}

static temporary_name_t in(const peers_rig_t *self, const char *what, size_t number)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%zu", what, number);
    return temporary_in(&self->library.folder, name);
}

static void make_tables(peers_rig_t *self, size_t number)
{
    peer_t *peer = &self->peers[number];
    const root_nodes_t nodes = {peer, readers, keepers};
    piece_client_options_t options = {
        .keys = self->keys, .answer_ms = PATIENCE_MS, .away_ms = PATIENCE_MS};
    *peer = (peer_t){.rig = self, .number = number};
    peer->is_alive = true;
    peer->is_reader = number == 0;
    peer->fetches_left = -1;
    check_ok(root_places_new(&nodes, &peer->places));
    check_ok(piece_client_new(&options, &peer->pieces));
}

static void start_runtime(peers_rig_t *self, peer_t *peer)
{
    temporary_name_t segments = in(self, "segments", peer->number),
                     artwork = in(self, "artwork", peer->number),
                     lyrics = in(self, "lyrics", peer->number);
    runtime_options_t options = {.scheduler_count = 1};
    check_ok(segment_cache_open(segments.path, CACHE_SIZE, &peer->segments));
    check_ok(blob_folder_open(&(blob_folder_options_t){.path = artwork.path}, &peer->artwork));
    check_ok(blob_folder_open(&(blob_folder_options_t){.path = lyrics.path}, &peer->lyrics));
    check_ok(root_places_set(peer->places, STR("music"), STR(""), STR("it is on another node")));
    peer->streaming = (streaming_service_t){.catalog = self->library.catalog,
                                            .segments = peer->segments,
                                            .places = peer->places,
                                            .pieces = peer->pieces};
    check_ok(runtime_new(&options, &peer->runtime));
    check_ok(streaming_register(peer->runtime, &peer->streaming));
    check_ok(runtime_start(peer->runtime));
}

static void listen_for_others(peers_rig_t *self, peer_t *peer)
{
    peer->api = (api_t){.catalog = self->library.catalog,
                        .keyring = self->keyring,
                        .artwork = peer->artwork,
                        .lyrics = peer->lyrics,
                        .segments = peer->segments,
                        .places = peer->places,
                        .pieces = peer->pieces,
                        .piece_keys = self->keys,
                        .runtime = peer->runtime,
                        .clock = clock_system()};
    on_loop(peer, open_server);
    check_ok(peer->err);
    peer->port = gateway_server_port(peer->server);
}

/* ---- all of them ---- */

static void start_library(peers_rig_t *self, double seconds)
{
    peer_t *first = &self->peers[0];
    library_rig_init(&self->library);
    music_file_write_wav(self->library.music, "sine.wav", 44100, seconds, 440);
    make_tables(self, 0);
    check_ok(root_places_set(first->places, STR("music"), str_from(self->library.music), STR("")));
    self->library.places = first->places;
    self->library.pieces = first->pieces;
    library_rig_start(&self->library);
    library_rig_add_root(&self->library);
    first->runtime = self->library.runtime;
    first->segments = self->library.segments;
    first->artwork = self->library.artwork;
    first->lyrics = self->library.lyrics;
    snprintf(self->track, sizeof self->track, "%llu",
             (unsigned long long)library_rig_id(&self->library, "sine.wav"));
}

void peers_rig_begin(peers_rig_t *self, double seconds)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    *self = (peers_rig_t){0};
    sem_init(&self->done, 0, 0);
    check_ok(piece_keys_new(PEERS_SECRET, &self->keys));
    check_ok(keyring_open(STR(""), &clock, &random, &self->keyring));
    self->routes = routes_new();
    check_ok(hls_routes(self->routes));
    check_ok(pieces_routes(self->routes));
    start_library(self, seconds);
    for (size_t i = 1; i < PEERS; i++) {
        make_tables(self, i);
        start_runtime(self, &self->peers[i]);
    }
    for (size_t i = 0; i < PEERS; i++)
        listen_for_others(self, &self->peers[i]);
}

void peers_rig_kill(peers_rig_t *self, size_t number)
{
    peer_t *peer = &self->peers[number];
    peer->is_alive = false;
    if (peer->server == NULL)
        return;
    on_loop(peer, stop_server);
    on_loop(peer, free_server);
}

void peers_rig_end(peers_rig_t *self)
{
    for (size_t i = 0; i < PEERS; i++)
        peers_rig_kill(self, i);
    for (size_t i = 1; i < PEERS; i++) {
        peer_t *peer = &self->peers[i];
        check_ok(runtime_drain(peer->runtime, PATIENCE_MS));
        runtime_free(peer->runtime);
        segment_cache_close(peer->segments);
        blob_folder_close(peer->artwork);
        blob_folder_close(peer->lyrics);
    }
    library_rig_deinit(&self->library);
    for (size_t i = 0; i < PEERS; i++) {
        piece_client_free(self->peers[i].pieces);
        root_places_free(self->peers[i].places);
    }
    routes_free(self->routes);
    keyring_close(self->keyring);
    piece_keys_free(self->keys);
    sem_destroy(&self->done);
}

/* ---- asking ---- */

static url_signature_t sign(peers_rig_t *self, const char *what)
{
    const ms_clock_t clock = clock_system();
    url_signature_t signature;
    check_ok(url_signature_make(self->keyring, str_from(self->track), str_from(what),
                                clock_wall_ms(&clock), &signature));
    return signature;
}

static int fetch(const peer_t *peer, const char *method, const char *target, const char *headers,
                 http_response_t *response)
{
    http_response_deinit(response);
    *response = (http_response_t){0};
    err_t err = http_fetch(peer->port, method, target, headers, STR(""), response);
    return err == ERR_OK ? response->status : -(int)err;
}

int peers_rig_segment(peers_rig_t *self, size_t number, uint32_t index, http_response_t *response)
{
    char target[256];
    url_signature_t token = sign(self, rendition);
    snprintf(target, sizeof target, "/hls/%s/%s/%s/%u.m4s", token.text, self->track, rendition,
             index);
    return fetch(&self->peers[number], "GET", target, NULL, response);
}

int peers_rig_original(peers_rig_t *self, size_t number, const char *method, const char *headers,
                       http_response_t *response)
{
    char target[256];
    url_signature_t token = sign(self, "original");
    snprintf(target, sizeof target, "/audio/%s/%s/original", token.text, self->track);
    return fetch(&self->peers[number], method, target, headers, response);
}

bool peers_rig_has(peers_rig_t *self, size_t number, uint32_t index)
{
    char name[SEGMENT_NAME_SIZE_MAX];
    catalog_track_t track;
    check_ok(library_rig_track(&self->library, "sine.wav", &track));
    snprintf(name, sizeof name, "%s/%016llx/%s/%u.m4s", self->track,
             (unsigned long long)piece_file_version(track.mtime_ns, track.size_bytes), rendition,
             index);
    return segment_cache_has(self->peers[number].segments, str_from(name));
}

err_t peers_rig_keep(peers_rig_t *self, size_t number, uint32_t first, uint32_t count)
{
    char target[128];
    const root_node_t node = peers_rig_node(self, number);
    size_t asking = number == 0 ? 1 : 0;
    snprintf(target, sizeof target, "/pieces/keep/%s/%s?first=%u&count=%u", self->track, rendition,
             first, count);
    return piece_client_post(self->peers[asking].pieces, &node, str_from(target));
}
