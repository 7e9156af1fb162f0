#include "runtime/life/bonds.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/life/lifecycle.h"
#include "runtime/remote/remote.h"

#include <stdio.h>

/* One side's view: the pair is linked while either id is known. */
typedef struct bond_link {
    uint64_t opened;   /* by this side; 0: not */
    uint64_t accepted; /* opened by the other side; 0: not */
    message_t *exit;   /* ready to go to the other */
} bond_link_t;

static const str_t nothing = {NULL, 0};

/* What these look like; declared by hand since actor.h is included before any .def file. */
static const schema_field_t actor_down_fields[] = {
    {"ref_bits", 1, FIELD_TYPE_U64, NULL, offsetof(actor_down_t, ref_bits), 0},
    {"reason", 2, FIELD_TYPE_STR, NULL, offsetof(actor_down_t, reason), 0},
    {"monitor_bits", 3, FIELD_TYPE_U64, NULL, offsetof(actor_down_t, monitor_bits), 0},
};
const schema_t actor_down_schema = {"actor_down",
                                    SCHEMA_MESSAGE,
                                    sizeof(actor_down_t),
                                    actor_down_fields,
                                    COUNT_OF(actor_down_fields),
                                    0,
                                    false};

static const schema_field_t actor_exit_fields[] = {
    {"ref_bits", 1, FIELD_TYPE_U64, NULL, offsetof(actor_exit_t, ref_bits), 0},
    {"reason", 2, FIELD_TYPE_STR, NULL, offsetof(actor_exit_t, reason), 0},
    {"kind", 3, FIELD_TYPE_STR, NULL, offsetof(actor_exit_t, kind), 0},
    {"is_link", 4, FIELD_TYPE_BOOL, NULL, offsetof(actor_exit_t, is_link), 0},
};
const schema_t actor_exit_schema = {"actor_exit",
                                    SCHEMA_MESSAGE,
                                    sizeof(actor_exit_t),
                                    actor_exit_fields,
                                    COUNT_OF(actor_exit_fields),
                                    0,
                                    false};

/* ---- signals ---- */

static bool is_of_monitor(message_kind_t kind)
{
    return kind == MESSAGE_MONITOR || kind == MESSAGE_DEMONITOR || kind == MESSAGE_DOWN;
}

/* With room for any reason, so that the request can become the answer. */
static message_t *signal_from(uint64_t sender, message_kind_t kind)
{
    static const char blank[BONDS_REASON_SIZE];
    str_t room = str_of(blank, sizeof blank);
    actor_down_t down = {.reason = room};
    actor_exit_t exit = {.reason = room};
    bool is_down = is_of_monitor(kind);
    message_t *self = message_new(kind, is_down ? &actor_down_schema : &actor_exit_schema,
                                  is_down ? (const void *)&down : &exit, nothing, nothing);
    if (self != NULL)
        self->sender = sender;
    return self;
}

static message_t *signal_new(const actor_t *actor, message_kind_t kind)
{
    return signal_from(actor_bits(actor), kind);
}

static actor_down_t *down_of(message_t *self)
{
    return (actor_down_t *)(void *)(self + 1); /* ours until it is sent */
}

static actor_exit_t *exit_of(message_t *self)
{
    return (actor_exit_t *)(void *)(self + 1);
}

/* Into the room that signal_new made. */
static void put_reason(str_t *reason, str_t text)
{
    reason->size = MIN(text.size, (size_t)BONDS_REASON_SIZE);
    if (reason->size > 0)
        memcpy((char *)(uintptr_t)reason->data, text.data, reason->size);
}

message_t *bonds_signal_new(message_kind_t kind, const bond_signal_t *signal)
{
    message_t *self = signal_from(signal->sender, kind);
    if (self != NULL)
        bonds_signal_set(self, kind, signal);
    return self;
}

void bonds_signal_set(message_t *message, message_kind_t kind, const bond_signal_t *signal)
{
    message->kind = kind;
    message->sender = signal->sender;
    if (is_of_monitor(kind)) {
        actor_down_t *down = down_of(message);
        down->ref_bits = signal->ref_bits;
        down->monitor_bits = signal->ids[0];
        put_reason(&down->reason, signal->reason);
        return;
    }
    actor_exit_t *exit = exit_of(message);
    exit->ref_bits = signal->ref_bits;
    exit->link_ids[0] = signal->ids[0];
    exit->link_ids[1] = signal->ids[1];
    exit->kind = signal->kind;
    exit->is_link = signal->is_link;
    put_reason(&exit->reason, signal->reason);
}

bond_signal_t bonds_signal_of(const message_t *message)
{
    if (is_of_monitor(message->kind)) {
        const actor_down_t *down = message_body(message);
        return (bond_signal_t){.sender = message->sender,
                               .ref_bits = down->ref_bits,
                               .ids = {down->monitor_bits},
                               .reason = down->reason};
    }
    const actor_exit_t *exit = message_body(message);
    return (bond_signal_t){.sender = message->sender,
                           .ref_bits = exit->ref_bits,
                           .ids = {exit->link_ids[0], exit->link_ids[1]},
                           .reason = exit->reason,
                           .kind = exit->kind,
                           .is_link = exit->is_link};
}

static void send_signal(runtime_t *runtime, uint64_t to, message_t *signal, message_kind_t kind)
{
    signal->kind = kind;
    IGNORE_ERR(deliver(runtime, NULL, nothing, to, signal)); /* nobody there: bonds_bounce */
}

/* From a pair's own side: unlink, exit. */
static void send_to_other(actor_t *actor, uint64_t other, message_t *signal, message_kind_t kind,
                          const uint64_t ids[2])
{
    actor_exit_t *exit = exit_of(signal);
    signal->sender = actor_bits(actor);
    *exit = (actor_exit_t){.ref_bits = signal->sender,
                           .reason = exit->reason,
                           .kind = str_from(actor->kind->name),
                           .is_link = true,
                           .link_ids = {ids[0], ids[1]}};
    send_signal(actor_runtime(actor), other, signal, kind);
}

const char bonds_too_many[] = "failed: too many monitors";
const char bonds_no_way[] = "failed: no way";

static void down_back(runtime_t *runtime, message_t *monitor, str_t reason)
{
    uint64_t watcher = monitor->sender;
    put_reason(&down_of(monitor)->reason, reason);
    send_signal(runtime, watcher, monitor, MESSAGE_DOWN);
}

/* The link was never accepted: who opened it is told. */
static void exit_back(runtime_t *runtime, message_t *link, str_t reason)
{
    uint64_t opener = link->sender;
    actor_exit_t *exit = exit_of(link);
    put_reason(&exit->reason, reason);
    link->sender = exit->ref_bits;
    exit->link_ids[0] = exit->link_ids[1];
    exit->link_ids[1] = 0;
    send_signal(runtime, opener, link, MESSAGE_EXIT);
}

void bonds_bounce_because(runtime_t *runtime, message_t *signal, str_t reason)
{
    if (signal->kind == MESSAGE_MONITOR)
        down_back(runtime, signal, reason);
    else if (signal->kind == MESSAGE_LINK)
        exit_back(runtime, signal, reason);
    else
        message_free(signal);
}

void bonds_bounce(runtime_t *runtime, message_t *signal)
{
    bonds_bounce_because(runtime, signal, STR("not found"));
}

/* ---- the tables ---- */

/* NULL: no memory. */
static bonds_t *bonds_of(actor_t *actor)
{
    actor_extra_t *extra = actor_extra(actor);
    if (extra != NULL && extra->bonds == NULL)
        extra->bonds = memory_new(sizeof(bonds_t));
    return extra == NULL ? NULL : extra->bonds;
}

static uint64_t id_new(runtime_t *runtime)
{
    return atomic_fetch_add_explicit(&runtime->bond_ids, 1, memory_order_relaxed) + 1;
}

static void link_free(bond_link_t *self)
{
    if (self != NULL)
        message_free(self->exit);
    memory_free(self);
}

static bond_link_t *link_at(const bonds_t *self, uint64_t other)
{
    id_value_t *value = self == NULL ? NULL : id_map_at(&self->links, other);
    return value == NULL ? NULL : value->pointer;
}

static bond_link_t *link_take(bonds_t *self, uint64_t other)
{
    id_value_t value = {NULL};
    return self != NULL && id_map_take(&self->links, other, &value) ? value.pointer : NULL;
}

/* Takes link->exit when it is ERR_OK. LIMIT, NO_MEMORY. */
static err_t link_add(actor_t *actor, uint64_t other, const bond_link_t *link)
{
    bonds_t *bonds = bonds_of(actor);
    if (bonds == NULL || link->exit == NULL)
        return ERR_NO_MEMORY;
    if (bonds->links.count >= ACTOR_LINKS_MAX)
        return ERR_LIMIT;
    bond_link_t *self = memory_dup(link, sizeof *link);
    if (self == NULL)
        return ERR_NO_MEMORY;
    err_t err = id_map_put(&bonds->links, other, (id_value_t){.pointer = self});
    if (err != ERR_OK)
        memory_free(self);
    return err;
}

void bonds_free(bonds_t *self)
{
    if (self == NULL)
        return;
    id_entry_t entry;
    for (uint32_t cursor = 0; id_map_next(&self->links, &cursor, &entry);)
        link_free(entry.value.pointer);
    for (uint32_t cursor = 0; id_map_next(&self->watchers, &cursor, &entry);)
        message_free(entry.value.pointer);
    id_map_deinit(&self->links);
    id_map_deinit(&self->monitors);
    id_map_deinit(&self->watchers);
    memory_free(self);
}

bool bonds_keep_awake(const bonds_t *self)
{
    return self != NULL && self->links.count + self->monitors.count > 0;
}

bool bonds_are_any(const bonds_t *self)
{
    return bonds_keep_awake(self) || (self != NULL && self->watchers.count > 0);
}

/* ---- the end of an actor ---- */

str_t bonds_reason(const actor_t *actor, char room[BONDS_REASON_SIZE])
{
    if (!actor->is_failed)
        return STR("normal");
    str_t reason = str_from(actor_peek(actor)->reason);
    if (str_equal(reason, STR("killed")) || str_starts_with(reason, STR("shutdown")))
        return reason;
    str_t failed = STR("failed: ");
    memcpy(room, failed.data, failed.size);
    memcpy(room + failed.size, reason.data, reason.size);
    return str_of(room, failed.size + reason.size);
}

static void tell_link(actor_t *actor, uint64_t other, bond_link_t *link, str_t reason)
{
    message_t *signal = STEAL(link->exit);
    const uint64_t ids[2] = {link->accepted, link->opened};
    link_free(link);
    put_reason(&exit_of(signal)->reason, reason);
    send_to_other(actor, other, signal, MESSAGE_EXIT, ids);
}

void bonds_tell(actor_t *actor)
{
    bonds_t *bonds = actor_peek(actor)->bonds;
    if (bonds == NULL)
        return;
    char room[BONDS_REASON_SIZE];
    str_t reason = bonds_reason(actor, room);
    id_entry_t entry;
    for (uint32_t cursor = 0; id_map_next(&bonds->watchers, &cursor, &entry);)
        down_back(actor_runtime(actor), entry.value.pointer, reason);
    for (uint32_t cursor = 0; id_map_next(&bonds->links, &cursor, &entry);)
        tell_link(actor, entry.id, entry.value.pointer, reason);
    id_map_deinit(&bonds->watchers);
    id_map_deinit(&bonds->links);
}

void bonds_tell_streams(actor_t *actor)
{
    bonds_t *bonds = actor_peek(actor)->bonds;
    id_entry_t entry;
    for (uint32_t cursor = 0; bonds != NULL && id_map_next(&bonds->watchers, &cursor, &entry);) {
        id_value_t down = entry.value;
        if (!((const message_t *)down.pointer)->is_streamed)
            continue;
        (void)id_map_take(&bonds->watchers, entry.id, &down);
        down_back(actor_runtime(actor), down.pointer, STR("rebuilt"));
        cursor = 0; /* taking one moves others */
    }
}

static void demonitor(actor_t *actor, uint64_t id, uint64_t whom)
{
    message_t *signal = signal_new(actor, MESSAGE_DEMONITOR);
    if (signal == NULL)
        return; /* its down will find no id */
    down_of(signal)->monitor_bits = id;
    send_signal(actor_runtime(actor), whom, signal, MESSAGE_DEMONITOR);
}

void bonds_forget(actor_t *actor)
{
    bonds_t *bonds = actor_peek(actor)->bonds;
    if (bonds == NULL)
        return;
    id_entry_t entry;
    for (uint32_t cursor = 0; id_map_next(&bonds->monitors, &cursor, &entry);)
        demonitor(actor, entry.id, entry.value.number);
    id_map_deinit(&bonds->monitors);
}

/* ---- what comes in ---- */

static void monitored(context_t *ctx, message_t *signal)
{
    bonds_t *bonds = bonds_of(ctx->actor);
    uint64_t id = down_of(signal)->monitor_bits;
    if (bonds == NULL || bonds->watchers.count >= ACTOR_WATCHERS_MAX ||
        id_map_put(&bonds->watchers, id, (id_value_t){.pointer = signal}) != ERR_OK)
        down_back(ctx->runtime, signal, str_from(bonds_too_many));
}

static void demonitored(context_t *ctx, message_t *signal)
{
    bonds_t *bonds = actor_peek(ctx->actor)->bonds;
    id_value_t down;
    if (bonds != NULL && id_map_take(&bonds->watchers, down_of(signal)->monitor_bits, &down))
        message_free(down.pointer);
    message_free(signal);
}

static void linked(context_t *ctx, message_t *signal)
{
    uint64_t id = exit_of(signal)->link_ids[1];
    bond_link_t *link = link_at(actor_peek(ctx->actor)->bonds, signal->sender);
    if (link != NULL) { /* both opened it */
        link->accepted = id;
        message_free(signal);
        return;
    }
    bond_link_t fresh = {.accepted = id, .exit = signal};
    if (link_add(ctx->actor, signal->sender, &fresh) != ERR_OK)
        exit_back(ctx->runtime, signal, STR("failed: too many links"));
}

static void unlinked(context_t *ctx, message_t *signal)
{
    bonds_t *bonds = actor_peek(ctx->actor)->bonds;
    bond_link_t *link = link_at(bonds, signal->sender);
    const uint64_t *ids = exit_of(signal)->link_ids;
    if (link != NULL) {
        if (link->opened == ids[0])
            link->opened = 0;
        if (link->accepted == ids[1])
            link->accepted = 0;
        if (link->opened == 0 && link->accepted == 0)
            link_free(link_take(bonds, signal->sender));
    }
    message_free(signal);
}

/* The pair is not linked any more. False: it was not, or the exit is of a link from before. */
static bool end_link(context_t *ctx, const message_t *signal, const uint64_t ids[2])
{
    bonds_t *bonds = actor_peek(ctx->actor)->bonds;
    bond_link_t *link = link_at(bonds, signal->sender);
    bool is_known = link != NULL && ((ids[0] != 0 && link->opened == ids[0]) ||
                                     (ids[1] != 0 && link->accepted == ids[1]));
    if (!is_known)
        return false;
    link = link_take(bonds, signal->sender);
    ASSERT(link != NULL);
    if (link->opened != 0 && link->opened != ids[0]) {
        /* Our request is still under way: who is started again in that slot shall not keep it. */
        const uint64_t unlink_ids[2] = {0, link->opened};
        send_to_other(ctx->actor, signal->sender, STEAL(link->exit), MESSAGE_UNLINK, unlink_ids);
    }
    link_free(link);
    return true;
}

/* "linked to counter: told to", with the first reason of a chain. */
static void fail_with(context_t *ctx, const actor_exit_t *exit)
{
    str_t reason = exit->reason;
    if (str_starts_with(reason, STR("failed: ")))
        reason = str_of(reason.data + 8, reason.size - 8);
    bool is_whole =
        str_starts_with(reason, STR("linked to ")) || str_starts_with(reason, STR("shutdown"));
    char text[ACTOR_REASON_SIZE];
    if (is_whole)
        snprintf(text, sizeof text, "%.*s", STR_ARG(reason));
    else
        snprintf(text, sizeof text, "%s %.*s: %.*s", exit->is_link ? "linked to" : "told by",
                 STR_ARG(exit->kind), STR_ARG(reason));
    lifecycle_crash(ctx, text);
}

static void exited(context_t *ctx, message_t *signal)
{
    const actor_exit_t *exit = exit_of(signal);
    bool has_link = (exit->link_ids[0] | exit->link_ids[1]) != 0;
    if (signal->incarnation != 0 && signal->incarnation != actor_peek(ctx->actor)->subscriber) {
        message_free(signal); /* of a name that the state before had */
        return;
    }
    if (has_link && !end_link(ctx, signal, exit->link_ids)) {
        message_free(signal);
        return;
    }
    if (ctx->actor->kind->traps_exits) {
        (void)call_command(ctx, signal);
        return;
    }
    if (!str_equal(exit->reason, STR("normal")))
        fail_with(ctx, exit);
    message_free(signal);
}

static void went_down(context_t *ctx, message_t *signal)
{
    bonds_t *bonds = actor_peek(ctx->actor)->bonds;
    id_value_t whom;
    if (bonds != NULL && id_map_take(&bonds->monitors, down_of(signal)->monitor_bits, &whom))
        (void)call_command(ctx, signal);
    else
        message_free(signal);
}

void bonds_signal(context_t *ctx, message_t *signal)
{
    switch ((int)signal->kind) {
    case MESSAGE_DOWN:
        went_down(ctx, signal);
        break;
    case MESSAGE_EXIT:
        exited(ctx, signal);
        break;
    case MESSAGE_MONITOR:
        monitored(ctx, signal);
        break;
    case MESSAGE_DEMONITOR:
        demonitored(ctx, signal);
        break;
    case MESSAGE_LINK:
        linked(ctx, signal);
        break;
    default:
        unlinked(ctx, signal);
    }
}

/* ---- what authors call ---- */

static uint64_t bits_of(const context_t *ctx, address_t to)
{
    if (to.kind == NULL)
        return to.ref.bits;
    const actor_kind_t *kind = runtime_kind(ctx->runtime, to.kind);
    return kind == NULL ? 0 : registry_find(ctx->runtime->registry, kind, to.key);
}

/* Of another node's actor by its name: a reference with nothing but the seat. */
static uint64_t whom_of(const context_t *ctx, address_t to, const actor_kind_t **out_kind)
{
    *out_kind = to.kind == NULL ? NULL : runtime_kind(ctx->runtime, to.kind);
    uint32_t seat = *out_kind == NULL ? 0 : remote_seat_of(ctx->runtime, *out_kind, to.key);
    return seat == 0 ? bits_of(ctx, to) : ref_seated(0, seat);
}

/* Its reference is another node's to know. */
static bool is_elsewhere(const context_t *ctx, address_t to)
{
    const actor_kind_t *kind = to.kind == NULL ? NULL : runtime_kind(ctx->runtime, to.kind);
    return kind != NULL && remote_seat_of(ctx->runtime, kind, to.key) != 0;
}

static void send_monitor(runtime_t *runtime, uint64_t whom, const actor_kind_t *kind, str_t key,
                         message_t *signal)
{
    const remote_way_t way = {.seat = ref_seat(whom), .kind = kind, .key = key};
    if (LIKELY(ref_plain(whom) != 0 || way.seat == 0)) {
        send_signal(runtime, whom, signal, MESSAGE_MONITOR);
        return;
    }
    count_sent(runtime);
    IGNORE_ERR(remote_carry(runtime->remote, &way, signal)); /* else a down */
}

/* stream: that it is for; 0: none */
static actor_monitor_t monitor(context_t *ctx, address_t to, uint64_t stream)
{
    const actor_kind_t *kind;
    to = address_resolve(ctx->runtime, to);
    uint64_t whom = whom_of(ctx, to, &kind);
    bonds_t *bonds = bonds_of(ctx->actor);
    message_t *signal = bonds == NULL ? NULL : signal_new(ctx->actor, MESSAGE_MONITOR);
    if (signal == NULL)
        actor_fail(ctx, "no memory for a monitor");
    uint64_t id = id_new(ctx->runtime);
    bool is_full = bonds->monitors.count >= ACTOR_MONITORS_MAX;
    if (is_full || id_map_put(&bonds->monitors, id, (id_value_t){.number = whom}) != ERR_OK) {
        message_free(signal);
        actor_fail(ctx, is_full ? "too many monitors" : "no memory for a monitor");
    }
    signal->is_streamed = stream != 0;
    signal->reply_to.correlation = stream;
    down_of(signal)->ref_bits = whom;
    down_of(signal)->monitor_bits = id;
    send_monitor(ctx->runtime, whom, kind, to.key, signal);
    return (actor_monitor_t){id};
}

actor_monitor_t actor_monitor_at(context_t *ctx, address_t to)
{
    return monitor(ctx, to, 0);
}

actor_monitor_t bonds_monitor_stream(context_t *ctx, actor_ref_t ref, uint64_t stream)
{
    return monitor(ctx, address_of_ref(ref), stream);
}

actor_monitor_t actor_monitor(context_t *ctx, actor_ref_t ref)
{
    return actor_monitor_at(ctx, address_of_ref(ref));
}

void actor_demonitor(context_t *ctx, actor_monitor_t monitor)
{
    bonds_t *bonds = actor_peek(ctx->actor)->bonds;
    id_value_t whom;
    if (bonds != NULL && id_map_take(&bonds->monitors, monitor.bits, &whom))
        demonitor(ctx->actor, monitor.bits, whom.number);
}

actor_ref_t actor_link_at(context_t *ctx, address_t to)
{
    actor_t *actor = ctx->actor;
    uint64_t other = bits_of(ctx, address_resolve(ctx->runtime, to));
    if (other == actor_bits(actor) || link_at(actor_peek(actor)->bonds, other) != NULL)
        return (actor_ref_t){other};
    uint64_t id = id_new(ctx->runtime);
    bond_link_t link = {.opened = id, .exit = signal_new(actor, MESSAGE_EXIT)};
    message_t *signal = signal_new(actor, MESSAGE_LINK);
    err_t err = signal == NULL ? ERR_NO_MEMORY
                : other == 0   ? ERR_NOT_FOUND
                               : link_add(actor, other, &link);
    if (err != ERR_OK)
        message_free(link.exit);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        message_free(signal);
        actor_fail(ctx, err == ERR_LIMIT ? "too many links" : "no memory for a link");
    }
    exit_of(signal)->ref_bits = other;
    exit_of(signal)->is_link = true;
    exit_of(signal)->link_ids[1] = other == 0 ? 0 : id; /* no such name: nothing to end */
    if (other == 0 && is_elsewhere(ctx, to)) {
        exit_back(ctx->runtime, signal, STR("failed: on another node, link its reference"));
        return (actor_ref_t){0};
    }
    send_signal(ctx->runtime, other, signal, MESSAGE_LINK);
    return (actor_ref_t){other};
}

void actor_link(context_t *ctx, actor_ref_t ref)
{
    (void)actor_link_at(ctx, address_of_ref(ref));
}

void actor_unlink(context_t *ctx, actor_ref_t ref)
{
    bond_link_t *link = link_take(actor_peek(ctx->actor)->bonds, ref.bits);
    if (link == NULL)
        return;
    const uint64_t ids[2] = {link->accepted, link->opened};
    send_to_other(ctx->actor, ref.bits, STEAL(link->exit), MESSAGE_UNLINK, ids);
    link_free(link);
}

err_t bonds_link_child(actor_t *parent, actor_t *child)
{
    uint64_t id = id_new(actor_runtime(parent));
    bond_link_t up = {.accepted = id, .exit = signal_new(child, MESSAGE_EXIT)};
    bond_link_t down = {.opened = id, .exit = signal_new(parent, MESSAGE_EXIT)};
    err_t err = link_add(parent, actor_bits(child), &down);
    if (err == ERR_OK) {
        err = link_add(child, actor_bits(parent), &up);
        if (err != ERR_OK)
            link_free(link_take(actor_peek(parent)->bonds, actor_bits(child)));
    } else {
        message_free(down.exit);
    }
    if (err != ERR_OK)
        message_free(up.exit);
    return err;
}

err_t actor_exit(context_t *ctx, actor_ref_t ref, const char *reason)
{
    message_t *signal = signal_new(ctx->actor, MESSAGE_EXIT);
    if (signal == NULL)
        return ERR_NO_MEMORY;
    actor_exit_t *exit = exit_of(signal);
    exit->ref_bits = signal->sender;
    exit->kind = str_from(ctx->actor->kind->name);
    put_reason(&exit->reason, str_from(reason));
    effect_t effect = {.kind = EFFECT_SEND, .message = signal, .to_ref = ref.bits};
    return context_perform_send(ctx, &effect);
}

err_t actor_kill(context_t *ctx, actor_ref_t ref)
{
    message_t *message = message_new(MESSAGE_KILL, NULL, NULL, nothing, nothing);
    if (message == NULL)
        return ERR_NO_MEMORY;
    effect_t effect = {.kind = EFFECT_SEND, .message = message, .to_ref = ref.bits};
    return context_perform_send(ctx, &effect);
}
