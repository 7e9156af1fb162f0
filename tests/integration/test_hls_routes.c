/* Sound and pictures over HTTP, from a real library: who is let in, what may be cached, what comes.
 */

#include "gateway/api.h"
#include "gateway/hls/routes.h"
#include "gateway/server.h"
#include "storage/keys/url_signature.h"
#include "tests/integration/library_rig.h"
#include "tests/support/http_client.h"

#include <semaphore.h>
#include <stdlib.h>

enum { HOUR_MS = 3600 * 1000 };

typedef struct hls_rig {
    library_rig_t library;
    keyring_t *keyring;
    routes_t *routes;
    api_t api;
    home_t home;
    gateway_server_t *server;
    sem_t done;
    err_t err;
    uint16_t port;
    char track[32];
} hls_rig_t;

static void open_server(void *context)
{
    hls_rig_t *self = context;
    gateway_options_t options = {.routes = self->routes,
                                 .edge = runtime_edge(self->library.runtime, 0),
                                 .user = &self->home};
    self->home = (home_t){.api = &self->api, .edge = options.edge};
    self->err = gateway_server_new(runtime_loop(self->library.runtime, 0), &options, &self->server);
    if (self->err == ERR_OK)
        self->err = gateway_server_start(self->server);
    sem_post(&self->done);
}

static void server_stopped(void *context)
{
    sem_post(&((hls_rig_t *)context)->done);
}

static void stop_server(void *context)
{
    hls_rig_t *self = context;
    gateway_server_stop(self->server, server_stopped, self);
}

static void free_server(void *context)
{
    hls_rig_t *self = context;
    gateway_server_free(self->server);
    sem_post(&self->done);
}

static void on_loop(hls_rig_t *self, void (*fn)(void *context))
{
    check_ok(edge_post(runtime_edge(self->library.runtime, 0), fn, self));
    sem_wait(&self->done);
}

static void rig_end(hls_rig_t *self)
{
    on_loop(self, stop_server);
    on_loop(self, free_server);
    library_rig_deinit(&self->library);
    routes_free(self->routes);
    keyring_close(self->keyring);
    sem_destroy(&self->done);
}

static void begin(hls_rig_t *self)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    *self = (hls_rig_t){0};
    sem_init(&self->done, 0, 0);
    library_rig_init(&self->library);
    music_file_write_wav(self->library.music, "sine.wav", 44100, 6, 440);
    library_rig_start(&self->library);
    library_rig_add_root(&self->library);
    check_ok(keyring_open(STR(""), &clock, &random, &self->keyring));
    self->routes = routes_new();
    check_ok(hls_routes(self->routes));
    self->api = (api_t){.catalog = self->library.catalog,
                        .keyring = self->keyring,
                        .artwork = self->library.artwork,
                        .segments = self->library.segments,
                        .runtime = self->library.runtime,
                        .clock = clock};
    on_loop(self, open_server);
    check_ok(self->err);
    self->port = gateway_server_port(self->server);
    snprintf(self->track, sizeof self->track, "%llu",
             (unsigned long long)library_rig_id(&self->library, "sine.wav"));
}

static url_signature_t sign(hls_rig_t *self, const char *rendition, int64_t ago_ms)
{
    url_signature_t signature;
    check_ok(url_signature_make(self->keyring, str_from(self->track), str_from(rendition),
                                clock_wall_ms(&self->api.clock) - ago_ms, &signature));
    return signature;
}

static int get(hls_rig_t *self, const char *headers, http_response_t *response, const char *format,
               const char *a, const char *b, const char *c)
{
    char target[512];
    snprintf(target, sizeof target, "%s/%s/%s/%s", format, a, b, c);
    http_response_deinit(response);
    *response = (http_response_t){0};
    check_ok(http_fetch(self->port, "GET", target, headers, STR(""), response));
    return response->status;
}

static void check_header(const http_response_t *response, const char *name, const char *part)
{
    str_t value = http_response_header(response, name);
    cr_assert(str_contains(value, str_from(part)), "%s: %.*s", name, STR_ARG(value));
}

Test(hls_routes, a_track_is_led_from_playlist_to_sound)
{
    hls_rig_t rig SCOPED(rig_end);
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    begin(&rig);
    url_signature_t all = sign(&rig, "all", 0), aac = sign(&rig, "aac64", 0);

    cr_assert(
        eq(int, get(&rig, NULL, &response, "/hls", all.text, rig.track, "all/index.m3u8"), 200));
    check_header(&response, "Content-Type", "application/vnd.apple.mpegurl");
    check_header(&response, "Cache-Control", "no-store");
    cr_assert(str_contains(buf_str(&response.body), STR("/flac/index.m3u8")));
    cr_assert(str_contains(buf_str(&response.body), str_from(aac.text)));

    cr_assert(
        eq(int, get(&rig, NULL, &response, "/hls", aac.text, rig.track, "aac64/index.m3u8"), 200));
    cr_assert(str_contains(buf_str(&response.body), STR("1.m4s")));
    check_header(&response, "Cache-Control", "private, no-store");

    cr_assert(
        eq(int, get(&rig, NULL, &response, "/hls", aac.text, rig.track, "aac64/init.mp4"), 200));
    cr_assert(str_contains(buf_str(&response.body), STR("moov")));

    cr_assert(eq(int, get(&rig, NULL, &response, "/hls", aac.text, rig.track, "aac64/1.m4s"), 200));
    cr_assert(str_contains(buf_str(&response.body), STR("moof")));
    check_header(&response, "Cache-Control", "public, max-age=");
    check_header(&response, "Access-Control-Allow-Origin", "*");
    check_header(&response, "Content-Type", "audio/mp4");

    cr_assert(
        eq(int, get(&rig, NULL, &response, "/hls", aac.text, rig.track, "aac64/99.m4s"), 404));
    cr_assert(eq(int, get(&rig, NULL, &response, "/hls", aac.text, rig.track, "aac64/x.m4s"), 404));
    url_signature_t mp3 = sign(&rig, "mp3", 0);
    cr_assert(eq(int, get(&rig, NULL, &response, "/hls", mp3.text, rig.track, "mp3/0.m4s"), 404));
}

Test(hls_routes, a_bad_token_is_forbidden)
{
    hls_rig_t rig SCOPED(rig_end);
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    begin(&rig);
    url_signature_t all = sign(&rig, "all", 0), old = sign(&rig, "all", 3 * HOUR_MS);
    url_signature_t flac = sign(&rig, "flac", 0), altered = all;
    altered.text[0] = altered.text[0] == '9' ? '8' : '9';

    struct {
        const char *what, *token, *track, *file;
        int want;
    } cases[] = {
        {"good", all.text, rig.track, "all/index.m3u8", 200},
        {"nonsense", "123.abc", rig.track, "all/index.m3u8", 403},
        {"expired", old.text, rig.track, "all/index.m3u8", 403},
        {"of all of them, for one", all.text, rig.track, "flac/0.m4s", 403},
        {"of all of them, for its playlist", all.text, rig.track, "aac64/index.m3u8", 403},
        {"an expired segment", old.text, rig.track, "flac/0.m4s", 403},
        {"altered", altered.text, rig.track, "all/index.m3u8", 403},
        {"of another track", all.text, "4294999999", "all/index.m3u8", 403},
        {"of one rendition", flac.text, rig.track, "flac/0.m4s", 200},
        {"of another rendition", flac.text, rig.track, "aac64/0.m4s", 403},
        {"of a part only", flac.text, rig.track, "all/index.m3u8", 403},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int got = get(&rig, NULL, &response, "/hls", cases[i].token, cases[i].track, cases[i].file);
        cr_expect(got == cases[i].want, "%s: %d", cases[i].what, got);
    }
    cr_expect(eq(int, get(&rig, NULL, &response, "/audio", all.text, rig.track, "original"), 403));
}

Test(hls_routes, an_original_comes_in_ranges)
{
    hls_rig_t rig SCOPED(rig_end);
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    begin(&rig);
    url_signature_t original = sign(&rig, "original", 0);

    cr_assert(
        eq(int, get(&rig, NULL, &response, "/audio", original.text, rig.track, "original"), 200));
    cr_assert(eq(sz, response.body.size, 44 + 6 * 44100 * 4));
    check_header(&response, "Content-Type", "audio/wav");

    cr_assert(eq(int,
                 get(&rig, "Range: bytes=8-11\r\n", &response, "/audio", original.text, rig.track,
                     "original"),
                 206));
    check_str(buf_str(&response.body), STR("WAVE"));
    check_header(&response, "Content-Range", "bytes 8-11/");

    library_rig_remove(&rig.library, "sine.wav");
    cr_assert(
        eq(int, get(&rig, NULL, &response, "/audio", original.text, rig.track, "original"), 503));
}

Test(hls_routes, a_picture_comes_in_the_form_that_is_accepted)
{
    hls_rig_t rig SCOPED(rig_end);
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    blob_hash_t hash;
    begin(&rig);
    check_ok(blob_put(rig.library.artwork, STR("large"), &hash));
    check_ok(
        blob_variant_put(rig.library.artwork, str_from(hash.text), STR("300.jpg"), STR("jpeg")));
    check_ok(
        blob_variant_put(rig.library.artwork, str_from(hash.text), STR("300.webp"), STR("webp")));

    cr_assert(
        eq(int, get(&rig, "Accept: image/webp,*/*\r\n", &response, "", "artwork", hash.text, "300"),
           200));
    check_str(buf_str(&response.body), STR("webp"));
    check_header(&response, "Content-Type", "image/webp");
    check_header(&response, "Vary", "Accept");
    check_header(&response, "Cache-Control", "immutable");
    cr_assert(eq(int, get(&rig, NULL, &response, "", "artwork", hash.text, "300"), 200));
    check_str(buf_str(&response.body), STR("jpeg"));
    cr_assert(eq(int, get(&rig, NULL, &response, "", "artwork", hash.text, "1200"), 200));
    check_str(buf_str(&response.body), STR("large"));
    cr_assert(eq(int, get(&rig, NULL, &response, "", "artwork", hash.text, "301"), 404));
    cr_assert(eq(int, get(&rig, NULL, &response, "", "artwork", "nothing", "300"), 404));
}
