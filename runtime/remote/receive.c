/* receive.c -- what comes from another node. A peer is not trusted to be of this version, nor to be
 * right: what is not understood is counted, and refused where somebody asked. */

#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"
#include "runtime/life/bonds.h"
#include "runtime/remote/envelope.h"
#include "runtime/remote/remote.h"

#include <string.h>

static const str_t nothing = {NULL, 0};
/* While nodes are upgraded one after the other it may be there soon, here or at another owner: who
 * asks may ask again (UNAVAILABLE), and is not told that there is no such thing (NOT_FOUND). */
static const char other_version[] =
    "the node that serves this is of a version that does not know it";

enum { BODY_ROOM = 1024 };

/* One message, on its way in. */
typedef struct incoming {
    remote_t *remote;
    uint32_t from; /* a seat */
    uint64_t from_node;
    const remote_envelope_t *envelope;
    str_t body_bytes;
    arena_t *arena;
    const schema_t *schema;
    void *body;
    max_align_t room[BODY_ROOM / sizeof(max_align_t)];
} incoming_t;

static uint64_t ref_of(const incoming_t *in, uint64_t node, uint64_t bits)
{
    return bits == 0 ? 0 : remote_ref(in->remote, in->from, node, bits);
}

/* ---- bodies ---- */

/* In the sender's words its own seat is 0. */
static uint64_t translate(void *context, uint64_t bits)
{
    const incoming_t *in = context;
    uint32_t seat = ref_seat(bits);
    if (bits == 0 || seat == 0)
        return ref_of(in, 0, bits);
    for (uint32_t i = 0; i < in->envelope->seats.count; i += 2)
        if (in->envelope->seats.items[i] == seat)
            return ref_of(in, in->envelope->seats.items[i + 1], bits);
    return 0;
}

static err_t read_body(incoming_t *in)
{
    if (str_is_empty(in->envelope->type)) {
        in->schema = NULL;
        in->body = NULL;
        return ERR_OK;
    }
    const schema_t *schema =
        schemas_find(&in->remote->schemas, in->remote->runtime, in->envelope->type);
    if (schema == NULL)
        return ERR_UNSUPPORTED;
    void *body = schema->size <= sizeof in->room ? in->room : arena_new(in->arena, schema->size);
    if (body == NULL)
        return ERR_NO_MEMORY;
    memset(body, 0, schema->size);
    TRY(schema_decode(schema, in->body_bytes, in->arena, body));
    if (UNLIKELY(schema_has_refs(schema)))
        refs_translate(schema, body, translate, in);
    if (UNLIKELY(schema == &stream_begin_schema))
        ((stream_begin_t *)body)->losses = (uint32_t)atomic_load(&in->remote->counters.nodes_lost);
    in->schema = schema;
    in->body = body;
    return ERR_OK;
}

/* ---- commands ---- */

/* Passed on, it came back to where it was asked. */
static reply_token_t asker_here(const incoming_t *in)
{
    crossing_t ask;
    if (!crossings_take(&in->remote->asks, in->envelope->ask, 0, CROSSING_ASK, &ask))
        return (reply_token_t){0}; /* who asked does not wait any more */
    return (reply_token_t){ask.local, ask.correlation};
}

static reply_token_t asker_of(const incoming_t *in)
{
    const remote_envelope_t *envelope = in->envelope;
    uint32_t seat = in->from;
    if (envelope->ask == 0)
        return (reply_token_t){0};
    if (envelope->asker_node == in->remote->node)
        return asker_here(in);
    if (envelope->asker_node != 0 &&
        seats_give(&in->remote->seats, envelope->asker_node, &seat) != ERR_OK)
        return (reply_token_t){0};
    return (reply_token_t){ref_seated(0, seat), envelope->ask};
}

/* The call chain, as it is called here. */
static str_t chain_of(const incoming_t *in, uint64_t room[ENVELOPE_CHAIN_MAX])
{
    const uint64_t *pairs = in->envelope->chain.items; /* node, bits */
    uint32_t count = 0;
    for (uint32_t i = 0; i + 1 < in->envelope->chain.count; i += 2) {
        uint64_t ref = ref_of(in, pairs[i], pairs[i + 1]);
        if (ref != 0)
            room[count++] = ref;
    }
    return str_of(room, count * sizeof *room);
}

static message_t *command_of(const incoming_t *in)
{
    const remote_envelope_t *envelope = in->envelope;
    uint64_t chain[ENVELOPE_CHAIN_MAX];
    message_t *message = message_new(MESSAGE_COMMAND, in->schema, in->body, envelope->command_id,
                                     chain_of(in, chain));
    if (message == NULL)
        return NULL;
    message->sender = ref_of(in, envelope->sender_node, envelope->sender);
    message->reply_to = asker_of(in);
    message->trace = envelope->trace;
    inside_received(in->remote->runtime, message, in->from_node, envelope->span);
    message->depth = (uint8_t)envelope->depth;
    message->is_numbered = envelope->is_numbered;
    if (envelope->stream != 0 && in->schema != &stream_begin_schema) {
        message->is_streamed = true;
        message->incarnation = envelope->life;
        message->reply_to = (reply_token_t){0, envelope->stream};
    }
    if (envelope->left_us != 0)
        message->deadline_ns = clock_mono_ns(&in->remote->runtime->clock) +
                               MIN(envelope->left_us, UINT64_MAX / 4000) * 1000;
    return message;
}

/* It is sent, or nobody is there any more who waits for it. */
static bool is_final(err_t err)
{
    return err != ERR_NO_MEMORY && err != ERR_BUSY;
}

/* Who sent it waits for it, or for its end. */
static void end_stream(const incoming_t *in, err_t err)
{
    remote_t *self = in->remote;
    const stream_end_t end = {in->envelope->stream, (uint32_t)err, true};
    uint64_t sender = ref_of(in, in->envelope->sender_node, in->envelope->sender);
    if (str_equal(in->envelope->type, str_from(stream_end_schema.name))) {
        if (err == ERR_NO_MEMORY) /* it is the receiver here that waits for it */
            remote_break(self, in->from);
        return;
    }
    parcel_t parcel = {.envelope = {.what = ENVELOPE_COMMAND,
                                    .to = ref_plain(sender),
                                    .type = str_from(stream_end_schema.name),
                                    .stream = end.stream},
                       .schema = &stream_end_schema,
                       .body = &end};
    if (ref_seat(sender) == 0 || owed_is_any(self, ref_seat(sender)) ||
        !is_final(remote_send(self, ref_seat(sender), true, parcel_fill, &parcel)))
        remote_break(self, in->from);
}

/* It could not be made a message of ours. */
static void refuse(const incoming_t *in, err_t err, dead_reason_t reason, const char *text)
{
    runtime_t *runtime = in->remote->runtime;
    const actor_kind_t *kind = runtime_kind_named(runtime, in->envelope->kind);
    const dead_receiver_t receiver = {kind == NULL ? NULL : kind->name, in->envelope->key,
                                      in->envelope->to};
    dead_letter(runtime, NULL, reason, &receiver);
    if (in->envelope->stream != 0)
        end_stream(in, err);
    else
        deliver_reply(runtime, reply_new(asker_of(in), err, NULL, NULL, str_from(text)));
}

static void command_to_name(const incoming_t *in, message_t *message)
{
    remote_t *self = in->remote;
    runtime_t *runtime = self->runtime;
    const remote_envelope_t *envelope = in->envelope;
    const actor_kind_t *kind = runtime_kind_named(runtime, envelope->kind);
    if (kind == NULL) {
        count_sent(runtime);
        reject_saying(runtime, message, ERR_UNAVAILABLE, DEAD_NO_KIND,
                      &(dead_receiver_t){.key = envelope->key}, str_from(other_version));
        return;
    }
    if (!kind_is_placed(kind)) {
        count_sent(runtime);
        if (inside_is_watching(runtime))
            inside_sent(runtime, kind, 0, message);
        IGNORE_ERR(remote_serve_here(runtime, kind, envelope->key, message)); /* as below */
        return;
    }
    uint64_t view = atomic_load(&self->view);
    if (envelope->view != view && self->holder.view != NULL)
        self->holder.view(self->holder.context, in->from_node, envelope->view);
    const remote_journey_t journey = {envelope->hops + 1, envelope->is_travelling, false};
    count_sent(runtime);
    IGNORE_ERR(remote_route(self, kind, envelope->key, journey, message)); /* as above */
}

static err_t received_command(incoming_t *in)
{
    runtime_t *runtime = in->remote->runtime;
    err_t err = read_body(in);
    if (err == ERR_OK && in->schema == NULL)
        err = ERR_INVALID;
    if (err == ERR_UNSUPPORTED) {
        refuse(in, ERR_UNAVAILABLE, DEAD_NO_HANDLER, other_version);
        return ERR_INVALID;
    }
    if (err != ERR_OK) {
        refuse(in, err, err == ERR_NO_MEMORY ? DEAD_NO_MEMORY : DEAD_NO_HANDLER,
               "the message is not understood");
        return err == ERR_NO_MEMORY ? ERR_OK : ERR_INVALID;
    }
    if (atomic_load(&runtime->is_draining)) {
        refuse(in, ERR_UNAVAILABLE, DEAD_DRAINING, "");
        return ERR_OK;
    }
    if (in->schema == &stream_end_schema)
        remote_stream_settled(in->remote, in->envelope->stream);
    message_t *message = command_of(in);
    if (message == NULL)
        refuse(in, ERR_NO_MEMORY, DEAD_NO_MEMORY, "");
    else if (in->envelope->to != 0)
        IGNORE_ERR(deliver(runtime, NULL, nothing, ref_plain(in->envelope->to), message)); /* */
    else
        command_to_name(in, message);
    return ERR_OK;
}

/* ---- answers ---- */

static err_t received_reply(incoming_t *in)
{
    runtime_t *runtime = in->remote->runtime;
    const remote_envelope_t *envelope = in->envelope;
    crossing_t ask;
    err_t unread = read_body(in), err = unread == ERR_OK ? (err_t)envelope->err : ERR_INTERNAL;
    if (!crossings_take(&in->remote->asks, envelope->ask, 0, CROSSING_ASK, &ask)) {
        dead_letter(runtime, NULL, DEAD_LATE_REPLY, &(dead_receiver_t){0});
        return ERR_OK;
    }
    str_t text = unread == ERR_OK ? envelope->text : STR("the answer is not understood");
    const schema_t *schema = err == ERR_OK ? in->schema : NULL;
    message_t *reply =
        reply_new((reply_token_t){ask.local, ask.correlation}, err, schema, in->body, text);
    if (reply != NULL) {
        reply->position = envelope->position;
        reply->trace = envelope->trace != 0 ? envelope->trace : ask.trace;
        inside_received(runtime, reply, in->from_node, envelope->span);
    }
    deliver_reply(runtime, reply);
    return unread == ERR_OK || unread == ERR_NO_MEMORY ? ERR_OK : ERR_INVALID;
}

/* ---- monitors ---- */

/* Else the node is lost, and who waits is told of that. */
static void at_once(const incoming_t *in, parcel_t *parcel)
{
    remote_t *self = in->remote;
    if (owed_is_any(self, in->from) ||
        !is_final(remote_send(self, in->from, true, parcel_fill, parcel)))
        remote_break(self, in->from);
}

static void down_at_once(const incoming_t *in, const char *reason)
{
    parcel_t down = {.envelope = {.what = ENVELOPE_DOWN,
                                  .to = in->envelope->sender,
                                  .id = in->envelope->id,
                                  .text = str_from(reason)}};
    at_once(in, &down);
}

static uint64_t target_of(const incoming_t *in)
{
    runtime_t *runtime = in->remote->runtime;
    if (in->envelope->to != 0)
        return ref_plain(in->envelope->to);
    const actor_kind_t *kind = runtime_kind_named(runtime, in->envelope->kind);
    return kind == NULL ? 0 : registry_find(runtime->registry, kind, in->envelope->key);
}

static err_t received_monitor(incoming_t *in)
{
    const remote_envelope_t *envelope = in->envelope;
    uint64_t target = target_of(in);
    const bond_signal_t signal = {
        .sender = ref_of(in, 0, envelope->sender), .ref_bits = target, .ids = {envelope->id}};
    if (signal.sender == 0 || envelope->id == 0)
        return ERR_INVALID;
    crossing_t crossing = {
        .id = envelope->id, .kind = CROSSING_WATCHED, .seat = in->from, .local = target};
    message_t *message = bonds_signal_new(MESSAGE_MONITOR, &signal);
    err_t err = message == NULL ? ERR_NO_MEMORY : crossings_put(&in->remote->bonds, &crossing, 0);
    if (message != NULL)
        message->is_streamed = envelope->stream != 0;
    if (err != ERR_OK) {
        message_free(message);
        if (err == ERR_CONFLICT)
            return ERR_INVALID;
        down_at_once(in, bonds_too_many);
        return ERR_OK;
    }
    IGNORE_ERR(deliver(in->remote->runtime, NULL, nothing, target, message)); /* else a down */
    return ERR_OK;
}

static err_t received_demonitor(incoming_t *in)
{
    crossing_t crossing;
    if (crossings_take(&in->remote->bonds, in->envelope->id, in->from, CROSSING_WATCHED, &crossing))
        remote_send_demonitor(in->remote, crossing.local, crossing.id,
                              ref_of(in, 0, in->envelope->sender));
    return ERR_OK;
}

static err_t received_down(incoming_t *in)
{
    crossing_t crossing;
    const remote_envelope_t *envelope = in->envelope;
    if (crossings_take(&in->remote->bonds, envelope->id, in->from, CROSSING_WATCHING, &crossing))
        remote_tell_down(in->remote, &crossing, ref_of(in, 0, envelope->sender), envelope->text);
    return ERR_OK;
}

/* ---- links ---- */

static void exit_at_once(const incoming_t *in, const char *reason)
{
    parcel_t exit = {.envelope = {.what = ENVELOPE_EXIT,
                                  .to = in->envelope->sender,
                                  .sender = ref_plain(in->envelope->to),
                                  .id = in->envelope->other_id,
                                  .is_link = true,
                                  .text = str_from(reason)}};
    at_once(in, &exit);
}

static err_t received_link(incoming_t *in)
{
    const remote_envelope_t *envelope = in->envelope;
    uint64_t id = envelope->other_id, target = ref_plain(envelope->to);
    uint64_t opener = ref_of(in, 0, envelope->sender);
    if (opener == 0 || id == 0 || target == 0)
        return ERR_INVALID;
    bond_signal_t signal = {.sender = opener, .ref_bits = target, .ids = {0, id}, .is_link = true};
    message_t *message = bonds_signal_new(MESSAGE_LINK, &signal);
    signal.ref_bits = opener;
    message_t *prepared = bonds_signal_new(MESSAGE_EXIT, &signal);
    crossing_t crossing = {
        .id = id, .kind = CROSSING_LINK, .seat = in->from, .prepared = prepared, .local = target};
    err_t err = message == NULL || prepared == NULL
                    ? ERR_NO_MEMORY
                    : crossings_put(&in->remote->bonds, &crossing, 0);
    if (err == ERR_OK) {
        IGNORE_ERR(deliver(in->remote->runtime, NULL, nothing, target, message)); /* else an exit */
        return ERR_OK;
    }
    message_free(message);
    message_free(prepared);
    if (err == ERR_CONFLICT)
        return ERR_INVALID;
    exit_at_once(in, "failed: too many links");
    return ERR_OK;
}

/* What was prepared for the end of this pair; NULL: it is not linked any more. */
static message_t *take_link(const incoming_t *in, uint64_t *out_local)
{
    const uint64_t ids[2] = {in->envelope->id, in->envelope->other_id};
    message_t *message = NULL;
    for (int i = 0; i < 2; i++) {
        crossing_t crossing;
        if (!crossings_take(&in->remote->bonds, ids[i], in->from, CROSSING_LINK, &crossing))
            continue;
        message_free(message);
        message = crossing.prepared;
        *out_local = crossing.local;
    }
    return message;
}

static err_t received_end(incoming_t *in, message_kind_t kind)
{
    runtime_t *runtime = in->remote->runtime;
    const remote_envelope_t *envelope = in->envelope;
    const actor_kind_t *of = runtime_kind_named(runtime, envelope->kind);
    uint64_t sender = ref_of(in, envelope->sender_node, envelope->sender);
    uint64_t local = ref_plain(envelope->to);
    bool is_pair = (envelope->id | envelope->other_id) != 0;
    const bond_signal_t signal = {.sender = sender,
                                  .ref_bits = sender,
                                  .ids = {envelope->id, envelope->other_id},
                                  .reason = envelope->text,
                                  .kind = str_from(of == NULL ? "" : of->name),
                                  .is_link = envelope->is_link};
    message_t *message = is_pair ? take_link(in, &local) : bonds_signal_new(kind, &signal);
    if (message == NULL) {
        if (!is_pair) /* an actor_exit: no memory */
            remote_break(in->remote, in->from);
        return ERR_OK;
    }
    bonds_signal_set(message, kind, &signal);
    IGNORE_ERR(deliver(runtime, NULL, nothing, local, message)); /* nobody there: nobody to tell */
    return ERR_OK;
}

static err_t received_kill(incoming_t *in)
{
    message_t *message = message_new(MESSAGE_KILL, NULL, NULL, nothing, nothing);
    if (message == NULL)
        remote_break(in->remote, in->from);
    else
        IGNORE_ERR(
            deliver(in->remote->runtime, NULL, nothing, ref_plain(in->envelope->to), message));
    return ERR_OK;
}

/* ---- all of them ---- */

static err_t received_message(incoming_t *in)
{
    switch (in->envelope->what) {
    case ENVELOPE_COMMAND:
        return received_command(in);
    case ENVELOPE_REPLY:
        return received_reply(in);
    case ENVELOPE_MONITOR:
        return received_monitor(in);
    case ENVELOPE_DEMONITOR:
        return received_demonitor(in);
    case ENVELOPE_DOWN:
        return received_down(in);
    case ENVELOPE_LINK:
        return received_link(in);
    case ENVELOPE_UNLINK:
        return received_end(in, MESSAGE_UNLINK);
    case ENVELOPE_EXIT:
        return received_end(in, MESSAGE_EXIT);
    case ENVELOPE_KILL:
        return received_kill(in);
    case ENVELOPE_BROKEN:
        runtime_node_lost(in->remote->runtime, in->from_node);
        remote_part(in->remote, in->from);
        return ERR_OK;
    case ENVELOPE_PARTED:
        seat_bits_clear(&in->remote->deaf, in->from);
        return ERR_OK;
    default:
        return ERR_INVALID; /* of a later version */
    }
}

static err_t receive(remote_t *self, uint64_t from, str_t message, arena_t *arena)
{
    received_t received;
    incoming_t in;
    uint32_t seat = 0;
    TRY(seats_give(&self->seats, from, &seat));
    err_t err = envelope_read(message, arena, &received);
    if (err == ERR_NO_MEMORY) /* who knows what it was */
        remote_break(self, seat);
    TRY(err);
    if (received.is_channel && received.channel == ROUTER_NAMES)
        return directory_receive(&self->directory, from, received.body);
    if (received.is_channel) {
        if (received.channel >= ROUTER_CHANNELS || self->channels[received.channel].hear == NULL)
            return ERR_INVALID;
        self->channels[received.channel].hear(self->channels[received.channel].context, from,
                                              received.body);
        return ERR_OK;
    }
    if (UNLIKELY(seat_bits_has(&self->deaf, seat)) && received.envelope.what < ENVELOPE_BROKEN)
        return ERR_OK; /* of before */
    in.remote = self;
    in.from = seat;
    in.from_node = from;
    in.envelope = &received.envelope;
    in.body_bytes = received.body;
    in.arena = arena;
    in.schema = NULL;
    in.body = NULL;
    return received_message(&in);
}

err_t runtime_receive(runtime_t *runtime, uint64_t from, str_t message)
{
    remote_t *self = runtime->remote;
    arena_t arena ARENA_SCOPED = {.size_max = 4 * (size_t)ROUTER_MESSAGE_SIZE_MAX};
    if (self == NULL || from == 0 || from == self->node)
        return ERR_INVALID;
    err_t err = receive(self, from, message, &arena);
    count_one(err == ERR_OK ? &self->counters.received : &self->counters.invalid);
    return err == ERR_OK ? ERR_OK : ERR_INVALID;
}

err_t runtime_tell(runtime_t *runtime, uint64_t node, router_channel_t channel, router_fill_fn fill,
                   void *what)
{
    remote_t *self = runtime->remote;
    channel_bytes_t bytes = {channel, fill, what};
    err_t err = self->router.table->send(self->router.context, node, false, channel_fill, &bytes);
    if (err == ERR_OK)
        count_one(&self->counters.sent);
    return err;
}
