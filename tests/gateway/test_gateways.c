/* Nodes that clients may use: who is told of, who is remembered, and what their pages may do here.
 */

#include "gateway/gateways.h"
#include "gateway/server.h"
#include "gateway/static_files.h"
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct row {
    const char *origin;
    bool is_here, is_live;
} row_t;

/* What the cluster would say. */
typedef struct world {
    uint64_t version;
    const row_t *rows;
    size_t count;
    size_t reads;
    gateways_t *gateways;
} world_t;

static uint64_t read_world(void *context, uint64_t known, gateways_t *into)
{
    world_t *self = context;
    if (known == self->version)
        return known;
    self->reads++;
    gateways_clear(into);
    for (size_t i = 0; i < self->count; i++)
        gateways_note(into, str_from(self->rows[i].origin), self->rows[i].is_here,
                      self->rows[i].is_live);
    return self->version;
}

static void world_end(world_t *self)
{
    gateways_free(self->gateways);
}

static void world_is(world_t *self, const row_t *rows, size_t count)
{
    self->version++;
    self->rows = rows;
    self->count = count;
    if (self->gateways == NULL)
        check_ok(gateways_new(&(gateways_source_t){self, read_world}, &self->gateways));
}

static const row_t two[] = {{"http://127.0.0.1:1", true, true},
                            {"http://127.0.0.1:2", false, true}};

Test(gateways, who_has_ended_is_remembered_and_lives_no_more)
{
    static const row_t without[] = {{"http://127.0.0.1:1", true, true}};
    world_t world SCOPED(world_end) = {0};
    gateway_place_t places[GATEWAYS_MAX];
    world_is(&world, two, COUNT_OF(two));
    cr_assert(gateways_list(world.gateways, places) == 2);

    world_is(&world, without, COUNT_OF(without));
    size_t count = gateways_list(world.gateways, places);

    cr_assert(count == 2 && places[0].is_live && places[0].is_here);
    check_str(str_from(places[1].origin), STR("http://127.0.0.1:2"));
    cr_assert(places[1].is_live == false);
    cr_assert(gateways_has(world.gateways, STR("HTTP://127.0.0.1:2")), "in any case");
    cr_assert(gateways_has(world.gateways, STR("http://127.0.0.1:3")) == false);
    cr_assert(gateways_has(world.gateways, STR("")) == false);
    cr_assert(gateways_has(NULL, STR("http://127.0.0.1:1")) == false);
    cr_assert(world.reads == 2, "it is read once a version: %zu", world.reads);
}

Test(gateways, the_dead_row_of_one_that_was_started_again_says_nothing)
{
    static const row_t rows[] = {
        {"http://a:1", false, false}, {"http://a:1", false, true}, {"http://a:1", false, false}};
    world_t world SCOPED(world_end) = {0};
    gateway_place_t places[GATEWAYS_MAX];

    world_is(&world, rows, COUNT_OF(rows));

    cr_assert(gateways_list(world.gateways, places) == 1 && places[0].is_live);
}

Test(gateways, those_that_live_come_before_those_that_are_remembered)
{
    static char texts[GATEWAYS_MAX + 1][32];
    static row_t rows[GATEWAYS_MAX + 1];
    world_t world SCOPED(world_end) = {0};
    for (size_t i = 0; i <= GATEWAYS_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "http://node%zu", i);
        rows[i] = (row_t){texts[i], false, i != 7};
    }

    world_is(&world, rows, GATEWAYS_MAX);
    cr_assert(gateways_has(world.gateways, str_from(texts[7])), "as many as there is room for");
    world_is(&world, rows, GATEWAYS_MAX + 1);

    cr_assert(gateways_has(world.gateways, str_from(texts[7])) == false, "it gave way");
    cr_assert(gateways_has(world.gateways, str_from(texts[GATEWAYS_MAX])));
    rows[7].is_live = true;
    world_is(&world, rows, GATEWAYS_MAX + 1);
    cr_assert(gateways_has(world.gateways, str_from(texts[0])), "nobody who lives gives way");
}

Test(gateways, an_address_is_a_scheme_and_a_host)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"http://127.0.0.1:8484", true},
        {"https://a.music.example", true},
        {"https://[2001:db8::7]:8484", true},
        {"", false},
        {"a.music.example", false},
        {"ftp://a.music.example", false},
        {"https://a.music.example/", false},
        {"https://a.music.example/path", false},
        {"https://a b", false},
        {"https://a;b", false},
        {"https://a'b", false},
        {"https://user@a", false},
        {"https://", false},
        {"http://a:0", false},
        {"http://a:65536", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(gateway_origin_is_valid(str_from(cases[i].text)) == cases[i].want, "%s",
                  cases[i].text);
}

/* ---- pages ---- */

static void answer(http_request_t *request)
{
    http_reply(request, 200, STR("text/plain"),
               http_is_same_origin(request) ? STR("ours") : STR("strange"));
}

typedef struct rig {
    world_t world;
    routes_t *routes;
    gateway_thread_t thread;
} rig_t;

static void rig_end(rig_t *self)
{
    gateway_thread_join(&self->thread);
    routes_free(self->routes);
    world_end(&self->world);
}

static void begin(rig_t *self)
{
    static const route_t rows[] = {{METHOD_POST, "/graphql", answer, NULL, 0},
                                   {METHOD_DELETE, "/api/v1/session", answer, NULL, 0},
                                   {METHOD_GET, "/readyz", answer, NULL, 0},
                                   {METHOD_GET, "/metrics", answer, NULL, 0}};
    *self = (rig_t){0};
    world_is(&self->world, two, COUNT_OF(two));
    self->routes = routes_new();
    check_ok(routes_add_all(self->routes, rows, COUNT_OF(rows)));
    check_ok(gateway_thread_start(
        &self->thread,
        &(gateway_options_t){.routes = self->routes, .gateways = self->world.gateways}));
}

Test(gateways, a_page_of_another_gateway_is_ours_and_reads_what_pages_need)
{
    static const struct {
        const char *what, *method, *target, *origin;
        int status;
        bool is_allowed;
    } cases[] = {
        {"a command", "POST", "/graphql", "http://127.0.0.1:2", 200, true},
        {"its preflight", "OPTIONS", "/graphql", "http://127.0.0.1:2", 204, true},
        {"a sign-out's", "OPTIONS", "/api/v1/session", "http://127.0.0.1:2", 204, true},
        {"whether it is ready", "GET", "/readyz", "http://127.0.0.1:2", 200, true},
        {"what is not there", "GET", "/api/v1/nothing", "http://127.0.0.1:2", 404, true},
        {"a stranger's page", "POST", "/graphql", "http://127.0.0.1:3", 200, false},
        {"a stranger's preflight", "OPTIONS", "/graphql", "http://127.0.0.1:3", 204, false},
        {"no page", "GET", "/readyz", NULL, 200, false},
        {"a page that says null", "POST", "/graphql", "null", 200, false},
        {"what no page needs", "GET", "/metrics", "http://127.0.0.1:2", 200, false},
    };
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response SCOPED(http_response_deinit) = {0};
        char line[100] = "";
        if (cases[i].origin != NULL)
            snprintf(line, sizeof line, "Origin: %s\r\n", cases[i].origin);

        check_ok(http_fetch(rig.thread.port, cases[i].method, cases[i].target, line, STR(""),
                            &response));

        str_t allowed = http_response_header(&response, "access-control-allow-origin");
        str_t cookies = http_response_header(&response, "access-control-allow-credentials");
        str_t headers = http_response_header(&response, "access-control-allow-headers");
        bool is_preflight = strcmp(cases[i].method, "OPTIONS") == 0;
        cr_expect(response.status == cases[i].status, "%s: %d", cases[i].what, response.status);
        cr_expect(str_equal(allowed, cases[i].is_allowed ? str_from(cases[i].origin) : STR("")),
                  "%s: %.*s", cases[i].what, STR_ARG(allowed));
        cr_expect(str_equal(cookies, cases[i].is_allowed ? STR("true") : STR("")), "%s",
                  cases[i].what);
        cr_expect(
            str_equal(headers, cases[i].is_allowed && is_preflight ? STR("content-type") : STR("")),
            "%s: %.*s", cases[i].what, STR_ARG(headers));
        if (response.status == 200)
            cr_expect(str_equal(buf_str(&response.body),
                                cases[i].is_allowed || (cases[i].origin != NULL &&
                                                        strcmp(cases[i].target, "/metrics") == 0)
                                    ? STR("ours")
                                    : STR("strange")),
                      "%s", cases[i].what);
    }
}

Test(gateways, a_page_may_connect_to_the_other_gateways_and_nowhere_else)
{
    char folder[] = "/tmp/test_gateways_XXXXXX", path[100];
    static_files_t *files = NULL;
    rig_t rig SCOPED(rig_end) = {0};
    http_response_t response SCOPED(http_response_deinit) = {0};
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/index.html", folder);
    FILE *file = fopen(path, "w");
    fputs("<page>", file);
    fclose(file);
    check_ok(static_files_open(folder, &files));
    world_is(&rig.world, two, COUNT_OF(two));
    rig.routes = routes_new();
    check_ok(
        routes_add(rig.routes, &(route_t){METHOD_GET, "/{path...}", static_files_serve, files, 0}));
    check_ok(gateway_thread_start(
        &rig.thread, &(gateway_options_t){.routes = rig.routes, .gateways = rig.world.gateways}));

    check_ok(http_fetch(rig.thread.port, "GET", "/", "Accept: text/html\r\n", STR(""), &response));

    str_t policy = http_response_header(&response, "content-security-policy");
    cr_assert(str_contains(policy, STR("connect-src 'self' http://127.0.0.1:1 ws://127.0.0.1:1 "
                                       "http://127.0.0.1:2 ws://127.0.0.1:2")),
              "%.*s", STR_ARG(policy));
    cr_assert(str_contains(
        policy, STR("img-src 'self' data: blob: http://127.0.0.1:1 http://127.0.0.1:2;")));
    cr_assert(str_contains(policy, STR("script-src 'self';")));
    unlink(path);
    rmdir(folder);
    gateway_thread_join(&rig.thread);
    static_files_close(files);
}
