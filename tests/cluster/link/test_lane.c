/* A lane's two halves on a network that loses, repeats, reorders and breaks, by seed: what is
 * written comes out once and in order. */
#include "cluster/link/inbound.h"
#include "cluster/link/outbound.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

#include <semaphore.h>

enum { UNDER_WAY_MAX = 4096, STEPS = 1500, MS = 1000 * 1000 };

typedef struct world {
    random_seed_t seed;
    ms_random_t random;
    outbound_t out;
    inbound_t in;
    link_handler_t handlers[LINK_TYPES];
    packet_t *there[UNDER_WAY_MAX]; /* frames under way */
    size_t there_count;
    uint64_t now_ns, written, received, wrong;
    uint32_t loss; /* of a hundred */
    buf_t bytes;
} world_t;

static size_t size_of(uint64_t number)
{
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);
    return 8 + (mixed % 53 == 0 ? mixed % 300000 : mixed % 11 == 0 ? mixed % 40000 : mixed % 200);
}

static void on_message(void *context, const link_message_t *message)
{
    world_t *self = context;
    uint64_t number = 0;
    memcpy(&number, message->payload.data, MIN(sizeof number, message->payload.size));
    bool is_right = number == self->received && message->payload.size == size_of(number) &&
                    (uint8_t)message->payload.data[message->payload.size - 1] ==
                        (message->payload.size == 8 ? 0 : (uint8_t)number);
    self->wrong += !is_right;
    self->received++;
}

static err_t write_message(void *context, buf_t *out)
{
    uint64_t number = *(const uint64_t *)context;
    char *room = buf_extend(out, size_of(number));
    if (room == NULL)
        return buf_status(out);
    memset(room, (int)(uint8_t)number, size_of(number));
    memcpy(room, &number, sizeof number);
    return ERR_OK;
}

static uint64_t draw(world_t *self, uint64_t below)
{
    return random_below(&self->random, below);
}

static void drop_under_way(world_t *self)
{
    for (size_t i = 0; i < self->there_count; i++)
        packet_unref(self->there[i]);
    self->there_count = 0;
}

static void reconnect(world_t *self)
{
    drop_under_way(self);
    outbound_broke(&self->out);
    uint64_t seq = inbound_greeted(&self->in, self->out.session, outbound_oldest(&self->out));
    check_ok(outbound_welcomed(&self->out, seq, self->now_ns));
}

static void write_some(world_t *self)
{
    for (uint64_t more = draw(self, 40); more > 0; more--) {
        bool is_first;
        link_way_t way = {.lane = LINK_DATA, .type = LINK_RUNTIME};
        err_t err = outbound_write(&self->out, way, write_message, &self->written, &is_first);
        if (err == ERR_BUSY)
            return;
        check_ok(err);
        self->written++;
    }
}

static void send_some(world_t *self)
{
    uint64_t due_ns;
    packet_t *packet;
    while (self->there_count < UNDER_WAY_MAX &&
           (packet = outbound_next(&self->out, self->now_ns, &due_ns)) != NULL) {
        if (draw(self, 100) < self->loss)
            packet_unref(packet);
        else
            self->there[self->there_count++] = packet;
    }
}

/* The oldest that is under way, or, on a bad network, any; or it comes twice. */
static void receive_one(world_t *self)
{
    if (self->there_count == 0)
        return;
    size_t index = draw(self, 100) < self->loss ? draw(self, self->there_count) : 0;
    packet_t *packet = self->there[index];
    frame_t frame;
    check_ok(frame_read(buf_str(&packet->bytes), &frame));
    inbound_verdict_t verdict = inbound_take(&self->in, &frame, self->now_ns);
    if (draw(self, 100) >= self->loss) {
        memmove(self->there + index, self->there + index + 1,
                (self->there_count - index - 1) * sizeof *self->there);
        self->there_count--;
        packet_unref(packet);
    }
    if (verdict == INBOUND_GAP)
        reconnect(self); /* what a WHO leads to */
}

static void acknowledge(world_t *self)
{
    uint64_t due_ns;
    if (!inbound_ack_due(&self->in, self->now_ns, &due_ns))
        return;
    if (draw(self, 100) >= self->loss)
        check_ok(outbound_acked(&self->out, self->in.seq, self->now_ns));
    inbound_acked(&self->in);
}

static void run(uint64_t seed, uint32_t loss)
{
    static world_t world;
    world = (world_t){.seed = {seed}, .loss = loss, .now_ns = MS};
    world.random = random_seeded(&world.seed);
    world.handlers[LINK_RUNTIME] = (link_handler_t){on_message, &world};
    outbound_init(&world.out, &(outbound_limits_t){.queue_bytes_max = 1 << 20, .linger_ns = 50000},
                  7);
    inbound_init(&world.in, 1, LINK_DATA, world.handlers);
    reconnect(&world);

    for (uint32_t step = 0; step < STEPS; step++) {
        world.now_ns += draw(&world, 2 * MS);
        write_some(&world);
        send_some(&world);
        for (uint64_t more = draw(&world, 20); more > 0; more--)
            receive_one(&world);
        acknowledge(&world);
        if (draw(&world, 1000) < loss)
            reconnect(&world);
    }
    world.loss = 0;
    for (uint32_t i = 0; world.received < world.written && i < 100000; i++) {
        world.now_ns += MS;
        if (world.there_count == 0)
            reconnect(&world); /* the last frames may have been lost */
        send_some(&world);
        receive_one(&world);
        acknowledge(&world);
    }
    cr_assert(world.received == world.written && world.wrong == 0,
              "seed %lu loss %u: %lu of %lu, %lu wrong", (unsigned long)seed, loss,
              (unsigned long)world.received, (unsigned long)world.written,
              (unsigned long)world.wrong);
    drop_under_way(&world);
    outbound_deinit(&world.out);
    inbound_deinit(&world.in);
}

Test(lane, what_is_written_comes_out_once_and_in_order_whatever_the_network_does)
{
    static const uint32_t losses[] = {0, 1, 10, 40};
    for (uint64_t seed = 1; seed <= 4 * scale_rounds(); seed++)
        for (size_t i = 0; i < COUNT_OF(losses); i++)
            run(seed, losses[i]);
}

/* ---- outbound alone ---- */

static void open_lane(outbound_t *out, size_t queue_bytes_max)
{
    outbound_init(out, &(outbound_limits_t){.queue_bytes_max = queue_bytes_max, .linger_ns = 50000},
                  7);
    check_ok(outbound_welcomed(out, 0, 1));
}

static err_t say(outbound_t *out, link_way_t way, size_t size)
{
    static char bytes[LINK_PIECE_SIZE * 3];
    str_t payload = str_of(bytes, size);
    bool is_first;
    return outbound_write(out, way, outbound_copy, &payload, &is_first);
}

static const link_way_t data = {.lane = LINK_DATA, .type = LINK_RUNTIME};

static uint32_t take_all(outbound_t *out, uint64_t now_ns)
{
    uint32_t frames = 0;
    uint64_t due_ns;
    for (packet_t *packet; (packet = outbound_next(out, now_ns, &due_ns)) != NULL; frames++)
        packet_unref(packet);
    return frames;
}

Test(outbound, a_batch_that_is_not_full_waits_for_the_linger_after_a_frame_of_several)
{
    outbound_t out;
    uint64_t due_ns;
    open_lane(&out, 1 << 20);

    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, 1000000) == 1);
    check_ok(say(&out, data, 100));
    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, 1000001) == 1, "behind one alone nothing waits");
    check_ok(say(&out, data, 100));
    cr_assert(outbound_next(&out, 1000002, &due_ns) == NULL);
    cr_assert(due_ns == 1000001 + 50000);
    cr_assert(take_all(&out, due_ns - 1) == 0);
    cr_assert(take_all(&out, due_ns) == 1);
    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, due_ns + 1) == 1, "it came alone: so may the next");
    check_ok(say(&out, data, 100));
    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, due_ns + 2) == 1);
    check_ok(say(&out, data, LINK_FRAME_SIZE));
    cr_assert(take_all(&out, due_ns + 3) == 1, "a full one does not wait");
    outbound_deinit(&out);
}

/* What never came back is asked about; so the window, and the node's end, do not wait for ever. */
Test(outbound, of_what_is_not_acknowledged_for_long_the_oldest_goes_again_ever_later)
{
    const uint64_t patience = OUTBOUND_PATIENCE_MS * (uint64_t)MS;
    outbound_t out;
    uint64_t due_ns, now_ns = MS;
    open_lane(&out, SIZE_MAX / 8);
    for (uint64_t i = 0; i < 3; i++) {
        check_ok(say(&out, data, 100));
        cr_assert(take_all(&out, now_ns + i) == 1);
    }

    cr_assert(outbound_next(&out, now_ns + patience - 1, &due_ns) == NULL);
    cr_assert(due_ns == now_ns + patience);
    for (uint64_t wait = patience; wait <= OUTBOUND_PATIENCE_MS_MAX * (uint64_t)MS; wait *= 2) {
        now_ns += wait;
        packet_t *packet = outbound_next(&out, now_ns, &due_ns);
        cr_assert(packet != NULL && packet->seq == 1);
        packet_unref(packet);
        cr_assert(outbound_next(&out, now_ns, &due_ns) == NULL);
        cr_assert(due_ns == now_ns + MIN(wait * 2, OUTBOUND_PATIENCE_MS_MAX * (uint64_t)MS));
    }
    check_ok(outbound_acked(&out, 1, now_ns));
    cr_assert(outbound_next(&out, now_ns, &due_ns) == NULL);
    cr_assert(due_ns == now_ns + patience, "the next one has its time");
    check_ok(outbound_acked(&out, 3, now_ns));
    cr_assert(outbound_next(&out, now_ns + 100 * patience, &due_ns) == NULL);
    cr_assert(due_ns == UINT64_MAX && outbound_is_idle(&out));
    outbound_deinit(&out);
}

Test(lane, an_acknowledgement_that_is_not_heard_is_given_again)
{
    outbound_t out;
    inbound_t in;
    frame_t frame;
    uint64_t due_ns;
    link_handler_t handlers[LINK_TYPES] = {0};
    open_lane(&out, 1 << 20);
    inbound_init(&in, 1, LINK_DATA, handlers);
    cr_assert(inbound_greeted(&in, out.session, 1) == 0);
    check_ok(say(&out, data, 100));
    packet_t *packet = outbound_next(&out, MS, &due_ns);
    check_ok(frame_read(buf_str(&packet->bytes), &frame));
    cr_assert(inbound_take(&in, &frame, MS) == INBOUND_TAKEN);
    packet_unref(packet);
    inbound_acked(&in); /* and nobody hears it */

    packet = outbound_next(
        &out, due_ns == UINT64_MAX ? MS + OUTBOUND_PATIENCE_MS * (uint64_t)MS : due_ns, &due_ns);
    cr_assert(packet != NULL);
    check_ok(frame_read(buf_str(&packet->bytes), &frame));
    cr_assert(inbound_take(&in, &frame, 2 * MS) == INBOUND_REPEAT, "acknowledge again");
    check_ok(outbound_acked(&out, in.seq, 2 * MS));

    cr_assert(outbound_is_idle(&out) && out.resent == 1 && in.repeats == 1);
    packet_unref(packet);
    outbound_deinit(&out);
    inbound_deinit(&in);
}

Test(outbound, only_a_frame_that_was_sent_once_tells_how_long_it_took)
{
    outbound_t out;
    open_lane(&out, 1 << 20);
    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, 5 * MS) == 1);
    cr_assert(outbound_sent_ns(&out, 1) == 5 * MS);
    cr_assert(outbound_sent_ns(&out, 2) == 0);
    cr_assert(take_all(&out, 5 * MS + OUTBOUND_PATIENCE_MS * (uint64_t)MS) == 1);
    cr_assert(outbound_sent_ns(&out, 1) == 0, "which of the two was answered?");
    outbound_deinit(&out);
}

/* ---- large messages ---- */

typedef struct slow_writer {
    size_t size;
    sem_t begun, may_end;
    int calls;
} slow_writer_t;

static err_t write_slowly(void *context, buf_t *out)
{
    slow_writer_t *self = context;
    self->calls++;
    if (out->size_max > LINK_FRAME_SIZE + 2 * LINK_PIECE_SIZE) {
        sem_post(&self->begun);
        sem_wait(&self->may_end);
    }
    char *room = buf_extend(out, self->size);
    if (room != NULL)
        memset(room, 'x', self->size);
    return buf_status(out);
}

typedef struct slow_thread {
    outbound_t *out;
    slow_writer_t writer;
    err_t err;
} slow_thread_t;

static void *say_slowly(void *context)
{
    slow_thread_t *self = context;
    bool is_first;
    self->err = outbound_write(self->out, data, write_slowly, &self->writer, &is_first);
    return NULL;
}

/* With the lock held meanwhile this would not come to its end. */
Test(outbound, while_a_large_message_is_written_others_are_written_and_sent)
{
    outbound_t out;
    pthread_t thread;
    slow_thread_t slow = {.out = &out, .writer = {.size = 64 << 20}};
    open_lane(&out, 1 << 20);
    sem_init(&slow.writer.begun, 0, 0);
    sem_init(&slow.writer.may_end, 0, 0);
    check_ok(say(&out, data, 100));
    cr_assert(pthread_create(&thread, NULL, say_slowly, &slow) == 0);
    sem_wait(&slow.writer.begun);

    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, MS) == 1);
    sem_post(&slow.writer.may_end);
    pthread_join(thread, NULL);

    check_ok(slow.err);
    cr_assert(slow.writer.calls == 2);
    cr_assert(take_all(&out, 2 * MS) == LINK_WINDOW_BYTES / (LINK_PIECE_SIZE + 24) + 1);
    outbound_deinit(&out);
}

Test(outbound, what_is_a_byte_too_large_for_a_piece_goes_in_two_and_what_just_fits_in_a_batch)
{
    static const struct {
        size_t size;
        uint32_t frames;
    } cases[] = {{LINK_PIECE_SIZE, 1}, {LINK_PIECE_SIZE + 1, 2}, {2 * LINK_PIECE_SIZE, 2}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        outbound_t out;
        open_lane(&out, 1 << 20);
        check_ok(say(&out, data, cases[i].size));
        cr_assert(eq(u32, take_all(&out, MS), cases[i].frames));
        cr_assert(out.written_messages == 1 && out.written_bytes == cases[i].size);
        outbound_deinit(&out);
    }
}

static err_t write_little_in_much_room(void *context, buf_t *out)
{
    (void)context;
    TRY(buf_reserve(out, LINK_PIECE_SIZE + 1));
    buf_append(out, STR("little"));
    return ERR_OK;
}

Test(outbound, who_asks_for_more_room_than_it_takes_writes_a_small_message)
{
    outbound_t out;
    bool is_first = false;
    open_lane(&out, 1 << 20);
    check_ok(outbound_write(&out, data, write_little_in_much_room, NULL, &is_first));
    cr_assert(is_first && out.waiting_bytes == 6 + FRAME_RECORD_SIZE);
    cr_assert(out.open->messages == 1 && out.full.first == NULL);
    outbound_deinit(&out);
}

Test(outbound, what_has_no_room_is_busy_and_an_answer_has_more_of_it)
{
    enum { QUEUE = 100 * 104 };
    outbound_t out;
    open_lane(&out, QUEUE);
    link_way_t owed = {.lane = LINK_DATA, .type = LINK_RUNTIME, .is_owed = true};

    for (int i = 0; i < 100; i++)
        check_ok(say(&out, data, 100));
    check_err(say(&out, data, 100), ERR_BUSY);
    for (int i = 0; i < 100 * (LINK_OWED_FACTOR - 1); i++)
        check_ok(say(&out, owed, 100));
    check_err(say(&out, owed, 100), ERR_BUSY);
    cr_assert(out.busy == 2);
    take_all(&out, 1000000);
    take_all(&out, 2000000);
    check_ok(say(&out, data, 100));
    outbound_deinit(&out);
}

Test(outbound, no_more_goes_than_the_window_allows_until_it_is_acknowledged)
{
    outbound_t out;
    open_lane(&out, SIZE_MAX / 8);

    for (int i = 0; i < 2 * LINK_WINDOW_FRAMES; i++)
        check_ok(say(&out, data, LINK_FRAME_SIZE / 2));
    uint32_t frames = take_all(&out, 1000000);
    cr_assert(frames >= LINK_WINDOW_BYTES / (LINK_FRAME_SIZE + 1000) &&
              frames <= LINK_WINDOW_BYTES / LINK_FRAME_SIZE + 1);
    cr_assert(take_all(&out, 2000000) == 0);
    check_ok(outbound_acked(&out, 10, 2000000));
    cr_assert(take_all(&out, 3000000) == 10);
    outbound_deinit(&out);

    open_lane(&out, SIZE_MAX / 8);
    for (uint64_t i = 0; i < 2 * LINK_WINDOW_FRAMES; i++) {
        check_ok(say(&out, data, 8));
        take_all(&out, 1000000 * (i + 1));
    }
    cr_assert(outbound_oldest(&out) == 1 && out.sent_frames == LINK_WINDOW_FRAMES);
    outbound_deinit(&out);
}

Test(outbound, what_is_refused_leaves_nothing_behind)
{
    static const struct {
        const char *what;
        link_way_t way;
        size_t size;
        err_t want;
    } cases[] = {
        {"not on this lane", {LINK_DATA, LINK_MEMBERSHIP, false}, 8, ERR_INVALID},
        {"no type", {LINK_DATA, (link_type_t)31, false}, 8, ERR_INVALID},
        {"too large for control",
         {LINK_CONTROL, LINK_RUNTIME, false},
         LINK_CONTROL_SIZE_MAX + 1,
         ERR_LIMIT},
        {"too large for its type", {LINK_CONTROL, LINK_MEMBERSHIP, false}, 4097, ERR_LIMIT},
    };
    outbound_t out;
    open_lane(&out, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t got = say(&out, cases[i].way, cases[i].size);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
    cr_assert(outbound_is_idle(&out));
    cr_assert(out.waiting_bytes == 0);
    check_ok(say(&out, data, 100));
    check_err(say(&out, (link_way_t){LINK_CONTROL, LINK_MEMBERSHIP, false}, 4097), ERR_LIMIT);
    uint64_t messages, bytes;
    outbound_end(&out, &messages, &bytes);
    cr_assert(messages == 1 && bytes == 100);
    check_err(say(&out, data, 100), ERR_NOT_FOUND);
    outbound_deinit(&out);
}

Test(outbound, an_acknowledgement_of_what_was_never_sent_is_refused)
{
    outbound_t out;
    open_lane(&out, 1 << 20);
    check_ok(say(&out, data, 100));
    cr_assert(take_all(&out, 1000000) == 1);
    check_err(outbound_acked(&out, 2, 1000000), ERR_INVALID);
    check_err(outbound_welcomed(&out, UINT64_MAX, 1000000), ERR_INVALID);
    check_ok(outbound_acked(&out, 1, 1000000));
    check_ok(outbound_acked(&out, 0, 1000000));
    cr_assert(outbound_is_idle(&out));
    outbound_deinit(&out);
}

/* ---- inbound alone ---- */

static uint64_t handed_on;
static void on_any(void *context, const link_message_t *message)
{
    (void)context;
    (void)message;
    handed_on++;
}

Test(inbound, pieces_that_do_not_fit_together_are_refused_and_the_next_message_is_whole)
{
    static char bytes[FRAME_PIECE_HEAD_SIZE + 100];
    link_handler_t handlers[LINK_TYPES] = {[LINK_RUNTIME] = {on_any, NULL}};
    static const struct {
        uint32_t type, total, offset, size;
        uint64_t refused, handed_on; /* so far */
    } steps[] = {
        {LINK_RUNTIME, 150, 0, 100, 0, 0},
        {LINK_RUNTIME, 150, 90, 60, 1, 0},  /* overlaps */
        {LINK_RUNTIME, 150, 100, 50, 2, 0}, /* of none */
        {LINK_RUNTIME, 150, 0, 100, 2, 0},  /* from the beginning */
        {LINK_RUNTIME, 150, 100, 50, 2, 1}, /* whole */
        {LINK_RUNTIME, 50, 0, 100, 3, 1},   /* larger than itself */
        {LINK_RUNTIME, LINK_MESSAGE_SIZE_MAX + 1, 0, 100, 4, 1},
        {LINK_MEMBERSHIP, 150, 0, 100, 5, 1}, /* not on this lane */
        {LINK_MEMBERSHIP, 150, 100, 50, 5, 1},
        {LINK_TOPIC, 100, 0, 100, 6, 1}, /* nobody hears it */
    };
    inbound_t in;
    inbound_init(&in, 1, LINK_DATA, handlers);
    cr_assert(inbound_greeted(&in, 5, 1) == 0);
    for (uint32_t i = 0; i < COUNT_OF(steps); i++) {
        frame_head((uint8_t *)bytes, FRAME_PIECE, steps[i].total, i + 1);
        memcpy(bytes + FRAME_HEAD_SIZE, &steps[i].type, 4);
        memcpy(bytes + FRAME_HEAD_SIZE + 4, &steps[i].offset, 4);
        frame_t frame;
        check_ok(frame_read(str_of(bytes, FRAME_PIECE_HEAD_SIZE + steps[i].size), &frame));
        cr_assert(inbound_take(&in, &frame, 1) == INBOUND_TAKEN);
        cr_expect(in.refused == steps[i].refused, "step %u: %lu refused", i,
                  (unsigned long)in.refused);
        cr_expect(handed_on == steps[i].handed_on, "step %u", i);
    }
    inbound_deinit(&in);
}

Test(inbound, another_session_begins_where_it_says)
{
    link_handler_t handlers[LINK_TYPES] = {0};
    inbound_t in;
    inbound_init(&in, 1, LINK_DATA, handlers);
    cr_expect(inbound_greeted(&in, 5, 1) == 0);
    cr_expect(inbound_greeted(&in, 6, 41) == 40);
    cr_expect(inbound_greeted(&in, 6, 30) == 40, "it has them");
    cr_expect(inbound_greeted(&in, 6, 51) == 50, "they are gone for good");
    cr_expect(in.gaps == 10);
    cr_expect(inbound_greeted(&in, 7, 1) == 0, "a new one from its beginning");
    inbound_deinit(&in);
}
