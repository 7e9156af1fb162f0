/* command_inspect.c -- reads one file with a media worker and says what it is grouped by; needs no
 * running node. */

#include "actors/library/inspect.h"
#include "actors/media_client.h"
#include "node/commands/command.h"
#include "node/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

typedef struct inspection {
    worker_pool_t *pool;
    const char *path;
    buf_t text;
    err_t err;
} inspection_t;

static void probed(void *context, err_t err, const media_probed_t *found)
{
    inspection_t *self = context;
    self->err = err;
    if (err == ERR_OK && found->files.count == 1)
        inspect_append(&found->files.items[0], str_from(self->path), &self->text);
    worker_pool_stop(&self->pool, NULL, NULL);
}

static err_t inspect_open(inspection_t *self, int fd, const char *program)
{
    uv_loop_t loop;
    const worker_options_t options = {.program = program, .count = 1};
    const media_input_t input = {fd, str_from(self->path)};
    uv_loop_init(&loop);
    err_t err = worker_pool_new(&loop, &options, &self->pool);
    if (err == ERR_OK) {
        const media_client_t client = {self->pool};
        err = media_client_probe(&client, WORKER_URGENT, &input, 1, probed, self);
        if (err != ERR_OK)
            worker_pool_stop(&self->pool, NULL, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return err != ERR_OK ? err : self->err;
}

int command_inspect(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    if (count != 1)
        return command_usage("inspect");
    int fd = open(arguments[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return command_failed("%s can't be read: %s", arguments[0], strerror(errno));
    inspection_t inspection = {.path = arguments[0]};
    str_t program = program_beside(&arena, config->media_program, "musicstream-media");
    err_t err = program.data == NULL ? ERR_NO_MEMORY : inspect_open(&inspection, fd, program.data);
    close(fd);
    int exit_code = EXIT_OK;
    if (err != ERR_OK)
        exit_code = command_failed("%s can't be inspected: %s (the media worker is %.*s)",
                                   arguments[0], err_text(err), STR_ARG(program));
    else
        fputs(buf_terminated(&inspection.text), stdout);
    buf_deinit(&inspection.text);
    return exit_code;
}
