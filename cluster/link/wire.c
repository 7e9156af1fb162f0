#include "cluster/link/wire.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <zmq.h>

_Static_assert(sizeof(zmq_msg_t) == sizeof((wire_message_t){0}.parts[0]), "a zmq_msg_t fits");
enum {
    ROUTE_SIZE = 5, /* what a ROUTER calls a connection by itself: 0, and a number */
    LINGER_MS = 100,
    RECONNECT_MS = 20,
    RECONNECT_MS_MAX = 500,
    CONNECT_MS_MAX = 3000,
    ROUTED_MAX = 1024, /* frames that wait on a connection, either way */
    SOCKETS_MAX = LINK_LANES * LINK_PEERS_MAX + 16,
};

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static err_t err_from_zmq(void)
{
    switch (zmq_errno()) {
    case EADDRINUSE:
        return ERR_CONFLICT;
    case EADDRNOTAVAIL:
    case ENODEV:
        return ERR_UNAVAILABLE;
    case EINVAL:
    case EPROTONOSUPPORT:
        return ERR_INVALID;
    default:
        return err_from_errno(zmq_errno());
    }
}

static bool set_common(void *socket)
{
    int64_t size_max = FRAME_SIZE_MAX;
    return set_int(socket, ZMQ_LINGER, LINGER_MS) && set_int(socket, ZMQ_IPV6, 1) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) == 0 &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, CONNECT_MS_MAX);
}

/* ---- who may connect ---- */

static err_t open_zap(wire_t *self)
{
    self->zap = zmq_socket(self->context, ZMQ_REP);
    if (self->zap == NULL || zmq_bind(self->zap, "inproc://zeromq.zap.01") != 0)
        return err_from_zmq();
    return ERR_OK;
}

enum { ZAP_PARTS = 7, ZAP_PART_MAX = 255 };

typedef struct zap_request {
    char parts[ZAP_PARTS][ZAP_PART_MAX + 1];
    int sizes[ZAP_PARTS];
    int count;
} zap_request_t;

static bool read_zap(void *zap, zap_request_t *out)
{
    int more = 1;
    for (out->count = 0; more != 0; out->count++) {
        char spare[ZAP_PART_MAX];
        bool is_spare = out->count >= ZAP_PARTS;
        int size =
            zmq_recv(zap, is_spare ? spare : out->parts[out->count], ZAP_PART_MAX, ZMQ_DONTWAIT);
        if (size < 0)
            return false;
        if (!is_spare)
            out->sizes[out->count] = MIN(size, ZAP_PART_MAX);
        size_t length = sizeof more;
        if (zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &length) != 0)
            return false;
    }
    return true;
}

static void send_part(void *zap, str_t part, bool is_last)
{
    (void)zmq_send(zap, part.data, part.size, ZMQ_DONTWAIT | (is_last ? 0 : ZMQ_SNDMORE));
}

/* The user id of who may: its key, in hexadecimal. A 300 closes the connection without a word, and
 * the other tries again (RFC 27); a 400 would end its attempts for good. */
static void answer_zap(void *zap, const zap_request_t *request, bool is_let_in)
{
    char user[2 * LINK_KEY_SIZE + 1] = "";
    for (size_t i = 0; is_let_in && i < LINK_KEY_SIZE; i++)
        snprintf(user + 2 * i, 3, "%02x", (uint8_t)request->parts[6][i]);
    send_part(zap, STR("1.0"), false);
    send_part(zap, str_of(request->parts[1], (size_t)request->sizes[1]), false);
    send_part(zap, is_let_in ? STR("200") : STR("300"), false);
    send_part(zap, is_let_in ? STR("OK") : STR("no peer"), false);
    send_part(zap, str_from(user), false);
    send_part(zap, STR(""), true);
}

uint32_t wire_admit(wire_t *self, wire_may_fn *may, void *context)
{
    uint32_t refused = 0;
    zap_request_t request;
    while (read_zap(self->zap, &request)) {
        bool is_let_in =
            request.count == ZAP_PARTS && request.sizes[6] == LINK_KEY_SIZE &&
            str_equal(str_of(request.parts[5], (size_t)request.sizes[5]), STR("CURVE")) &&
            may(context, (const uint8_t *)request.parts[6]);
        refused += !is_let_in;
        answer_zap(self->zap, &request, is_let_in);
    }
    return refused;
}

/* ---- the sockets ---- */

static err_t open_router(wire_t *self, const char *listen)
{
    void *router = self->router = zmq_socket(self->context, ZMQ_ROUTER);
    if (router == NULL)
        return err_from_zmq();
    if (!set_common(router) || !set_int(router, ZMQ_CURVE_SERVER, 1) ||
        !set_int(router, ZMQ_ROUTER_MANDATORY, 1) || !set_int(router, ZMQ_RCVHWM, ROUTED_MAX) ||
        !set_int(router, ZMQ_SNDHWM, ROUTED_MAX) ||
        zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, "musicstream", 11) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, self->keys.secret_key, LINK_KEY_SIZE) != 0)
        return err_from_zmq();
    char endpoint[LINK_ADDRESS_SIZE + 8];
    int size = snprintf(endpoint, sizeof endpoint, "tcp://%s", listen);
    if (size < 0 || (size_t)size >= sizeof endpoint)
        return ERR_INVALID;
    if (zmq_bind(router, endpoint) != 0)
        return err_from_zmq();
    size_t length = sizeof endpoint;
    if (zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &length) != 0)
        return err_from_zmq();
    str_t bound = str_from(endpoint);
    return str_to_array(str_slice(bound, strlen("tcp://"), bound.size), self->address,
                        sizeof self->address)
               ? ERR_OK
               : ERR_INVALID;
}

err_t wire_open(wire_t *self, const mesh_options_t *options)
{
    *self = (wire_t){.keys = options->keys, .heartbeat_ms = options->heartbeat_ms};
    self->context = zmq_ctx_new();
    if (self->context == NULL)
        return ERR_NO_MEMORY;
    err_t err =
        zmq_ctx_set(self->context, ZMQ_MAX_SOCKETS, SOCKETS_MAX) == 0 ? ERR_OK : err_from_zmq();
    if (err == ERR_OK)
        err = open_zap(self);
    if (err == ERR_OK)
        err = open_router(self, options->listen);
    if (err != ERR_OK)
        wire_close(self);
    return err;
}

void wire_close(wire_t *self)
{
    wire_hang_up(&self->router);
    wire_hang_up(&self->zap);
    if (self->context != NULL)
        while (zmq_ctx_term(self->context) != 0 && zmq_errno() == EINTR)
            continue;
    self->context = NULL;
    explicit_bzero(&self->keys, sizeof self->keys);
}

static bool set_dealer(wire_t *self, void *dealer, const link_peer_t *peer)
{
    int beat = (int)self->heartbeat_ms;
    return set_common(dealer) && set_int(dealer, ZMQ_IMMEDIATE, 1) &&
           set_int(dealer, ZMQ_SNDHWM, 0) && set_int(dealer, ZMQ_RCVHWM, ROUTED_MAX) &&
           set_int(dealer, ZMQ_LINGER, 0) && set_int(dealer, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_int(dealer, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX) &&
           set_int(dealer, ZMQ_CONNECT_TIMEOUT, CONNECT_MS_MAX) &&
           set_int(dealer, ZMQ_HEARTBEAT_IVL, beat) &&
           set_int(dealer, ZMQ_HEARTBEAT_TIMEOUT, 4 * beat) &&
           set_int(dealer, ZMQ_HEARTBEAT_TTL, 4 * beat) &&
           zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, peer->public_key, LINK_KEY_SIZE) == 0 &&
           zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, self->keys.public_key, LINK_KEY_SIZE) == 0 &&
           zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, self->keys.secret_key, LINK_KEY_SIZE) == 0;
}

err_t wire_dial(wire_t *self, const link_peer_t *peer, void **out_dealer)
{
    char endpoint[LINK_ADDRESS_SIZE + 8];
    snprintf(endpoint, sizeof endpoint, "tcp://%s", peer->address);
    void *dealer = zmq_socket(self->context, ZMQ_DEALER);
    if (dealer == NULL)
        return err_from_zmq();
    if (!set_dealer(self, dealer, peer) || zmq_connect(dealer, endpoint) != 0) {
        err_t err = err_from_zmq();
        wire_hang_up(&dealer);
        return err;
    }
    *out_dealer = dealer;
    return ERR_OK;
}

void wire_hang_up(void **dealer)
{
    if (*dealer != NULL)
        zmq_close(*dealer);
    *dealer = NULL;
}

int wire_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

wire_events_t wire_events(void *dealer)
{
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt(dealer, ZMQ_EVENTS, &events, &size) != 0)
        return (wire_events_t){0};
    return (wire_events_t){(events & ZMQ_POLLOUT) != 0, (events & ZMQ_POLLIN) != 0};
}

/* ---- messages ---- */

static zmq_msg_t *part(wire_message_t *self, int index)
{
    return (zmq_msg_t *)(void *)self->parts[index];
}

static void drop_rest(void *socket)
{
    zmq_msg_t rest;
    zmq_msg_init(&rest);
    while (zmq_msg_recv(&rest, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&rest) != 0)
        continue;
    zmq_msg_close(&rest);
}

static err_t receive_frame(void *socket, wire_message_t *out)
{
    zmq_msg_t *frame = part(out, 1);
    if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0)
        return ERR_BUSY;
    if (zmq_msg_more(frame) != 0) {
        drop_rest(socket);
        return ERR_INVALID;
    }
    out->bytes = str_of(zmq_msg_data(frame), zmq_msg_size(frame));
    return ERR_OK;
}

err_t wire_receive(void *dealer, wire_message_t *out)
{
    zmq_msg_init(part(out, 0));
    zmq_msg_init(part(out, 1));
    return receive_frame(dealer, out);
}

err_t wire_receive_routed(wire_t *self, wire_message_t *out)
{
    zmq_msg_t *id = part(out, 0);
    zmq_msg_init(id);
    zmq_msg_init(part(out, 1));
    if (zmq_msg_recv(id, self->router, ZMQ_DONTWAIT) < 0)
        return ERR_BUSY;
    if (zmq_msg_more(id) == 0)
        return ERR_INVALID;
    err_t err = receive_frame(self->router, out);
    if (err != ERR_OK)
        return ERR_INVALID;
    const char *name = zmq_msg_data(id);
    if (zmq_msg_size(id) != ROUTE_SIZE || name[0] != 0)
        return ERR_INVALID; /* it chose a name for itself */
    out->route = frame_u32(name + 1);
    return ERR_OK;
}

void wire_message_deinit(wire_message_t *self)
{
    zmq_msg_close(part(self, 0));
    zmq_msg_close(part(self, 1));
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool wire_message_key(wire_message_t *self, uint8_t out[LINK_KEY_SIZE])
{
    const char *user = zmq_msg_gets(part(self, 1), "User-Id");
    if (user == NULL || strlen(user) != 2 * (size_t)LINK_KEY_SIZE)
        return false;
    for (size_t i = 0; i < LINK_KEY_SIZE; i++) {
        int high = nibble(user[2 * i]), low = nibble(user[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void packet_sent(void *data, void *packet)
{
    (void)data;
    packet_unref(packet);
}

err_t wire_send_packet(void *dealer, packet_t *packet)
{
    zmq_msg_t message;
    if (zmq_msg_init_data(&message, packet->bytes.data, packet->bytes.size, packet_sent, packet) !=
        0) {
        packet_unref(packet);
        return ERR_NO_MEMORY;
    }
    if (zmq_msg_send(&message, dealer, ZMQ_DONTWAIT) >= 0)
        return ERR_OK;
    zmq_msg_close(&message);
    return ERR_BUSY;
}

err_t wire_send(void *dealer, str_t bytes)
{
    return zmq_send(dealer, bytes.data, bytes.size, ZMQ_DONTWAIT) >= 0 ? ERR_OK : ERR_BUSY;
}

void wire_send_back(wire_t *self, uint32_t route, str_t bytes)
{
    char id[ROUTE_SIZE] = {0};
    memcpy(id + 1, &route, sizeof route);
    if (zmq_send(self->router, id, sizeof id, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0)
        (void)zmq_send(self->router, bytes.data, bytes.size, ZMQ_DONTWAIT);
}
