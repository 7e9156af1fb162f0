#include "actors/streaming/player_decide.h"

#include "runtime/base/utf8.h"

#include <stdlib.h>

/* ---- devices ---- */

static bool is_printable(str_t s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return false;
    return utf8_is_valid(s);
}

err_t player_check_device_name(str_t name)
{
    return name.size <= SESSION_DEVICE_NAME_SIZE_MAX && is_printable(name) ? ERR_OK : ERR_INVALID;
}

/* The offline device that was seen longest ago; NULL: all are online. The active one goes last. */
static const player_device_t *longest_unseen(const player_t *self, const attachments_t *online)
{
    const player_device_t *oldest = NULL, *active = NULL;
    for (uint32_t i = 0; i < self->device_count; i++) {
        const player_device_t *device = &self->devices[i];
        if (attachments_have(online, str_from(device->id)))
            continue;
        if (str_equal(str_from(device->id), str_from(self->active_device_id)))
            active = device;
        else if (oldest == NULL || device->seen_at < oldest->seen_at)
            oldest = device;
    }
    return oldest != NULL ? oldest : active;
}

err_t player_decide_device(const player_t *self, const attachments_t *online, str_t device_id,
                           bool *out_is_new, const player_device_t **out_forgotten)
{
    if (str_is_empty(device_id) || device_id.size > SESSION_DEVICE_ID_SIZE_MAX ||
        !is_printable(device_id))
        return ERR_INVALID;
    bool is_new = player_device(self, device_id) == NULL;
    const player_device_t *forgotten = NULL;
    if (is_new && self->device_count >= SESSION_DEVICES_MAX) {
        forgotten = longest_unseen(self, online);
        if (forgotten == NULL)
            return ERR_LIMIT;
    }
    *out_is_new = is_new;
    *out_forgotten = forgotten;
    return ERR_OK;
}

/* ---- the queue ---- */

static err_t check_tracks(const session_track_t *tracks, uint32_t count)
{
    if (count == 0)
        return ERR_INVALID;
    for (uint32_t i = 0; i < count; i++)
        if (tracks[i].track_id == 0)
            return ERR_INVALID;
    return ERR_OK;
}

err_t player_decide_play_tracks(player_t *self, const session_play_tracks_t *command, uint64_t seed,
                                session_queue_replaced_t *out_event)
{
    uint32_t count = command->tracks.count;
    TRY(check_tracks(command->tracks.items, count));
    if (command->start_index >= count)
        return ERR_INVALID;
    if (count > SESSION_QUEUE_MAX)
        return ERR_LIMIT;
    if (count > self->queue.count)
        TRY(queue_reserve(&self->queue, count - self->queue.count));
    *out_event = (session_queue_replaced_t){.device_id = command->device_id,
                                            .tracks = {command->tracks.items, count},
                                            .start_index = command->start_index,
                                            .seed = seed};
    return ERR_OK;
}

err_t player_decide_enqueue(player_t *self, const session_enqueue_t *command,
                            session_enqueued_t *out_event)
{
    TRY(check_tracks(command->tracks.items, command->tracks.count));
    TRY(queue_reserve(&self->queue, command->tracks.count));
    *out_event = (session_enqueued_t){.tracks = {command->tracks.items, command->tracks.count},
                                      .is_next = command->is_next};
    return ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

err_t player_decide_remove(const player_t *self, const session_remove_t *command, arena_t *arena,
                           session_removed_t *out_event, bool *out_is_change)
{
    uint32_t wanted_count = command->entry_ids.count, found_count = 0;
    uint64_t *found = NULL;
    if (wanted_count != 0 && self->queue.count != 0) {
        uint64_t *wanted =
            arena_dup(arena, command->entry_ids.items, wanted_count * sizeof *wanted);
        found = arena_new_array(arena, self->queue.count, sizeof *found);
        if (wanted == NULL || found == NULL)
            return ERR_NO_MEMORY;
        qsort(wanted, wanted_count, sizeof *wanted, compare_ids);
        for (uint32_t i = 0; i < self->queue.count; i++)
            if (queue_ids_have(wanted, wanted_count, self->queue.entries[i].entry_id))
                found[found_count++] = self->queue.entries[i].entry_id;
        qsort(found, found_count, sizeof *found, compare_ids);
    }
    *out_event = (session_removed_t){.entry_ids = {found, found_count}};
    *out_is_change = found_count != 0;
    return ERR_OK;
}

err_t player_decide_move(const player_t *self, const session_move_t *command,
                         session_moved_t *out_event, bool *out_is_change)
{
    uint32_t from = queue_index(&self->queue, command->entry_id);
    if (from == self->queue.count)
        return ERR_NOT_FOUND;
    if (command->index >= self->queue.count)
        return ERR_INVALID;
    *out_event = (session_moved_t){.entry_id = command->entry_id, .index = command->index};
    *out_is_change = from != command->index;
    return ERR_OK;
}

/* ---- playback ---- */

/* Playback as it is now, as an event to change. */
static session_playback_set_t playback_now(const player_t *self, int64_t now_ms)
{
    int64_t position_ms = player_position(self, now_ms);
    return (session_playback_set_t){.entry_id = self->current_entry_id,
                                    .position_ms = position_ms,
                                    .is_playing = self->is_playing,
                                    .device_id = str_from(self->active_device_id),
                                    .left_position_ms = -1};
}

err_t player_decide_play(const player_t *self, const session_play_t *command, int64_t now_ms,
                         session_playback_set_t *out_event)
{
    session_playback_set_t event = playback_now(self, now_ms);
    if (self->queue.count == 0)
        return ERR_CONFLICT;
    if (command->entry_id != 0 && queue_index(&self->queue, command->entry_id) == self->queue.count)
        return ERR_NOT_FOUND;
    uint64_t entry_id = command->entry_id != 0 ? command->entry_id : event.entry_id;
    if (entry_id == 0)
        entry_id = self->queue.entries[0].entry_id;
    if (entry_id != event.entry_id || command->position_ms >= 0)
        event.position_ms = MAX(command->position_ms, 0);
    event.entry_id = entry_id;
    event.is_playing = true;
    event.device_id = command->device_id;
    *out_event = event;
    return ERR_OK;
}

err_t player_decide_pause(const player_t *self, const session_pause_t *command, int64_t now_ms,
                          session_playback_set_t *out_event, bool *out_is_change)
{
    session_playback_set_t event = playback_now(self, now_ms);
    if (command->position_ms >= 0 && event.entry_id != 0) {
        event.position_ms = command->position_ms;
        event.left_position_ms = command->position_ms;
    }
    event.is_playing = false;
    *out_event = event;
    *out_is_change = self->is_playing || event.position_ms != self->position_ms;
    return ERR_OK;
}

err_t player_decide_seek(const player_t *self, const session_seek_t *command, int64_t now_ms,
                         session_playback_set_t *out_event)
{
    session_playback_set_t event = playback_now(self, now_ms);
    if (event.entry_id == 0)
        return ERR_CONFLICT;
    if (command->position_ms < 0)
        return ERR_INVALID;
    event.position_ms = command->position_ms;
    *out_event = event;
    return ERR_OK;
}

err_t player_decide_transfer(const player_t *self, const attachments_t *online,
                             const session_transfer_t *command, int64_t now_ms,
                             session_playback_set_t *out_event, bool *out_is_change)
{
    if (player_device(self, command->device_id) == NULL)
        return ERR_NOT_FOUND;
    session_playback_set_t event = playback_now(self, now_ms);
    if (event.entry_id == 0 || !attachments_have(online, command->device_id))
        return ERR_CONFLICT;
    *out_is_change = !str_equal(event.device_id, command->device_id);
    event.device_id = command->device_id;
    *out_event = event;
    return ERR_OK;
}

player_report_t player_decide_report(const player_t *self, const session_report_progress_t *command,
                                     int64_t now_ms, session_playback_set_t *out_event)
{
    bool is_active = str_equal(str_from(self->active_device_id), command->device_id) &&
                     self->active_device_id[0] != '\0';
    bool is_overtaken = command->placement != 0 && command->placement != self->placement;
    if (!is_active || is_overtaken || command->entry_id == 0 || command->position_ms < 0 ||
        queue_index(&self->queue, command->entry_id) == self->queue.count)
        return PLAYER_REPORT_IGNORED;

    bool is_same_entry = command->entry_id == self->current_entry_id;
    *out_event = (session_playback_set_t){
        .entry_id = command->entry_id,
        .position_ms = command->position_ms,
        .is_playing = command->is_playing,
        .device_id = command->device_id,
        .left_position_ms = is_same_entry ? command->position_ms : -1,
        .is_report = true,
    };
    if (!is_same_entry || command->is_playing != self->is_playing)
        return PLAYER_REPORT_CHANGE;
    if (!self->is_playing && command->position_ms == self->position_ms)
        return PLAYER_REPORT_IGNORED;
    return now_ms - self->position_at < SESSION_PROGRESS_EVERY_MS ? PLAYER_REPORT_LATER
                                                                  : PLAYER_REPORT_CHANGE;
}
