#include "gateway/route.h"
#include "tests/support/check.h"

static void handler(http_request_t *request UNUSED)
{
}

static const route_t rows[] = {
    {METHOD_GET, "/", handler, "root", 0},
    {METHOD_GET, "/api/tracks", handler, "list", 0},
    {METHOD_POST, "/api/tracks", handler, "add", 0},
    {METHOD_GET, "/api/tracks/{id}", handler, "track", 0},
    {METHOD_GET, "/api/tracks/new", handler, "new", 0},
    {METHOD_DELETE, "/api/{kind}/{id}", handler, "delete", 0},
    {METHOD_GET, "/hls/{token}/{file...}", handler, "hls", 0},
    {METHOD_GET, "/{path...}", handler, "files", 0},
};

static routes_t *table(void)
{
    routes_t *routes = routes_new();
    cr_assert(routes != NULL);
    check_ok(routes_add_all(routes, rows, COUNT_OF(rows)));
    return routes;
}

Test(route, the_most_specific_pattern_decides_and_then_the_method)
{
    static const struct {
        http_method_t method;
        const char *path, *context, *params; /* context NULL: none */
        uint32_t allowed;
    } cases[] = {
        {METHOD_GET, "/", "root", "", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_HEAD, "/", "root", "", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/api/tracks", "list", "",
         1 << METHOD_GET | 1 << METHOD_HEAD | 1 << METHOD_POST},
        {METHOD_PUT, "/api/tracks", NULL, "",
         1 << METHOD_GET | 1 << METHOD_HEAD | 1 << METHOD_POST},
        {METHOD_GET, "/api/tracks/7", "track", "id=7;", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/api/tracks/new", "new", "", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/api/tracks/a%2Fb%20c", "track", "id=a/b c;",
         1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/%61pi/tracks", "list", "",
         1 << METHOD_GET | 1 << METHOD_HEAD | 1 << METHOD_POST},
        {METHOD_DELETE, "/api/albums/7", "delete", "kind=albums;id=7;", 1 << METHOD_DELETE},
        {METHOD_DELETE, "/api/tracks/7", NULL, "id=7;", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/hls/t/1/2.m4s", "hls", "token=t;file=1/2.m4s;",
         1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/hls/t/", "hls", "token=t;file=;", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/assets/a%20b.js", "files", "path=assets/a b.js;",
         1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", "files",
         "path=a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r;", 1 << METHOD_GET | 1 << METHOD_HEAD},
        {METHOD_GET, "/a/../b", NULL, "", 0},
        {METHOD_GET, "/a/%2e%2e/b", NULL, "", 0},
        {METHOD_GET, "/a/..%2fb", NULL, "", 0},
        {METHOD_GET, "/a%2fb", NULL, "", 0},
        {METHOD_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/..", NULL, "", 0},
        {METHOD_GET, "/api/tracks/", "files", "path=api/tracks/;",
         1 << METHOD_GET | 1 << METHOD_HEAD},
    };
    routes_t *routes ROUTES_SCOPED = table();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t params BUF_SCOPED = BUF_INIT;
        route_match_t match;
        check_ok(routes_match(routes, cases[i].method, str_from(cases[i].path), &arena, &match));
        for (size_t j = 0; j < match.param_count && match.allowed != 0; j++)
            buf_printf(&params, "%.*s=%.*s;", STR_ARG(match.params[j].name),
                       STR_ARG(match.params[j].value));
        const char *context = match.route == NULL ? "none" : match.route->context;
        cr_expect(str_equal(str_from(context),
                            str_from(cases[i].context == NULL ? "none" : cases[i].context)) &&
                      match.allowed == cases[i].allowed &&
                      str_equal(buf_str(&params), str_from(cases[i].params)),
                  "%s: %s, %x, %.*s", cases[i].path, context, match.allowed,
                  STR_ARG(buf_str(&params)));
    }
}

Test(route, a_broken_escape_is_invalid)
{
    static const char *const paths[] = {"/%", "/%4", "/%zz", "/a/%00", "/hls/t/a/b/%g0", ""};
    routes_t *routes ROUTES_SCOPED = table();

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        arena_t arena ARENA_SCOPED = {0};
        route_match_t match;
        err_t err = routes_match(routes, METHOD_GET, str_from(paths[i]), &arena, &match);
        cr_expect(err == ERR_INVALID, "%s: %s", paths[i], err_name(err));
    }
}

Test(route, a_wrong_pattern_is_refused_and_changes_nothing)
{
    static const struct {
        http_method_t method;
        const char *pattern;
        err_t want;
    } cases[] = {
        {METHOD_GET, "/api/tracks", ERR_CONFLICT},
        {METHOD_GET, "/api/tracks/{other}", ERR_CONFLICT},
        {METHOD_GET, "api", ERR_INVALID},
        {METHOD_GET, "", ERR_INVALID},
        {METHOD_GET, "/{}", ERR_INVALID},
        {METHOD_GET, "/{a", ERR_INVALID},
        {METHOD_GET, "/a{b}", ERR_INVALID},
        {METHOD_GET, "/{a...}/b", ERR_INVALID},
        {METHOD_GET, "/{...}", ERR_INVALID},
        {METHOD_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", ERR_LIMIT},
        {METHOD_GET, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", ERR_LIMIT},
    };
    routes_t *routes ROUTES_SCOPED = table();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        route_t route = {cases[i].method, cases[i].pattern, handler, NULL, 0};
        err_t err = routes_add(routes, &route);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].pattern, err_name(err));
    }

    cr_assert(routes_at(routes, COUNT_OF(rows) - 1) != NULL);
    cr_assert(routes_at(routes, COUNT_OF(rows)) == NULL);
}
