#include "cluster/link/frame.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie");

/* The least and the most of a kind's body. */
static const struct {
    uint32_t least, most;
} sizes[] = {
    [FRAME_HELLO] = {FRAME_HELLO_SIZE - FRAME_HEAD_SIZE, FRAME_HELLO_SIZE - FRAME_HEAD_SIZE},
    [FRAME_BATCH] = {0, FRAME_SIZE_MAX - FRAME_HEAD_SIZE},
    [FRAME_PIECE] = {9, 8 + LINK_PIECE_SIZE},
    [FRAME_WELCOME] = {FRAME_WELCOME_SIZE - FRAME_HEAD_SIZE, FRAME_WELCOME_SIZE - FRAME_HEAD_SIZE},
    [FRAME_ACK] = {0, 0},
    [FRAME_WHO] = {0, 0},
};

static const struct {
    uint32_t lanes;
    size_t size_max;
} types[LINK_TYPES] = {
#define LINK_TYPE(name, number, lanes, size_max) [number] = {lanes, size_max},
#include "cluster/link/link_types.def"
#undef LINK_TYPE
};

size_t frame_size_max(uint32_t type, link_lane_t lane)
{
    if (type >= LINK_TYPES || (uint32_t)lane >= LINK_LANES || (types[type].lanes >> lane & 1) == 0)
        return 0;
    return lane == LINK_CONTROL ? MIN(types[type].size_max, (size_t)LINK_CONTROL_SIZE_MAX)
                                : types[type].size_max;
}

err_t frame_read(str_t bytes, frame_t *out)
{
    if (bytes.size < FRAME_HEAD_SIZE)
        return ERR_INVALID;
    const uint8_t *head = (const uint8_t *)bytes.data;
    if (head[0] != 'M' || head[1] != 'L' || head[2] != FRAME_VERSION)
        return ERR_INVALID;
    uint8_t kind = head[3];
    size_t size = bytes.size - FRAME_HEAD_SIZE;
    if (kind < FRAME_HELLO || kind > FRAME_WHO || size < sizes[kind].least ||
        size > sizes[kind].most)
        return ERR_INVALID;
    *out = (frame_t){.kind = (frame_kind_t)kind,
                     .count = frame_u32(bytes.data + 4),
                     .seq = frame_u64(bytes.data + 8),
                     .body = str_of(bytes.data + FRAME_HEAD_SIZE, size)};
    return ERR_OK;
}

void frame_head(uint8_t out[FRAME_HEAD_SIZE], frame_kind_t kind, uint32_t count, uint64_t seq)
{
    out[0] = 'M';
    out[1] = 'L';
    out[2] = FRAME_VERSION;
    out[3] = (uint8_t)kind;
    memcpy(out + 4, &count, sizeof count);
    memcpy(out + 8, &seq, sizeof seq);
}

err_t frame_next(str_t *rest, frame_record_t *out)
{
    if (rest->size == 0)
        return ERR_NOT_FOUND;
    if (rest->size < FRAME_RECORD_SIZE)
        return ERR_INVALID;
    uint32_t head = frame_u32(rest->data);
    size_t size = head & 0xffffff;
    if (size > rest->size - FRAME_RECORD_SIZE)
        return ERR_INVALID;
    *out = (frame_record_t){head >> 24, str_of(rest->data + FRAME_RECORD_SIZE, size)};
    *rest = str_of(rest->data + FRAME_RECORD_SIZE + size, rest->size - FRAME_RECORD_SIZE - size);
    return ERR_OK;
}

void frame_record(char *out, uint32_t type, size_t size)
{
    uint32_t head = type << 24 | (uint32_t)size;
    memcpy(out, &head, sizeof head);
}

err_t frame_piece(const frame_t *frame, frame_piece_t *out)
{
    uint32_t offset = frame_u32(frame->body.data + 4);
    str_t bytes = str_slice(frame->body, 8, frame->body.size);
    if (bytes.size == 0 || frame->count > LINK_MESSAGE_SIZE_MAX || offset > frame->count ||
        bytes.size > frame->count - offset)
        return ERR_INVALID;
    *out = (frame_piece_t){frame_u32(frame->body.data), offset, bytes};
    return ERR_OK;
}
