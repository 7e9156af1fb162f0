/* A lane with the n-th allocation failing: what was said is sent whole, or was refused and left
 * nothing behind. */
#include "cluster/link/inbound.h"
#include "cluster/link/outbound.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"
#include "tests/support/faults/memory_faults.h"

enum { SMALL = 100, LARGE = 3 * LINK_PIECE_SIZE + 5, MS = 1000 * 1000 };

typedef struct world {
    outbound_t out;
    inbound_t in;
    link_handler_t handlers[LINK_TYPES];
    uint64_t said, said_bytes, heard, heard_bytes, now_ns;
} world_t;

static void on_message(void *context, const link_message_t *message)
{
    world_t *self = context;
    self->heard++;
    self->heard_bytes += message->payload.size;
}

static void begin(void *context)
{
    world_t *self = context;
    *self = (world_t){.handlers = {[LINK_RUNTIME] = {on_message, self}}};
    outbound_init(&self->out, &(outbound_limits_t){.queue_bytes_max = 1 << 20}, 7);
    inbound_init(&self->in, 1, LINK_DATA, self->handlers);
    uint64_t seq = inbound_greeted(&self->in, self->out.session, 1);
    check_ok(outbound_welcomed(&self->out, seq, 1));
}

static err_t say(world_t *self, size_t size)
{
    static char bytes[LARGE];
    str_t payload = str_of(bytes, size);
    bool is_first;
    link_way_t way = {.lane = LINK_DATA, .type = LINK_RUNTIME};
    TRY(outbound_write(&self->out, way, outbound_copy, &payload, &is_first));
    self->said++;
    self->said_bytes += size;
    return ERR_OK;
}

/* All that goes now; what the other has no memory for comes again. */
static void carry(world_t *self)
{
    uint64_t due_ns;
    frame_t frame;
    self->now_ns += 10 * MS;
    for (packet_t *packet; (packet = outbound_next(&self->out, self->now_ns, &due_ns)) != NULL;) {
        check_ok(frame_read(buf_str(&packet->bytes), &frame));
        inbound_verdict_t verdict = inbound_take(&self->in, &frame, self->now_ns);
        packet_unref(packet);
        if (verdict != INBOUND_GAP)
            continue;
        outbound_broke(&self->out);
        uint64_t oldest = outbound_oldest(&self->out);
        uint64_t seq = inbound_greeted(&self->in, self->out.session, oldest);
        check_ok(outbound_welcomed(&self->out, seq, self->now_ns));
    }
}

static err_t use(void *context)
{
    world_t *self = context;
    static const size_t sizes[] = {SMALL, LARGE, SMALL, LINK_FRAME_SIZE, SMALL, LARGE};
    err_t worst = ERR_OK;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        err_t err = say(self, sizes[i]);
        worst = err == ERR_OK ? worst : err;
        if (i % 2 == 0)
            carry(self);
    }
    for (int i = 0; i < 3; i++)
        carry(self);
    return memory_faults_failed() > 0 ? ERR_NO_MEMORY : worst;
}

static void check(void *context, err_t err)
{
    const world_t *self = context;
    (void)err;
    cr_assert(self->heard == self->said && self->heard_bytes == self->said_bytes);
    cr_assert(self->out.written_messages == self->said);
    cr_assert(self->out.waiting_bytes == 0 && self->said >= 5);
}

static void end(void *context)
{
    world_t *self = context;
    outbound_deinit(&self->out);
    inbound_deinit(&self->in);
}

Test(lane, without_memory_a_message_is_refused_or_waits_and_the_rest_is_whole)
{
    world_t world;
    uint64_t rounds = 0;
    buf_t problem BUF_SCOPED = BUF_INIT;
    each_failing_t each = {
        .begin = begin, .use = use, .end = end, .check = check, .context = &world};
    cr_expect(each_failing_holds(&each, &rounds, &problem), "%s", buf_terminated(&problem));
    cr_expect(rounds > 20, "%llu rounds", (unsigned long long)rounds);
}
