/* remote.c -- joining, places, and the way of a message to a name. */

#include "runtime/remote/remote.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"
#include "runtime/remote/envelope.h"

#include <string.h>

enum { ROUTE_TRIES = 8 };
/* Bond ids and traces of one node are apart from another's. */
enum { BOND_ID_BITS = 40, BOND_NODE_BITS = 24 };

/* ---- the object ---- */

/* Any actor may hear of its stream's end, also where no kind that is registered does. */
static void add_stream_schemas(remote_t *self)
{
    const schema_t *const schemas[] = {&stream_begin_schema, &stream_credit_schema,
                                       &stream_end_schema};
    for (size_t i = 0; i < COUNT_OF(schemas); i++)
        ASSERT(schemas_add(&self->schemas, schemas[i]) == ERR_OK); /* the first ones */
}

err_t runtime_join(runtime_t *runtime, uint64_t node, const router_t *router)
{
    ASSERT(!runtime->is_started);
    if (node == 0 || node == ROUTER_HELD)
        return ERR_INVALID;
    if (runtime->remote != NULL)
        return ERR_CONFLICT;
    remote_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = runtime;
    self->node = node;
    self->router = *router;
    seats_init(&self->seats);
    crossings_init(&self->asks, ROUTER_ASKS_MAX);
    crossings_init(&self->bonds, ROUTER_BONDS_MAX);
    owed_init(&self->owed);
    schemas_init(&self->schemas);
    directory_init(&self->directory, self);
    for (size_t i = 0; i < PARTITION_COUNT; i++)
        atomic_store(&self->places[i], PLACE_NOBODY);
    atomic_store(&runtime->bond_ids, (node & ((UINT64_C(1) << BOND_NODE_BITS) - 1))
                                         << BOND_ID_BITS);
    runtime->remote = self;
    add_stream_schemas(self);
    return ERR_OK;
}

void remote_free(remote_t *self)
{
    if (self == NULL)
        return;
    owed_deinit(&self->owed);
    crossings_deinit(&self->asks);
    crossings_deinit(&self->bonds);
    schemas_deinit(&self->schemas);
    directory_deinit(&self->directory);
    seats_deinit(&self->seats);
    memory_free(self);
}

uint64_t runtime_node(const runtime_t *runtime)
{
    return runtime->remote == NULL ? 0 : runtime->remote->node;
}

/* ---- references ---- */

uint64_t remote_node_of_seat(const remote_t *self, uint32_t seat)
{
    return seat == 0 ? self->node : seats_node(&self->seats, seat);
}

uint64_t remote_ref(remote_t *self, uint32_t from, uint64_t node, uint64_t bits)
{
    uint32_t seat = from;
    bits &= ~EDGE_TAG;
    if (node == self->node)
        return ref_plain(bits);
    if (node != 0 && seats_give(&self->seats, node, &seat) != ERR_OK)
        return 0;
    return ref_seated(bits, seat);
}

uint64_t runtime_node_of(const runtime_t *runtime, actor_ref_t ref)
{
    return runtime->remote == NULL ? 0 : remote_node_of_seat(runtime->remote, ref_seat(ref.bits));
}

uint64_t runtime_bits_of(actor_ref_t ref)
{
    return ref_plain(ref.bits);
}

actor_ref_t runtime_ref(runtime_t *runtime, uint64_t node, uint64_t bits)
{
    ASSERT(runtime->remote != NULL && node != 0);
    return (actor_ref_t){remote_ref(runtime->remote, 0, node, bits)};
}

err_t runtime_address_at(runtime_t *runtime, uint64_t node, const char *kind, str_t key,
                         address_t *out)
{
    uint32_t seat = 0;
    if (node != runtime_node(runtime)) {
        ASSERT(runtime->remote != NULL);
        TRY(seats_give(&runtime->remote->seats, node, &seat));
    }
    *out = (address_t){kind, key, {seat == 0 ? 0 : ref_seated(0, seat)}};
    return ERR_OK;
}

/* ---- places ---- */

uint32_t remote_partition(const actor_kind_t *kind, str_t key)
{
    char name[JOURNAL_STREAM_SIZE_MAX + 1]; /* as durable_stream has it */
    size_t kind_size = MIN(strlen(kind->name), sizeof name - 1 - ACTOR_KEY_SIZE_MAX);
    size_t key_size = MIN(key.size, (size_t)ACTOR_KEY_SIZE_MAX);
    memcpy(name, kind->name, kind_size);
    name[kind_size] = '/';
    if (key_size > 0)
        memcpy(name + kind_size + 1, key.data, key_size);
    return partition_of(str_of(name, kind_size + 1 + key_size));
}

const _Atomic uint16_t *remote_place_of(const runtime_t *runtime, const actor_kind_t *kind,
                                        str_t key)
{
    const remote_t *self = runtime->remote;
    if (LIKELY(self == NULL) || !kind_is_placed(kind))
        return NULL;
    return &self->places[remote_partition(kind, key)];
}

uint32_t remote_seat_of(const runtime_t *runtime, const actor_kind_t *kind, str_t key)
{
    const _Atomic uint16_t *place = remote_place_of(runtime, kind, key);
    uint32_t seat = place == NULL ? 0 : atomic_load_explicit(place, memory_order_acquire);
    return seat >= PLACE_NOBODY ? 0 : seat;
}

static err_t place_for(remote_t *self, uint64_t owner, uint16_t *out_place)
{
    uint32_t seat = 0;
    if (owner == ROUTER_NOBODY || owner == ROUTER_HELD) {
        *out_place = owner == ROUTER_HELD ? PLACE_HELD : PLACE_NOBODY;
        return ERR_OK;
    }
    if (owner != self->node)
        TRY(seats_give(&self->seats, owner, &seat));
    *out_place = (uint16_t)seat;
    return ERR_OK;
}

err_t runtime_place(runtime_t *runtime, uint32_t partition, uint64_t owner)
{
    remote_t *self = runtime->remote;
    uint16_t place = 0;
    if (self == NULL || partition >= PARTITION_COUNT)
        return ERR_INVALID;
    TRY(place_for(self, owner, &place));
    uint16_t before = atomic_exchange(&self->places[partition], place);
    if (before == PLACE_HERE && place != PLACE_HERE)
        registry_pass(runtime->registry); /* who saw the place before has begun what it began */
    return ERR_OK;
}

uint64_t runtime_placed(const runtime_t *runtime, uint32_t partition)
{
    const remote_t *self = runtime->remote;
    if (self == NULL || partition >= PARTITION_COUNT)
        return ROUTER_NOBODY;
    uint16_t place = atomic_load(&self->places[partition]);
    return place == PLACE_HELD     ? ROUTER_HELD
           : place == PLACE_NOBODY ? ROUTER_NOBODY
                                   : remote_node_of_seat(self, place);
}

void runtime_set_serving(runtime_t *runtime, bool is_serving)
{
    atomic_store(&runtime->remote->is_serving, is_serving);
}

void runtime_set_view(runtime_t *runtime, uint64_t version)
{
    atomic_store(&runtime->remote->view, version);
}

uint64_t runtime_view(const runtime_t *runtime)
{
    return runtime->remote == NULL ? 0 : atomic_load(&runtime->remote->view);
}

err_t runtime_locate(const runtime_t *runtime, str_t kind_name, str_t key, located_t *out)
{
    const actor_kind_t *kind = runtime_kind_named(runtime, kind_name);
    if (kind == NULL)
        return ERR_NOT_FOUND;
    if (remote_place_of(runtime, kind, key) == NULL) {
        *out = (located_t){runtime_node(runtime), PARTITION_COUNT};
        return ERR_OK;
    }
    uint32_t partition = remote_partition(kind, key);
    *out = (located_t){runtime_placed(runtime, partition), partition};
    return ERR_OK;
}

/* ---- to a name ---- */

static void count_refusal(remote_t *self, err_t err)
{
    count_one(err == ERR_BUSY ? &self->counters.refused : &self->counters.unreachable);
}

err_t remote_unreachable(remote_t *self, const dead_receiver_t *receiver, message_t *message,
                         err_t err)
{
    count_refusal(self, err);
    reject(self->runtime, message, err, DEAD_UNREACHABLE, receiver);
    return err;
}

static err_t not_served(remote_t *self, const actor_kind_t *kind, str_t key, message_t *message)
{
    const dead_receiver_t receiver = {kind->name, key, 0};
    count_one(&self->counters.not_served);
    reject(self->runtime, message, ERR_UNAVAILABLE, DEAD_NOT_SERVED, &receiver);
    return ERR_UNAVAILABLE;
}

/* Takes the message when it is OK. */
static err_t hold(remote_t *self, const actor_kind_t *kind, str_t key, remote_journey_t journey,
                  message_t *message)
{
    if (self->holder.hold == NULL || key.size > ACTOR_KEY_SIZE_MAX)
        return ERR_UNAVAILABLE;
    router_held_t *held = memory_new(sizeof *held);
    if (held == NULL)
        return ERR_NO_MEMORY;
    held->kind = kind;
    held->message = message;
    held->partition = remote_partition(kind, key);
    held->hops = journey.hops;
    held->is_travelling = journey.is_travelling;
    held->is_leftover = journey.is_leftover;
    held->key_size = (uint8_t)key.size;
    if (key.size > 0)
        memcpy(held->key, key.data, key.size);
    count_one(&self->in_flight);
    err_t err = self->holder.hold(self->holder.context, held->partition, held);
    if (err == ERR_OK) {
        count_one(&self->counters.held);
    } else {
        atomic_fetch_sub(&self->in_flight, 1);
        memory_free(held);
    }
    return err;
}

static err_t pass(remote_t *self, uint16_t place, const actor_kind_t *kind, str_t key,
                  remote_journey_t journey, message_t *message)
{
    const remote_way_t way = {.seat = place, .kind = kind, .key = key, .hops = journey.hops};
    const dead_receiver_t receiver = {kind->name, key, 0};
    if (journey.hops >= ROUTER_HOPS_MAX)
        return remote_unreachable(self, &receiver, message, ERR_UNAVAILABLE);
    if (journey.hops > 0)
        count_one(&self->counters.passed_on);
    return remote_carry(self, &way, message);
}

bool remote_may_serve(const remote_t *self)
{
    const router_table_t *table = self->router.table;
    return atomic_load_explicit(&self->is_serving, memory_order_acquire) &&
           (table->has_lease == NULL || table->has_lease(self->router.context));
}

err_t remote_route(remote_t *self, const actor_kind_t *kind, str_t key, remote_journey_t journey,
                   message_t *message)
{
    runtime_t *runtime = self->runtime;
    const dead_receiver_t receiver = {kind->name, key, 0};
    const _Atomic uint16_t *at = &self->places[remote_partition(kind, key)];
    err_t err = ERR_STALE; /* the place has changed: look again */
    for (int tries = 0; err == ERR_STALE && tries < ROUTE_TRIES; tries++) {
        uint16_t place = atomic_load_explicit(at, memory_order_acquire);
        if (place == PLACE_HERE && remote_may_serve(self)) {
            err = registry_send_placed(runtime->registry, kind, key, at, message);
            if (err != ERR_OK && err != ERR_STALE)
                return undelivered(runtime, kind, key, 0, message, err);
        } else if (place == PLACE_HELD) {
            err = hold(self, kind, key, journey, message);
            if (err != ERR_OK && err != ERR_STALE)
                return remote_unreachable(self, &receiver, message, err);
        } else if (place == PLACE_HERE || place == PLACE_NOBODY) {
            break;
        } else {
            return pass(self, place, kind, key, journey, message);
        }
    }
    return err == ERR_OK ? ERR_OK : not_served(self, kind, key, message);
}

err_t remote_serve_here(runtime_t *runtime, const actor_kind_t *kind, str_t key, message_t *message)
{
    err_t err = registry_send(runtime->registry, kind, key, message);
    return LIKELY(err == ERR_OK) ? ERR_OK : undelivered(runtime, kind, key, 0, message, err);
}

/* Where it can't be sent there is this node, which is as good. */
static err_t deliver_by_load(remote_t *self, const actor_kind_t *kind, str_t key,
                             message_t *message)
{
    const remote_way_t way = {
        .seat = loads_pick(&self->loads, self->node, &self->unreachable), .kind = kind, .key = key};
    if (way.seat == 0 || remote_offer(self, &way, message) != ERR_OK)
        return remote_serve_here(self->runtime, kind, key, message);
    count_one(&self->counters.by_load);
    return ERR_OK;
}

err_t remote_deliver(runtime_t *runtime, const actor_kind_t *kind, str_t key, message_t *message)
{
    if (kind_is_placed(kind))
        return remote_route(runtime->remote, kind, key, (remote_journey_t){0}, message);
    if (kind->placement == PLACED_BY_LOAD)
        return deliver_by_load(runtime->remote, kind, key, message);
    return remote_serve_here(runtime, kind, key, message);
}

/* ---- what is held ---- */

uint64_t router_held_deadline_ns(const router_held_t *held)
{
    return held->message->deadline_ns;
}

size_t router_held_size(const router_held_t *held)
{
    const message_t *message = held->message;
    size_t body =
        message->schema == NULL ? 0 : schema_deep_size(message->schema, message_body(message));
    return sizeof *held + sizeof *message + body;
}

/* Frees what held it. */
static message_t *unhold(remote_t *self, router_held_t *held)
{
    message_t *message = held->message;
    atomic_fetch_sub(&self->in_flight, 1);
    memory_free(held);
    return message;
}

/* None of these returns what it came to: who asked was told. */
void remote_release(runtime_t *runtime, router_held_t *held)
{
    const router_held_t was = *held;
    const remote_journey_t journey = {was.hops, was.is_travelling, was.is_leftover};
    message_t *message = unhold(runtime->remote, held);
    IGNORE_ERR(
        remote_route(runtime->remote, was.kind, str_of(was.key, was.key_size), journey, message));
}

void remote_serve(runtime_t *runtime, router_held_t *held)
{
    const router_held_t was = *held;
    const str_t key = str_of(was.key, was.key_size);
    message_t *message = unhold(runtime->remote, held);
    IGNORE_ERR(remote_serve_here(runtime, was.kind, key, message));
}

void remote_travel(runtime_t *runtime, router_held_t *held, uint64_t node, bool is_marked)
{
    remote_t *self = runtime->remote;
    const router_held_t was = *held;
    const str_t key = str_of(was.key, was.key_size);
    message_t *message = unhold(self, held);
    remote_way_t way = {.kind = was.kind, .key = key, .hops = was.hops, .is_travelling = is_marked};
    const dead_receiver_t receiver = {was.kind->name, key, 0};
    if (seats_give(&self->seats, node, &way.seat) != ERR_OK || was.hops >= ROUTER_HOPS_MAX)
        IGNORE_ERR(remote_unreachable(self, &receiver, message, ERR_UNAVAILABLE));
    else
        IGNORE_ERR(remote_carry(self, &way, message));
}

void remote_refuse(runtime_t *runtime, router_held_t *held, err_t err)
{
    const router_held_t was = *held;
    const dead_receiver_t receiver = {was.kind->name, str_of(was.key, was.key_size), 0};
    message_t *message = unhold(runtime->remote, held);
    IGNORE_ERR(remote_unreachable(runtime->remote, &receiver, message, err));
}

void remote_leftover(runtime_t *runtime, const actor_kind_t *kind, str_t key, message_t *message)
{
    const remote_journey_t journey = {.is_leftover = true};
    IGNORE_ERR(remote_route(runtime->remote, kind, key, journey, message));
}

/* ---- what hangs on to it ---- */

void runtime_set_holder(runtime_t *runtime, const router_holder_t *holder)
{
    runtime->remote->holder = *holder;
}

void runtime_hear(runtime_t *runtime, router_channel_t channel, router_hear_fn hear, void *context)
{
    ASSERT(channel != ROUTER_NAMES);
    runtime->remote->channels[channel].hear = hear;
    runtime->remote->channels[channel].context = context;
}

void runtime_hear_lost(runtime_t *runtime, void (*lost)(void *context, uint64_t node),
                       void *context)
{
    remote_t *self = runtime->remote;
    ASSERT(!runtime->is_started && self->lost_count < REMOTE_LOST_HEARERS_MAX);
    self->lost[self->lost_count].lost = lost;
    self->lost[self->lost_count++].context = context;
}

const schema_t *runtime_schema(const runtime_t *runtime, str_t name)
{
    return schemas_find(&runtime->remote->schemas, runtime, name);
}

err_t runtime_add_schema(runtime_t *runtime, const schema_t *schema)
{
    return schemas_add(&runtime->remote->schemas, schema);
}

void runtime_router_stats(const runtime_t *runtime, router_stats_t *out)
{
    const remote_t *self = runtime->remote;
    *out = (router_stats_t){0};
    if (self == NULL)
        return;
    const remote_counters_t *counters = &self->counters;
    *out = (router_stats_t){.sent = atomic_load(&counters->sent),
                            .received = atomic_load(&counters->received),
                            .passed_on = atomic_load(&counters->passed_on),
                            .by_load = atomic_load(&counters->by_load),
                            .held = atomic_load(&counters->held),
                            .unreachable = atomic_load(&counters->unreachable),
                            .refused = atomic_load(&counters->refused),
                            .invalid = atomic_load(&counters->invalid),
                            .not_served = atomic_load(&counters->not_served),
                            .asks_open = atomic_load(&self->asks.count),
                            .asks_lost = atomic_load(&counters->asks_lost),
                            .bonds = atomic_load(&self->bonds.count),
                            .bonds_lost = atomic_load(&counters->bonds_lost),
                            .nodes_lost = atomic_load(&counters->nodes_lost),
                            .names = atomic_load(&self->directory.heard),
                            .names_refused = atomic_load(&self->directory.refused)};
}
