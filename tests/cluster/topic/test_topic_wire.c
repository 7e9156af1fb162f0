#include "cluster/topic/topic_wire.h"

#include "runtime/base/memory.h"
#include "tests/support/check.h"

static const topic_frame_t sample = {.kind = TOPIC_POST,
                                     .flags = TOPIC_FLAG_MISSED,
                                     .topic = {"user/7/tracks", 13},
                                     .life = UINT64_MAX,
                                     .number = 3,
                                     .base = 0x0102030405060708,
                                     .view = 0x1112131415161718,
                                     .post = {"news", 4}};

Test(topic_wire, a_frame_comes_back_as_it_was)
{
    buf_t wire BUF_SCOPED = BUF_INIT;
    topic_frame_put(&sample, &wire);

    topic_frame_t frame;
    check_ok(topic_frame_read(buf_str(&wire), &frame));

    cr_assert(frame.kind == sample.kind && frame.flags == sample.flags);
    cr_assert(frame.life == sample.life && frame.number == sample.number);
    cr_assert(frame.base == sample.base && frame.view == sample.view);
    check_str(frame.topic, sample.topic);
    check_str(frame.post, sample.post);
}

Test(topic_wire, one_that_is_cut_short_is_refused_and_a_shorter_post_is_another_post)
{
    buf_t wire BUF_SCOPED = BUF_INIT;
    topic_frame_put(&sample, &wire);
    for (size_t size = 0; size < wire.size; size++) {
        char *cut MEMORY_SCOPED = memory_dup(wire.data, size); /* of just that size */
        topic_frame_t frame;
        err_t err = topic_frame_read(str_of(cut, size), &frame);
        bool is_whole = size >= wire.size - sample.post.size;
        cr_expect(err == (is_whole ? ERR_OK : ERR_INVALID), "%zu bytes", size);
    }
}

Test(topic_wire, each_limit_holds_from_both_sides)
{
    char *bytes MEMORY_SCOPED = memory_new(TOPIC_POST_MAX + 1);
    const struct {
        const char *what;
        size_t name, post;
        unsigned kind;
        err_t want;
    } cases[] = {
        {"the longest name", TOPIC_NAME_MAX, 0, TOPIC_ACK, ERR_OK},
        {"a longer name", TOPIC_NAME_MAX + 1, 0, TOPIC_ACK, ERR_INVALID},
        {"no name", 0, 5, TOPIC_ACK, ERR_INVALID},
        {"the longest post", 1, TOPIC_POST_MAX, TOPIC_POST, ERR_OK},
        {"a longer post", 1, TOPIC_POST_MAX + 1, TOPIC_POST, ERR_INVALID},
        {"no kind", 1, 0, 0, ERR_UNSUPPORTED},
        {"a kind of tomorrow", 1, 0, TOPIC_FORWARDED + 1, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t wire BUF_SCOPED = BUF_INIT;
        topic_frame_t frame = {.kind = (topic_frame_kind_t)cases[i].kind,
                               .topic = str_of(bytes, cases[i].name),
                               .post = str_of(bytes, cases[i].post)};
        topic_frame_put(&frame, &wire);
        err_t err = topic_frame_read(buf_str(&wire), &frame);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
    }
}

Test(topic_wire, numbers_that_a_newer_node_adds_are_skipped)
{
    buf_t wire BUF_SCOPED = BUF_INIT, longer BUF_SCOPED = BUF_INIT;
    topic_frame_put(&sample, &wire);
    buf_append(&longer, str_slice(buf_str(&wire), 0, 40));
    longer.data[4] = (char)(longer.data[4] + 8);
    buf_append(&longer, STR("whatever"));
    buf_append(&longer, str_slice(buf_str(&wire), 40, wire.size));

    topic_frame_t frame;
    check_ok(topic_frame_read(buf_str(&longer), &frame));

    check_str(frame.topic, sample.topic);
    check_str(frame.post, sample.post);
}

Test(topic_wire, a_node_of_before_names_no_view)
{
    buf_t wire BUF_SCOPED = BUF_INIT, shorter BUF_SCOPED = BUF_INIT;
    topic_frame_put(&sample, &wire);
    buf_append(&shorter, str_slice(buf_str(&wire), 0, 32));
    buf_append(&shorter, str_slice(buf_str(&wire), 40, wire.size));

    topic_frame_t frame;
    shorter.data[4] = 24;
    check_ok(topic_frame_read(buf_str(&shorter), &frame));
    cr_assert(frame.base == sample.base && frame.view == 0);
    check_str(frame.topic, sample.topic);
    check_str(frame.post, sample.post);
    shorter.data[4] = 23;
    cr_assert(topic_frame_read(buf_str(&shorter), &frame) == ERR_INVALID);
}
