#include "runtime/base/channel.h"
#include "tests/support/check.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void encode(buf_t *out, uint32_t id, str_t payload, uint8_t fd_count)
{
    channel_frame_t frame = {.id = id, .kind = 7, .fd_count = fd_count, .payload = payload};
    check_ok(channel_encode(out, &frame));
}

Test(channel, bytes_one_at_a_time_give_the_same_frames)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    channel_reader_t reader SCOPED(channel_reader_deinit) = {0};
    uint32_t seen = 0;
    encode(&bytes, 1, STR("first"), 0);
    encode(&bytes, 2, STR(""), 0);
    encode(&bytes, 3, STR("third"), 0);

    for (size_t i = 0; i < bytes.size; i++) {
        channel_frame_t frame;
        err_t err;
        check_ok(channel_reader_push(&reader, str_of(bytes.data + i, 1), NULL, 0));
        while (channel_reader_next(&reader, &frame, &err)) {
            seen++;
            cr_assert(frame.id == seen && frame.kind == 7);
            check_str(frame.payload, seen == 1 ? STR("first") : seen == 2 ? STR("") : STR("third"));
        }
        check_ok(err);
    }

    cr_assert(seen == 3);
}

Test(channel, what_breaks_the_framing_breaks_it_for_good)
{
    static const struct {
        const char *what;
        size_t at;
        char byte;
        err_t want;
    } cases[] = {
        {"a wrong magic", 0, 'X', ERR_INVALID},
        {"a payload over the bound", 7, 0x7f, ERR_LIMIT},
        {"a descriptor that did not come", 15, 1, ERR_INVALID},
        {"more descriptors than a frame may have", 15, CHANNEL_FDS_MAX + 1, ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t bytes BUF_SCOPED = BUF_INIT;
        channel_reader_t reader SCOPED(channel_reader_deinit) = {0};
        channel_frame_t frame;
        err_t err;
        encode(&bytes, 1, STR("x"), 0);
        bytes.data[cases[i].at] = cases[i].byte;

        check_ok(channel_reader_push(&reader, buf_str(&bytes), NULL, 0));

        bool has_frame = channel_reader_next(&reader, &frame, &err);
        cr_expect(has_frame == false && err == cases[i].want, "%s: %s", cases[i].what,
                  err_name(err));
        cr_expect(channel_reader_push(&reader, STR("more"), NULL, 0) == cases[i].want, "%s",
                  cases[i].what);
    }
}

Test(channel, bounds_hold_from_both_sides)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    char one = 0;
    channel_frame_t frame = {.payload = {&one, CHANNEL_PAYLOAD_MAX + 1ULL}};
    check_err(channel_encode(&bytes, &frame), ERR_LIMIT);
    frame = (channel_frame_t){.fd_count = CHANNEL_FDS_MAX + 1};
    check_err(channel_encode(&bytes, &frame), ERR_LIMIT);
    frame = (channel_frame_t){.fd_count = CHANNEL_FDS_MAX};
    check_ok(channel_encode(&bytes, &frame));
}

static bool is_same_file(int a, int b)
{
    struct stat sa, sb;
    return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_ino == sb.st_ino &&
           sa.st_dev == sb.st_dev;
}

Test(channel, descriptors_arrive_with_their_frame)
{
    int pair[2], files[CHANNEL_FDS_MAX], taken[CHANNEL_FDS_MAX];
    channel_reader_t reader SCOPED(channel_reader_deinit) = {0};
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (int i = 0; i < CHANNEL_FDS_MAX; i++) {
        int ends[2];
        cr_assert(pipe(ends) == 0);
        close(ends[1]);
        files[i] = ends[0];
    }
    check_ok(channel_send(pair[0], &(channel_frame_t){.id = 1, .payload = STR("plain")}, NULL));
    check_ok(channel_send(pair[0], &(channel_frame_t){.id = 2, .fd_count = 2}, files));
    check_ok(
        channel_send(pair[0], &(channel_frame_t){.id = 3, .fd_count = CHANNEL_FDS_MAX}, files));

    for (uint32_t want = 1; want <= 3;) {
        channel_frame_t frame;
        err_t err;
        if (!channel_reader_next(&reader, &frame, &err)) {
            check_ok(err);
            check_ok(channel_receive(&reader, pair[1]));
            continue;
        }
        cr_assert(frame.id == want++);
        channel_take_fds(&reader, &frame, taken);
        for (uint32_t i = 0; i < frame.fd_count; i++) {
            cr_expect(is_same_file(taken[i], files[i]), "descriptor %u of frame %u", i, frame.id);
            cr_expect(fcntl(taken[i], F_GETFD) == FD_CLOEXEC);
            close(taken[i]);
        }
    }
    close(pair[0]);
    check_err(channel_receive(&reader, pair[1]), ERR_UNAVAILABLE);
    close(pair[1]);
}
