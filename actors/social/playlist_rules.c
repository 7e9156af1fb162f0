#include "actors/social/playlist_rules.h"

#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"

#include <stdlib.h>

void playlist_deinit(playlist_t *self)
{
    memory_free(self->entries);
    *self = (playlist_t){0};
}

static bool is_there(const playlist_t *self)
{
    return self->owner_id[0] != '\0' && !self->is_deleted;
}

err_t playlist_check_owner(const playlist_t *self, str_t user_id)
{
    return is_there(self) && str_equal(str_from(self->owner_id), user_id) ? ERR_OK : ERR_NOT_FOUND;
}

err_t playlist_check_reader(const playlist_t *self, str_t user_id)
{
    return is_there(self) && self->is_public ? ERR_OK : playlist_check_owner(self, user_id);
}

err_t playlist_find(const playlist_t *self, uint64_t entry_id, uint32_t *out_index)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->entries[i].entry_id == entry_id) {
            *out_index = i;
            return ERR_OK;
        }
    return ERR_NOT_FOUND;
}

/* ---- decide ---- */

static err_t reserve(playlist_t *self, uint32_t more)
{
    if (more > PLAYLIST_TRACKS_MAX - self->count)
        return ERR_LIMIT;
    uint32_t wanted = self->count + more;
    if (wanted <= self->capacity)
        return ERR_OK;
    uint32_t capacity = MAX(wanted, MIN(self->capacity * 2, (uint32_t)PLAYLIST_TRACKS_MAX));
    playlist_entry_t *entries = memory_resize(self->entries, capacity, sizeof *entries);
    if (entries == NULL)
        return ERR_NO_MEMORY;
    self->entries = entries;
    self->capacity = capacity;
    return ERR_OK;
}

static err_t check_tracks(const playlist_track_t *tracks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (tracks[i].track_id == 0)
            return ERR_INVALID;
    return ERR_OK;
}

static err_t check_name(str_t name)
{
    bool is_name =
        name.size <= PLAYLIST_NAME_SIZE_MAX && !str_is_empty(str_trim(name)) && utf8_is_line(name);
    return is_name ? ERR_OK : ERR_INVALID;
}

err_t playlist_decide_create(playlist_t *self, const playlist_create_t *command,
                             playlist_created_t *out_event, bool *out_is_change)
{
    bool exists = self->owner_id[0] != '\0';
    if (exists) {
        *out_is_change = false;
        return playlist_check_owner(self, command->user_id) == ERR_OK ? ERR_OK : ERR_CONFLICT;
    }
    if (str_is_empty(command->user_id) || command->user_id.size > PLAYLIST_OWNER_SIZE_MAX)
        return ERR_INVALID;
    TRY(check_name(command->name));
    TRY(check_tracks(command->tracks.items, command->tracks.count));
    TRY(reserve(self, command->tracks.count));
    *out_event = (playlist_created_t){
        .owner_id = command->user_id,
        .name = str_trim(command->name),
        .tracks = {command->tracks.items, command->tracks.count},
    };
    *out_is_change = true;
    return ERR_OK;
}

err_t playlist_decide_insert(playlist_t *self, const playlist_insert_t *command,
                             playlist_inserted_t *out_event)
{
    if (command->tracks.count == 0 || command->index < -1 || command->index > self->count)
        return ERR_INVALID;
    TRY(check_tracks(command->tracks.items, command->tracks.count));
    TRY(reserve(self, command->tracks.count));
    *out_event = (playlist_inserted_t){
        .index = command->index == -1 ? self->count : (uint32_t)command->index,
        .tracks = {command->tracks.items, command->tracks.count},
        .owner_id = str_from(self->owner_id),
    };
    return ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool has_id(const uint64_t *ids, uint32_t count, uint64_t id)
{
    return count != 0 && bsearch(&id, ids, count, sizeof id, compare_ids) != NULL;
}

err_t playlist_decide_remove(const playlist_t *self, const playlist_remove_t *command,
                             arena_t *arena, playlist_removed_t *out_event, bool *out_is_change)
{
    uint32_t wanted_count = command->entry_ids.count, found_count = 0;
    uint64_t *wanted = arena_dup(arena, command->entry_ids.items, wanted_count * sizeof *wanted);
    uint64_t *found = arena_new_array(arena, self->count, sizeof *found);
    if (wanted_count != 0 && self->count != 0) {
        if (wanted == NULL || found == NULL)
            return ERR_NO_MEMORY;
        qsort(wanted, wanted_count, sizeof *wanted, compare_ids);
        for (uint32_t i = 0; i < self->count; i++)
            if (has_id(wanted, wanted_count, self->entries[i].entry_id))
                found[found_count++] = self->entries[i].entry_id;
        if (found_count != 0)
            qsort(found, found_count, sizeof *found, compare_ids);
    }
    *out_event = (playlist_removed_t){.entry_ids = {found, found_count},
                                      .owner_id = str_from(self->owner_id)};
    *out_is_change = found_count != 0;
    return ERR_OK;
}

err_t playlist_decide_move(const playlist_t *self, const playlist_move_t *command,
                           playlist_moved_t *out_event, bool *out_is_change)
{
    uint32_t from = 0;
    TRY(playlist_find(self, command->entry_id, &from));
    if (command->index >= self->count)
        return ERR_INVALID;
    *out_event = (playlist_moved_t){.entry_id = command->entry_id,
                                    .index = command->index,
                                    .owner_id = str_from(self->owner_id)};
    *out_is_change = from != command->index;
    return ERR_OK;
}

err_t playlist_decide_rename(const playlist_t *self, const playlist_rename_t *command,
                             playlist_renamed_t *out_event, bool *out_is_change)
{
    TRY(check_name(command->name));
    *out_event =
        (playlist_renamed_t){.name = str_trim(command->name), .owner_id = str_from(self->owner_id)};
    *out_is_change = !str_equal(out_event->name, str_from(self->name));
    return ERR_OK;
}

void playlist_decide_public(const playlist_t *self, const playlist_set_public_t *command,
                            playlist_public_set_t *out_event, bool *out_is_change)
{
    *out_event = (playlist_public_set_t){.is_public = command->is_public,
                                         .owner_id = str_from(self->owner_id)};
    *out_is_change = command->is_public != self->is_public;
}

/* ---- apply ---- */

static void changed(playlist_t *self, int64_t wall_ms)
{
    self->version++;
    self->changed_at = wall_ms;
}

static err_t insert(playlist_t *self, uint32_t index, const playlist_track_t *tracks,
                    uint32_t count, int64_t wall_ms)
{
    TRY(reserve(self, count));
    index = MIN(index, self->count);
    if (self->count != index)
        memmove(self->entries + index + count, self->entries + index,
                (self->count - index) * sizeof *self->entries);
    for (uint32_t i = 0; i < count; i++) {
        self->entries[index + i] = (playlist_entry_t){
            .entry_id = self->next_entry_id++,
            .track_id = tracks[i].track_id,
            .duration_ms = tracks[i].duration_ms,
            .added_at = wall_ms,
        };
        self->duration_ms += tracks[i].duration_ms;
    }
    self->count += count;
    changed(self, wall_ms);
    return ERR_OK;
}

err_t playlist_apply_created(playlist_t *self, const playlist_created_t *event, int64_t wall_ms)
{
    str_to_array(event->owner_id, self->owner_id, sizeof self->owner_id);
    str_to_array(event->name, self->name, sizeof self->name);
    self->next_entry_id = 1;
    return insert(self, 0, event->tracks.items, event->tracks.count, wall_ms);
}

err_t playlist_apply_inserted(playlist_t *self, const playlist_inserted_t *event, int64_t wall_ms)
{
    return insert(self, event->index, event->tracks.items, event->tracks.count, wall_ms);
}

void playlist_apply_removed(playlist_t *self, const playlist_removed_t *event, int64_t wall_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        const playlist_entry_t *entry = &self->entries[i];
        if (has_id(event->entry_ids.items, event->entry_ids.count, entry->entry_id))
            self->duration_ms -= entry->duration_ms;
        else
            self->entries[kept++] = *entry;
    }
    self->count = kept;
    changed(self, wall_ms);
}

void playlist_apply_moved(playlist_t *self, const playlist_moved_t *event, int64_t wall_ms)
{
    uint32_t from = 0, to = event->index;
    if (playlist_find(self, event->entry_id, &from) == ERR_OK && to < self->count) {
        playlist_entry_t moved = self->entries[from];
        if (from < to)
            memmove(self->entries + from, self->entries + from + 1, (to - from) * sizeof moved);
        else
            memmove(self->entries + to + 1, self->entries + to, (from - to) * sizeof moved);
        self->entries[to] = moved;
    }
    changed(self, wall_ms);
}

void playlist_apply_renamed(playlist_t *self, const playlist_renamed_t *event, int64_t wall_ms)
{
    str_to_array(event->name, self->name, sizeof self->name);
    changed(self, wall_ms);
}

void playlist_apply_public(playlist_t *self, const playlist_public_set_t *event, int64_t wall_ms)
{
    self->is_public = event->is_public;
    changed(self, wall_ms);
}

void playlist_apply_erased(playlist_t *self, int64_t wall_ms)
{
    memory_free(STEAL(self->entries));
    self->count = self->capacity = 0;
    self->duration_ms = 0;
    self->name[0] = '\0';
    self->is_deleted = true;
    self->is_public = false;
    changed(self, wall_ms);
}

/* ---- snapshot ---- */

playlist_state_t playlist_to_state(const playlist_t *self)
{
    return (playlist_state_t){
        .owner_id = str_from(self->owner_id),
        .name = str_from(self->name),
        .version = self->version,
        .next_entry_id = self->next_entry_id,
        .changed_at = self->changed_at,
        .is_deleted = self->is_deleted,
        .entries = {self->entries, self->count},
        .is_public = self->is_public,
    };
}

err_t playlist_from_state(playlist_t *self, const playlist_state_t *state)
{
    if (state->entries.count > PLAYLIST_TRACKS_MAX)
        return ERR_CORRUPT;
    *self = (playlist_t){
        .version = state->version,
        .next_entry_id = state->next_entry_id,
        .changed_at = state->changed_at,
        .is_deleted = state->is_deleted,
        .is_public = state->is_public,
    };
    str_to_array(state->owner_id, self->owner_id, sizeof self->owner_id);
    str_to_array(state->name, self->name, sizeof self->name);
    TRY(reserve(self, state->entries.count));
    if (state->entries.count != 0)
        memcpy(self->entries, state->entries.items, state->entries.count * sizeof *self->entries);
    self->count = state->entries.count;
    for (uint32_t i = 0; i < self->count; i++)
        self->duration_ms += self->entries[i].duration_ms;
    return ERR_OK;
}
