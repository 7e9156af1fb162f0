/* Bytes and descriptor counts as a broken peer may send them. Oracle: cut anywhere, the frames are
 * the same. */
#include "runtime/base/channel.h"
#include "runtime/base/xxh64.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t read_all(const uint8_t *data, size_t size, size_t step, size_t fd_count)
{
    channel_reader_t reader SCOPED(channel_reader_deinit) = {0};
    uint64_t hash = 0;
    int fds[4];
    for (size_t i = 0; i < fd_count; i++)
        fds[i] = dup(0);
    if (channel_reader_push(&reader, STR(""), fds, fd_count) != ERR_OK)
        abort();
    for (size_t at = 0; at < size; at += step) {
        channel_frame_t frame;
        err_t err = channel_reader_push(&reader, str_of(data + at, MIN(step, size - at)), NULL, 0);
        while (err == ERR_OK && channel_reader_next(&reader, &frame, &err)) {
            int taken[CHANNEL_FDS_MAX];
            channel_take_fds(&reader, &frame, taken);
            for (uint32_t i = 0; i < frame.fd_count; i++)
                close(taken[i]);
            hash = xxh64(frame.payload, hash + frame.id + frame.kind + frame.flags);
        }
    }
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t fd_count = data[0] % 5, step = (size_t)data[1] + 1;
    if (read_all(data + 2, size - 2, size, fd_count) !=
        read_all(data + 2, size - 2, step, fd_count))
        abort();
    return 0;
}
