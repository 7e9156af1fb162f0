#include "cluster/link/outbound.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

enum { FIRST_SIZE = 1024, RETRY_NS = 5 * 1000 * 1000 };

/* ---- packets ---- */

static packet_t *packet_new(size_t size)
{
    packet_t *packet = memory_new(sizeof *packet);
    if (packet == NULL)
        return NULL;
    atomic_init(&packet->refs, 1);
    if (buf_reserve(&packet->bytes, size) != ERR_OK) {
        packet_unref(packet);
        return NULL;
    }
    return packet;
}

void packet_unref(packet_t *packet)
{
    if (packet == NULL || atomic_fetch_sub_explicit(&packet->refs, 1, memory_order_acq_rel) != 1)
        return;
    buf_deinit(&packet->bytes);
    memory_free(packet);
}

static void packet_scope_end(packet_t **packet)
{
    packet_unref(*packet);
}
#define PACKET_SCOPED SCOPED(packet_scope_end)

static void packets_put(packets_t *self, packet_t *packet)
{
    packet->next = NULL;
    if (self->last == NULL)
        self->first = packet;
    else
        self->last->next = packet;
    self->last = packet;
}

static packet_t *packets_take(packets_t *self)
{
    packet_t *packet = self->first;
    if (packet == NULL)
        return NULL;
    self->first = packet->next;
    if (self->first == NULL)
        self->last = NULL;
    packet->next = NULL;
    return packet;
}

static void packets_drop(packets_t *self)
{
    for (packet_t *packet; (packet = packets_take(self)) != NULL;)
        packet_unref(packet);
}

/* ---- life ---- */

void outbound_init(outbound_t *self, const outbound_limits_t *limits, uint64_t session)
{
    *self = (outbound_t){.limits = *limits, .session = session, .seq = 1};
    pthread_mutex_init(&self->lock, NULL);
}

void outbound_deinit(outbound_t *self)
{
    packets_drop(&self->full);
    packets_drop(&self->flight);
    packet_unref(self->open);
    packet_unref(self->large);
    pthread_mutex_destroy(&self->lock);
}

/* ---- writing: any thread, under the lock ---- */

typedef struct attempt {
    bool is_first, is_large;
    size_t size;
} attempt_t;

static packet_t *batch_of(outbound_t *self)
{
    if (self->open != NULL)
        return self->open;
    packet_t *packet = packet_new(MAX(self->usual_size, FIRST_SIZE));
    if (packet == NULL)
        return NULL;
    packet->bytes.size = FRAME_HEAD_SIZE;
    return self->open = packet;
}

static void seal(outbound_t *self)
{
    self->usual_size = MIN(self->open->bytes.size, (size_t)FRAME_SIZE_MAX);
    packets_put(&self->full, STEAL(self->open));
}

static void take_back(outbound_t *self, size_t start)
{
    self->open->bytes.size = start;
    self->open->bytes.failed = ERR_OK;
    if (self->open->messages == 0)
        packet_unref(STEAL(self->open));
}

/* Where it is larger than a piece: as if it had not been tried. */
static err_t append(outbound_t *self, link_way_t way, link_write_fn *write, void *context,
                    attempt_t *out)
{
    packet_t *batch = batch_of(self);
    if (batch == NULL)
        return ERR_NO_MEMORY;
    buf_t *bytes = &batch->bytes;
    size_t start = bytes->size, size_max = frame_size_max(way.type, way.lane);
    bytes->size_max = start + FRAME_RECORD_SIZE + MIN(size_max, (size_t)LINK_PIECE_SIZE);
    char *head = buf_extend(bytes, FRAME_RECORD_SIZE);
    err_t err = head == NULL ? buf_status(bytes) : write(context, bytes);
    out->is_large = buf_status(bytes) == ERR_LIMIT && size_max > LINK_PIECE_SIZE;
    if (err == ERR_OK)
        err = buf_status(bytes);
    if (err != ERR_OK) {
        take_back(self, start);
        return err;
    }
    out->size = bytes->size - start - FRAME_RECORD_SIZE;
    frame_record(bytes->data + start, way.type, out->size);
    batch->messages++;
    batch->payload_bytes += out->size;
    return ERR_OK;
}

static void count_written(outbound_t *self, size_t size)
{
    self->written_messages++;
    self->written_bytes += size;
    self->waiting_bytes += size + FRAME_RECORD_SIZE;
}

static err_t may_write(outbound_t *self, link_way_t way)
{
    size_t factor = way.is_owed ? LINK_OWED_FACTOR : 1;
    if (self->is_ended)
        return ERR_NOT_FOUND;
    if (self->waiting_bytes < self->limits.queue_bytes_max * factor)
        return ERR_OK;
    self->busy++;
    return ERR_BUSY;
}

static err_t write_locked(outbound_t *self, link_way_t way, link_write_fn *write, void *context,
                          attempt_t *out)
{
    TRY(may_write(self, way));
    out->is_first = self->full.first == NULL && self->open == NULL;
    TRY(append(self, way, write, context, out));
    count_written(self, out->size);
    if (self->open->bytes.size >= LINK_FRAME_SIZE) {
        out->is_first = out->is_first || self->full.first == NULL;
        seal(self);
    }
    return ERR_OK;
}

static err_t try_write(outbound_t *self, link_way_t way, link_write_fn *write, void *context,
                       attempt_t *out)
{
    *out = (attempt_t){0};
    pthread_mutex_lock(&self->lock);
    err_t err = write_locked(self, way, write, context, out);
    pthread_mutex_unlock(&self->lock);
    return err;
}

/* Behind all that was written before. */
static err_t put_large(outbound_t *self, packet_t **packet, attempt_t *out)
{
    err_t err = ERR_OK;
    pthread_mutex_lock(&self->lock);
    if (self->is_ended)
        err = ERR_NOT_FOUND;
    else {
        out->is_first = self->full.first == NULL;
        if (self->open != NULL)
            seal(self);
        count_written(self, (*packet)->payload_bytes);
        packets_put(&self->full, STEAL(*packet));
    }
    pthread_mutex_unlock(&self->lock);
    return err;
}

static err_t write_large(outbound_t *self, link_way_t way, link_write_fn *write, void *context,
                         attempt_t *out)
{
    packet_t *packet PACKET_SCOPED = packet_new(2 * (size_t)LINK_PIECE_SIZE);
    if (packet == NULL)
        return ERR_NO_MEMORY;
    packet->bytes.size_max = frame_size_max(way.type, way.lane);
    TRY(write(context, &packet->bytes));
    TRY(buf_status(&packet->bytes));
    str_t payload = buf_str(&packet->bytes);
    if (payload.size <= LINK_PIECE_SIZE) /* it had asked for more room than it took */
        return try_write(self, way, outbound_copy, &payload, out);
    packet->large = way.type;
    packet->messages = 1;
    packet->payload_bytes = payload.size;
    return put_large(self, &packet, out);
}

err_t outbound_write(outbound_t *self, link_way_t way, link_write_fn *write, void *context,
                     bool *out_is_first)
{
    attempt_t attempt;
    if (frame_size_max(way.type, way.lane) == 0)
        return ERR_INVALID;
    err_t err = try_write(self, way, write, context, &attempt);
    if (attempt.is_large)
        err = write_large(self, way, write, context, &attempt);
    if (err == ERR_OK)
        *out_is_first = attempt.is_first;
    return err;
}

err_t outbound_copy(void *payload, buf_t *out)
{
    buf_append(out, *(const str_t *)payload);
    return ERR_OK;
}

/* ---- sending: its thread ---- */

/* What waits, when the time for it has come. One alone, and behind one alone, does not wait for
 * company: who asks and waits for the answer would wait twice. */
static packet_t *take_waiting(outbound_t *self, uint64_t now_ns, uint64_t *out_due_ns)
{
    pthread_mutex_lock(&self->lock);
    packet_t *packet = packets_take(&self->full);
    if (packet == NULL && self->open != NULL) {
        uint64_t linger_ns = self->has_company ? self->limits.linger_ns : 0;
        uint64_t due_ns = self->last_sent_ns + linger_ns;
        if (now_ns >= due_ns) {
            self->usual_size = MAX(self->open->bytes.size, (size_t)FIRST_SIZE);
            packet = STEAL(self->open);
        } else
            *out_due_ns = due_ns;
    }
    if (packet != NULL)
        self->waiting_bytes -= packet->payload_bytes + packet->messages * (size_t)FRAME_RECORD_SIZE;
    pthread_mutex_unlock(&self->lock);
    return packet;
}

static void number(outbound_t *self, packet_t *packet, frame_kind_t kind, uint32_t count)
{
    packet->seq = self->seq++;
    packet->sent_ns = 0;
    self->has_company = count > 1;
    frame_head((uint8_t *)packet->bytes.data, kind, count, packet->seq);
    packets_put(&self->flight, packet);
    self->next = packet;
    atomic_fetch_add_explicit(&self->unacknowledged, 1, memory_order_relaxed);
}

/* The next piece of the large message into the flight. */
static err_t cut_piece(outbound_t *self)
{
    packet_t *large = self->large;
    size_t total = large->bytes.size;
    size_t size = MIN(total - self->cut, (size_t)LINK_PIECE_SIZE);
    packet_t *piece = packet_new(FRAME_PIECE_HEAD_SIZE + size);
    if (piece == NULL)
        return ERR_NO_MEMORY;
    uint32_t offset = (uint32_t)self->cut;
    piece->bytes.size = FRAME_HEAD_SIZE;
    buf_append_bytes(&piece->bytes, &large->large, sizeof large->large);
    buf_append_bytes(&piece->bytes, &offset, sizeof offset);
    buf_append_bytes(&piece->bytes, large->bytes.data + self->cut, size);
    self->cut += size;
    piece->payload_bytes = size;
    number(self, piece, FRAME_PIECE, (uint32_t)total);
    if (self->cut == total) {
        piece->messages = 1;
        packet_unref(STEAL(self->large));
        self->cut = 0;
    }
    return ERR_OK;
}

static void refill(outbound_t *self, uint64_t now_ns, uint64_t *out_due_ns)
{
    if (self->large == NULL) {
        packet_t *packet = take_waiting(self, now_ns, out_due_ns);
        if (packet == NULL)
            return;
        if (packet->large == 0) {
            number(self, packet, FRAME_BATCH, packet->messages);
            return;
        }
        self->large = packet;
    }
    if (cut_piece(self) != ERR_OK)
        *out_due_ns = now_ns + RETRY_NS;
}

static packet_t *sent(outbound_t *self, packet_t *packet, uint64_t now_ns)
{
    bool is_again = packet->seq < self->resend_below;
    packet->sent_ns = is_again ? 0 : now_ns;
    self->resend_below = MAX(self->resend_below, packet->seq + 1);
    self->last_sent_ns = now_ns;
    atomic_fetch_add_explicit(&self->frames, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->resent, is_again, memory_order_relaxed);
    atomic_fetch_add_explicit(&packet->refs, 1, memory_order_relaxed);
    return packet;
}

static void was_heard(outbound_t *self, uint64_t now_ns)
{
    self->moved_ns = now_ns;
    self->patience_ns = OUTBOUND_PATIENCE_MS * UINT64_C(1000000);
}

/* All that may go went: the oldest once more, when nothing was heard of it for long. */
static packet_t *repeat(outbound_t *self, uint64_t now_ns, uint64_t *out_due_ns)
{
    if (self->sent_frames == 0)
        return NULL;
    uint64_t due_ns = self->moved_ns + self->patience_ns;
    if (now_ns < due_ns) {
        *out_due_ns = MIN(*out_due_ns, due_ns);
        return NULL;
    }
    self->moved_ns = now_ns;
    self->patience_ns = MIN(self->patience_ns * 2, OUTBOUND_PATIENCE_MS_MAX * UINT64_C(1000000));
    return sent(self, self->flight.first, now_ns);
}

packet_t *outbound_next(outbound_t *self, uint64_t now_ns, uint64_t *out_due_ns)
{
    *out_due_ns = UINT64_MAX;
    if (!self->is_connected)
        return NULL;
    bool is_open = self->sent_frames < LINK_WINDOW_FRAMES && self->sent_bytes < LINK_WINDOW_BYTES;
    if (is_open && self->next == NULL)
        refill(self, now_ns, out_due_ns);
    packet_t *packet = self->next;
    if (!is_open || packet == NULL)
        return repeat(self, now_ns, out_due_ns);
    if (self->sent_frames == 0)
        was_heard(self, now_ns); /* nothing was to be heard before */
    self->next = packet->next;
    self->sent_frames++;
    self->sent_bytes += packet->bytes.size;
    return sent(self, packet, now_ns);
}

void outbound_broke(outbound_t *self)
{
    self->is_connected = false;
    self->next = self->flight.first;
    self->sent_frames = 0;
    self->sent_bytes = 0;
}

uint64_t outbound_oldest(const outbound_t *self)
{
    return self->flight.first == NULL ? self->seq : self->flight.first->seq;
}

uint64_t outbound_sent_ns(const outbound_t *self, uint64_t seq)
{
    const packet_t *packet = self->flight.first;
    while (packet != NULL && packet->seq < seq)
        packet = packet->next;
    return packet == NULL || packet->seq != seq ? 0 : packet->sent_ns;
}

err_t outbound_acked(outbound_t *self, uint64_t seq, uint64_t now_ns)
{
    if (seq >= self->seq)
        return ERR_INVALID;
    if (self->flight.first != NULL && self->flight.first->seq <= seq)
        was_heard(self, now_ns);
    while (self->flight.first != NULL && self->flight.first->seq <= seq) {
        packet_t *packet = packets_take(&self->flight);
        if (self->next == packet)
            self->next = self->flight.first;
        else {
            self->sent_frames--;
            self->sent_bytes -= packet->bytes.size;
        }
        atomic_fetch_sub_explicit(&self->unacknowledged, 1, memory_order_relaxed);
        packet_unref(packet);
    }
    return ERR_OK;
}

err_t outbound_welcomed(outbound_t *self, uint64_t seq, uint64_t now_ns)
{
    TRY(outbound_acked(self, seq, now_ns));
    outbound_broke(self);
    self->is_connected = true;
    return ERR_OK;
}

static void count_lost(const packet_t *packet, uint64_t *messages, uint64_t *bytes)
{
    for (; packet != NULL; packet = packet->next) {
        *messages += packet->messages;
        *bytes += packet->payload_bytes;
    }
}

void outbound_end(outbound_t *self, uint64_t *out_messages, uint64_t *out_bytes)
{
    pthread_mutex_lock(&self->lock);
    self->is_ended = true;
    *out_messages = *out_bytes = 0;
    count_lost(self->flight.first, out_messages, out_bytes);
    count_lost(self->full.first, out_messages, out_bytes);
    count_lost(self->open, out_messages, out_bytes);
    if (self->large != NULL) {
        *out_messages += 1;
        *out_bytes += self->large->bytes.size - self->cut;
    }
    packets_drop(&self->full);
    packet_unref(STEAL(self->open));
    self->waiting_bytes = 0;
    pthread_mutex_unlock(&self->lock);
    packets_drop(&self->flight);
    packet_unref(STEAL(self->large));
    self->next = NULL;
    atomic_store_explicit(&self->unacknowledged, 0, memory_order_relaxed);
}

bool outbound_is_idle(outbound_t *self)
{
    if (self->flight.first != NULL || self->large != NULL)
        return false;
    pthread_mutex_lock(&self->lock);
    bool is_idle = self->full.first == NULL && self->open == NULL;
    pthread_mutex_unlock(&self->lock);
    return is_idle;
}
