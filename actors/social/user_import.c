/* user_import.c -- what another program knew of tracks, taken into the book: user_rules.h.
 *
 * A fact remembers what imports have said of it: so the same import again changes nothing, a later
 * one brings what is new, and what the listener took back since does not come back. */

#include "actors/social/user_rules.h"

#include "runtime/base/memory.h"

static bool is_new_favourite(const track_fact_t *fact, const user_import_track_t *track)
{
    return track->is_favourite && (fact->imported & TRACK_IMPORTED_FAVOURITE) == 0;
}

static bool is_new_rating(const track_fact_t *fact, const user_import_track_t *track)
{
    return track->rating != 0 && (fact->imported & TRACK_IMPORTED_RATING) == 0;
}

/* What of it was not said before; *out_done adds up what it will change. */
static user_import_track_t news_of(const track_fact_t *fact, const user_import_track_t *track,
                                   user_import_done_t *out_done)
{
    user_import_track_t news = {.track_id = track->track_id};
    news.is_favourite = is_new_favourite(fact, track);
    if (is_new_rating(fact, track))
        news.rating = track->rating;
    if (track->play_count > fact->imported_plays) {
        news.play_count = track->play_count;
        news.played_at = track->played_at;
        news.new_plays = track->play_count - fact->imported_plays;
        out_done->plays += news.new_plays;
    }
    out_done->favourites += news.is_favourite && fact->favourite_number == 0;
    out_done->ratings += news.rating != 0 && fact->rating == 0;
    return news;
}

static bool is_news(const user_import_track_t *news)
{
    return news->is_favourite || news->rating != 0 || news->play_count != 0;
}

static err_t check(const user_import_t *command)
{
    if (command->tracks.count > USER_IMPORT_MAX)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < command->tracks.count; i++)
        if (command->tracks.items[i].track_id == 0 ||
            command->tracks.items[i].rating > USER_RATING_MAX)
            return ERR_INVALID;
    return ERR_OK;
}

static err_t reserve_favourites(user_book_t *self, uint32_t count)
{
    uint32_t wanted = self->favourite_count + count;
    if (wanted > USER_FAVOURITES_MAX)
        return ERR_LIMIT;
    if (wanted <= self->favourite_capacity)
        return ERR_OK;
    void *more = memory_resize(self->favourites, wanted, sizeof *self->favourites);
    if (more == NULL)
        return ERR_NO_MEMORY;
    self->favourites = more;
    self->favourite_capacity = wanted;
    return ERR_OK;
}

static err_t reserve_history(user_book_t *self, uint32_t count)
{
    uint32_t wanted = MIN(self->history_count + count, (uint32_t)USER_HISTORY_MAX);
    if (wanted <= self->history_capacity)
        return ERR_OK;
    void *more = memory_resize(self->history, wanted, sizeof *self->history);
    if (more == NULL)
        return ERR_NO_MEMORY;
    self->history = more;
    self->history_capacity = wanted;
    return ERR_OK;
}

static err_t reserve(user_book_t *self, const user_imported_t *event)
{
    uint32_t favourites = 0, plays = 0;
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        favourites += event->tracks.items[i].is_favourite;
        plays += event->tracks.items[i].played_at != 0;
    }
    TRY(track_facts_reserve_many(&self->facts, event->tracks.count));
    TRY(reserve_favourites(self, favourites));
    return reserve_history(self, plays);
}

err_t user_decide_import(user_book_t *self, const user_import_t *command, arena_t *arena,
                         user_imported_t *out_event, user_import_done_t *out_done)
{
    static const track_fact_t nothing = {.track_id = 0};
    TRY(check(command));
    uint32_t count = 0;
    user_import_done_t done = {.plays = 0};
    user_import_track_t *tracks = arena_new_array(arena, command->tracks.count + 1, sizeof *tracks);
    if (tracks == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < command->tracks.count; i++) {
        const user_import_track_t *track = &command->tracks.items[i];
        const track_fact_t *fact = track_facts_find(&self->facts, track->track_id);
        user_import_track_t news = news_of(fact == NULL ? &nothing : fact, track, &done);
        if (is_news(&news))
            tracks[count++] = news;
    }
    user_imported_t event = {.tracks = {tracks, count}};
    if (count > 0)
        TRY(reserve(self, &event));
    *out_event = event;
    *out_done = done;
    return ERR_OK;
}

/* ---- applying ---- */

static user_play_t *play_at(user_book_t *self, uint32_t index)
{
    return &self->history[(self->history_next + index) % self->history_count];
}

/* Where its time says; one that is older than all of a full history is passed over. */
static void put_play(user_book_t *self, user_play_t play)
{
    uint32_t i;
    if (self->history_count < USER_HISTORY_MAX) {
        i = self->history_count++;
        for (; i > 0 && play_at(self, i - 1)->played_at > play.played_at; i--)
            *play_at(self, i) = *play_at(self, i - 1);
        *play_at(self, i) = play;
    } else if (play_at(self, 0)->played_at <= play.played_at) {
        for (i = 0;
             i + 1 < self->history_count && play_at(self, i + 1)->played_at <= play.played_at; i++)
            *play_at(self, i) = *play_at(self, i + 1);
        *play_at(self, i) = play;
    }
}

static void apply_one(user_book_t *self, const user_import_track_t *news, track_fact_t *fact)
{
    if (news->is_favourite) {
        fact->imported |= TRACK_IMPORTED_FAVOURITE;
        if (fact->favourite_number == 0) {
            fact->favourite_number = ++self->next_favourite;
            self->favourites[self->favourite_count++] =
                (user_favourite_t){fact->favourite_number, news->track_id};
        }
    }
    if (news->rating != 0) {
        fact->imported |= TRACK_IMPORTED_RATING;
        if (fact->rating == 0)
            fact->rating = news->rating;
    }
    if (news->play_count > fact->imported_plays) {
        uint32_t more = news->play_count - fact->imported_plays;
        fact->play_count =
            more > UINT32_MAX - fact->play_count ? UINT32_MAX : fact->play_count + more;
        fact->imported_plays = news->play_count;
    }
    if (news->played_at != 0)
        put_play(self, (user_play_t){news->track_id, news->played_at});
}

err_t user_apply_imported(user_book_t *self, const user_imported_t *event)
{
    TRY(reserve(self, event));
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        track_fact_t *fact = track_facts_at(&self->facts, event->tracks.items[i].track_id);
        if (fact == NULL)
            return ERR_CORRUPT; /* reserved just now */
        apply_one(self, &event->tracks.items[i], fact);
    }
    return ERR_OK;
}
