#include "gateway/output.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_SIZE = 5000 };

/* A socket that keeps what it is given, and takes only `room` more bytes. */
typedef struct sink {
    buf_t got;
    size_t room;
    int sends_with_more, sends_without;
} sink_t;

static int64_t sink_send(void *context, int fd UNUSED, const struct iovec *parts, size_t count,
                         bool has_more)
{
    sink_t *self = context;
    size_t before = self->got.size;
    if (self->room == 0)
        return -EAGAIN;
    *(has_more ? &self->sends_with_more : &self->sends_without) += 1;
    for (size_t i = 0; i < count && self->room > 0; i++) {
        size_t size = MIN(parts[i].iov_len, self->room);
        buf_append_bytes(&self->got, parts[i].iov_base, size);
        self->room -= size;
    }
    return (int64_t)(self->got.size - before);
}

static int64_t sink_send_file(void *context, int fd UNUSED, int file, uint64_t offset, size_t size)
{
    sink_t *self = context;
    if (self->room == 0)
        return -EAGAIN;
    char block[FILE_SIZE];
    ssize_t got = pread(file, block, MIN(MIN(size, self->room), sizeof block), (off_t)offset);
    if (got <= 0)
        return got;
    buf_append_bytes(&self->got, block, (size_t)got);
    self->room -= (size_t)got;
    return got;
}

static transport_t transport_to(sink_t *sink)
{
    return (transport_t){.send = sink_send, .send_file = sink_send_file, .context = sink};
}

static int file_of(char *content)
{
    char path[] = "/tmp/test_output_XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    unlink(path);
    for (size_t i = 0; i < FILE_SIZE; i++)
        content[i] = (char)(i * 31 + i / 256);
    cr_assert(write(fd, content, FILE_SIZE) == FILE_SIZE);
    return fd;
}

/* What random appends put in comes out in order, however little the socket takes at a time. */
Test(output, it_is_a_queue_of_bytes_whatever_its_parts_are)
{
    random_seed_t seed = {42};
    ms_random_t random = random_seeded(&seed);
    char content[FILE_SIZE];
    int file = file_of(content);
    sink_t sink = {0};
    transport_t transport = transport_to(&sink);
    output_t output = {0};
    buf_t model BUF_SCOPED = BUF_INIT;

    for (int step = 0; step < 20000; step++) {
        uint64_t sent;
        size_t size = (size_t)random_below(&random, random_below(&random, 10) == 0 ? 5000 : 50);
        size_t offset = (size_t)random_below(&random, FILE_SIZE - size + 1);
        str_t bytes = str_of(content + offset, size);
        buf_t taken = BUF_INIT;
        shared_bytes_t *shared;
        switch (random_below(&random, 6)) {
        case 0:
            check_ok(output_append(&output, bytes));
            break;
        case 1:
            buf_append(&taken, bytes);
            check_ok(output_append_buf(&output, &taken));
            break;
        case 2:
            shared = shared_bytes_new(size);
            memcpy(shared->data, bytes.data, size);
            if (size > 0)
                check_ok(output_append_shared(&output, shared));
            shared_bytes_unref(&shared);
            break;
        case 3:
            check_ok(output_append_file(&output, dup(file), offset, size));
            break;
        default:
            sink.room = (size_t)random_below(&random, 3000);
            check_ok(output_flush(&output, &transport, 0, &sent));
            continue;
        }
        buf_append(&model, bytes);
    }
    sink.room = SIZE_MAX;
    uint64_t sent;
    while (!output_is_empty(&output))
        check_ok(output_flush(&output, &transport, 0, &sent));

    cr_expect(eq(sz, output.size, 0));
    cr_expect(eq(u32, output.file_count, 0));
    cr_expect(str_equal(buf_str(&sink.got), buf_str(&model)), "%zu and %zu bytes", sink.got.size,
              model.size);
    buf_deinit(&sink.got);
    close(file);
}

Test(output, a_header_before_a_file_waits_for_it)
{
    char content[FILE_SIZE];
    sink_t sink = {.room = SIZE_MAX};
    transport_t transport = transport_to(&sink);
    output_t output = {0};
    uint64_t sent;
    check_ok(output_append(&output, STR("header")));
    check_ok(output_append_file(&output, file_of(content), 0, FILE_SIZE));
    check_ok(output_append(&output, STR("end")));

    check_ok(output_flush(&output, &transport, 0, &sent));

    cr_expect(eq(int, sink.sends_with_more, 1));
    cr_expect(eq(int, sink.sends_without, 1));
    cr_expect(eq(u64, sent, 6 + FILE_SIZE + 3));
    buf_deinit(&sink.got);
}

Test(output, what_was_begun_is_kept_whole_when_the_rest_is_dropped)
{
    for (size_t room = 0; room <= 12; room++) {
        sink_t sink = {.room = room};
        transport_t transport = transport_to(&sink);
        output_t output = {0};
        uint64_t sent;
        for (int i = 0; i < 3; i++) {
            shared_bytes_t *frame = shared_bytes_new(4);
            memcpy(frame->data, "abcd", 4);
            check_ok(output_append_shared(&output, frame));
            shared_bytes_unref(&frame);
        }
        check_ok(output_flush(&output, &transport, 0, &sent));

        output_drop_unsent(&output);
        cr_expect(eq(sz, output.size, (4 - room % 4) % 4));
        check_ok(output_append(&output, STR("close")));
        sink.room = SIZE_MAX;
        check_ok(output_flush(&output, &transport, 0, &sent));

        size_t whole = (room + 3) / 4 * 4;
        cr_expect(eq(sz, sink.got.size, whole + 5));
        cr_expect(str_ends_with(buf_str(&sink.got), STR("close")));
        cr_expect(output_is_empty(&output));
        buf_deinit(&sink.got);
    }
}

Test(output, a_file_that_is_too_short_is_an_error)
{
    char content[FILE_SIZE];
    sink_t sink = {.room = SIZE_MAX};
    transport_t transport = transport_to(&sink);
    output_t output = {0};
    uint64_t sent;
    check_ok(output_append_file(&output, file_of(content), 0, FILE_SIZE + 1));

    check_err(output_flush(&output, &transport, 0, &sent), ERR_IO);

    cr_expect(eq(u64, sent, FILE_SIZE));
    output_deinit(&output);
    buf_deinit(&sink.got);
}
