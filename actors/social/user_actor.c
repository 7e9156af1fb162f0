/* user_actor.c -- the actor around user_rules.h; also the one that makes and deletes playlists, so
 * that the list of them and they themselves agree. */

#include "actors/social/kinds.h"
#include "actors/social/people/acting.h"
#include "actors/social/people/follows.h"
#include "actors/social/rooms/user_rooms.h"
#include "actors/social/user_rules.h"
#include "runtime/base/text.h"

typedef struct user_self {
    user_book_t book;
    bool is_broken; /* an event could not be applied: there was no memory */
} user_self_t;
_Static_assert(offsetof(user_self_t, book) == 0,
               "follows.h and user_rooms.h take the state for the book");

#define ACTOR_DEF "actors/protocol/user.def"
#define ACTOR_STATE user_self_t
#include "runtime/actor_kind.h"

enum { ASK_PLAYLIST_TIMEOUT_MS = 5000 };

/* ---- reading ---- */

ON(user_get_track_facts)
{
    uint32_t count = command->track_ids.count;
    if (count > USER_PAGE_MAX)
        return ERR_LIMIT;
    user_track_facts_t facts[USER_PAGE_MAX];
    for (uint32_t i = 0; i < count; i++)
        facts[i] = user_book_facts(&self->book, command->track_ids.items[i]);
    return actor_reply(ctx, user_facts, .tracks = {facts, count});
}

ON(user_get_favourites)
{
    user_favourite_t page[USER_PAGE_MAX];
    bool has_next = false;
    uint32_t count =
        user_book_favourites(&self->book, command->before,
                             MIN(command->first, (uint32_t)USER_PAGE_MAX), page, &has_next);
    return actor_reply(ctx, user_favourites, .favourites = {page, count}, .has_next = has_next,
                       .total_count = self->book.favourite_count);
}

ON(user_get_favourite_ids)
{
    uint32_t count = self->book.favourite_count;
    uint64_t *ids = arena_new_array(context_arena(ctx), count, sizeof *ids);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    user_book_favourite_ids(&self->book, ids);
    return actor_reply(ctx, user_favourite_ids, .track_ids = {ids, count});
}

ON(user_get_history)
{
    user_play_t plays[USER_PAGE_MAX];
    uint32_t count =
        user_book_history(&self->book, MIN(command->first, (uint32_t)USER_PAGE_MAX), plays);
    return actor_reply(ctx, user_history, .plays = {plays, count},
                       .total_count = self->book.history_count);
}

ON(user_get_playlists)
{
    str_t ids[USER_PLAYLISTS_MAX];
    for (uint32_t i = 0; i < self->book.playlist_count; i++)
        ids[i] = str_from(self->book.playlists[i].text);
    return actor_reply(ctx, user_playlists, .playlist_ids = {ids, self->book.playlist_count});
}

/* ---- a track's facts ---- */

static err_t answer_facts(user_self_t *self, context_t *ctx, uint64_t track_id)
{
    user_track_facts_t facts = user_book_facts(&self->book, track_id);
    return actor_reply(ctx, user_facts, .tracks = {&facts, 1});
}

static void publish_facts(user_self_t *self, context_t *ctx, uint64_t track_id)
{
    user_track_facts_t facts = user_book_facts(&self->book, track_id);
    str_t topic = arena_printf(context_arena(ctx), "user/%.*s/tracks", STR_ARG(context_key(ctx)));
    actor_publish(ctx, topic, user_track_changed, .track_id = track_id,
                  .is_favourite = facts.is_favourite, .rating = facts.rating,
                  .play_count = facts.play_count);
}

ON(user_set_favourite)
{
    bool is_change = false;
    TRY(user_decide_favourite(&self->book, command, &is_change));
    if (is_change) {
        emit(ctx, user_favourite_set, .track_id = command->track_id,
             .is_favourite = command->is_favourite);
        acting_note(&self->book, ctx,
                    &(user_acted_t){.kind = ACTIVITY_FAVOURITE, .track_id = command->track_id},
                    command->is_favourite);
        publish_facts(self, ctx, command->track_id);
    }
    return answer_facts(self, ctx, command->track_id);
}

ON(user_set_rating)
{
    bool is_change = false;
    TRY(user_decide_rating(&self->book, command, &is_change));
    if (is_change) {
        emit(ctx, user_rating_set, .track_id = command->track_id, .rating = command->rating);
        acting_note(&self->book, ctx,
                    &(user_acted_t){.kind = ACTIVITY_RATING,
                                    .track_id = command->track_id,
                                    .rating = command->rating},
                    command->rating > 0);
        publish_facts(self, ctx, command->track_id);
    }
    return answer_facts(self, ctx, command->track_id);
}

ON(user_add_play)
{
    bool is_change = false;
    TRY(user_decide_play(&self->book, command, &is_change));
    if (is_change) {
        emit(ctx, user_played, .number = command->number, .track_id = command->track_id,
             .played_at = command->played_at);
        publish_facts(self, ctx, command->track_id);
    }
    return actor_reply(ctx, user_play_added, .number = command->number);
}

ON(user_import)
{
    user_imported_t event;
    user_import_done_t done;
    TRY(user_decide_import(&self->book, command, context_arena(ctx), &event, &done));
    if (event.tracks.count > 0) {
        actor_emit(ctx, &user_imported_schema, &event);
        for (uint32_t i = 0; i < event.tracks.count; i++)
            publish_facts(self, ctx, event.tracks.items[i].track_id);
    }
    return actor_reply_message(ctx, &user_import_done_schema, &done);
}

/* ---- playlists ----
 *
 * The playlist is made (or deleted) first and listed (or taken off the list) second, and only then
 * is the caller answered. A crash in between leaves a playlist that nobody was told of (or one on
 * the list that is gone); the client's repeat, with the same command id, names the same playlist
 * and ends the work. */

typedef struct playlist_job {
    reply_token_t token;
    user_playlist_id_t id;
} playlist_job_t;

static void publish_playlists(context_t *ctx, str_t playlist_id, uint64_t version, bool is_deleted)
{
    str_t user_id = context_key(ctx);
    str_t topic = arena_printf(context_arena(ctx), "playlists/%.*s", STR_ARG(user_id));
    actor_publish(ctx, topic, playlist_changed, .playlist_id = playlist_id, .owner_id = user_id,
                  .version = version, .is_deleted = is_deleted);
}

/* 128 bits that follow from the user and the command id, by two rounds of FNV-1a; without a command
 * id they are random. Only this user's commands can meet, and theirs are UUIDs. For a playlist or a
 * room. */
static void make_id(context_t *ctx, user_playlist_id_t *out_id)
{
    uint64_t bits[2] = {context_random_u64(ctx), context_random_u64(ctx)};
    str_t command_id = context_command_id(ctx);
    if (!str_is_empty(command_id)) {
        uint64_t user = str_hash(context_key(ctx));
        bits[0] = str_hash_more(str_hash_more(user, STR("/1/")), command_id);
        bits[1] = str_hash_more(str_hash_more(user, STR("/2/")), command_id);
    }
    buf_t text BUF_SCOPED = BUF_INIT;
    hex_append(&text, str_of(bits, sizeof bits));
    str_to_array(buf_str(&text), out_id->text, sizeof out_id->text);
}

static void playlist_was_created(void *state, context_t *ctx, const answer_t *answer, void *data,
                                 UNUSED size_t data_size)
{
    user_self_t *self = state;
    const playlist_job_t *job = data;
    str_t id = str_from(job->id.text);
    bool is_change = false;
    err_t err = answer->err;
    if (err == ERR_OK)
        err = user_decide_add_playlist(&self->book, id, &is_change);
    if (err != ERR_OK) {
        actor_refuse_to(ctx, job->token, err);
        return;
    }
    const playlist_view_t *view = answer->message;
    if (is_change) {
        emit(ctx, user_playlist_added, .playlist_id = id);
        publish_playlists(ctx, id, view->version, false);
    }
    actor_reply_to_message(ctx, job->token, ERR_OK, &playlist_view_schema, view);
}

ON(user_create_playlist)
{
    playlist_job_t job = {.token = {0}};
    bool is_change = false;
    make_id(ctx, &job.id);
    TRY(user_decide_add_playlist(&self->book, str_from(job.id.text), &is_change));
    job.token = actor_reply_later(ctx);
    actor_ask(ctx, address_of(PLAYLIST_KIND, str_from(job.id.text)), ASK_PLAYLIST_TIMEOUT_MS,
              playlist_was_created, &job, sizeof job, playlist_create, .user_id = context_key(ctx),
              .name = command->name, .tracks = {command->tracks.items, command->tracks.count});
    return ERR_OK;
}

static void playlist_was_deleted(void *state, context_t *ctx, const answer_t *answer, void *data,
                                 UNUSED size_t data_size)
{
    user_self_t *self = state;
    const playlist_job_t *job = data;
    str_t id = str_from(job->id.text);
    if (answer->err != ERR_OK && answer->err != ERR_NOT_FOUND) {
        actor_refuse_to(ctx, job->token, answer->err);
        return;
    }
    if (user_book_has_playlist(&self->book, id)) {
        emit(ctx, user_playlist_removed, .playlist_id = id);
        publish_playlists(ctx, id, 0, true);
    }
    if (answer->err == ERR_OK)
        actor_reply_to(ctx, job->token, playlist_deleted, .playlist_id = id);
    else
        actor_refuse_to(ctx, job->token, answer->err);
}

ON(user_delete_playlist)
{
    playlist_job_t job = {.token = {0}};
    if (str_is_empty(command->playlist_id) ||
        !str_to_array(command->playlist_id, job.id.text, sizeof job.id.text))
        return ERR_NOT_FOUND;
    job.token = actor_reply_later(ctx);
    actor_ask(ctx, address_of(PLAYLIST_KIND, command->playlist_id), ASK_PLAYLIST_TIMEOUT_MS,
              playlist_was_deleted, &job, sizeof job, playlist_delete, .user_id = context_key(ctx));
    return ERR_OK;
}

/* ---- settings ---- */

static err_t answer_settings(user_self_t *self, context_t *ctx)
{
    user_setting_t settings[USER_SETTING_COUNT];
    uint32_t count = user_choices_list(&self->book.choices, false, settings);
    return actor_reply(ctx, user_settings, .settings = {settings, count});
}

ON(user_get_settings)
{
    return answer_settings(self, ctx);
}

ON(user_set_settings)
{
    bool is_change[USER_SETTINGS_MAX] = {false}, is_any = false;
    if (command->settings.count > USER_SETTINGS_MAX)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < command->settings.count; i++)
        TRY(user_choices_check(&self->book.choices, &command->settings.items[i], &is_change[i]));
    for (uint32_t i = 0; i < command->settings.count; i++) {
        const user_setting_t *setting = &command->settings.items[i];
        if (is_change[i])
            emit(ctx, user_setting_set, .name = setting->name, .value = setting->value);
        is_any |= is_change[i];
    }
    if (is_any) {
        user_setting_t settings[USER_SETTING_COUNT];
        uint32_t count = user_choices_list(&self->book.choices, false, settings);
        str_t topic =
            arena_printf(context_arena(ctx), "user/%.*s/settings", STR_ARG(context_key(ctx)));
        actor_publish(ctx, topic, user_settings, .settings = {settings, count});
    }
    return answer_settings(self, ctx);
}

/* ---- recent searches ---- */

static err_t answer_searches(user_self_t *self, context_t *ctx)
{
    user_search_t searches[USER_SEARCHES_MAX];
    uint32_t count = recent_searches_list(&self->book.searches, searches);
    return actor_reply(ctx, user_searches, .searches = {searches, count});
}

ON(user_get_searches)
{
    return answer_searches(self, ctx);
}

ON(user_note_search)
{
    str_t query;
    TRY(recent_searches_check(&self->book.searches, command->query, &query));
    if (user_choices_is(&self->book.choices, STR("search_history"), STR("on")))
        emit(ctx, user_searched, .query = query);
    return answer_searches(self, ctx);
}

ON(user_forget_search)
{
    if (recent_searches_has(&self->book.searches, str_trim(command->query)))
        emit(ctx, user_search_forgotten, .query = str_trim(command->query));
    return answer_searches(self, ctx);
}

ON(user_clear_searches)
{
    if (self->book.searches.count > 0)
        emit(ctx, user_searches_cleared);
    return answer_searches(self, ctx);
}

/* ---- follows ---- */

ON(user_get_standing)
{
    return follows_standing(&self->book, ctx, command->user_id);
}

ON(user_get_links)
{
    return follows_list(&self->book, ctx, command);
}

ON(user_set_follow)
{
    return follows_set(&self->book, ctx, command);
}

ON(user_note_follower)
{
    return follows_note(&self->book, ctx, command);
}

ON(user_forget)
{
    return follows_forget(&self->book, ctx, command->user_id);
}

ON(user_part)
{
    const user_book_t *book = &self->book;
    if (book->following.count > 0 || book->followers.count > 0)
        return follows_part(&self->book, ctx);
    return book->rooms.count > 0 ? rooms_part(&self->book, ctx)
                                 : actor_reply(ctx, user_parted, .left = 0);
}

/* ---- activities ---- */

ON(user_get_activities)
{
    return acting_list(&self->book, ctx, command);
}

ON(user_note_public)
{
    acting_note(&self->book, ctx,
                &(user_acted_t){.kind = ACTIVITY_PLAYLIST, .object_id = command->playlist_id},
                command->is_public);
    return ERR_OK;
}

/* ---- rooms ---- */

ON(user_get_rooms)
{
    return rooms_list(&self->book, ctx);
}

ON(user_create_room)
{
    user_playlist_id_t id;
    make_id(ctx, &id);
    return rooms_create(&self->book, ctx, str_from(id.text), command);
}

ON(user_join_room)
{
    return rooms_join(&self->book, ctx, command->room_id);
}

ON(user_note_room)
{
    return rooms_note(&self->book, ctx, command);
}

/* ---- erasing ---- */

/* A tie that came after the parting: its other end would keep it. */
ON(user_erase)
{
    if (user_book_ties(&self->book) > 0)
        return ERR_BUSY;
    emit(ctx, user_erased);
    return actor_reply(ctx, user_done);
}

/* ---- events ---- */

APPLY(user_favourite_set)
{
    self->is_broken |= user_apply_favourite(&self->book, event) != ERR_OK;
}

APPLY(user_rating_set)
{
    self->is_broken |= user_apply_rating(&self->book, event) != ERR_OK;
}

APPLY(user_played)
{
    self->is_broken |= user_apply_played(&self->book, event) != ERR_OK;
}

APPLY(user_imported)
{
    self->is_broken |= user_apply_imported(&self->book, event) != ERR_OK;
}

APPLY(user_playlist_added)
{
    self->is_broken |= user_apply_playlist_added(&self->book, event) != ERR_OK;
}

APPLY(user_playlist_removed)
{
    user_apply_playlist_removed(&self->book, event);
}

APPLY(user_setting_set)
{
    user_apply_setting(&self->book, event);
}

APPLY(user_searched)
{
    self->is_broken |= recent_searches_apply(&self->book.searches, event->query, wall_ms) != ERR_OK;
}

APPLY(user_search_forgotten)
{
    recent_searches_apply_removed(&self->book.searches, event->query);
}

APPLY(user_searches_cleared)
{
    recent_searches_apply_cleared(&self->book.searches);
}

APPLY(user_follow_set)
{
    self->is_broken |= user_apply_follow(&self->book, event, wall_ms) == ERR_NO_MEMORY;
}

APPLY(user_acted)
{
    self->is_broken |=
        activities_apply_acted(&self->book.activities, event, wall_ms) == ERR_NO_MEMORY;
}

APPLY(user_act_dropped)
{
    activities_apply_dropped(&self->book.activities, event->number);
}

APPLY(user_room_set)
{
    self->is_broken |=
        room_list_set(&self->book.rooms, event->room_id, event->standing) == ERR_NO_MEMORY;
}

APPLY(user_follower_set)
{
    self->is_broken |= user_apply_follower(&self->book, event) == ERR_NO_MEMORY;
}

/* What an erased listener's events leave behind goes with the rest. */
APPLY(user_erased)
{
    user_book_deinit(&self->book);
    self->book.is_erased = true;
}

/* ---- life ---- */

static err_t start(void *state, UNUSED context_t *ctx)
{
    return ((user_self_t *)state)->is_broken ? ERR_NO_MEMORY : ERR_OK;
}

static void deinit(void *state)
{
    user_book_deinit(&((user_self_t *)state)->book);
}

static void snapshot(const void *state, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    user_state_t record;
    if (user_book_to_state(&((const user_self_t *)state)->book, &arena, &record) == ERR_OK)
        schema_encode(&user_state_schema, &record, out);
    else
        out->failed = ERR_NO_MEMORY;
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    user_state_t record;
    TRY(schema_decode(&user_state_schema, text, &arena, &record));
    return user_book_from_state(&((user_self_t *)state)->book, &record);
}

ACTOR_KIND(user, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .idle_ms = 120000, .snapshot_every = 500);
