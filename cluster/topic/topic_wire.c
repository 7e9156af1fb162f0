#include "cluster/topic/topic_wire.h"

enum { FIXED_SIZE = 8, HEAD_SIZE = 4 * 8, HEAD_SIZE_MIN = 3 * 8 /* without a view */ };

static void put_little(char *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(unsigned char)(value >> 8 * i);
}

static uint64_t read_little(const char *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)(unsigned char)data[i] << 8 * i;
    return value;
}

void topic_frame_put(const topic_frame_t *frame, buf_t *out)
{
    char head[FIXED_SIZE + HEAD_SIZE];
    head[0] = (char)frame->kind;
    head[1] = (char)frame->flags;
    put_little(head + 2, frame->topic.size, 2);
    put_little(head + 4, HEAD_SIZE, 4);
    put_little(head + FIXED_SIZE, frame->life, 8);
    put_little(head + FIXED_SIZE + 8, frame->number, 8);
    put_little(head + FIXED_SIZE + 16, frame->base, 8);
    put_little(head + FIXED_SIZE + 24, frame->view, 8);
    buf_append_bytes(out, head, sizeof head);
    buf_append(out, frame->topic);
    buf_append(out, frame->post);
}

err_t topic_frame_read(str_t bytes, topic_frame_t *out_frame)
{
    if (bytes.size < FIXED_SIZE)
        return ERR_INVALID;
    size_t name_size = (size_t)read_little(bytes.data + 2, 2);
    size_t head_size = (size_t)read_little(bytes.data + 4, 4), rest = bytes.size - FIXED_SIZE;
    if (head_size < HEAD_SIZE_MIN || head_size > rest || name_size == 0 ||
        name_size > TOPIC_NAME_MAX || name_size > rest - head_size ||
        rest - head_size - name_size > TOPIC_POST_MAX)
        return ERR_INVALID;
    unsigned kind = (unsigned char)bytes.data[0];
    if (kind < TOPIC_SUBSCRIBE || kind > TOPIC_FORWARDED)
        return ERR_UNSUPPORTED;
    const char *head = bytes.data + FIXED_SIZE;
    *out_frame = (topic_frame_t){
        .kind = (topic_frame_kind_t)kind,
        .flags = (unsigned char)bytes.data[1],
        .topic = str_of(head + head_size, name_size),
        .life = read_little(head, 8),
        .number = read_little(head + 8, 8),
        .base = read_little(head + 16, 8),
        .view = head_size < HEAD_SIZE ? 0 : read_little(head + 24, 8),
        .post = str_slice(bytes, FIXED_SIZE + head_size + name_size, bytes.size),
    };
    return ERR_OK;
}
