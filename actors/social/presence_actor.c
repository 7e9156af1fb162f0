/* presence_actor.c -- who is listening. It keeps nothing: `session` tells it again. */

#include "actors/protocol/presence.h"
#include "actors/social/kinds.h"
#include "actors/social/presence_list.h"

#define ACTOR_DEF "actors/protocol/presence.def"
#define ACTOR_STATE presence_listeners_t
#include "runtime/actor_kind.h"

static void publish(presence_listeners_t *self, context_t *ctx)
{
    presence_listener_t *listeners =
        arena_new_array(context_arena(ctx), self->count + 1, sizeof *listeners);
    if (listeners == NULL)
        return; /* the next change tells everything again */
    presence_listeners_copy(self, listeners);
    actor_publish(ctx, TOPIC_PRESENCE, presence_list, .listeners = {listeners, self->count});
}

ON(presence_get)
{
    presence_listener_t *listeners =
        arena_new_array(context_arena(ctx), self->count + 1, sizeof *listeners);
    if (listeners == NULL)
        return ERR_NO_MEMORY;
    presence_listeners_copy(self, listeners);
    return actor_reply(ctx, presence_list, .listeners = {listeners, self->count});
}

ON(presence_set)
{
    bool is_change = false;
    presence_listener_t listener = {command->user_id, command->track_id, command->is_playing};
    TRY(presence_listeners_set(self, &listener, context_mono_ms(ctx), &is_change));
    if (is_change)
        publish(self, ctx);
    return ERR_OK;
}

ON(presence_clear)
{
    if (presence_listeners_clear(self, command->user_id))
        publish(self, ctx);
    return ERR_OK;
}

ON(presence_prune)
{
    if (presence_listeners_prune(self, context_mono_ms(ctx)))
        publish(self, ctx);
    return ERR_OK;
}

static err_t start(UNUSED void *state, context_t *ctx)
{
    actor_timer_start(ctx, PRESENCE_REFRESH_MS, PRESENCE_REFRESH_MS, presence_prune);
    return ERR_OK;
}

static void deinit(void *state)
{
    presence_listeners_deinit(state);
}

ACTOR_KIND(presence, .placement = PLACED_BY_KEY, .start = start, .deinit = deinit,
           .overflow = OVERFLOW_DROP_OLDEST);
