/* actor_kind.h -- included once by an actor's `.c` file with ACTOR_DEF (its `.def` file) and
 * ACTOR_STATE (the type of its state) defined: prototypes and tables of a handler for every COMMAND
 * and an applier for every EVENT of the file. One that is forgotten does not compile. Then
 * ON(command) {...}, APPLY(event) {...}, ACTOR_KIND(name, .mailbox_max = ...).
 *
 *     #define ACTOR_DEF "actors/protocol/counter.def"
 *     #define ACTOR_STATE counter_t
 *     #include "runtime/actor_kind.h"
 *
 * What an actor hears beyond its own file (an actor_down, another's published events) is listed
 * before the include: `#define ACTOR_ALSO(X) X(actor_down) X(track_changed)`; each needs its ON.
 *
 * Ways to behave otherwise for a while (actor_become) are listed before the include, each with what
 * becomes of the rest (STASH, REFUSE, INHERIT) and what it hears; each of these needs its
 * ON_IN(behaviour, command) {...}:
 *
 *     #define ACTOR_BEHAVIOURS(X) X(locked, STASH, door_unlock, door_look)
 *
 * In ON: self, ctx, command. In APPLY: self, event, wall_ms (when it was decided). Both may be
 * marked unused. */

#include "runtime/actor.h"

#ifndef ACTOR_ALSO
#define ACTOR_ALSO(X)
#endif
#define RECORD(name, ...)
#define STATE(name, ...)
#define REPLY(name, ...)
#define MESSAGE(name, ...)

#define COMMAND(name, ...)                                                                         \
    static err_t on_##name(ACTOR_STATE *self, context_t *ctx, const name##_t *command);            \
    static err_t handle_##name(void *self, context_t *ctx, const void *message)                    \
    {                                                                                              \
        return on_##name(self, ctx, message);                                                      \
    }
#define EVENT(name, ...)                                                                           \
    static void apply_##name(ACTOR_STATE *self, const name##_t *event, int64_t wall_ms);           \
    static void replay_##name(void *self, const void *event, int64_t wall_ms)                      \
    {                                                                                              \
        apply_##name(self, event, wall_ms);                                                        \
    }
#include ACTOR_DEF
ACTOR_ALSO(COMMAND)
#undef COMMAND
#undef EVENT

#define EVENT(name, ...)
#define COMMAND(name, ...) {&name##_schema, handle_##name},
static const actor_handler_t actor_handlers[] = {
#include ACTOR_DEF
    ACTOR_ALSO(COMMAND){NULL, NULL}};
#undef COMMAND
#undef EVENT

#define COMMAND(name, ...)
#define EVENT(name, ...) {&name##_schema, replay_##name},
static const actor_applier_t actor_appliers[] = {
#include ACTOR_DEF
    {NULL, NULL}};
#undef COMMAND
#undef EVENT
#undef REPLY

#define COMMAND(name, ...)
#define EVENT(name, ...)
#define REPLY(name, ...) &name##_schema,
static const schema_t *const actor_replies[] = {
#include ACTOR_DEF
    NULL};
#undef COMMAND
#undef EVENT
#undef REPLY
#undef RECORD
#undef STATE
#undef MESSAGE

#ifdef ACTOR_BEHAVIOURS
#define ACTOR_HEARS(behaviour, name)                                                               \
    static err_t on_##name##_in_##behaviour(ACTOR_STATE *self, context_t *ctx,                     \
                                            const name##_t *command);                              \
    static err_t handle_##name##_in_##behaviour(void *self, context_t *ctx, const void *message)   \
    {                                                                                              \
        return on_##name##_in_##behaviour(self, ctx, message);                                     \
    }
#define ACTOR_HEARD(behaviour, name) {&name##_schema, handle_##name##_in_##behaviour},
#define ACTOR_BEHAVIOUR(name, rest, ...)                                                           \
    SCHEMA_FOR_EACH(ACTOR_HEARS, name, __VA_ARGS__)                                                \
    static const actor_handler_t name##_handlers[] = {                                             \
        SCHEMA_FOR_EACH(ACTOR_HEARD, name, __VA_ARGS__){NULL, NULL}};                              \
    UNUSED static const actor_behaviour_t name##_behaviour = {                                     \
        #name, name##_handlers, COUNT_OF(name##_handlers) - 1, BEHAVIOUR_##rest};
ACTOR_BEHAVIOURS(ACTOR_BEHAVIOUR)
#undef ACTOR_BEHAVIOUR
#define ACTOR_BEHAVIOUR(name, rest, ...) &name##_behaviour,
static const actor_behaviour_t *const actor_behaviours[] = {ACTOR_BEHAVIOURS(ACTOR_BEHAVIOUR) NULL};
#undef ACTOR_BEHAVIOUR
#define ON_IN(behaviour, name)                                                                     \
    static err_t on_##name##_in_##behaviour(UNUSED ACTOR_STATE *self, UNUSED context_t *ctx,       \
                                            UNUSED const name##_t *command)
#else
static const actor_behaviour_t *const actor_behaviours[] = {NULL};
#endif

#define ON(name)                                                                                   \
    static err_t on_##name(UNUSED ACTOR_STATE *self, UNUSED context_t *ctx,                        \
                           UNUSED const name##_t *command)
#define APPLY(name)                                                                                \
    static void apply_##name(UNUSED ACTOR_STATE *self, UNUSED const name##_t *event,               \
                             UNUSED int64_t wall_ms)
#define ACTOR_KIND(kind, ...)                                                                      \
    const actor_kind_t kind##_kind = {.name = #kind,                                               \
                                      .state_size = sizeof(ACTOR_STATE),                           \
                                      .handlers = actor_handlers,                                  \
                                      .handler_count = COUNT_OF(actor_handlers) - 1,               \
                                      .behaviours = actor_behaviours,                              \
                                      .behaviour_count = COUNT_OF(actor_behaviours) - 1,           \
                                      .appliers = actor_appliers,                                  \
                                      .applier_count = COUNT_OF(actor_appliers) - 1,               \
                                      .replies = actor_replies,                                    \
                                      .reply_count = COUNT_OF(actor_replies) - 1,                  \
                                      __VA_ARGS__}
