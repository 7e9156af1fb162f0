/* lost.c -- what waits for another node, when nothing will come from it any more. */

#include "runtime/base/memory.h"
#include "runtime/life/bonds.h"
#include "runtime/remote/envelope.h"
#include "runtime/remote/remote.h"

static const str_t nothing = {NULL, 0};

void remote_send_demonitor(remote_t *self, uint64_t target, uint64_t id, uint64_t sender)
{
    const bond_signal_t signal = {.sender = sender, .ref_bits = target, .ids = {id}};
    message_t *message = bonds_signal_new(MESSAGE_DEMONITOR, &signal);
    if (message != NULL) /* else its down finds nobody */
        IGNORE_ERR(deliver(self->runtime, NULL, nothing, target, message));
}

void remote_tell_down(remote_t *self, const crossing_t *crossing, uint64_t whom, str_t reason)
{
    bond_signal_t signal = bonds_signal_of(crossing->prepared);
    if (whom != 0)
        signal.ref_bits = whom;
    signal.reason = reason;
    bonds_signal_set(crossing->prepared, MESSAGE_DOWN, &signal);
    IGNORE_ERR(deliver(self->runtime, NULL, nothing, crossing->local, crossing->prepared));
}

/* ---- a node that is lost ---- */

static void ask_lost(remote_t *self, const crossing_t *ask)
{
    count_one(&self->counters.asks_lost);
    deliver_reply(self->runtime,
                  reply_new((reply_token_t){ask->local, ask->correlation}, ERR_UNAVAILABLE, NULL,
                            NULL, STR("the node that was asked does not answer")));
}

static void bond_lost(remote_t *self, const crossing_t *bond)
{
    count_one(&self->counters.bonds_lost);
    if (bond->kind == CROSSING_WATCHING) {
        remote_tell_down(self, bond, 0, STR("node lost"));
    } else if (bond->kind == CROSSING_STREAM) {
        IGNORE_ERR(deliver(self->runtime, NULL, nothing, bond->local, bond->prepared)); /* gone */
    } else if (bond->kind == CROSSING_WATCHED) {
        remote_send_demonitor(self, bond->local, bond->id, ref_seated(0, bond->seat));
    } else {
        bond_signal_t signal = bonds_signal_of(bond->prepared);
        bool is_ours = signal.sender == bond->local; /* then the request itself was kept */
        signal.sender = is_ours ? signal.ref_bits : signal.sender;
        signal.ref_bits = signal.sender;
        signal.ids[0] = is_ours ? bond->id : 0;
        signal.ids[1] = is_ours ? 0 : bond->id;
        signal.reason = STR("node lost");
        bonds_signal_set(bond->prepared, MESSAGE_EXIT, &signal);
        IGNORE_ERR(deliver(self->runtime, NULL, nothing, bond->local, bond->prepared));
    }
}

static void each_of(remote_t *self, crossing_t *list,
                    void (*lost)(remote_t *self, const crossing_t *crossing))
{
    while (list != NULL) {
        crossing_t *crossing = list;
        list = crossing->next;
        lost(self, crossing);
        memory_free(crossing);
    }
}

bool remote_is_reachable(const remote_t *self, uint32_t seat)
{
    return !seat_bits_has(&self->unreachable, seat);
}

/* The bit first, then those who wait: who asks looks at it when its ask waits already
 * (carry_command). */
void runtime_set_reachable(runtime_t *runtime, uint64_t node, bool is_reachable)
{
    remote_t *self = runtime->remote;
    uint32_t seat = 0;
    if (self == NULL || node == self->node || seats_give(&self->seats, node, &seat) != ERR_OK)
        return;
    if (is_reachable) {
        seat_bits_clear(&self->unreachable, seat);
        return;
    }
    seat_bits_set(&self->unreachable, seat);
    each_of(self, crossings_take_of(&self->asks, seat), ask_lost);
}

/* ---- two nodes that live, and have lost something of each other's ----
 *
 * Who has lost it says BROKEN, and hears nothing from then on until the other has done the same and
 * said so (PARTED): what the other sent before that is of the time before, and is ended there. */

void remote_break(remote_t *self, uint32_t seat)
{
    seat_bits_set(&self->broken, seat);
}

/* False: with the next tick. */
static bool say(remote_t *self, uint32_t seat, envelope_what_t what)
{
    parcel_t parcel = {.envelope = {.what = (uint32_t)what}};
    err_t err = remote_send(self, seat, true, parcel_fill, &parcel);
    return err != ERR_NO_MEMORY && err != ERR_BUSY;
}

static void begin_parting(remote_t *self, uint32_t seat)
{
    seat_bits_set(&self->deaf, seat);
    if (!say(self, seat, ENVELOPE_BROKEN)) {
        seat_bits_clear(&self->deaf, seat);
        return;
    }
    seat_bits_clear(&self->broken, seat);
    runtime_node_lost(self->runtime, seats_node(&self->seats, seat));
}

void remote_part(remote_t *self, uint32_t seat)
{
    seat_bits_set(&self->parted, seat);
    if (say(self, seat, ENVELOPE_PARTED))
        seat_bits_clear(&self->parted, seat);
}

static void each_seat(remote_t *self, const seat_bits_t *bits,
                      void (*fn)(remote_t *self, uint32_t seat))
{
    for (uint32_t i = 0; atomic_load(&bits->count) > 0 && i < COUNT_OF(bits->words); i++)
        for (uint64_t word = atomic_load(&bits->words[i]); word != 0; word &= word - 1)
            fn(self, i * 64 + (uint32_t)__builtin_ctzll(word));
}

void remote_tend(remote_t *self)
{
    each_seat(self, &self->parted, remote_part);
    if (atomic_load(&self->owed.count) > 0)
        owed_try(self);
    each_seat(self, &self->broken, begin_parting);
}

void runtime_node_lost(runtime_t *runtime, uint64_t node)
{
    remote_t *self = runtime->remote;
    uint32_t seat = self == NULL ? 0 : seats_find(&self->seats, node);
    if (seat != 0) {
        count_one(&self->counters.nodes_lost);
        each_of(self, crossings_take_of(&self->asks, seat), ask_lost);
        each_of(self, crossings_take_of(&self->bonds, seat), bond_lost);
    }
    if (self != NULL)
        directory_lost(&self->directory, node);
    for (size_t i = 0; self != NULL && i < self->lost_count; i++)
        self->lost[i].lost(self->lost[i].context, node);
}
