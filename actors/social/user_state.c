/* user_state.c -- a listener's book as a snapshot, and back: user_rules.h. */

#include "actors/social/user_rules.h"

#include "runtime/base/memory.h"

enum { CHUNK_ITEMS = 4096 };

/* The facts that say something, in chunks, in the order of the table. */
static err_t facts_to_chunks(const track_facts_t *facts, arena_t *arena, user_state_t *out_state)
{
    uint32_t chunk_max = facts->used / CHUNK_ITEMS + 1, chunk_count = 0, count = 0;
    user_fact_chunk_t *chunks = arena_new_array(arena, chunk_max, sizeof *chunks);
    user_track_facts_t *items = arena_new_array(arena, facts->used + 1, sizeof *items);
    if (chunks == NULL || items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < facts->capacity; i++) {
        const track_fact_t *fact = &facts->slots[i];
        /* Which ones are favourites follows from the list of favourites. */
        if (fact->track_id != 0 &&
            (fact->rating != 0 || fact->play_count != 0 || fact->imported != 0))
            items[count++] = (user_track_facts_t){.track_id = fact->track_id,
                                                  .rating = fact->rating,
                                                  .play_count = fact->play_count,
                                                  .imported_plays = fact->imported_plays,
                                                  .imported = fact->imported};
    }
    for (uint32_t at = 0; at < count; at += CHUNK_ITEMS) {
        chunks[chunk_count].tracks.items = items + at;
        chunks[chunk_count++].tracks.count = MIN(count - at, (uint32_t)CHUNK_ITEMS);
    }
    out_state->facts.items = chunks;
    out_state->facts.count = chunk_count;
    return ERR_OK;
}

err_t user_book_to_state(const user_book_t *self, arena_t *arena, user_state_t *out_state)
{
    user_state_t state = {
        .favourites = {self->favourites, self->favourite_count},
        .next_favourite = self->next_favourite,
        .last_play_number = self->last_play_number,
        .following = {NULL, self->following.count},
        .followers = {NULL, self->followers.count},
        .is_erased = self->is_erased,
        .rooms = {NULL, self->rooms.count},
        .activities = {NULL, self->activities.count},
        .last_activity = self->activities.last,
        .last_following = self->following.last,
        .last_follower = self->followers.last,
    };
    TRY(links_to_records(&self->following, arena, &state.following.items));
    TRY(links_to_records(&self->followers, arena, &state.followers.items));
    TRY(room_list_to_records(&self->rooms, arena, &state.rooms.items));
    TRY(activities_to_records(&self->activities, arena, &state.activities.items));
    TRY(facts_to_chunks(&self->facts, arena, &state));

    user_setting_t *settings = arena_new_array(arena, USER_SETTING_COUNT, sizeof *settings);
    user_play_t *plays = arena_new_array(arena, self->history_count + 1, sizeof *plays);
    str_t *ids = arena_new_array(arena, self->playlist_count + 1, sizeof *ids);
    user_search_t *searches = arena_new_array(arena, USER_SEARCHES_MAX, sizeof *searches);
    if (plays == NULL || ids == NULL || settings == NULL || searches == NULL)
        return ERR_NO_MEMORY;
    state.searches.items = searches;
    state.searches.count = recent_searches_list(&self->searches, searches);
    state.settings.items = settings;
    state.settings.count = user_choices_list(&self->choices, true, settings);
    for (uint32_t i = 0; i < self->history_count; i++) /* oldest first */
        plays[i] = self->history[(self->history_next + i) % self->history_count];
    for (uint32_t i = 0; i < self->playlist_count; i++)
        ids[i] = str_from(self->playlists[i].text);
    state.history.items = plays;
    state.history.count = self->history_count;
    state.playlist_ids.items = ids;
    state.playlist_ids.count = self->playlist_count;
    *out_state = state;
    return ERR_OK;
}

static err_t facts_from_chunks(user_book_t *self, const user_state_t *state)
{
    for (uint32_t i = 0; i < state->facts.count; i++)
        for (uint32_t j = 0; j < state->facts.items[i].tracks.count; j++) {
            const user_track_facts_t *item = &state->facts.items[i].tracks.items[j];
            TRY(track_facts_reserve(&self->facts));
            track_fact_t *fact = track_facts_at(&self->facts, item->track_id);
            if (fact == NULL)
                return ERR_CORRUPT;
            fact->rating = item->rating;
            fact->play_count = item->play_count;
            fact->imported_plays = item->imported_plays;
            fact->imported = item->imported;
        }
    return ERR_OK;
}

static err_t favourites_from(user_book_t *self, const user_state_t *state)
{
    uint32_t count = state->favourites.count;
    if (count > USER_FAVOURITES_MAX)
        return ERR_CORRUPT;
    self->favourites = memory_new_array(count + 1, sizeof *self->favourites);
    if (self->favourites == NULL)
        return ERR_NO_MEMORY;
    self->favourite_count = count;
    self->favourite_capacity = count + 1;
    for (uint32_t i = 0; i < count; i++) {
        self->favourites[i] = state->favourites.items[i];
        TRY(track_facts_reserve(&self->facts));
        track_fact_t *fact = track_facts_at(&self->facts, self->favourites[i].track_id);
        if (fact == NULL)
            return ERR_CORRUPT;
        fact->favourite_number = self->favourites[i].number;
    }
    return ERR_OK;
}

err_t user_book_from_state(user_book_t *self, const user_state_t *state)
{
    if (state->history.count > USER_HISTORY_MAX || state->playlist_ids.count > USER_PLAYLISTS_MAX)
        return ERR_CORRUPT;
    self->next_favourite = state->next_favourite;
    self->is_erased = state->is_erased;
    TRY(links_from_records(&self->following, state->following.items, state->following.count,
                           USER_FOLLOWING_MAX));
    TRY(links_from_records(&self->followers, state->followers.items, state->followers.count,
                           USER_FOLLOWERS_MAX));
    TRY(room_list_from_records(&self->rooms, state->rooms.items, state->rooms.count));
    TRY(activities_from_records(&self->activities, state->activities.items,
                                state->activities.count));
    self->activities.last = state->last_activity;
    self->following.last = state->last_following;
    self->followers.last = state->last_follower;
    for (uint32_t i = 0; i < state->settings.count; i++)
        user_choices_apply(&self->choices, state->settings.items[i].name,
                           state->settings.items[i].value);
    TRY(facts_from_chunks(self, state));
    TRY(favourites_from(self, state));
    for (uint32_t i = 0; i < state->playlist_ids.count; i++) {
        user_playlist_added_t added = {state->playlist_ids.items[i]};
        TRY(user_apply_playlist_added(self, &added));
    }
    if (state->history.count != 0) {
        self->history =
            memory_dup(state->history.items, state->history.count * sizeof(user_play_t));
        if (self->history == NULL)
            return ERR_NO_MEMORY;
        self->history_count = self->history_capacity = state->history.count;
    }
    self->last_play_number = state->last_play_number;
    return recent_searches_restore(&self->searches, state->searches.items, state->searches.count);
}
