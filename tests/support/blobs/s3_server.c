#include "tests/support/blobs/s3_server.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static NORETURN void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint32_t read_port(int fd)
{
    char line[16] = "";
    size_t size = 0;
    while (size < sizeof line - 1 && memchr(line, '\n', size) == NULL) {
        ssize_t got = read(fd, line + size, sizeof line - 1 - size);
        if (got <= 0)
            fail("s3_server.py did not start (python3-botocore)");
        size += (size_t)got;
    }
    return (uint32_t)strtoul(line, NULL, 10);
}

static void start(s3_server_t *self, uint32_t port, char *certificate)
{
    int input[2], output[2];
    char script[512], given[16];
    const char *source = getenv("MS_SOURCE");
    posix_spawn_file_actions_t actions;
    snprintf(script, sizeof script, "%s/tests/support/blobs/s3_server.py",
             source == NULL ? "." : source);
    snprintf(given, sizeof given, "%u", port);
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
        fail("pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    char *const arguments[] = {(char[]){"python3"}, script, given, certificate, NULL};
    if (posix_spawnp(&self->pid, "python3", &actions, NULL, arguments, environ) != 0)
        fail("python3");
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    self->input = input[1];
    self->port = read_port(output[0]);
    close(output[0]);
    setenv("no_proxy", "*", 1);
}

void s3_server_start(s3_server_t *self, uint32_t port)
{
    start(self, port, NULL);
}

void s3_server_start_tls(s3_server_t *self, const char *certificate)
{
    char path[512];
    snprintf(path, sizeof path, "%s", certificate);
    start(self, 0, path);
}

void s3_server_stop(s3_server_t *self)
{
    if (self->pid <= 0)
        return;
    close(self->input);
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
    self->pid = 0;
}

s3_credentials_t s3_server_credentials(void)
{
    return (s3_credentials_t){"AKTEST", "se/cret+key==", "to/ken+=="};
}

s3_address_t s3_server_address(uint32_t port, const char *prefix)
{
    char text[512];
    s3_address_t address;
    buf_t problem BUF_SCOPED = BUF_INIT;
    snprintf(text, sizeof text,
             "s3://test.bucket/%s?region=test-region-1&endpoint=http://127.0.0.1:%u", prefix, port);
    if (s3_address_read(str_from(text), &address, &problem) != ERR_OK)
        fail(buf_terminated(&problem));
    return address;
}

blob_store_t *s3_server_store(uint32_t port, const char *prefix, s3_store_options_t options)
{
    s3_address_t address = s3_server_address(port, prefix);
    s3_credentials_t credentials = s3_server_credentials();
    blob_store_t *store = NULL;
    options.wire.address = &address;
    if (options.wire.credentials == NULL)
        options.wire.credentials = &credentials;
    if (s3_store_open(&options, &store) != ERR_OK)
        fail("s3_store_open");
    return store;
}
