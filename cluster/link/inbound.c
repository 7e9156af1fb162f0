#include "cluster/link/inbound.h"

#include "runtime/base/memory.h"

static void count(atomic_uint_least64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void inbound_init(inbound_t *self, uint64_t from, link_lane_t lane,
                  const link_handler_t handlers[LINK_TYPES])
{
    *self = (inbound_t){.from = from, .lane = lane, .handlers = handlers};
}

static void drop_large(inbound_t *self)
{
    memory_free(STEAL(self->large));
    self->large_size = self->large_filled = 0;
    self->is_large_refused = false;
}

void inbound_deinit(inbound_t *self)
{
    drop_large(self);
}

uint64_t inbound_greeted(inbound_t *self, uint64_t session, uint64_t oldest)
{
    if (session != self->session || oldest > self->seq + 1) {
        if (session == self->session)
            count(&self->gaps, oldest - self->seq - 1);
        drop_large(self);
        self->session = session;
        self->seq = oldest - 1;
    }
    self->acked = self->seq;
    self->unacked_bytes = 0;
    self->who_ns = 0;
    return self->seq;
}

static bool is_allowed(const inbound_t *self, uint32_t type, size_t size)
{
    size_t size_max = frame_size_max(type, self->lane);
    return size_max != 0 && size <= size_max && self->handlers[type].received != NULL;
}

static void hand_on(inbound_t *self, uint32_t type, str_t bytes)
{
    if (!is_allowed(self, type, bytes.size)) {
        count(&self->refused, 1);
        return;
    }
    count(&self->messages, 1);
    count(&self->bytes, bytes.size);
    const link_handler_t *handler = &self->handlers[type];
    handler->received(handler->context, &(link_message_t){.from = self->from,
                                                          .lane = self->lane,
                                                          .type = (link_type_t)type,
                                                          .payload = bytes});
}

static void take_batch(inbound_t *self, const frame_t *frame)
{
    str_t rest = frame->body;
    frame_record_t record;
    err_t err;
    uint32_t messages = 0;
    for (; (err = frame_next(&rest, &record)) == ERR_OK; messages++)
        hand_on(self, record.type, record.bytes);
    if (err != ERR_NOT_FOUND || messages != frame->count)
        count(&self->refused, 1);
}

/* Memory for all of it, touched as it comes. What is not allowed is refused as a whole. */
static err_t begin_large(inbound_t *self, const frame_piece_t *piece, uint32_t size)
{
    drop_large(self);
    self->is_large_refused = !is_allowed(self, piece->type, size);
    if (self->is_large_refused)
        count(&self->refused, 1);
    else if ((self->large = memory_new_unset(size)) == NULL)
        return ERR_NO_MEMORY;
    self->large_type = piece->type;
    self->large_size = size;
    return ERR_OK;
}

static void add_piece(inbound_t *self, const frame_piece_t *piece)
{
    if (!self->is_large_refused)
        memcpy(self->large + piece->offset, piece->bytes.data, piece->bytes.size);
    self->large_filled += (uint32_t)piece->bytes.size;
    if (self->large_filled < self->large_size)
        return;
    if (!self->is_large_refused)
        hand_on(self, self->large_type, str_of(self->large, self->large_size));
    drop_large(self);
}

/* NO_MEMORY: the frame was not taken. */
static err_t take_piece(inbound_t *self, const frame_t *frame)
{
    frame_piece_t piece;
    if (frame_piece(frame, &piece) != ERR_OK) {
        count(&self->refused, 1);
        return ERR_OK;
    }
    if (piece.offset == 0)
        TRY(begin_large(self, &piece, frame->count));
    if (self->large_size == frame->count && self->large_filled == piece.offset &&
        self->large_type == piece.type)
        add_piece(self, &piece);
    else {
        count(&self->refused, 1);
        drop_large(self);
    }
    return ERR_OK;
}

inbound_verdict_t inbound_take(inbound_t *self, const frame_t *frame, uint64_t now_ns)
{
    if (frame->seq <= self->seq) {
        count(&self->repeats, 1);
        return INBOUND_REPEAT;
    }
    if (frame->seq != self->seq + 1) {
        count(&self->gaps, 1);
        return INBOUND_GAP;
    }
    if (frame->kind == FRAME_BATCH)
        take_batch(self, frame);
    else if (take_piece(self, frame) != ERR_OK)
        return INBOUND_GAP;
    if (self->acked == self->seq)
        self->unacked_since_ns = now_ns;
    self->seq++;
    self->newest_ns = now_ns;
    self->unacked_bytes += frame->body.size;
    count(&self->frames, 1);
    return INBOUND_TAKEN;
}

bool inbound_ack_due(const inbound_t *self, uint64_t now_ns, uint64_t *out_due_ns)
{
    *out_due_ns = UINT64_MAX;
    if (self->acked == self->seq)
        return false;
    *out_due_ns = self->unacked_since_ns + INBOUND_ACK_MS * UINT64_C(1000000);
    return self->seq - self->acked >= INBOUND_ACK_FRAMES ||
           self->unacked_bytes >= INBOUND_ACK_BYTES || now_ns >= *out_due_ns;
}

void inbound_acked(inbound_t *self)
{
    self->acked = self->seq;
    self->unacked_bytes = 0;
}

uint32_t inbound_kept_us(const inbound_t *self, uint64_t now_ns)
{
    uint64_t kept_ns = now_ns > self->newest_ns ? now_ns - self->newest_ns : 0;
    return (uint32_t)MIN(kept_ns / 1000, (uint64_t)UINT32_MAX);
}

bool inbound_complains(inbound_t *self, uint64_t now_ns)
{
    if (self->who_ns != 0 && now_ns - self->who_ns < INBOUND_WHO_MS * UINT64_C(1000000))
        return false;
    self->who_ns = now_ns;
    return true;
}
