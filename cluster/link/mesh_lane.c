#include "cluster/link/greeting.h"
#include "cluster/link/mesh_parts.h"

#include <sys/epoll.h>

#define MS UINT64_C(1000000)
enum {
    HELLO_AGAIN_MS = 500,
    /* A connection that does not come about is begun anew, first soon, then less often. After a bad
     * handshake ZeroMQ gives up for good; one refused by ZAP (who joins is not known to all yet)
     * stays open in silence until ZMQ_HANDSHAKE_IVL. */
    REDIAL_MS_MIN = 250,
    REDIAL_MS_MAX = 2000,
    LOOK_MS = 100,     /* at what is not up */
    RECEIVE_MAX = 256, /* frames in a pass */
    ROUNDS_MAX = 8
};

static void count(atomic_uint_least64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- silence ---- */

static void set_quiet(lane_t *lane, uint64_t since_ns)
{
    if (atomic_load_explicit(&lane->quiet_ns, memory_order_relaxed) != since_ns)
        atomic_store_explicit(&lane->quiet_ns, since_ns, memory_order_relaxed);
}

/* Whether it is the other side's turn to say something. */
static bool is_waiting(const lane_t *lane)
{
    return lane->state != LANE_UP || outbound_oldest(&lane->out) != lane->out.seq;
}

static void note_quiet(lane_t *lane, uint64_t now_ns)
{
    if (!is_waiting(lane))
        set_quiet(lane, 0);
    else if (atomic_load_explicit(&lane->quiet_ns, memory_order_relaxed) == 0)
        set_quiet(lane, now_ns);
}

/* ---- the connection to the other ---- */

static void note_break(lane_t *lane)
{
    lane->link->is_broken = lane->link->is_broken || lane->state == LANE_UP;
    outbound_broke(&lane->out);
}

static void hang_up(lane_t *lane)
{
    if (lane->fd >= 0)
        epoll_ctl(lane->link->mesh->poll_fd, EPOLL_CTL_DEL, lane->fd, NULL);
    lane->fd = -1;
    wire_hang_up(&lane->dealer);
    note_break(lane);
    lane->state = LANE_CLOSED;
}

static void dial(lane_t *lane, uint64_t now_ns)
{
    mesh_t *mesh = lane->link->mesh;
    pthread_mutex_lock(&mesh->lock);
    link_peer_t peer = lane->link->peer;
    pthread_mutex_unlock(&mesh->lock);
    lane->opened_ns = lane->since_ns = now_ns;
    lane->redial_ms =
        lane->redial_ms == 0 ? REDIAL_MS_MIN : MIN(2 * lane->redial_ms, (uint32_t)REDIAL_MS_MAX);
    if (wire_dial(&mesh->wire, &peer, &lane->dealer) != ERR_OK)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = lane};
    lane->fd = wire_fd(lane->dealer);
    if (lane->fd < 0 || epoll_ctl(mesh->poll_fd, EPOLL_CTL_ADD, lane->fd, &event) != 0) {
        lane->fd = -1;
        hang_up(lane);
        return;
    }
    lane->state = LANE_CONNECTING;
}

static void lose_connection(lane_t *lane, uint64_t now_ns)
{
    note_break(lane);
    if (lane->state == LANE_UP)
        lane->opened_ns = now_ns;
    lane->state = LANE_CONNECTING;
    lane->since_ns = now_ns;
}

static void greet(lane_t *lane, uint64_t now_ns)
{
    mesh_t *mesh = lane->link->mesh;
    note_break(lane);
    hello_t hello = {.lane = lane->lane,
                     .from = mesh->options.node,
                     .to = lane->link->node,
                     .session = lane->out.session,
                     .oldest = outbound_oldest(&lane->out),
                     .number = ++lane->number};
    greeting_keys_t keys = {&mesh->options.cluster_keys, mesh->wire.keys.public_key,
                            lane->link->peer.public_key};
    char bytes[FRAME_HELLO_SIZE];
    lane->state = LANE_GREETING;
    lane->since_ns = now_ns;
    if (hello_write(&hello, &keys, bytes) == ERR_OK &&
        wire_send(lane->dealer, str_of(bytes, sizeof bytes)) != ERR_OK)
        lose_connection(lane, now_ns);
    lane->has_news = true;
}

static void on_welcome(lane_t *lane, const frame_t *frame, str_t bytes, uint64_t now_ns)
{
    mesh_t *mesh = lane->link->mesh;
    greeting_keys_t keys = {&mesh->options.cluster_keys, lane->link->peer.public_key,
                            mesh->wire.keys.public_key};
    welcome_t welcome;
    welcome_read(frame, &welcome);
    if (lane->state != LANE_GREETING || welcome.number != lane->number)
        return; /* of a greeting before */
    if (!greeting_is_proved(bytes, &keys) ||
        outbound_welcomed(&lane->out, welcome.seq, now_ns) != ERR_OK) {
        count(&mesh->unproved);
        return;
    }
    atomic_store_explicit(&lane->link->round_us, (now_ns - lane->since_ns) / 1000 + 1,
                          memory_order_relaxed);
    lane->state = LANE_UP;
    lane->redial_ms = REDIAL_MS_MIN;
    lane->since_ns = now_ns;
}

/* Round trips as of RFC 6298, without what the other kept its word back. */
static err_t on_ack(lane_t *lane, const frame_t *frame, uint64_t now_ns)
{
    uint64_t sent_ns = outbound_sent_ns(&lane->out, frame->seq);
    TRY(outbound_acked(&lane->out, frame->seq, now_ns));
    uint64_t kept_ns = frame->count * UINT64_C(1000);
    if (sent_ns == 0 || now_ns < sent_ns + kept_ns)
        return ERR_OK;
    uint64_t before_us = atomic_load_explicit(&lane->link->round_us, memory_order_relaxed);
    uint64_t now_us = (now_ns - sent_ns - kept_ns) / 1000 + 1;
    atomic_store_explicit(&lane->link->round_us, (before_us * 7 + now_us) / 8,
                          memory_order_relaxed);
    return ERR_OK;
}

static void on_answer(lane_t *lane, str_t bytes, uint64_t now_ns)
{
    frame_t frame;
    err_t err = frame_read(bytes, &frame);
    if (err == ERR_OK && frame.kind == FRAME_WELCOME)
        on_welcome(lane, &frame, bytes, now_ns);
    else if (err == ERR_OK && frame.kind == FRAME_ACK && lane->state == LANE_UP)
        err = on_ack(lane, &frame, now_ns);
    else if (err == ERR_OK && frame.kind == FRAME_WHO) {
        if (lane->state == LANE_UP) {
            lane->opened_ns = now_ns;
            greet(lane, now_ns);
        }
    } else
        err = ERR_INVALID;
    if (err != ERR_OK)
        count(&lane->link->mesh->garbage);
}

static void hear_all(lane_t *lane, uint64_t now_ns)
{
    err_t err = ERR_OK;
    for (uint32_t i = 0; i < RECEIVE_MAX && err != ERR_BUSY; i++) {
        wire_message_t message;
        err = wire_receive(lane->dealer, &message);
        if (err == ERR_OK) {
            on_answer(lane, message.bytes, now_ns);
            set_quiet(lane, 0);
        }
        wire_message_deinit(&message);
    }
}

/* All that came back, and whether it is connected still. Each look at a socket, and each send,
 * takes its news from its descriptor: so it is looked at until there are none. */
static void hear(lane_t *lane, uint64_t now_ns)
{
    lane->has_news = true;
    for (int round = 0; round < ROUNDS_MAX && lane->has_news; round++) {
        wire_events_t events = wire_events(lane->dealer);
        bool is_new = events.is_connected && lane->state == LANE_CONNECTING;
        if (!events.is_connected && lane->state != LANE_CONNECTING)
            lose_connection(lane, now_ns);
        if (events.has_more)
            hear_all(lane, now_ns);
        if (is_new)
            greet(lane, now_ns);
        lane->has_news = events.has_more || is_new;
    }
}

/* What may go now; when to look again. What is heard meanwhile may let more go. */
static uint64_t send_waiting(lane_t *lane, uint64_t now_ns)
{
    for (;;) {
        uint64_t due_ns;
        packet_t *packet = outbound_next(&lane->out, now_ns, &due_ns);
        if (packet == NULL)
            return due_ns;
        for (; packet != NULL; packet = outbound_next(&lane->out, now_ns, &due_ns))
            if (wire_send_packet(lane->dealer, packet) != ERR_OK) {
                lose_connection(lane, now_ns);
                return now_ns;
            }
        hear(lane, now_ns);
    }
}

/* When a lane is to be looked at again, whatever it hears until then. */
static uint64_t next_look(const lane_t *lane, uint64_t now_ns)
{
    if (lane->has_news)
        return now_ns;
    return lane->state != LANE_UP ? now_ns + LOOK_MS * MS : UINT64_MAX;
}

static uint64_t step_lane(lane_t *lane, uint64_t now_ns)
{
    bool is_late = lane->state != LANE_UP && now_ns >= lane->opened_ns + lane->redial_ms * MS;
    if (lane->state == LANE_CLOSED ? is_late || lane->opened_ns == 0 : is_late) {
        hang_up(lane);
        dial(lane, now_ns);
    }
    if (lane->state == LANE_CLOSED)
        return lane->opened_ns + lane->redial_ms * MS;
    uint64_t due_ns = UINT64_MAX;
    if (lane->has_news || lane->state != LANE_UP)
        hear(lane, now_ns);
    if (lane->state == LANE_UP)
        due_ns = send_waiting(lane, now_ns);
    if (lane->state == LANE_GREETING && now_ns >= lane->since_ns + HELLO_AGAIN_MS * MS)
        greet(lane, now_ns);
    return MIN(due_ns, next_look(lane, now_ns));
}

/* ---- what the other sends ---- */

static void send_ack(lane_t *lane, uint64_t now_ns)
{
    mesh_t *mesh = lane->link->mesh;
    uint8_t ack[FRAME_HEAD_SIZE];
    frame_head(ack, FRAME_ACK, inbound_kept_us(&lane->in, now_ns), lane->in.seq);
    wire_send_back(&mesh->wire, lane->route, str_of(ack, sizeof ack));
    mesh->has_router_news = true;
    inbound_acked(&lane->in);
}

static uint64_t acknowledge(lane_t *lane, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    if (!lane->has_route)
        return due_ns;
    if (inbound_ack_due(&lane->in, now_ns, &due_ns)) {
        send_ack(lane, now_ns);
        return UINT64_MAX;
    }
    return due_ns;
}

void mesh_last_acks(mesh_link_t *link, uint64_t now_ns)
{
    for (int i = 0; i < LINK_LANES; i++)
        if (link->lanes[i].has_route && link->lanes[i].in.acked != link->lanes[i].in.seq)
            send_ack(&link->lanes[i], now_ns);
}

static lane_t **route_slot(mesh_t *self, uint32_t route)
{
    lane_t **slot = &self->routes[route % ROUTES];
    while (*slot != NULL && (*slot)->route != route)
        slot = &(*slot)->route_next;
    return slot;
}

static void route_drop(lane_t *lane)
{
    if (!lane->has_route)
        return;
    lane_t **slot = route_slot(lane->link->mesh, lane->route);
    *slot = lane->route_next;
    lane->has_route = false;
}

static void route_put(lane_t *lane, uint32_t route)
{
    route_drop(lane);
    lane_t **slot = route_slot(lane->link->mesh, route);
    if (*slot != NULL) /* another lane's: a connection has one */
        route_drop(*slot);
    lane->route = route;
    lane->has_route = true;
    lane->route_next = NULL;
    *route_slot(lane->link->mesh, route) = lane;
}

static void ask_who(mesh_t *self, uint32_t route)
{
    uint8_t who[FRAME_HEAD_SIZE];
    frame_head(who, FRAME_WHO, 0, 0);
    wire_send_back(&self->wire, route, str_of(who, sizeof who));
    self->has_router_news = true;
}

static void welcome_it(lane_t *lane, const hello_t *hello)
{
    mesh_t *mesh = lane->link->mesh;
    greeting_keys_t keys = {&mesh->options.cluster_keys, mesh->wire.keys.public_key,
                            lane->link->peer.public_key};
    welcome_t welcome = {.number = hello->number,
                         .seq = inbound_greeted(&lane->in, hello->session, hello->oldest)};
    char bytes[FRAME_WELCOME_SIZE];
    if (welcome_write(&welcome, &keys, bytes) != ERR_OK)
        return;
    wire_send_back(&mesh->wire, lane->route, str_of(bytes, sizeof bytes));
    mesh->has_router_news = true;
}

static bool is_it(mesh_t *self, const mesh_link_t *link, const hello_t *hello,
                  wire_message_t *message)
{
    uint8_t key[LINK_KEY_SIZE];
    greeting_keys_t keys = {&self->options.cluster_keys, key, self->wire.keys.public_key};
    return wire_message_key(message, key) && hello->to == self->options.node &&
           memcmp(key, link->peer.public_key, sizeof key) == 0 &&
           greeting_is_proved(message->bytes, &keys);
}

static void on_hello(mesh_t *self, const frame_t *frame, wire_message_t *message)
{
    hello_t hello;
    if (hello_read(frame, &hello) != ERR_OK) {
        count(&self->garbage);
        return;
    }
    mesh_link_t *link = mesh_find(self, hello.from);
    if (link == NULL) { /* not one yet, or no more; it will ask again */
        count(&self->unproved);
        return;
    }
    if (!is_it(self, link, &hello, message))
        count(&self->unproved);
    else if (!link->is_ended) {
        lane_t *lane = &link->lanes[hello.lane];
        route_put(lane, message->route);
        welcome_it(lane, &hello);
    }
    mesh_link_unref(link);
}

static void on_frame(mesh_t *self, wire_message_t *message, uint64_t now_ns)
{
    frame_t frame;
    if (frame_read(message->bytes, &frame) != ERR_OK) {
        count(&self->garbage);
        return;
    }
    if (frame.kind == FRAME_HELLO) {
        on_hello(self, &frame, message);
        return;
    }
    if (frame.kind != FRAME_BATCH && frame.kind != FRAME_PIECE) {
        count(&self->garbage);
        return;
    }
    lane_t *lane = *route_slot(self, message->route);
    if (lane == NULL) {
        ask_who(self, message->route);
        return;
    }
    inbound_verdict_t verdict = inbound_take(&lane->in, &frame, now_ns);
    if (verdict == INBOUND_REPEAT)
        send_ack(lane, now_ns);
    else if (verdict == INBOUND_GAP && inbound_complains(&lane->in, now_ns))
        ask_who(self, message->route);
    mesh_activate(lane->link);
}

bool mesh_receive(mesh_t *self, bool is_first, uint64_t now_ns)
{
    uint32_t most = is_first ? 1 : RECEIVE_MAX;
    self->has_router_news = false;
    for (uint32_t i = 0; i < most; i++) {
        wire_message_t message;
        err_t err = wire_receive_routed(&self->wire, &message);
        if (err == ERR_OK)
            on_frame(self, &message, now_ns);
        else if (err != ERR_BUSY)
            count(&self->garbage);
        wire_message_deinit(&message);
        if (err == ERR_BUSY)
            return i != 0;
    }
    self->has_router_news = true;
    return true;
}

/* ---- both ---- */

static void tell(mesh_link_t *link, bool is_up)
{
    const link_events_t *events = &link->mesh->options.events;
    void (*event)(void *, uint64_t) = is_up ? events->up : events->down;
    atomic_store_explicit(&link->is_up, is_up, memory_order_relaxed);
    if (!is_up)
        count(&link->breaks);
    if (event != NULL)
        event(events->context, link->node);
}

/* A break is told even if it is mended already. */
static void tell_changes(mesh_link_t *link)
{
    bool was_up = atomic_load_explicit(&link->is_up, memory_order_relaxed);
    bool is_up = !link->is_ended;
    for (int i = 0; i < LINK_LANES; i++)
        is_up = is_up && link->lanes[i].state == LANE_UP;
    if (was_up && (!is_up || link->is_broken)) {
        tell(link, false);
        was_up = false;
    }
    link->is_broken = false;
    if (is_up && !was_up)
        tell(link, true);
}

uint64_t mesh_step(mesh_link_t *link, uint64_t now_ns)
{
    bool has_moved = atomic_load_explicit(&link->has_moved, memory_order_relaxed) &&
                     atomic_exchange(&link->has_moved, false);
    uint64_t due_ns = UINT64_MAX;
    for (int i = 0; i < LINK_LANES; i++) {
        lane_t *lane = &link->lanes[i];
        if (has_moved) {
            hang_up(lane);
            lane->opened_ns = lane->redial_ms = 0;
        }
        due_ns = MIN(due_ns, step_lane(lane, now_ns));
        note_quiet(lane, now_ns);
        due_ns = MIN(due_ns, acknowledge(lane, now_ns));
    }
    tell_changes(link);
    return due_ns;
}

void mesh_close_link(mesh_link_t *link)
{
    mesh_t *mesh = link->mesh;
    link->is_ended = true;
    for (int i = 0; i < LINK_LANES; i++) {
        lane_t *lane = &link->lanes[i];
        hang_up(lane);
        route_drop(lane);
        link_loss_t loss = {.node = link->node, .lane = lane->lane};
        outbound_end(&lane->out, &loss.messages, &loss.bytes);
        atomic_fetch_add_explicit(&mesh->lost, loss.messages, memory_order_relaxed);
        if (loss.messages != 0 && mesh->options.events.lost != NULL)
            mesh->options.events.lost(mesh->options.events.context, &loss);
    }
    tell_changes(link);
}
