/* session_actor.c -- the actor around player.h: who is there, timers, and telling others. The
 * handlers of commands are thin: decide, emit, `done`. What follows from any change (presence, the
 * pause when the active device is gone, plays owed to `user`) is in `settle`. */

#include "actors/protocol/presence.h"
#include "actors/protocol/user.h"
#include "actors/streaming/player_decide.h"
#include "actors/streaming/session_service.h"

enum { TELL_TIMEOUT_MS = 5000, TELL_AGAIN_MS = 5000, IDLE_MS = 300000 };

typedef struct session_self {
    player_t player;
    bool is_broken; /* an event could not be applied: there was no memory */

    /* Not durable. Times are monotonic milliseconds unless they say otherwise; 0: none. */
    attachments_t online;
    bool has_report;                  /* believed, and not appended yet */
    session_report_progress_t report; /* without its strings */
    int64_t report_at;                /* wall clock */
    uint64_t offline_since_ms;
    uint64_t presence_due_ms;
    presence_listener_t shown; /* without its string */
    bool is_shown, is_telling;
    uint64_t tell_due_ms;
    actor_timer_t timer;
    uint64_t timer_due_ms;
} session_self_t;

#define ACTOR_DEF "actors/protocol/session.def"
#define ACTOR_STATE session_self_t
#include "runtime/actor_kind.h"

/* ---- what others see ---- */

static err_t make_view(session_self_t *self, context_t *ctx, session_view_t *out_view)
{
    const player_t *player = &self->player;
    session_device_t *devices =
        arena_new_array(context_arena(ctx), player->device_count + 1, sizeof *devices);
    if (devices == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < player->device_count; i++) {
        const player_device_t *device = &player->devices[i];
        devices[i] =
            (session_device_t){.device_id = str_from(device->id),
                               .name = str_from(device->name),
                               .is_online = attachments_have(&self->online, str_from(device->id)),
                               .volume = device->volume,
                               .seen_at = device->seen_at};
    }
    *out_view = (session_view_t){
        .version = player->version,
        .placement = player->placement,
        .queue = {player->queue.entries, player->queue.count},
        .current_entry_id = player->current_entry_id,
        .is_playing = player->is_playing,
        .position_ms = player->position_ms,
        .position_at = MAX(player->position_at, player->resumed_at),
        .server_time = context_wall_ms(ctx),
        .repeat = player->repeat,
        .is_shuffled = player->queue.is_shuffled,
        .active_device_id = str_from(player->active_device_id),
        .devices = {devices, player->device_count},
    };
    return ERR_OK;
}

static void publish(session_self_t *self, context_t *ctx)
{
    session_view_t view;
    if (make_view(self, ctx, &view) != ERR_OK)
        return; /* no memory; the next change tells everything again */
    str_t topic = arena_printf(context_arena(ctx), "session/%.*s", STR_ARG(context_key(ctx)));
    actor_publish_message(ctx, topic, &session_view_schema, &view);
}

/* ---- what follows from a change ---- */

static bool is_anybody_online(const session_self_t *self)
{
    return self->online.count != 0;
}

static void show_presence(session_self_t *self, context_t *ctx, uint64_t now_ms)
{
    const session_entry_t *entry = player_current(&self->player);
    address_t to = address_of(PRESENCE_KIND, PRESENCE_KEY);
    presence_listener_t now = {.track_id = entry == NULL ? 0 : entry->track_id,
                               .is_playing = self->player.is_playing};
    if (!is_anybody_online(self)) {
        /* Presence is a courtesy: what does not arrive is pruned or told again. */
        if (self->is_shown)
            IGNORE_ERR(actor_send(ctx, to, presence_clear, .user_id = context_key(ctx)));
        self->is_shown = false;
        self->presence_due_ms = 0;
        return;
    }
    bool is_same = self->is_shown && now.track_id == self->shown.track_id &&
                   now.is_playing == self->shown.is_playing;
    if (is_same && now_ms < self->presence_due_ms)
        return;
    IGNORE_ERR(actor_send(ctx, to, presence_set, .user_id = context_key(ctx),
                          .track_id = now.track_id, .is_playing = now.is_playing));
    self->is_shown = true;
    self->shown = now;
    self->presence_due_ms = now_ms + PRESENCE_REFRESH_MS;
}

static void settle(session_self_t *self, context_t *ctx);

static void play_was_told(void *state, context_t *ctx, const answer_t *answer, void *data,
                          UNUSED size_t data_size)
{
    session_self_t *self = state;
    self->is_telling = false;
    if (answer->err == ERR_OK) {
        uint64_t number = 0;
        memcpy(&number, data, sizeof number);
        emit(ctx, session_play_told, .number = number);
    } else {
        self->tell_due_ms = context_mono_ms(ctx) + TELL_AGAIN_MS;
    }
    settle(self, ctx);
}

/* Tells `user` the oldest play that it does not know of yet: one at a time, until it has it. */
static void tell_plays(session_self_t *self, context_t *ctx, uint64_t now_ms)
{
    if (self->player.owed_count == 0 || self->is_telling || now_ms < self->tell_due_ms)
        return;
    session_owed_play_t play = self->player.owed[0];
    self->is_telling = true;
    actor_ask(ctx, address_of(USER_KIND, context_key(ctx)), TELL_TIMEOUT_MS, play_was_told,
              &play.number, sizeof play.number, user_add_play, .number = play.number,
              .track_id = play.track_id, .played_at = play.played_at);
}

/* When the next thing is due by itself; 0: nothing. */
static uint64_t next_due(const session_self_t *self, int64_t wall_ms, uint64_t now_ms)
{
    uint64_t due = UINT64_MAX;
    if (self->has_report && self->offline_since_ms == 0) {
        int64_t wait_ms = self->player.position_at + SESSION_PROGRESS_EVERY_MS - wall_ms;
        due = MIN(due, now_ms + (uint64_t)MAX(wait_ms, 0));
    }
    if (self->offline_since_ms != 0)
        due = MIN(due, self->offline_since_ms + SESSION_OFFLINE_GRACE_MS);
    if (self->presence_due_ms != 0)
        due = MIN(due, self->presence_due_ms);
    if (self->player.owed_count != 0 && !self->is_telling)
        due = MIN(due, self->tell_due_ms);
    return due == UINT64_MAX ? 0 : MAX(due, now_ms + 1);
}

static void arm(session_self_t *self, context_t *ctx)
{
    uint64_t now_ms = context_mono_ms(ctx);
    uint64_t due_ms = next_due(self, context_wall_ms(ctx), now_ms);
    if (due_ms == self->timer_due_ms)
        return;
    if (self->timer_due_ms != 0)
        actor_timer_cancel(ctx, self->timer);
    if (due_ms != 0)
        self->timer = actor_timer_start(ctx, due_ms - now_ms, 0, session_tick);
    self->timer_due_ms = due_ms;
}

static void settle(session_self_t *self, context_t *ctx)
{
    const player_t *player = &self->player;
    uint64_t now_ms = context_mono_ms(ctx);
    bool is_alone =
        player->is_playing && !attachments_have(&self->online, str_from(player->active_device_id));
    if (!is_alone)
        self->offline_since_ms = 0;
    else if (self->offline_since_ms == 0)
        self->offline_since_ms = now_ms;
    show_presence(self, ctx, now_ms);
    tell_plays(self, ctx, now_ms);
    arm(self, ctx);
}

/* Ends a command: publishes where something changed, answers. */
static err_t done(session_self_t *self, context_t *ctx, bool is_change)
{
    if (is_change)
        publish(self, ctx);
    settle(self, ctx);
    return actor_reply(ctx, session_done, .version = self->player.version);
}

/* ---- events that several commands make ---- */

/* A word of the device that plays: if it is not attached, it counts as gone from now on. */
static void heard_of_active(session_self_t *self)
{
    self->offline_since_ms = 0;
}

/* A new word about playback: an older report that waits is void. */
static void emit_playback(session_self_t *self, context_t *ctx, const session_playback_set_t *event)
{
    actor_emit(ctx, &session_playback_set_schema, event);
    self->has_report = false;
}

/* Makes the device known, under its name; what player_decide_device decided. */
static void introduce(context_t *ctx, str_t device_id, str_t name, const player_device_t *forgotten)
{
    if (forgotten != NULL) /* copied, because forgetting moves the devices */
        emit(ctx, session_device_forgotten,
             .device_id = arena_str(context_arena(ctx), str_from(forgotten->id)));
    emit(ctx, session_device_seen, .device_id = device_id, .name = name);
}

/* ---- devices ---- */

ON(session_get)
{
    session_view_t view;
    TRY(make_view(self, ctx, &view));
    return actor_reply_message(ctx, &session_view_schema, &view);
}

ON(session_attach)
{
    bool is_new = false, was_online = attachments_have(&self->online, command->device_id);
    const player_device_t *forgotten = NULL;
    TRY(player_check_device_name(command->device_name));
    TRY(player_decide_device(&self->player, &self->online, command->device_id, &is_new,
                             &forgotten));
    TRY(attachments_add(&self->online, command->device_id, command->connection,
                        context_mono_ms(ctx)));
    const player_device_t *device = player_device(&self->player, command->device_id);
    bool is_renamed = device != NULL && !str_is_empty(command->device_name) &&
                      !str_equal(str_from(device->name), command->device_name);
    if (is_new || is_renamed)
        introduce(ctx, command->device_id, command->device_name, forgotten);
    return done(self, ctx, is_new || is_renamed || !was_online);
}

ON(session_detach)
{
    bool was_online = attachments_have(&self->online, command->device_id);
    attachments_remove(&self->online, command->device_id, command->connection);
    bool is_online = attachments_have(&self->online, command->device_id);
    return done(self, ctx, was_online != is_online);
}

ON(session_set_volume)
{
    const player_device_t *device = player_device(&self->player, command->device_id);
    if (device == NULL)
        return ERR_NOT_FOUND;
    if (command->volume > SESSION_VOLUME_MAX)
        return ERR_INVALID;
    bool is_change = device->volume != command->volume;
    if (is_change)
        emit(ctx, session_volume_set, .device_id = command->device_id, .volume = command->volume);
    return done(self, ctx, is_change);
}

ON(session_forget_device)
{
    if (player_device(&self->player, command->device_id) == NULL)
        return ERR_NOT_FOUND;
    if (attachments_have(&self->online, command->device_id))
        return ERR_CONFLICT;
    emit(ctx, session_device_forgotten, .device_id = command->device_id);
    return done(self, ctx, true);
}

/* ---- the queue ---- */

ON(session_play_tracks)
{
    bool is_new = false;
    const player_device_t *forgotten = NULL;
    session_queue_replaced_t event;
    TRY(player_decide_device(&self->player, &self->online, command->device_id, &is_new,
                             &forgotten));
    TRY(player_decide_play_tracks(&self->player, command, context_random_u64(ctx), &event));
    if (is_new)
        introduce(ctx, command->device_id, STR(""), forgotten);
    actor_emit(ctx, &session_queue_replaced_schema, &event);
    self->has_report = false;
    heard_of_active(self);
    return done(self, ctx, true);
}

ON(session_enqueue)
{
    session_enqueued_t event;
    TRY(player_decide_enqueue(&self->player, command, &event));
    actor_emit(ctx, &session_enqueued_schema, &event);
    return done(self, ctx, true);
}

ON(session_remove)
{
    session_removed_t event;
    bool is_change = false;
    TRY(player_decide_remove(&self->player, command, context_arena(ctx), &event, &is_change));
    if (is_change)
        actor_emit(ctx, &session_removed_schema, &event);
    return done(self, ctx, is_change);
}

ON(session_move)
{
    session_moved_t event;
    bool is_change = false;
    TRY(player_decide_move(&self->player, command, &event, &is_change));
    if (is_change)
        actor_emit(ctx, &session_moved_schema, &event);
    return done(self, ctx, is_change);
}

ON(session_clear)
{
    bool is_change = self->player.queue.count != 0;
    if (is_change)
        emit(ctx, session_cleared);
    return done(self, ctx, is_change);
}

ON(session_set_repeat)
{
    if (command->repeat > SESSION_REPEAT_ONE)
        return ERR_INVALID;
    bool is_change = self->player.repeat != command->repeat;
    if (is_change)
        emit(ctx, session_repeat_set, .repeat = command->repeat);
    return done(self, ctx, is_change);
}

ON(session_set_shuffle)
{
    bool is_change = self->player.queue.is_shuffled != command->is_shuffled;
    if (is_change)
        emit(ctx, session_shuffle_set, .is_shuffled = command->is_shuffled,
             .seed = context_random_u64(ctx));
    return done(self, ctx, is_change);
}

/* ---- playback ---- */

ON(session_play)
{
    bool is_new = false;
    const player_device_t *forgotten = NULL;
    session_playback_set_t event;
    TRY(player_decide_device(&self->player, &self->online, command->device_id, &is_new,
                             &forgotten));
    TRY(player_decide_play(&self->player, command, context_wall_ms(ctx), &event));
    if (is_new)
        introduce(ctx, command->device_id, STR(""), forgotten);
    emit_playback(self, ctx, &event);
    heard_of_active(self);
    return done(self, ctx, true);
}

ON(session_pause)
{
    session_playback_set_t event;
    bool is_change = false;
    TRY(player_decide_pause(&self->player, command, context_wall_ms(ctx), &event, &is_change));
    if (is_change)
        emit_playback(self, ctx, &event);
    return done(self, ctx, is_change);
}

ON(session_seek)
{
    session_playback_set_t event;
    TRY(player_decide_seek(&self->player, command, context_wall_ms(ctx), &event));
    emit_playback(self, ctx, &event);
    return done(self, ctx, true);
}

ON(session_transfer)
{
    session_playback_set_t event;
    bool is_change = false;
    TRY(player_decide_transfer(&self->player, &self->online, command, context_wall_ms(ctx), &event,
                               &is_change));
    if (is_change)
        emit_playback(self, ctx, &event);
    return done(self, ctx, is_change);
}

ON(session_report_progress)
{
    session_playback_set_t event;
    player_report_t report =
        player_decide_report(&self->player, command, context_wall_ms(ctx), &event);
    if (report != PLAYER_REPORT_IGNORED)
        heard_of_active(self);
    if (report == PLAYER_REPORT_CHANGE)
        emit_playback(self, ctx, &event);
    if (report == PLAYER_REPORT_LATER) {
        self->has_report = true;
        self->report = *command;
        self->report.device_id = (str_t){NULL, 0};
        self->report_at = context_wall_ms(ctx);
    }
    return done(self, ctx, report == PLAYER_REPORT_CHANGE);
}

/* ---- what is due by itself ---- */

/* The report that waits, unless another entry was chosen since. */
static bool has_report(const session_self_t *self)
{
    return self->has_report && self->report.entry_id == self->player.current_entry_id;
}

/* Appends the report that waited, with the time passed since. */
static bool append_report(session_self_t *self, context_t *ctx)
{
    int64_t wall_ms = context_wall_ms(ctx);
    self->has_report = has_report(self);
    if (!self->has_report || wall_ms - self->player.position_at < SESSION_PROGRESS_EVERY_MS)
        return false;
    int64_t passed_ms = self->player.is_playing ? MAX(wall_ms - self->report_at, 0) : 0;
    int64_t position_ms = self->report.position_ms + passed_ms;
    session_playback_set_t event = {.entry_id = self->player.current_entry_id,
                                    .position_ms = position_ms,
                                    .is_playing = self->player.is_playing,
                                    .device_id = str_from(self->player.active_device_id),
                                    .left_position_ms = position_ms,
                                    .is_report = true};
    emit_playback(self, ctx, &event);
    return true;
}

/* The active device has been gone too long: paused where it was heard of last. */
static bool pause_if_alone(session_self_t *self, context_t *ctx)
{
    if (self->offline_since_ms == 0 ||
        context_mono_ms(ctx) - self->offline_since_ms < SESSION_OFFLINE_GRACE_MS)
        return false;
    int64_t position_ms = has_report(self) ? self->report.position_ms : self->player.position_ms;
    session_playback_set_t event = {.entry_id = self->player.current_entry_id,
                                    .position_ms = position_ms,
                                    .is_playing = false,
                                    .device_id = str_from(self->player.active_device_id),
                                    .left_position_ms = position_ms};
    emit_playback(self, ctx, &event);
    return true;
}

ON(session_tick)
{
    self->timer_due_ms = 0;
    uint32_t places = self->online.count;
    attachments_prune(&self->online, context_mono_ms(ctx));
    bool is_change = self->online.count != places;
    if (self->offline_since_ms != 0)
        is_change |= pause_if_alone(self, ctx);
    else
        is_change |= append_report(self, ctx);
    if (is_change)
        publish(self, ctx);
    settle(self, ctx);
    return ERR_OK;
}

/* ---- erasing ---- */

ON(session_erase)
{
    emit(ctx, session_erased);
    attachments_deinit(&self->online);
    self->has_report = false;
    publish(self, ctx);
    settle(self, ctx);
    return actor_reply(ctx, session_done);
}

/* ---- events ---- */

APPLY(session_queue_replaced)
{
    self->is_broken |= player_apply_replaced(&self->player, event, wall_ms) != ERR_OK;
}

APPLY(session_enqueued)
{
    self->is_broken |= player_apply_enqueued(&self->player, event) != ERR_OK;
}

APPLY(session_removed)
{
    player_apply_removed(&self->player, event, wall_ms);
}

APPLY(session_moved)
{
    player_apply_moved(&self->player, event);
}

APPLY(session_cleared)
{
    player_apply_cleared(&self->player, wall_ms);
}

APPLY(session_playback_set)
{
    player_apply_playback(&self->player, event, wall_ms);
}

APPLY(session_repeat_set)
{
    player_apply_repeat(&self->player, event);
}

APPLY(session_shuffle_set)
{
    player_apply_shuffle(&self->player, event);
}

APPLY(session_volume_set)
{
    player_apply_volume(&self->player, event);
}

APPLY(session_device_seen)
{
    self->is_broken |= player_apply_device_seen(&self->player, event, wall_ms) != ERR_OK;
}

APPLY(session_device_forgotten)
{
    player_apply_device_forgotten(&self->player, event);
}

APPLY(session_play_told)
{
    player_apply_play_told(&self->player, event);
}

APPLY(session_erased)
{
    player_deinit(&self->player);
}

/* ---- life ---- */

static err_t start(void *state, context_t *ctx)
{
    session_self_t *self = state;
    if (self->is_broken)
        return ERR_NO_MEMORY;
    self->player.resumed_at = context_wall_ms(ctx);
    if (self->player.is_playing)
        self->offline_since_ms = context_mono_ms(ctx);
    arm(self, ctx);
    return ERR_OK;
}

static void deinit(void *state)
{
    session_self_t *self = state;
    player_deinit(&self->player);
    attachments_deinit(&self->online);
}

static void snapshot(const void *state, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    session_state_t record;
    if (player_to_state(&((const session_self_t *)state)->player, &arena, &record) == ERR_OK)
        schema_encode(&session_state_schema, &record, out);
    else
        out->failed = ERR_NO_MEMORY;
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    session_state_t record;
    TRY(schema_decode(&session_state_schema, text, &arena, &record));
    return player_from_state(&((session_self_t *)state)->player, &record);
}

ACTOR_KIND(session, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .idle_ms = IDLE_MS, .snapshot_every = 500);

err_t session_register(runtime_t *runtime)
{
    return runtime_register(runtime, &session_kind, NULL);
}
