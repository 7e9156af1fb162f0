#include "actors/streaming/player.h"

#include "runtime/base/memory.h"

void player_deinit(player_t *self)
{
    queue_deinit(&self->queue);
    memory_free(self->devices);
    *self = (player_t){0};
}

const session_entry_t *player_current(const player_t *self)
{
    uint32_t index = queue_index(&self->queue, self->current_entry_id);
    return index == self->queue.count ? NULL : &self->queue.entries[index];
}

/* Clamped to the track. */
static int64_t clamp_position(const session_entry_t *entry, int64_t position_ms)
{
    int64_t end_ms = entry == NULL ? 0 : entry->duration_ms == 0 ? INT64_MAX : entry->duration_ms;
    return MIN(MAX(position_ms, 0), end_ms);
}

int64_t player_position(const player_t *self, int64_t now_ms)
{
    int64_t since = MAX(self->position_at, self->resumed_at);
    int64_t passed_ms = self->is_playing ? MAX(now_ms - since, 0) : 0;
    return clamp_position(player_current(self), self->position_ms + passed_ms);
}

player_device_t *player_device(const player_t *self, str_t device_id)
{
    for (uint32_t i = 0; i < self->device_count; i++)
        if (str_equal(str_from(self->devices[i].id), device_id))
            return &self->devices[i];
    return NULL;
}

/* ---- what was heard ---- */

static void owe_play(player_t *self, uint64_t track_id)
{
    if (self->owed_count == PLAYER_OWED_MAX) {
        self->owed_count--;
        memmove(self->owed, self->owed + 1, self->owed_count * sizeof *self->owed);
    }
    self->owed[self->owed_count++] =
        (session_owed_play_t){++self->last_play_number, track_id, self->listen.started_at};
}

/* Credits what was heard of the current track since the anchor. left_ms: where it was left; -1: not
 * known. */
static void credit(player_t *self, int64_t left_ms, int64_t now_ms)
{
    const session_entry_t *entry = player_current(self);
    if (entry != NULL && self->is_playing &&
        listen_credit(&self->listen, entry->duration_ms, now_ms - self->position_at,
                      self->position_ms, left_ms))
        owe_play(self, entry->track_id);
}

/* Puts playback at a position of an entry; id 0: nothing is chosen. */
static void set_anchor(player_t *self, uint64_t entry_id, int64_t position_ms, int64_t now_ms)
{
    if (entry_id != self->current_entry_id)
        listen_start(&self->listen, now_ms);
    self->current_entry_id = entry_id;
    self->position_ms = clamp_position(player_current(self), position_ms);
    self->position_at = now_ms;
}

/* ---- events of the queue ---- */

err_t player_apply_replaced(player_t *self, const session_queue_replaced_t *event, int64_t now_ms)
{
    credit(self, -1, now_ms);
    queue_clear(&self->queue);
    bool is_shuffled = self->queue.is_shuffled;
    self->queue.is_shuffled = false;
    TRY(queue_insert(&self->queue, 0, event->tracks.items, event->tracks.count));
    uint64_t first = event->start_index < self->queue.count
                         ? self->queue.entries[event->start_index].entry_id
                         : 0;
    if (is_shuffled)
        queue_shuffle(&self->queue, event->seed, first);
    set_anchor(self, first, 0, now_ms);
    self->is_playing = first != 0;
    self->placement++;
    str_to_array(event->device_id, self->active_device_id, sizeof self->active_device_id);
    self->version++;
    return ERR_OK;
}

err_t player_apply_enqueued(player_t *self, const session_enqueued_t *event)
{
    uint32_t current = queue_index(&self->queue, self->current_entry_id);
    bool has_current = current != self->queue.count;
    uint32_t index = !event->is_next ? self->queue.count : has_current ? current + 1 : 0;
    TRY(queue_insert(&self->queue, index, event->tracks.items, event->tracks.count));
    self->version++;
    return ERR_OK;
}

/* The entry that stays and follows this index in playing order; from the start again with
 * repeat-all; 0: none. */
static uint64_t next_staying(const player_t *self, const session_removed_t *event, uint32_t index)
{
    const queue_t *queue = &self->queue;
    uint32_t end = self->repeat == SESSION_REPEAT_ALL ? index + queue->count : queue->count;
    for (uint32_t i = index; i < end; i++) {
        uint64_t id = queue->entries[i % queue->count].entry_id;
        if (!queue_ids_have(event->entry_ids.items, event->entry_ids.count, id))
            return id;
    }
    return 0;
}

void player_apply_removed(player_t *self, const session_removed_t *event, int64_t now_ms)
{
    uint32_t current = queue_index(&self->queue, self->current_entry_id);
    bool is_gone =
        current != self->queue.count &&
        queue_ids_have(event->entry_ids.items, event->entry_ids.count, self->current_entry_id);
    if (is_gone) {
        credit(self, -1, now_ms);
        set_anchor(self, next_staying(self, event, current), 0, now_ms);
        self->is_playing = self->is_playing && self->current_entry_id != 0;
        self->placement++;
    }
    queue_remove(&self->queue, event->entry_ids.items, event->entry_ids.count);
    self->version++;
}

void player_apply_moved(player_t *self, const session_moved_t *event)
{
    uint32_t from = queue_index(&self->queue, event->entry_id);
    if (from != self->queue.count && event->index < self->queue.count)
        queue_move(&self->queue, from, event->index);
    self->version++;
}

void player_apply_cleared(player_t *self, int64_t now_ms)
{
    credit(self, -1, now_ms);
    set_anchor(self, 0, 0, now_ms);
    self->is_playing = false;
    queue_clear(&self->queue);
    self->placement++;
    self->version++;
}

/* ---- events of playback ---- */

void player_apply_playback(player_t *self, const session_playback_set_t *event, int64_t now_ms)
{
    const session_entry_t *entry = player_current(self);
    int64_t was_ms = player_position(self, now_ms);
    credit(self, event->left_position_ms, now_ms);
    if (entry != NULL && event->entry_id == entry->entry_id &&
        listen_is_again(&self->listen, entry->duration_ms, was_ms, event->position_ms))
        listen_start(&self->listen, now_ms);
    set_anchor(self, event->entry_id, event->position_ms, now_ms);
    self->is_playing = event->is_playing;
    self->placement += !event->is_report;
    str_to_array(event->device_id, self->active_device_id, sizeof self->active_device_id);
    self->version++;
}

void player_apply_repeat(player_t *self, const session_repeat_set_t *event)
{
    self->repeat = event->repeat;
    self->version++;
}

void player_apply_shuffle(player_t *self, const session_shuffle_set_t *event)
{
    if (event->is_shuffled)
        queue_shuffle(&self->queue, event->seed, self->current_entry_id);
    else
        queue_unshuffle(&self->queue);
    self->version++;
}

void player_apply_play_told(player_t *self, const session_play_told_t *event)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->owed_count; i++)
        if (self->owed[i].number > event->number)
            self->owed[kept++] = self->owed[i];
    self->owed_count = kept;
}

/* ---- events of devices ---- */

void player_apply_volume(player_t *self, const session_volume_set_t *event)
{
    player_device_t *device = player_device(self, event->device_id);
    if (device != NULL)
        device->volume = event->volume;
    self->version++;
}

err_t player_apply_device_seen(player_t *self, const session_device_seen_t *event, int64_t now_ms)
{
    player_device_t *device = player_device(self, event->device_id);
    if (device == NULL) {
        player_device_t *devices =
            memory_resize(self->devices, self->device_count + 1, sizeof *devices);
        if (devices == NULL)
            return ERR_NO_MEMORY;
        self->devices = devices;
        device = &devices[self->device_count++];
        *device = (player_device_t){.volume = SESSION_VOLUME_MAX};
        str_to_array(event->device_id, device->id, sizeof device->id);
    }
    str_to_array(event->name, device->name, sizeof device->name);
    device->seen_at = now_ms;
    self->version++;
    return ERR_OK;
}

void player_apply_device_forgotten(player_t *self, const session_device_forgotten_t *event)
{
    player_device_t *device = player_device(self, event->device_id);
    if (device != NULL) {
        size_t index = (size_t)(device - self->devices);
        self->device_count--;
        memmove(device, device + 1, (self->device_count - index) * sizeof *device);
    }
    if (str_equal(str_from(self->active_device_id), event->device_id)) {
        self->active_device_id[0] = '\0';
        self->is_playing = false;
        self->placement++;
    }
    self->version++;
}

/* ---- snapshot ---- */

err_t player_to_state(const player_t *self, arena_t *arena, session_state_t *out_state)
{
    session_device_t *devices = arena_new_array(arena, self->device_count + 1, sizeof *devices);
    if (devices == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->device_count; i++)
        devices[i] = (session_device_t){.device_id = str_from(self->devices[i].id),
                                        .name = str_from(self->devices[i].name),
                                        .volume = self->devices[i].volume,
                                        .seen_at = self->devices[i].seen_at};
    *out_state = (session_state_t){
        .version = self->version,
        .queue = {self->queue.entries, self->queue.count},
        .next_entry_id = self->queue.last_entry_id + 1,
        .current_entry_id = self->current_entry_id,
        .is_playing = self->is_playing,
        .position_ms = self->position_ms,
        .position_at = self->position_at,
        .repeat = self->repeat,
        .is_shuffled = self->queue.is_shuffled,
        .active_device_id = str_from(self->active_device_id),
        .devices = {devices, self->device_count},
        .listened_ms = self->listen.listened_ms,
        .listen_started_at = self->listen.started_at,
        .is_counted = self->listen.is_counted,
        .owed_plays = {self->owed, self->owed_count},
        .next_play_number = self->last_play_number + 1,
        .placement = self->placement,
    };
    return ERR_OK;
}

static err_t devices_from(player_t *self, const session_state_t *state)
{
    if (state->devices.count == 0)
        return ERR_OK;
    self->devices = memory_new_array(state->devices.count, sizeof *self->devices);
    if (self->devices == NULL)
        return ERR_NO_MEMORY;
    self->device_count = state->devices.count;
    for (uint32_t i = 0; i < self->device_count; i++) {
        const session_device_t *from = &state->devices.items[i];
        self->devices[i].volume = from->volume;
        self->devices[i].seen_at = from->seen_at;
        str_to_array(from->device_id, self->devices[i].id, sizeof self->devices->id);
        str_to_array(from->name, self->devices[i].name, sizeof self->devices->name);
    }
    return ERR_OK;
}

err_t player_from_state(player_t *self, const session_state_t *state)
{
    if (state->queue.count > SESSION_QUEUE_MAX || state->owed_plays.count > PLAYER_OWED_MAX ||
        state->devices.count > SESSION_DEVICES_MAX || state->next_entry_id == 0 ||
        state->next_play_number == 0)
        return ERR_CORRUPT;
    TRY(queue_reserve(&self->queue, state->queue.count));
    TRY(devices_from(self, state));
    if (state->queue.count != 0)
        memcpy(self->queue.entries, state->queue.items,
               state->queue.count * sizeof *self->queue.entries);
    self->queue.count = state->queue.count;
    self->queue.last_entry_id = state->next_entry_id - 1;
    self->queue.is_shuffled = state->is_shuffled;
    self->version = state->version;
    self->placement = state->placement;
    self->current_entry_id = state->current_entry_id;
    self->is_playing = state->is_playing;
    self->position_ms = state->position_ms;
    self->position_at = state->position_at;
    self->repeat = state->repeat;
    str_to_array(state->active_device_id, self->active_device_id, sizeof self->active_device_id);
    self->listen = (listen_t){state->listened_ms, state->listen_started_at, state->is_counted};
    if (state->owed_plays.count != 0)
        memcpy(self->owed, state->owed_plays.items, state->owed_plays.count * sizeof *self->owed);
    self->owed_count = state->owed_plays.count;
    self->last_play_number = state->next_play_number - 1;
    return ERR_OK;
}
