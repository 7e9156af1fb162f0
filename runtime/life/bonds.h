#pragma once
/* bonds.h -- links and monitors: who is told when an actor fails or ends.
 *
 * All of it travels in the user lane, in reserved places, so that between two actors there is one
 * ordered stream of messages, links, monitors, downs and exits: a down or an exit comes after all
 * that the dead actor sent, and after a held effect that became durable.
 *
 *  1. What must arrive has its envelope beforehand: a monitor's request lies with the watched one
 *     until it becomes the down; a link's request becomes the exit that goes back, and its own
 *     exit lies with who asked for it. So nobody is forgotten for want of memory.
 *  2. A monitor has an id of its own, each side of a link the id that it opened it with; ids are
 *     never used twice in a runtime. A down is handed to the handler when its id is still in the
 *     watcher's table, an exit when it names an id of a link that is still there. So a demonitor or
 *     an unlink holds from the moment it returns, whatever is under way: nothing needs to be
 *     awaited for that.
 *  3. Who crashes forgets its links and monitors; what was meant for them finds no id and is
 *     dropped, also after a restart in the same slot.
 *  4. A request that finds nobody comes back as a down or an exit, "not found", in the same block.
 *
 * Threads  The owner of the actor; bonds_bounce any. */

#include "runtime/context.h"
#include "runtime/life/id_map.h"

enum { ACTOR_LINKS_MAX = 65536, ACTOR_MONITORS_MAX = 65536, ACTOR_WATCHERS_MAX = 65536 };
enum { BONDS_REASON_SIZE = ACTOR_REASON_SIZE + 16 };

typedef struct bonds {
    id_map_t links;    /* by the other's reference: a bond_link_t */
    id_map_t monitors; /* by id: the reference of whom this actor watches */
    id_map_t watchers; /* by id: the down that is ready to go */
} bonds_t;

static inline bool message_is_signal(const message_t *message)
{
    return message->kind >= MESSAGE_DOWN && message->kind <= MESSAGE_UNLINK;
}

/* One that was taken from the user lane of a running actor. Takes it. */
void bonds_signal(context_t *ctx, message_t *signal);
/* One that nobody will handle. Takes it. */
void bonds_bounce(runtime_t *runtime, message_t *signal);
void bonds_bounce_because(runtime_t *runtime, message_t *signal, str_t reason);

/* What a signal says, for who stands between two nodes (runtime/remote). */
typedef struct bond_signal {
    uint64_t sender, ref_bits;
    uint64_t ids[2]; /* a monitor's is the first */
    str_t reason;    /* of a down, an exit; copied */
    str_t kind;      /* of an exit; borrowed for good */
    bool is_link;
} bond_signal_t;
/* With room for any reason. NULL: no memory. */
[[nodiscard]] message_t *bonds_signal_new(message_kind_t kind, const bond_signal_t *signal);
/* Borrows it. */
bond_signal_t bonds_signal_of(const message_t *message);
/* Of its own family: a monitor becomes a down, a link an exit. */
void bonds_signal_set(message_t *message, message_kind_t kind, const bond_signal_t *signal);
/* To all who watch and are linked, once: how it ended. Then nobody is. */
void bonds_tell(actor_t *actor);
/* Its state is rebuilt, and knows of no stream: to the other sides of its streams. */
void bonds_tell_streams(actor_t *actor);
/* For an end of a stream: it hears of that, too. */
actor_monitor_t bonds_monitor_stream(context_t *ctx, actor_ref_t ref, uint64_t stream);
/* It watches nobody any more. */
void bonds_forget(actor_t *actor);
void bonds_free(bonds_t *self);
/* Something is awaited that a passivated actor would never hear of. */
bool bonds_keep_awake(const bonds_t *self);
/* It is linked, watches, or is watched. */
bool bonds_are_any(const bonds_t *self);

/* Why a down comes of one that lives: it had no room for who watches it. */
extern const char bonds_too_many[];
/* Or that it could not be said to its node. */
extern const char bonds_no_way[];
/* "normal", "killed", "shutdown...", or "failed: " and the reason. */
str_t bonds_reason(const actor_t *actor, char room[BONDS_REASON_SIZE]);
/* Links a child that nobody else can reach yet. NO_MEMORY: nothing changed. */
err_t bonds_link_child(actor_t *parent, actor_t *child);
