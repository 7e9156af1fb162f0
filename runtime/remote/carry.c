/* carry.c -- what goes to another node. */

#include "runtime/inside/inside.h"
#include "runtime/life/bonds.h"
#include "runtime/mail/streaming.h"
#include "runtime/remote/envelope.h"
#include "runtime/remote/remote.h"

#include <string.h>

enum { ASK_FOR_EVER_MS = 3600 * 1000 };

static const str_t nothing = {NULL, 0};

typedef struct outgoing {
    parcel_t parcel;
    uint64_t chain[ENVELOPE_CHAIN_MAX];
    uint64_t seats[ENVELOPE_SEATS_MAX];
} outgoing_t;

err_t remote_send(remote_t *self, uint32_t seat, bool is_owed, router_fill_fn fill, void *what)
{
    uint64_t node = seats_node(&self->seats, seat);
    if (node == 0)
        return ERR_UNAVAILABLE;
    err_t err = self->router.table->send(self->router.context, node, is_owed, fill, what);
    if (err == ERR_OK)
        count_one(&self->counters.sent);
    return err;
}

static err_t send_parcel(remote_t *self, uint32_t seat, bool is_owed, outgoing_t *out)
{
    return remote_send(self, seat, is_owed, parcel_fill, &out->parcel);
}

static str_t kind_name(const actor_kind_t *kind)
{
    return kind == NULL ? nothing : str_from(kind->name);
}

static void address(const remote_t *self, const remote_way_t *way, remote_envelope_t *envelope)
{
    envelope->to = way->kind == NULL ? ref_plain(way->ref) : 0;
    envelope->kind = kind_name(way->kind);
    envelope->key = way->key;
    envelope->hops = way->hops;
    envelope->view = way->kind == NULL ? 0 : atomic_load(&self->view);
    envelope->is_travelling = way->is_travelling;
}

/* Who sent it: one of ours, or, of what is passed on, another's. */
static void put_sender(const remote_t *self, uint64_t sender, remote_envelope_t *envelope)
{
    uint32_t seat = ref_seat(sender);
    envelope->sender = ref_plain(sender);
    envelope->sender_node = seat == 0 ? 0 : seats_node(&self->seats, seat);
}

/* ---- commands ---- */

static uint64_t node_of(void *context, uint32_t seat)
{
    return remote_node_of_seat(context, seat);
}

static err_t put_body(remote_t *self, const schema_t *schema, const void *body, outgoing_t *out)
{
    uint32_t count = 0;
    out->parcel.schema = schema;
    out->parcel.body = body;
    if (schema == NULL)
        return ERR_OK;
    out->parcel.envelope.type = str_from(schema->name);
    if (UNLIKELY(schema_has_refs(schema)))
        TRY(refs_note(schema, body, node_of, self, out->seats, &count));
    out->parcel.envelope.seats.items = out->seats;
    out->parcel.envelope.seats.count = count;
    return ERR_OK;
}

static void put_chain(const remote_t *self, str_t refs, outgoing_t *out)
{
    uint32_t count = 0;
    for (size_t at = 0; at + sizeof(uint64_t) <= refs.size && count < ENVELOPE_CHAIN_MAX;
         at += sizeof(uint64_t)) {
        uint64_t bits;
        memcpy(&bits, refs.data + at, sizeof bits);
        out->chain[count++] = remote_node_of_seat(self, ref_seat(bits));
        out->chain[count++] = ref_plain(bits);
    }
    out->parcel.envelope.chain.items = out->chain;
    out->parcel.envelope.chain.count = count;
}

/* An ask of ours gets a number, under which it waits; one that is passed on has one already. */
static err_t put_ask(remote_t *self, uint32_t seat, const message_t *message, uint64_t now_ns,
                     remote_envelope_t *envelope)
{
    uint64_t asker = message->reply_to.asker;
    if (asker == 0)
        return ERR_OK;
    if (ref_seat(asker) != 0) {
        envelope->ask = message->reply_to.correlation;
        envelope->asker_node = seats_node(&self->seats, ref_seat(asker));
        return ERR_OK;
    }
    uint64_t until_ns = message->deadline_ns != 0 ? message->deadline_ns
                                                  : now_ns + ASK_FOR_EVER_MS * UINT64_C(1000000);
    crossing_t crossing = {.id = atomic_fetch_add(&self->ask_ids, 1) + 1,
                           .kind = CROSSING_ASK,
                           .seat = seat,
                           .trace = message->trace,
                           .local = asker,
                           .correlation = message->reply_to.correlation,
                           .deadline_ns = until_ns};
    TRY(crossings_put(&self->asks, &crossing, now_ns));
    envelope->ask = crossing.id;
    return ERR_OK;
}

static err_t fill_command(remote_t *self, const remote_way_t *way, const message_t *message,
                          uint64_t now_ns, outgoing_t *out)
{
    remote_envelope_t *envelope = &out->parcel.envelope;
    envelope->what = ENVELOPE_COMMAND;
    address(self, way, envelope);
    put_sender(self, message->sender, envelope);
    if (message->deadline_ns != 0)
        envelope->left_us = MAX((message->deadline_ns - now_ns) / 1000, UINT64_C(1));
    envelope->trace = message->trace;
    envelope->depth = message->depth;
    envelope->command_id = message_command_id(message);
    envelope->is_numbered = message->is_numbered;
    put_chain(self, message_text(message), out);
    TRY(put_body(self, message->schema, message_body(message), out));
    return put_ask(self, way->seat, message, now_ns, envelope);
}

/* Nobody waits for a node that does not answer. Looked at once the ask waits: runtime_set_reachable
 * ends those it finds. One that it has ended is told already, and there is nothing left to send. */
static bool is_answered(remote_t *self, const remote_way_t *way, const outgoing_t *out,
                        bool is_ours, err_t *out_err)
{
    crossing_t crossing;
    if (LIKELY(remote_is_reachable(self, way->seat)))
        return false;
    bool is_told = is_ours && !crossings_take(&self->asks, out->parcel.envelope.ask, 0,
                                              CROSSING_ASK, &crossing);
    *out_err = is_told ? ERR_OK : ERR_UNAVAILABLE;
    return true;
}

/* No more of these than credit was given. */
static bool stream_is_owed(const message_t *message)
{
    return message->is_streamed &&
           (message->schema == &stream_credit_schema || message->schema == &stream_end_schema);
}

/* So that what comes of it there is known to come from here. */
static void note_span(const remote_t *self, uint32_t seat, const message_t *message,
                      remote_envelope_t *envelope)
{
    if (inside_is_watching(self->runtime))
        envelope->span = inside_carried(self->runtime, message, seats_node(&self->seats, seat));
}

static err_t carry_command(remote_t *self, const remote_way_t *way, message_t *message)
{
    outgoing_t out = {0};
    crossing_t crossing;
    bool is_of_stream = stream_is_of(message);
    err_t err = ERR_OK;
    uint64_t now_ns = message->reply_to.asker == 0 && message->deadline_ns == 0
                          ? 0
                          : clock_mono_ns(&self->runtime->clock);
    if (message->deadline_ns != 0 && message->deadline_ns <= now_ns)
        return ERR_TIMEOUT;
    TRY(fill_command(self, way, message, now_ns, &out));
    if (UNLIKELY(is_of_stream))
        TRY(remote_stream_leaves(self, way->seat, message, &out.parcel.envelope));
    bool is_asked = message->reply_to.asker != 0;
    bool is_ours = is_asked && ref_seat(message->reply_to.asker) == 0;
    if (is_asked && is_answered(self, way, &out, is_ours, &err))
        return err;
    note_span(self, way->seat, message, &out.parcel.envelope);
    err = send_parcel(self, way->seat, stream_is_owed(message), &out);
    if (err != ERR_OK && is_of_stream)
        remote_stream_settled(self, out.parcel.envelope.stream); /* it comes back */
    if (err != ERR_OK && is_ours)
        (void)crossings_take(&self->asks, out.parcel.envelope.ask, 0, CROSSING_ASK, &crossing);
    return err;
}

/* ---- signals ---- */

static envelope_what_t what_of(message_kind_t kind)
{
    switch ((int)kind) {
    case MESSAGE_MONITOR:
        return ENVELOPE_MONITOR;
    case MESSAGE_DEMONITOR:
        return ENVELOPE_DEMONITOR;
    case MESSAGE_DOWN:
        return ENVELOPE_DOWN;
    case MESSAGE_LINK:
        return ENVELOPE_LINK;
    case MESSAGE_UNLINK:
        return ENVELOPE_UNLINK;
    default:
        return ENVELOPE_EXIT;
    }
}

/* A copy: the message itself may be gone as soon as it lies in the table. */
typedef struct signal_room {
    char reason[BONDS_REASON_SIZE];
} signal_room_t;

static void fill_signal(const remote_t *self, const remote_way_t *way, const message_t *message,
                        signal_room_t *room, outgoing_t *out)
{
    remote_envelope_t *envelope = &out->parcel.envelope;
    bond_signal_t signal = bonds_signal_of(message);
    envelope->what = (uint32_t)what_of(message->kind);
    address(self, way, envelope);
    put_sender(self, message->kind == MESSAGE_DOWN ? signal.ref_bits : signal.sender, envelope);
    envelope->id = signal.ids[0];
    envelope->other_id = signal.ids[1];
    envelope->is_link = signal.is_link;
    if (message->kind == MESSAGE_MONITOR)
        envelope->stream = message->reply_to.correlation;
    bool is_end = message->kind == MESSAGE_DOWN || message->kind == MESSAGE_EXIT;
    if (!is_end)
        return;
    size_t size = MIN(signal.reason.size, sizeof room->reason);
    if (size > 0)
        memcpy(room->reason, signal.reason.data, size);
    envelope->text = str_of(room->reason, size);
    if (message->kind == MESSAGE_EXIT)
        envelope->kind = signal.kind;
}

/* It stays here as what its actor is told in the end. */
static void carry_request(remote_t *self, const remote_way_t *way, message_t *message)
{
    outgoing_t out = {0};
    signal_room_t room;
    fill_signal(self, way, message, &room, &out);
    const remote_envelope_t *envelope = &out.parcel.envelope;
    bool is_link = message->kind == MESSAGE_LINK;
    crossing_t crossing = {.id = is_link ? envelope->other_id : envelope->id,
                           .kind = is_link ? CROSSING_LINK : CROSSING_WATCHING,
                           .seat = way->seat,
                           .prepared = message,
                           .local = message->sender};
    err_t err = crossings_put(&self->bonds, &crossing, 0);
    if (err == ERR_OK) {
        remote_stream_settled(self, envelope->stream); /* it is watched for from here on */
        err = owed_is_any(self, way->seat) ? ERR_BUSY : send_parcel(self, way->seat, true, &out);
    } else {
        crossing.id = 0;
    }
    if (err == ERR_OK)
        return;
    count_one(&self->counters.unreachable);
    if (crossing.id == 0 ||
        crossings_take(&self->bonds, crossing.id, way->seat, crossing.kind, &crossing))
        bonds_bounce_because(self->runtime, crossing.prepared,
                             str_from(err == ERR_UNAVAILABLE ? "node lost" : bonds_no_way));
}

/* What ends a monitor or a link: nothing of it is left here. */
static void forget(remote_t *self, uint32_t seat, const message_t *message)
{
    bond_signal_t signal = bonds_signal_of(message);
    crossing_t crossing;
    bool is_monitor = message->kind == MESSAGE_DOWN || message->kind == MESSAGE_DEMONITOR;
    crossing_kind_t kind = message->kind == MESSAGE_DOWN ? CROSSING_WATCHED : CROSSING_WATCHING;
    if (!is_monitor)
        kind = CROSSING_LINK;
    for (int i = 0; i < 2; i++)
        if (crossings_take(&self->bonds, signal.ids[i], seat, kind, &crossing))
            message_free(crossing.prepared);
}

static void carry_end(remote_t *self, const remote_way_t *way, message_t *message)
{
    outgoing_t out = {0};
    signal_room_t room;
    fill_signal(self, way, message, &room, &out);
    forget(self, way->seat, message);
    err_t err = owed_is_any(self, way->seat) ? ERR_BUSY : send_parcel(self, way->seat, true, &out);
    if (err == ERR_NO_MEMORY || err == ERR_BUSY) {
        owed_keep(&self->owed, way->ref, message);
        return;
    }
    message_free(message);
    if (err != ERR_OK)
        count_one(&self->counters.unreachable); /* lost: the other side tells its own */
}

err_t remote_carry_owed(remote_t *self, message_t *message)
{
    outgoing_t out = {0};
    signal_room_t room;
    const remote_way_t way = {.seat = ref_seat(message->reply_to.asker),
                              .ref = message->reply_to.asker};
    if (message_is_signal(message)) {
        fill_signal(self, &way, message, &room, &out);
        return send_parcel(self, way.seat, true, &out);
    }
    message->reply_to.asker = 0;
    err_t err = carry_command(self, &way, message);
    message->reply_to.asker = way.ref;
    return err;
}

static err_t carry_kill(remote_t *self, uint64_t ref, message_t *message)
{
    outgoing_t out = {.parcel.envelope = {.what = ENVELOPE_KILL, .to = ref_plain(ref)}};
    message_free(message);
    return send_parcel(self, ref_seat(ref), false, &out);
}

/* ---- all of them ---- */

err_t remote_offer(remote_t *self, const remote_way_t *way, message_t *message)
{
    err_t err = owed_is_any(self, way->seat) ? ERR_BUSY : carry_command(self, way, message);
    if (err == ERR_OK) {
        count_handled(self->runtime);
        message_free(message);
    }
    return err;
}

err_t remote_carry(remote_t *self, const remote_way_t *way, message_t *message)
{
    if (message_is_signal(message)) {
        count_handled(self->runtime);
        if (message->kind == MESSAGE_MONITOR || message->kind == MESSAGE_LINK)
            carry_request(self, way, message);
        else
            carry_end(self, way, message);
        return ERR_OK;
    }
    err_t err = remote_offer(self, way, message);
    if (err == ERR_OK)
        return ERR_OK;
    if ((err == ERR_NO_MEMORY || err == ERR_BUSY) && way->kind == NULL && stream_is_owed(message)) {
        count_handled(self->runtime);
        owed_keep(&self->owed, way->ref, message);
        return ERR_OK;
    }
    const dead_receiver_t receiver = {way->kind == NULL ? NULL : way->kind->name, way->key,
                                      way->ref};
    return remote_unreachable(self, &receiver, message, err);
}

err_t remote_deliver_at(runtime_t *runtime, uint32_t seat, const actor_kind_t *kind, str_t key,
                        message_t *message)
{
    const remote_way_t way = {.seat = seat, .kind = kind, .key = key};
    return remote_carry(runtime->remote, &way, message);
}

err_t remote_deliver_to_ref(runtime_t *runtime, uint64_t ref, message_t *message)
{
    const dead_receiver_t receiver = {NULL, nothing, ref};
    remote_t *self = runtime->remote;
    if (self == NULL) { /* of another life, or made up */
        if (message->kind == MESSAGE_KILL)
            message_free(message);
        else
            reject(runtime, message, ERR_NOT_FOUND, DEAD_GONE, &receiver);
        return ERR_NOT_FOUND;
    }
    if (message->kind == MESSAGE_KILL)
        return carry_kill(self, ref, message);
    const remote_way_t way = {.seat = ref_seat(ref), .ref = ref};
    return remote_carry(self, &way, message);
}

void remote_deliver_reply(runtime_t *runtime, message_t *reply)
{
    remote_t *self = runtime->remote;
    uint64_t asker = reply->reply_to.asker;
    outgoing_t out = {.parcel.envelope = {.what = ENVELOPE_REPLY,
                                          .ask = reply->reply_to.correlation,
                                          .trace = reply->trace,
                                          .err = (uint32_t)reply->err,
                                          .position = reply->position,
                                          .text = message_text(reply)}};
    remote_envelope_t *envelope = &out.parcel.envelope;
    envelope->text.size = MIN(envelope->text.size, (size_t)ENVELOPE_TEXT_MAX);
    if (self != NULL)
        note_span(self, ref_seat(asker), reply, envelope);
    err_t err =
        self == NULL ? ERR_UNAVAILABLE : put_body(self, reply->schema, message_body(reply), &out);
    if (err == ERR_OK)
        err = send_parcel(self, ref_seat(asker), true, &out);
    if (err != ERR_OK)
        dead_letter(runtime, reply, DEAD_LATE_REPLY, &(dead_receiver_t){.ref = asker});
    message_free(reply);
}
