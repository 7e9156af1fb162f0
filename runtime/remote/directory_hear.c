/* directory_hear.c -- what other nodes say of their actors. */

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/life/groups.h"
#include "runtime/life/names.h"
#include "runtime/remote/directory_wire.h"
#include "runtime/remote/remote.h"

void directory_init(directory_t *self, remote_t *remote)
{
    self->remote = remote;
    ASSERT(uv_mutex_init(&self->saying) == 0);
    ASSERT(uv_mutex_init(&self->hearing) == 0);
}

/* What was heard lies in the tables of names and groups, which are gone by now. */
void directory_deinit(directory_t *self)
{
    for (uint32_t i = 0; i < self->listener_count; i++)
        id_map_deinit(&self->listeners[i].heard);
    memory_free(self->listeners);
    memory_free(self->tellers);
    uv_mutex_destroy(&self->saying);
    uv_mutex_destroy(&self->hearing);
}

/* ---- one that is listened to; all under `hearing` ---- */

static directory_listener_t *listener_of(directory_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->listener_count; i++)
        if (self->listeners[i].node == node)
            return &self->listeners[i];
    return NULL;
}

static void drop(directory_t *self, directory_entry_t *entry)
{
    runtime_t *runtime = self->remote->runtime;
    atomic_fetch_sub(&self->heard, 1);
    if (entry->what == DIRECTORY_NAME)
        names_unhear(runtime->names, entry);
    else
        groups_unhear(runtime->groups, entry);
}

/* What comes of the session that was is left from now on; a tick begins the next one. */
static void forget(directory_t *self, directory_listener_t *listener)
{
    id_entry_t entry;
    for (uint32_t cursor = 0; id_map_next(&listener->heard, &cursor, &entry);)
        drop(self, entry.value.pointer);
    id_map_deinit(&listener->heard);
    listener->heard = (id_map_t){0};
    listener->session++;
    listener->position = 0;
    listener->is_open = false;
    listener->wait = 1;
    listener->ticks = 0;
}

static void say_hello(const directory_t *self, directory_listener_t *listener)
{
    listener->session++; /* what comes for an earlier hello is left */
    directory_frame_t frame = {.what = DIRECTORY_HELLO, .session = listener->session};
    IGNORE_ERR(runtime_tell(self->remote->runtime, listener->node, ROUTER_NAMES, directory_fill,
                            &frame)); /* it is not answered, then */
}

static void tick(const directory_t *self, directory_listener_t *listener)
{
    if (listener->is_open || ++listener->ticks < listener->wait)
        return;
    listener->ticks = 0;
    listener->wait = MIN(listener->wait * 2, (uint32_t)DIRECTORY_HELLO_TICKS_MAX);
    say_hello(self, listener);
}

/* ---- changes ---- */

/* LIMIT, INVALID: it is left out; NO_MEMORY. */
static err_t add(directory_t *self, directory_listener_t *listener,
                 const directory_change_t *change)
{
    runtime_t *runtime = self->remote->runtime;
    bool is_name = change->what == DIRECTORY_NAME;
    bool is_known = is_name || change->what == DIRECTORY_MEMBER;
    if (!is_known || change->number == 0 || !directory_has(runtime, change->name) ||
        id_map_at(&listener->heard, change->number) != NULL)
        return ERR_INVALID;
    if (listener->heard.count >= ROUTER_NAMES_MAX)
        return ERR_LIMIT;
    uint64_t ref = runtime_ref(runtime, listener->node, change->bits).bits;
    directory_entry_t *entry = NULL;
    if (ref == 0)
        return ERR_LIMIT; /* no seat */
    TRY(is_name ? names_hear(runtime->names, listener->node, ref, change->name, &entry)
                : groups_hear(runtime->groups, ref, change->name, &entry));
    entry->what = (directory_what_t)change->what;
    err_t err = id_map_put(&listener->heard, change->number, (id_value_t){.pointer = entry});
    atomic_fetch_add(&self->heard, 1);
    if (err != ERR_OK)
        drop(self, entry);
    return err;
}

static err_t apply(directory_t *self, directory_listener_t *listener,
                   const directory_change_t *change)
{
    id_value_t entry;
    if (change->what != DIRECTORY_GONE)
        return add(self, listener, change);
    if (id_map_take(&listener->heard, change->number, &entry))
        drop(self, entry.pointer);
    return ERR_OK;
}

static void heard_changes(directory_t *self, directory_listener_t *listener,
                          const directory_frame_t *frame)
{
    if (frame->session != listener->session)
        return;
    if (frame->position == 0) {
        forget(self, listener);
        listener->session = frame->session;
        listener->is_open = true;
    } else if (frame->position != listener->position || !listener->is_open) {
        forget(self, listener);
        return;
    }
    for (uint32_t i = 0; i < frame->changes.count; i++) {
        err_t err = apply(self, listener, &frame->changes.items[i]);
        if (err == ERR_NO_MEMORY) { /* all of it again, later */
            forget(self, listener);
            return;
        }
        if (err != ERR_OK)
            count_one(&self->refused);
    }
    listener->position += frame->changes.count;
}

static void heard_beacon(directory_t *self, directory_listener_t *listener,
                         const directory_frame_t *frame)
{
    bool is_all = frame->session == listener->session && frame->position == listener->position;
    if (listener->is_open && !is_all)
        forget(self, listener);
}

static void heard(directory_t *self, uint64_t from, const directory_frame_t *frame)
{
    directory_listener_t *listener = listener_of(self, from);
    if (listener == NULL)
        return; /* not known yet: it is asked when it is */
    if (frame->what == DIRECTORY_CHANGES)
        heard_changes(self, listener, frame);
    else
        heard_beacon(self, listener, frame);
}

/* Something that could not be read. */
static void missed(directory_t *self, uint64_t from)
{
    uv_mutex_lock(&self->hearing);
    directory_listener_t *listener = listener_of(self, from);
    if (listener != NULL)
        forget(self, listener);
    uv_mutex_unlock(&self->hearing);
}

err_t directory_receive(directory_t *self, uint64_t from, str_t bytes)
{
    arena_t arena ARENA_SCOPED = {.size_max = 4 * (size_t)ROUTER_MESSAGE_SIZE_MAX};
    directory_frame_t frame = {0};
    err_t err = schema_decode(&directory_frame_schema, bytes, &arena, &frame);
    if (err != ERR_OK) {
        missed(self, from);
        return err == ERR_NO_MEMORY ? ERR_OK : ERR_INVALID;
    }
    if (frame.what == DIRECTORY_HELLO) {
        directory_told_hello(self, from, frame.session);
        return ERR_OK;
    }
    if (frame.what != DIRECTORY_CHANGES && frame.what != DIRECTORY_BEACON)
        return ERR_INVALID; /* of a later version */
    uv_mutex_lock(&self->hearing);
    heard(self, from, &frame);
    uv_mutex_unlock(&self->hearing);
    return ERR_OK;
}

/* ---- who there is ---- */

void directory_lost(directory_t *self, uint64_t node)
{
    uv_mutex_lock(&self->hearing);
    directory_listener_t *listener = listener_of(self, node);
    if (listener != NULL) {
        forget(self, listener);
        say_hello(self, listener);
    }
    uv_mutex_unlock(&self->hearing);
}

static bool is_among(const uint64_t *nodes, uint32_t count, uint64_t node)
{
    for (uint32_t i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

static err_t set_locked(directory_t *self, const uint64_t *nodes, uint32_t count)
{
    directory_listener_t *listeners = memory_new_array(count + 1, sizeof *listeners);
    if (listeners == NULL || directory_tellers_set(self, nodes, count) != ERR_OK) {
        memory_free(listeners);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < self->listener_count; i++)
        if (!is_among(nodes, count, self->listeners[i].node))
            forget(self, &self->listeners[i]);
    for (uint32_t i = 0; i < count; i++) {
        const directory_listener_t *known = listener_of(self, nodes[i]);
        listeners[i] = known == NULL ? (directory_listener_t){.node = nodes[i], .wait = 1} : *known;
    }
    memory_free(self->listeners);
    self->listeners = listeners;
    self->listener_count = count;
    return ERR_OK;
}

err_t runtime_set_peers(runtime_t *runtime, const uint64_t *nodes, uint32_t count)
{
    directory_t *self = &runtime->remote->directory;
    uv_mutex_lock(&self->hearing);
    err_t err = set_locked(self, nodes, count);
    for (uint32_t i = 0; err == ERR_OK && i < count; i++)
        if (self->listeners[i].session == 0)
            say_hello(self, &self->listeners[i]);
    uv_mutex_unlock(&self->hearing);
    return err;
}

void runtime_tend_peers(runtime_t *runtime)
{
    directory_t *self = &runtime->remote->directory;
    remote_tend(runtime->remote);
    uv_mutex_lock(&self->hearing);
    for (uint32_t i = 0; i < self->listener_count; i++)
        tick(self, &self->listeners[i]);
    uv_mutex_unlock(&self->hearing);
    directory_tellers_tick(self);
}
