/* A media worker with faults: a file whose name says so kills, hangs, bloats or confuses it. It
 * stands for what a broken library would do. */
#include "media/protocol/media.h"
#include "runtime/base/channel.h"
#include "runtime/base/memory.h"

#include <signal.h>
#include <unistd.h>

enum { SOCKET = 3, BLOAT_SIZE = 64 * 1024 * 1024 };

static void act(str_t name)
{
    if (str_contains(name, STR("crash"))) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it */
        raise(SIGSEGV);
    }
    if (str_contains(name, STR("hang")))
        for (;;)
            pause();
    if (str_contains(name, STR("leave")))
        _exit(7);
    if (str_contains(name, STR("babble")) && write(SOCKET, "this is not a frame at all", 26) < 0)
        _exit(1);
    if (str_contains(name, STR("bloat"))) {
        char *bloat = memory_new(BLOAT_SIZE);
        for (size_t i = 0; bloat != NULL && i < BLOAT_SIZE; i += 4096)
            bloat[i] = 1;
    }
}

static err_t answer(const channel_frame_t *frame)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    media_probe_t request = {0};
    if (frame->kind != MEDIA_PROBE)
        return ERR_UNSUPPORTED;
    TRY(schema_decode(&media_probe_schema, frame->payload, &arena, &request));
    media_file_t *files = arena_new_array(&arena, request.names.count, sizeof *files);
    if (files == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < request.names.count; i++) {
        act(request.names.items[i]);
        files[i] = (media_file_t){.index = i, .title = request.names.items[i]};
    }
    schema_encode(&media_probed_schema, &(media_probed_t){.files = {files, request.names.count}},
                  &out);
    channel_frame_t reply = {.id = frame->id, .kind = MEDIA_PROBED, .payload = buf_str(&out)};
    return channel_send(SOCKET, &reply, NULL);
}

int main(void)
{
    channel_reader_t reader SCOPED(channel_reader_deinit) = {0};
    for (;;) {
        channel_frame_t frame;
        err_t err;
        while (channel_reader_next(&reader, &frame, &err)) {
            int fds[CHANNEL_FDS_MAX];
            channel_take_fds(&reader, &frame, fds);
            err = answer(&frame);
            for (uint32_t i = 0; i < frame.fd_count; i++)
                close(fds[i]);
            if (err != ERR_OK)
                return 1;
        }
        if (err != ERR_OK || channel_receive(&reader, SOCKET) != ERR_OK)
            return 0;
    }
}
