#include "gateway/static_files.h"
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    char folder[64];
    static_files_t *files;
    routes_t *routes;
    gateway_thread_t thread;
} fixture_t;

static void write_file(const fixture_t *self, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void fixture_end(fixture_t *self)
{
    char command[100];
    gateway_thread_join(&self->thread);
    static_files_close(self->files);
    routes_free(self->routes);
    snprintf(command, sizeof command, "rm -r %s", self->folder);
    cr_expect(system(command) == 0);
}

static void fixture_start(fixture_t *self)
{
    char path[200];
    snprintf(self->folder, sizeof self->folder, "/tmp/test_static_XXXXXX");
    cr_assert(mkdtemp(self->folder) != NULL);
    snprintf(path, sizeof path, "%s/web", self->folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/web/assets", self->folder);
    mkdir(path, 0700);
    write_file(self, "secret.txt", "secret");
    write_file(self, "web/index.html", "<page>");
    write_file(self, "web/index.html.br", "brotli");
    write_file(self, "web/assets/app-1a2b.js", "script");
    write_file(self, "web/assets/app-1a2b.js.gz", "zipped");
    write_file(self, "web/assets/only.bin", "binary");
    snprintf(path, sizeof path, "%s/web/link.txt", self->folder);
    cr_assert(symlink("../secret.txt", path) == 0);
    snprintf(path, sizeof path, "%s/web/up", self->folder);
    cr_assert(symlink("..", path) == 0);
    snprintf(path, sizeof path, "%s/web/pipe.txt", self->folder);
    cr_assert(mkfifo(path, 0600) == 0);
    snprintf(path, sizeof path, "%s/web", self->folder);
    check_ok(static_files_open(path, &self->files));
    self->routes = routes_new();
    route_t route = {METHOD_GET, "/{path...}", static_files_serve, self->files, 0};
    check_ok(routes_add(self->routes, &route));
    check_ok(gateway_thread_start(&self->thread, &(gateway_options_t){.routes = self->routes}));
}

#define HTML "Accept: text/html,*/*;q=0.8\r\n"

Test(static_files, the_right_file_in_the_right_form_or_none)
{
    static const struct {
        const char *path, *header;
        int status;
        const char *body, *name, *value;
    } cases[] = {
        {"/", NULL, 200, "<page>", "Cache-Control", "no-cache"},
        {"/", NULL, 200, "<page>", "Content-Type", "text/html; charset=utf-8"},
        {"/index.html", "Accept-Encoding: gzip, br\r\n", 200, "brotli", "Content-Encoding", "br"},
        {"/index.html", "Accept-Encoding: gzip, br;q=0\r\n", 200, "<page>", "Vary",
         "Accept-Encoding"},
        {"/assets/app-1a2b.js", NULL, 200, "script", "Cache-Control",
         "public, max-age=31536000, immutable"},
        {"/assets/app-1a2b.js", "Accept-Encoding: br, gzip\r\n", 200, "zipped", "Content-Type",
         "text/javascript; charset=utf-8"},
        {"/assets/app-1a2b.js", "Range: bytes=1-2\r\n", 206, "cr", "Content-Range", "bytes 1-2/6"},
        {"/assets/only.bin", "Accept-Encoding: br\r\n", 200, "binary", "Content-Type",
         "application/octet-stream"},
        {"/albums/7", HTML, 200, "<page>", "Cache-Control", "no-cache"},
        {"/albums/7", "Accept: application/json\r\n", 404, NULL, "Content-Type",
         "application/problem+json"},
        {"/assets", HTML, 200, "<page>", "Cache-Control", "no-cache"},
        {"/missing.js", HTML, 404, NULL, "Vary", NULL},
        {"/../secret.txt", HTML, 404, NULL, "Vary", NULL},
        {"/%2e%2e/secret.txt", HTML, 404, NULL, "Vary", NULL},
        {"/assets/../../secret.txt", HTML, 404, NULL, "Vary", NULL},
        {"/assets/..%2f..%2fsecret.txt", HTML, 404, NULL, "Vary", NULL},
        {"//secret.txt", HTML, 404, NULL, "Vary", NULL},
        {"/link.txt", HTML, 404, NULL, "Vary", NULL},
        {"/up/secret.txt", HTML, 404, NULL, "Vary", NULL},
        {"/up/web/index.html", HTML, 404, NULL, "Vary", NULL},
        {"/pipe.txt", HTML, 404, NULL, "Vary", NULL},
        {"/index.html/x.txt", HTML, 404, NULL, "Vary", NULL},
        {"/%00", HTML, 400, NULL, "Vary", NULL},
    };
    fixture_t fixture SCOPED(fixture_end) = {0};
    fixture_start(&fixture);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_fetch(fixture.thread.port, "GET", cases[i].path, cases[i].header, STR(""),
                            &response));
        str_t value = http_response_header(&response, cases[i].name);
        bool is_right =
            response.status == cases[i].status && str_equal(value, str_from(cases[i].value)) &&
            (cases[i].body == NULL || str_equal(buf_str(&response.body), str_from(cases[i].body)));
        cr_expect(is_right, "%s %s: %d \"%.*s\" %s: %.*s", cases[i].path, cases[i].header,
                  response.status, STR_ARG(buf_str(&response.body)), cases[i].name, STR_ARG(value));
    }
}

Test(static_files, a_page_carries_its_policy_and_an_unchanged_file_is_not_sent_again)
{
    fixture_t fixture SCOPED(fixture_end) = {0};
    fixture_start(&fixture);
    http_response_t page HTTP_RESPONSE_SCOPED = {0}, again HTTP_RESPONSE_SCOPED = {0},
                         brotli HTTP_RESPONSE_SCOPED = {0}, changed HTTP_RESPONSE_SCOPED = {0};
    char header[200];
    uint16_t port = fixture.thread.port;

    check_ok(http_fetch(port, "GET", "/", NULL, STR(""), &page));
    str_t policy = http_response_header(&page, "content-security-policy");
    cr_expect(str_contains(policy, STR("media-src 'self' blob:")));
    cr_expect(str_contains(policy, STR("worker-src 'self' blob:")));
    check_str(http_response_header(&page, "referrer-policy"), STR("same-origin"));

    str_t etag = http_response_header(&page, "etag");
    snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", STR_ARG(etag));
    check_ok(http_fetch(port, "GET", "/", header, STR(""), &again));
    cr_expect(eq(int, again.status, 304));

    check_ok(http_fetch(port, "GET", "/", "Accept-Encoding: br\r\n", STR(""), &brotli));
    bool is_other = !str_equal(http_response_header(&brotli, "etag"), etag);
    cr_expect(is_other);

    write_file(&fixture, "web/index.html", "<changed>");
    check_ok(http_fetch(port, "GET", "/", header, STR(""), &changed));
    check_str(buf_str(&changed.body), STR("<changed>"));
}

Test(static_files, a_folder_without_an_index_is_refused)
{
    char folder[] = "/tmp/test_static_XXXXXX";
    static_files_t *files = NULL;
    cr_assert(mkdtemp(folder) != NULL);

    check_err(static_files_open(folder, &files), ERR_NOT_FOUND);
    check_err(static_files_open("/tmp/there/is/no/such/folder", &files), ERR_NOT_FOUND);

    rmdir(folder);
}
