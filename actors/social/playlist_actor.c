/* playlist_actor.c -- the actor around playlist_rules.h. */

#include "actors/protocol/user.h"
#include "actors/social/kinds.h"
#include "actors/social/playlist_rules.h"

typedef struct playlist_self {
    playlist_t list;
    bool is_broken; /* an event could not be applied: there was no memory */
} playlist_self_t;

#define ACTOR_DEF "actors/protocol/playlist.def"
#define ACTOR_STATE playlist_self_t
#include "runtime/actor_kind.h"

/* ---- answering and telling ---- */

static err_t answer(playlist_self_t *self, context_t *ctx, uint32_t first_index, uint32_t count)
{
    const playlist_t *list = &self->list;
    return actor_reply(ctx, playlist_view, .playlist_id = context_key(ctx),
                       .owner_id = str_from(list->owner_id), .name = str_from(list->name),
                       .version = list->version, .entry_count = list->count,
                       .duration_ms = list->duration_ms, .changed_at = list->changed_at,
                       .entries = {count == 0 ? NULL : list->entries + first_index, count},
                       .has_next = first_index + count < list->count, .first_index = first_index,
                       .is_public = list->is_public);
}

static void publish_change(playlist_self_t *self, context_t *ctx)
{
    arena_t *arena = context_arena(ctx);
    str_t id = context_key(ctx), owner = str_from(self->list.owner_id);
    playlist_changed_t change = {id, owner, self->list.version, self->list.is_deleted,
                                 self->list.is_public};
    actor_publish_message(ctx, arena_printf(arena, "playlist/%.*s", STR_ARG(id)),
                          &playlist_changed_schema, &change);
    actor_publish_message(ctx, arena_printf(arena, "playlists/%.*s", STR_ARG(owner)),
                          &playlist_changed_schema, &change);
}

/* By the outbox, and before anything is emitted: that it is public is among what its owner did. */
static err_t tell_owner(const playlist_self_t *self, context_t *ctx, bool is_public)
{
    return actor_send_durably(ctx, address_of(USER_KIND, str_from(self->list.owner_id)),
                              user_note_public, .playlist_id = context_key(ctx),
                              .is_public = is_public);
}

/* Emits what was decided, if it changes anything, and answers with the new state. */
static err_t accept(playlist_self_t *self, context_t *ctx, bool is_change, const schema_t *schema,
                    const void *event)
{
    if (is_change) {
        actor_emit(ctx, schema, event);
        publish_change(self, ctx);
    }
    return answer(self, ctx, 0, 0);
}

/* ---- commands ---- */

ON(playlist_get)
{
    const playlist_t *list = &self->list;
    uint32_t index = 0;
    TRY(playlist_check_reader(list, command->user_id));
    if (command->after_entry_id != 0) {
        if (playlist_find(list, command->after_entry_id, &index) != ERR_OK)
            return ERR_STALE;
        index++;
    }
    uint32_t count = MIN(MIN(command->first, (uint32_t)PLAYLIST_PAGE_MAX), list->count - index);
    return answer(self, ctx, index, count);
}

ON(playlist_insert)
{
    playlist_inserted_t event;
    TRY(playlist_check_owner(&self->list, command->user_id));
    TRY(playlist_decide_insert(&self->list, command, &event));
    return accept(self, ctx, true, &playlist_inserted_schema, &event);
}

ON(playlist_remove)
{
    playlist_removed_t event;
    bool is_change = false;
    TRY(playlist_check_owner(&self->list, command->user_id));
    TRY(playlist_decide_remove(&self->list, command, context_arena(ctx), &event, &is_change));
    return accept(self, ctx, is_change, &playlist_removed_schema, &event);
}

ON(playlist_move)
{
    playlist_moved_t event;
    bool is_change = false;
    TRY(playlist_check_owner(&self->list, command->user_id));
    TRY(playlist_decide_move(&self->list, command, &event, &is_change));
    return accept(self, ctx, is_change, &playlist_moved_schema, &event);
}

ON(playlist_rename)
{
    playlist_renamed_t event;
    bool is_change = false;
    TRY(playlist_check_owner(&self->list, command->user_id));
    TRY(playlist_decide_rename(&self->list, command, &event, &is_change));
    return accept(self, ctx, is_change, &playlist_renamed_schema, &event);
}

ON(playlist_set_public)
{
    playlist_public_set_t event;
    bool is_change = false;
    TRY(playlist_check_owner(&self->list, command->user_id));
    playlist_decide_public(&self->list, command, &event, &is_change);
    if (is_change)
        TRY(tell_owner(self, ctx, command->is_public));
    return accept(self, ctx, is_change, &playlist_public_set_schema, &event);
}

ON(playlist_create)
{
    playlist_created_t event;
    bool is_change = false;
    TRY(playlist_decide_create(&self->list, command, &event, &is_change));
    return accept(self, ctx, is_change, &playlist_created_schema, &event);
}

ON(playlist_delete)
{
    bool was_deleted =
        self->list.is_deleted && str_equal(str_from(self->list.owner_id), command->user_id);
    if (!was_deleted) {
        TRY(playlist_check_owner(&self->list, command->user_id));
        if (self->list.is_public)
            TRY(tell_owner(self, ctx, false));
        emit(ctx, playlist_erased, .owner_id = str_from(self->list.owner_id));
        publish_change(self, ctx);
    }
    return actor_reply(ctx, playlist_deleted, .playlist_id = context_key(ctx));
}

/* ---- events ---- */

APPLY(playlist_created)
{
    self->is_broken |= playlist_apply_created(&self->list, event, wall_ms) != ERR_OK;
}

APPLY(playlist_inserted)
{
    self->is_broken |= playlist_apply_inserted(&self->list, event, wall_ms) != ERR_OK;
}

APPLY(playlist_removed)
{
    playlist_apply_removed(&self->list, event, wall_ms);
}

APPLY(playlist_moved)
{
    playlist_apply_moved(&self->list, event, wall_ms);
}

APPLY(playlist_renamed)
{
    playlist_apply_renamed(&self->list, event, wall_ms);
}

APPLY(playlist_public_set)
{
    playlist_apply_public(&self->list, event, wall_ms);
}

APPLY(playlist_erased)
{
    playlist_apply_erased(&self->list, wall_ms);
}

/* ---- life ---- */

static err_t start(void *state, UNUSED context_t *ctx)
{
    return ((playlist_self_t *)state)->is_broken ? ERR_NO_MEMORY : ERR_OK;
}

static void deinit(void *state)
{
    playlist_deinit(&((playlist_self_t *)state)->list);
}

static void snapshot(const void *state, buf_t *out)
{
    playlist_state_t record = playlist_to_state(&((const playlist_self_t *)state)->list);
    schema_encode(&playlist_state_schema, &record, out);
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    playlist_state_t record;
    TRY(schema_decode(&playlist_state_schema, text, &arena, &record));
    return playlist_from_state(&((playlist_self_t *)state)->list, &record);
}

ACTOR_KIND(playlist, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .idle_ms = 120000, .snapshot_every = 500);
