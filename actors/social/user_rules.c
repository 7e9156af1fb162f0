#include "actors/social/user_rules.h"

#include "runtime/base/memory.h"

#include <stdlib.h>

void user_book_deinit(user_book_t *self)
{
    track_facts_deinit(&self->facts);
    memory_free(self->favourites);
    memory_free(self->history);
    memory_free(self->playlists);
    links_deinit(&self->following);
    links_deinit(&self->followers);
    room_list_deinit(&self->rooms);
    activities_deinit(&self->activities);
    recent_searches_deinit(&self->searches);
    *self = (user_book_t){0};
}

/* ---- reading ---- */

user_track_facts_t user_book_facts(const user_book_t *self, uint64_t track_id)
{
    const track_fact_t *fact = track_facts_find(&self->facts, track_id);
    if (fact == NULL)
        return (user_track_facts_t){.track_id = track_id};
    return (user_track_facts_t){.track_id = track_id,
                                .is_favourite = fact->favourite_number != 0,
                                .rating = fact->rating,
                                .play_count = fact->play_count};
}

/* The index of the first favourite whose number is at least this. */
static uint32_t favourite_index(const user_book_t *self, uint64_t number)
{
    uint32_t low = 0, high = self->favourite_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->favourites[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t user_book_favourites(const user_book_t *self, uint64_t before, uint32_t count_max,
                              user_favourite_t *out, bool *out_has_next)
{
    uint32_t end = before == 0 ? self->favourite_count : favourite_index(self, before);
    uint32_t count = MIN(end, count_max);
    for (uint32_t i = 0; i < count; i++)
        out[i] = self->favourites[end - 1 - i];
    *out_has_next = count < end;
    return count;
}

static int by_id(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void user_book_favourite_ids(const user_book_t *self, uint64_t *out)
{
    for (uint32_t i = 0; i < self->favourite_count; i++)
        out[i] = self->favourites[i].track_id;
    if (self->favourite_count > 0)
        qsort(out, self->favourite_count, sizeof *out, by_id);
}

uint32_t user_book_history(const user_book_t *self, uint32_t count_max, user_play_t *out)
{
    uint32_t count = MIN(self->history_count, count_max);
    for (uint32_t i = 0; i < count; i++)
        out[i] =
            self->history[(self->history_next + self->history_count - 1 - i) % self->history_count];
    return count;
}

static uint32_t playlist_index(const user_book_t *self, str_t playlist_id)
{
    uint32_t i = 0;
    while (i < self->playlist_count && !str_equal(str_from(self->playlists[i].text), playlist_id))
        i++;
    return i;
}

bool user_book_has_playlist(const user_book_t *self, str_t playlist_id)
{
    return playlist_index(self, playlist_id) != self->playlist_count;
}

uint32_t user_book_ties(const user_book_t *self)
{
    return self->following.count + self->followers.count + self->rooms.count;
}

/* ---- deciding ---- */

/* Room for one more item. */
static err_t grow(void **items, uint32_t count, uint32_t *capacity, uint32_t count_max,
                  size_t item_size)
{
    if (count < *capacity)
        return ERR_OK;
    if (count >= count_max)
        return ERR_LIMIT;
    uint32_t wanted = MIN(MAX(16u, *capacity * 2), count_max);
    void *more = memory_resize(*items, wanted, item_size);
    if (more == NULL)
        return ERR_NO_MEMORY;
    *items = more;
    *capacity = wanted;
    return ERR_OK;
}

static err_t grow_favourites(user_book_t *self)
{
    void *items = self->favourites;
    TRY(grow(&items, self->favourite_count, &self->favourite_capacity, USER_FAVOURITES_MAX,
             sizeof *self->favourites));
    self->favourites = items;
    return ERR_OK;
}

static err_t grow_history(user_book_t *self)
{
    if (self->history_count == USER_HISTORY_MAX)
        return ERR_OK;
    void *items = self->history;
    TRY(grow(&items, self->history_count, &self->history_capacity, USER_HISTORY_MAX,
             sizeof *self->history));
    self->history = items;
    return ERR_OK;
}

static err_t grow_playlists(user_book_t *self)
{
    void *items = self->playlists;
    TRY(grow(&items, self->playlist_count, &self->playlist_capacity, USER_PLAYLISTS_MAX,
             sizeof *self->playlists));
    self->playlists = items;
    return ERR_OK;
}

/* Room for a fact, where there is none yet. */
static err_t reserve_fact(user_book_t *self, uint64_t track_id)
{
    return track_facts_find(&self->facts, track_id) != NULL ? ERR_OK
                                                            : track_facts_reserve(&self->facts);
}

err_t user_decide_favourite(user_book_t *self, const user_set_favourite_t *command,
                            bool *out_is_change)
{
    if (command->track_id == 0)
        return ERR_INVALID;
    bool is_change = user_book_facts(self, command->track_id).is_favourite != command->is_favourite;
    if (is_change && command->is_favourite) {
        TRY(grow_favourites(self));
        TRY(reserve_fact(self, command->track_id));
    }
    *out_is_change = is_change;
    return ERR_OK;
}

err_t user_decide_rating(user_book_t *self, const user_set_rating_t *command, bool *out_is_change)
{
    if (command->track_id == 0 || command->rating > USER_RATING_MAX)
        return ERR_INVALID;
    bool is_change = user_book_facts(self, command->track_id).rating != command->rating;
    if (is_change)
        TRY(reserve_fact(self, command->track_id));
    *out_is_change = is_change;
    return ERR_OK;
}

err_t user_decide_play(user_book_t *self, const user_add_play_t *command, bool *out_is_change)
{
    if (command->track_id == 0)
        return ERR_INVALID;
    bool is_change = command->number > self->last_play_number;
    if (is_change) {
        TRY(grow_history(self));
        err_t err = reserve_fact(self, command->track_id);
        if (err != ERR_OK && err != ERR_LIMIT)
            return err;
    }
    *out_is_change = is_change;
    return ERR_OK;
}

err_t user_decide_add_playlist(user_book_t *self, str_t playlist_id, bool *out_is_change)
{
    if (str_is_empty(playlist_id) || playlist_id.size > USER_PLAYLIST_ID_SIZE_MAX)
        return ERR_INVALID;
    bool is_change = !user_book_has_playlist(self, playlist_id);
    if (is_change)
        TRY(grow_playlists(self));
    *out_is_change = is_change;
    return ERR_OK;
}

err_t user_decide_follow(user_book_t *self, str_t self_id, const user_set_follow_t *command,
                         bool *out_is_change)
{
    bool is_following = links_has(&self->following, command->user_id);
    if (str_is_empty(command->user_id) || command->user_id.size > LINK_USER_ID_SIZE_MAX ||
        str_equal(command->user_id, self_id))
        return ERR_INVALID;
    if (command->is_following && !is_following)
        TRY(links_reserve(&self->following, USER_FOLLOWING_MAX));
    *out_is_change = is_following != command->is_following;
    return ERR_OK;
}

err_t user_decide_follower(user_book_t *self, const user_note_follower_t *command,
                           bool *out_is_change)
{
    bool is_follower = links_has(&self->followers, command->user_id);
    if (command->is_following && self->is_erased)
        return ERR_LIMIT;
    if (command->is_following && !is_follower)
        TRY(links_reserve(&self->followers, USER_FOLLOWERS_MAX));
    *out_is_change = is_follower != command->is_following;
    return ERR_OK;
}

/* ---- applying ---- */

/* An event that was decided always finds room; a replay has to make it again. Where the table is
 * full there is none, and the fact is NULL. */
static err_t fact_for(user_book_t *self, uint64_t track_id, track_fact_t **out_fact)
{
    err_t err = reserve_fact(self, track_id);
    if (err != ERR_OK && err != ERR_LIMIT)
        return err;
    *out_fact = track_facts_at(&self->facts, track_id);
    return ERR_OK;
}

static void remove_favourite(user_book_t *self, track_fact_t *fact)
{
    uint32_t index = favourite_index(self, fact->favourite_number);
    self->favourite_count--;
    memmove(self->favourites + index, self->favourites + index + 1,
            (self->favourite_count - index) * sizeof *self->favourites);
    fact->favourite_number = 0;
}

err_t user_apply_favourite(user_book_t *self, const user_favourite_set_t *event)
{
    track_fact_t *fact = NULL;
    TRY(grow_favourites(self));
    TRY(fact_for(self, event->track_id, &fact));
    if (fact == NULL || (fact->favourite_number != 0) == event->is_favourite)
        return ERR_OK;
    if (!event->is_favourite) {
        remove_favourite(self, fact);
        return ERR_OK;
    }
    fact->favourite_number = ++self->next_favourite;
    self->favourites[self->favourite_count++] =
        (user_favourite_t){fact->favourite_number, event->track_id};
    return ERR_OK;
}

err_t user_apply_rating(user_book_t *self, const user_rating_set_t *event)
{
    track_fact_t *fact = NULL;
    TRY(fact_for(self, event->track_id, &fact));
    if (fact != NULL)
        fact->rating = event->rating;
    return ERR_OK;
}

err_t user_apply_played(user_book_t *self, const user_played_t *event)
{
    track_fact_t *fact = NULL;
    TRY(grow_history(self));
    TRY(fact_for(self, event->track_id, &fact));
    if (fact != NULL && fact->play_count < UINT32_MAX)
        fact->play_count++;

    user_play_t play = {event->track_id, event->played_at};
    if (self->history_count < USER_HISTORY_MAX) {
        self->history[self->history_count++] = play;
    } else {
        self->history[self->history_next] = play;
        self->history_next = (self->history_next + 1) % USER_HISTORY_MAX;
    }
    self->last_play_number = event->number;
    return ERR_OK;
}

err_t user_apply_playlist_added(user_book_t *self, const user_playlist_added_t *event)
{
    if (user_book_has_playlist(self, event->playlist_id))
        return ERR_OK;
    TRY(grow_playlists(self));
    str_to_array(event->playlist_id, self->playlists[self->playlist_count++].text,
                 sizeof self->playlists->text);
    return ERR_OK;
}

void user_apply_setting(user_book_t *self, const user_setting_set_t *event)
{
    user_choices_apply(&self->choices, event->name, event->value);
    if (user_choices_is(&self->choices, STR("search_history"), STR("off")))
        recent_searches_apply_cleared(&self->searches);
    if (user_choices_is(&self->choices, STR("activity_shared"), STR("off")))
        activities_apply_cleared(&self->activities);
}

void user_apply_playlist_removed(user_book_t *self, const user_playlist_removed_t *event)
{
    uint32_t index = playlist_index(self, event->playlist_id);
    if (index == self->playlist_count)
        return;
    self->playlist_count--;
    memmove(self->playlists + index, self->playlists + index + 1,
            (self->playlist_count - index) * sizeof *self->playlists);
}

err_t user_apply_follow(user_book_t *self, const user_follow_set_t *event, int64_t wall_ms)
{
    if (event->is_following)
        return links_add(&self->following, event->user_id, wall_ms);
    links_remove(&self->following, event->user_id);
    return ERR_OK;
}

err_t user_apply_follower(user_book_t *self, const user_follower_set_t *event)
{
    if (event->is_follower)
        return links_add(&self->followers, event->user_id, event->since);
    links_remove(&self->followers, event->user_id);
    return ERR_OK;
}
