/* directory_say.c -- what this node says of its own actors, and to whom. */

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/remote/directory_wire.h"
#include "runtime/remote/remote.h"

#define DEF_FILE "runtime/remote/directory.def"
#include "runtime/base/schema_define.h"

enum { FRAMES_AT_ONCE = 64 };

err_t directory_fill(void *frame, buf_t *out)
{
    schema_encode(&directory_frame_schema, frame, out);
    return buf_status(out);
}

/* ---- one who listens; all under `saying` ---- */

/* From an empty beginning. */
static void begin_anew(const directory_t *self, directory_teller_t *teller)
{
    teller->position = 0;
    teller->is_open = false;
    teller->next = self->first;
    teller->next_gone = self->gone_count;
}

static bool is_behind(const directory_t *self, const directory_teller_t *teller)
{
    return teller->session != 0 &&
           (!teller->is_open || teller->next != NULL || teller->next_gone != self->gone_count);
}

/* What is to be told next, in the order in which it came to be. */
static uint32_t gather(const directory_t *self, directory_teller_t *teller,
                       directory_change_t changes[DIRECTORY_CHANGES_MAX])
{
    uint32_t count = 0;
    for (; count < DIRECTORY_CHANGES_MAX; count++) {
        const directory_entry_t *entry = teller->next;
        size_t gone = teller->next_gone % DIRECTORY_GONE_MAX;
        bool is_gone = teller->next_gone != self->gone_count &&
                       (entry == NULL || self->gone[gone].at < entry->number);
        if (is_gone) {
            changes[count] =
                (directory_change_t){.what = DIRECTORY_GONE, .number = self->gone[gone].number};
            teller->next_gone++;
        } else if (entry != NULL) {
            changes[count] = (directory_change_t){.what = (uint32_t)entry->what,
                                                  .number = entry->number,
                                                  .bits = entry->ref,
                                                  .name = entry->name};
            teller->next = entry->after;
        } else {
            break;
        }
    }
    return count;
}

/* One frame. False: it could not be sent, and all is as before. */
static bool tell_more(const directory_t *self, directory_teller_t *teller)
{
    directory_change_t changes[DIRECTORY_CHANGES_MAX];
    if (self->gone_count - teller->next_gone > DIRECTORY_GONE_MAX)
        begin_anew(self, teller);
    directory_teller_t after = *teller;
    uint32_t count = gather(self, &after, changes);
    directory_frame_t frame = {.what = DIRECTORY_CHANGES,
                               .session = teller->session,
                               .position = teller->position,
                               .changes = {changes, count}};
    if (runtime_tell(self->remote->runtime, teller->node, ROUTER_NAMES, directory_fill, &frame) !=
        ERR_OK)
        return false;
    after.position += count;
    after.is_open = true;
    *teller = after;
    return true;
}

static void tell_frames(const directory_t *self, directory_teller_t *teller, int frames)
{
    while (frames-- > 0 && is_behind(self, teller) && tell_more(self, teller))
        ;
}

/* The rest, where there is more, goes with a tick. */
static void tell_all(directory_t *self)
{
    for (uint32_t i = 0; i < self->teller_count; i++)
        tell_frames(self, &self->tellers[i], 1);
}

static directory_teller_t *teller_of(directory_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->teller_count; i++)
        if (self->tellers[i].node == node)
            return &self->tellers[i];
    return NULL;
}

/* ---- what is said ---- */

static void append(directory_t *self, directory_entry_t *entry)
{
    entry->number = ++self->last_number;
    entry->before = self->last;
    entry->after = NULL;
    *(self->last == NULL ? &self->first : &self->last->after) = entry;
    self->last = entry;
    self->said_count++;
    for (uint32_t i = 0; i < self->teller_count; i++)
        if (self->tellers[i].next == NULL)
            self->tellers[i].next = entry;
}

static void take_out(directory_t *self, directory_entry_t *entry)
{
    for (uint32_t i = 0; i < self->teller_count; i++)
        if (self->tellers[i].next == entry)
            self->tellers[i].next = entry->after;
    *(entry->before == NULL ? &self->first : &entry->before->after) = entry->after;
    *(entry->after == NULL ? &self->last : &entry->after->before) = entry->before;
    self->said_count--;
    size_t gone = self->gone_count++ % DIRECTORY_GONE_MAX;
    self->gone[gone].at = ++self->last_number;
    self->gone[gone].number = entry->number;
    entry->number = 0;
}

err_t directory_say(directory_t *self, directory_entry_t *entry)
{
    uv_mutex_lock(&self->saying);
    bool is_full = self->said_count >= ROUTER_NAMES_MAX;
    if (!is_full) {
        append(self, entry);
        tell_all(self);
    }
    uv_mutex_unlock(&self->saying);
    return is_full ? ERR_LIMIT : ERR_OK;
}

void directory_take_back(directory_t *self, directory_entry_t *entry)
{
    if (entry->number == 0)
        return;
    uv_mutex_lock(&self->saying);
    take_out(self, entry);
    tell_all(self);
    uv_mutex_unlock(&self->saying);
}

/* ---- who listens ---- */

/* Of a node that this one does not know yet: it asks again. */
void directory_told_hello(directory_t *self, uint64_t from, uint64_t session)
{
    uv_mutex_lock(&self->saying);
    directory_teller_t *teller = teller_of(self, from);
    if (teller != NULL) {
        teller->session = session;
        begin_anew(self, teller);
        tell_frames(self, teller, FRAMES_AT_ONCE);
    }
    uv_mutex_unlock(&self->saying);
}

static err_t set_locked(directory_t *self, const uint64_t *nodes, uint32_t count)
{
    directory_teller_t *tellers = memory_new_array(count + 1, sizeof *tellers);
    if (tellers == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const directory_teller_t *known = teller_of(self, nodes[i]);
        tellers[i] = (directory_teller_t){.node = nodes[i]};
        if (known != NULL)
            tellers[i] = *known;
    }
    memory_free(self->tellers);
    self->tellers = tellers;
    self->teller_count = count;
    return ERR_OK;
}

err_t directory_tellers_set(directory_t *self, const uint64_t *nodes, uint32_t count)
{
    uv_mutex_lock(&self->saying);
    err_t err = set_locked(self, nodes, count);
    uv_mutex_unlock(&self->saying);
    return err;
}

static void send_beacon(const directory_t *self, const directory_teller_t *teller)
{
    directory_frame_t frame = {.what = DIRECTORY_BEACON,
                               .session = teller->is_open ? teller->session : 0,
                               .position = teller->position};
    IGNORE_ERR(runtime_tell(self->remote->runtime, teller->node, ROUTER_NAMES, directory_fill,
                            &frame)); /* the next one will do */
}

void directory_tellers_tick(directory_t *self)
{
    uv_mutex_lock(&self->saying);
    for (uint32_t i = 0; i < self->teller_count; i++)
        tell_frames(self, &self->tellers[i], FRAMES_AT_ONCE);
    uint32_t tick = self->ticks++;
    if (self->teller_count > 0 && tick % DIRECTORY_BEACON_TICKS == 0)
        send_beacon(self, &self->tellers[tick / DIRECTORY_BEACON_TICKS % self->teller_count]);
    uv_mutex_unlock(&self->saying);
}
