/* A whole node in this process: opened, started, stopped, and what it says when it can't be. */

#include "node/node.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"
#include "tests/support/http_client.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STARTS = 20, CLIENTS = 8 };

static const ms_log_t quiet = {STDERR_FILENO, LOG_ERROR, false};

static void set(char **option, const char *value)
{
    memory_free(*option);
    *option = str_dup_terminated(str_from(value));
}

static void configure(config_t *config, const temporary_t *folder, const char *listen)
{
    char worker[512];
    int rest;
    const char *build = getenv("MS_BUILD");
    check_ok(config_load(config, NULL, 0, NULL, &rest));
    snprintf(worker, sizeof worker, "%s/musicstream-media", build == NULL ? "." : build);
    set(&config->media_program, worker);
    set(&config->data, temporary_in(folder, "data").path);
    set(&config->listen, listen);
    config->schedulers = 2;
    config->media_workers = 1;
    config->map_gb = 1;
}

typedef struct rig {
    temporary_t folder;
    config_t config;
    buf_t problem;
    node_t *node;
} rig_t;

static void rig_end(rig_t *self)
{
    node_close(self->node);
    buf_deinit(&self->problem);
    config_deinit(&self->config);
    temporary_remove(&self->folder);
}

static void begin(rig_t *self)
{
    *self = (rig_t){.folder = temporary_new()};
    configure(&self->config, &self->folder, "127.0.0.1:0");
}

static void run_node(rig_t *self)
{
    err_t err = node_open(&self->config, &quiet, &self->problem, &self->node);
    if (err == ERR_OK)
        err = node_start(self->node, &self->problem);
    cr_assert(err == ERR_OK, "%s: %s", err_name(err), buf_terminated(&self->problem));
}

static int status_of(uint16_t port, const char *target)
{
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    check_ok(http_fetch(port, "GET", target, NULL, STR(""), &response));
    return response.status;
}

Test(node, it_serves_and_gives_the_setup_code_out_again)
{
    rig_t rig SCOPED(rig_end);
    buf_t code BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
    begin(&rig);
    run_node(&rig);

    cr_assert(eq(int, status_of(node_port(rig.node), "/readyz"), 200));
    cr_assert(eq(int, status_of(node_port(rig.node), "/metrics"), 200));
    cr_assert(eq(int, status_of(node_port(rig.node), "/api/v1/session"), 401));
    check_ok(node_setup_code(rig.node, &code));
    check_ok(node_setup_code(rig.node, &again));
    cr_assert(code.size >= 16);
    check_str(buf_str(&code), buf_str(&again));
}

Test(node, two_on_one_folder_are_refused_with_a_sentence)
{
    rig_t rig SCOPED(rig_end);
    buf_t problem BUF_SCOPED = BUF_INIT;
    node_t *second = NULL;
    begin(&rig);
    run_node(&rig);

    check_err(node_open(&rig.config, &quiet, &problem, &second), ERR_CONFLICT);

    cr_assert(second == NULL);
    cr_assert(str_contains(buf_str(&problem), str_from(rig.config.data)), "%s",
              buf_terminated(&problem));
}

Test(node, a_port_in_use_ends_the_start_with_a_sentence)
{
    rig_t first SCOPED(rig_end), second SCOPED(rig_end);
    char listen[64];
    begin(&first);
    begin(&second);
    run_node(&first);
    snprintf(listen, sizeof listen, "127.0.0.1:%u", node_port(first.node));
    set(&second.config.listen, listen);

    check_ok(node_open(&second.config, &quiet, &second.problem, &second.node));
    check_err(node_start(second.node, &second.problem), ERR_CONFLICT);

    cr_assert(str_contains(buf_str(&second.problem), STR("--listen")), "%s",
              buf_terminated(&second.problem));
    node_close(STEAL(second.node)); /* comes back */
    cr_assert(eq(int, status_of(node_port(first.node), "/readyz"), 200));
}

Test(node, what_can_not_be_started_is_said)
{
    static const struct {
        const char *what, *listen, *media_program, *sentence;
        err_t want;
    } cases[] = {
        {"no port", "127.0.0.1", NULL, "HOST:PORT", ERR_INVALID},
        {"an address of another machine", "192.0.2.1:0", NULL, "192.0.2.1", ERR_NOT_FOUND},
        {"no media worker", "127.0.0.1:0", "/nonexistent/worker", "--media-program", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t rig SCOPED(rig_end);
        begin(&rig);
        set(&rig.config.listen, cases[i].listen);
        if (cases[i].media_program != NULL)
            set(&rig.config.media_program, cases[i].media_program);
        err_t err = node_open(&rig.config, &quiet, &rig.problem, &rig.node);
        if (err == ERR_OK)
            err = node_start(rig.node, &rig.problem);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
        cr_expect(str_contains(buf_str(&rig.problem), str_from(cases[i].sentence)), "%s: %s",
                  cases[i].what, buf_terminated(&rig.problem));
    }
}

Test(node, it_can_be_started_and_stopped_again_and_again)
{
    rig_t rig SCOPED(rig_end);
    begin(&rig);
    for (int i = 0; i < STARTS; i++) {
        run_node(&rig);
        cr_assert(eq(int, status_of(node_port(rig.node), "/readyz"), 200));
        node_stop(rig.node, 0);
        node_close(STEAL(rig.node));
    }
}

Test(node, a_stop_does_not_wait_for_clients_that_stay)
{
    rig_t rig SCOPED(rig_end);
    http_client_t clients[CLIENTS] = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    const ms_clock_t clock = clock_system();
    begin(&rig);
    run_node(&rig);
    for (int i = 0; i < CLIENTS; i++) {
        check_ok(http_client_open(&clients[i], node_port(rig.node)));
        /* Some are idle after an answer, some in the middle of a request. */
        check_ok(http_client_send(&clients[i],
                                  i % 2 == 0 ? STR("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                                             : STR("POST /graphql HTTP/1.1\r\nHost: lo")));
    }
    check_ok(http_client_read(&clients[0], false, &response));

    uint64_t before = clock_mono_ms(&clock);
    node_stop(rig.node, 0);
    node_close(STEAL(rig.node));

    uint64_t took = clock_mono_ms(&clock) - before;
    cr_assert(took < 10000, "%llu ms", (unsigned long long)took);
    for (int i = 0; i < CLIENTS; i++)
        http_client_close(&clients[i]);
}
