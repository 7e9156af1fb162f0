/* server_actor.c -- the actor around server_rules.h. */

#include "actors/settings/server_rules.h"
#include "actors/settings/settings.h"
#include "runtime/actor.h"

#define ACTOR_DEF "actors/protocol/server.def"
#define ACTOR_STATE server_book_t
#include "runtime/actor_kind.h"

static err_t answer(const server_book_t *self, context_t *ctx)
{
    server_setting_t settings[SERVER_SETTING_COUNT];
    server_feature_t features[SERVER_FEATURE_COUNT];
    server_list(self, settings, features);
    return actor_reply(ctx, server_settings, .settings = {settings, SERVER_SETTING_COUNT},
                       .features = {features, SERVER_FEATURE_COUNT});
}

static void tell(const server_book_t *self, context_t *ctx)
{
    server_setting_t settings[SERVER_SETTING_COUNT];
    server_feature_t features[SERVER_FEATURE_COUNT];
    server_list(self, settings, features);
    actor_publish(ctx, TOPIC_SERVER, server_settings, .settings = {settings, SERVER_SETTING_COUNT},
                  .features = {features, SERVER_FEATURE_COUNT});
}

ON(server_get)
{
    return answer(self, ctx);
}

ON(server_set_setting)
{
    bool is_change = false;
    TRY(server_decide_setting(self, command, &is_change));
    if (is_change) {
        emit(ctx, server_setting_set, .name = command->name, .value = command->value);
        tell(self, ctx);
    }
    return answer(self, ctx);
}

ON(server_set_feature)
{
    bool is_change = false;
    TRY(server_decide_feature(self, command, &is_change));
    if (is_change) {
        emit(ctx, server_feature_set, .name = command->name, .is_on = command->is_on);
        tell(self, ctx);
    }
    return answer(self, ctx);
}

APPLY(server_setting_set)
{
    server_apply_setting(self, event->name, event->value);
}

APPLY(server_feature_set)
{
    server_apply_feature(self, event->name, event->is_on);
}

/* ---- life ---- */

static void snapshot(const void *state, buf_t *out)
{
    server_setting_t settings[SERVER_SETTING_COUNT];
    server_feature_t features[SERVER_FEATURE_COUNT];
    server_list(state, settings, features);
    const server_state_t record = {.settings = {settings, SERVER_SETTING_COUNT},
                                   .features = {features, SERVER_FEATURE_COUNT}};
    schema_encode(&server_state_schema, &record, out);
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    server_state_t record;
    TRY(schema_decode(&server_state_schema, text, &arena, &record));
    for (uint32_t i = 0; i < record.settings.count; i++)
        server_apply_setting(state, record.settings.items[i].name, record.settings.items[i].value);
    for (uint32_t i = 0; i < record.features.count; i++)
        server_apply_feature(state, record.features.items[i].name, record.features.items[i].is_on);
    return ERR_OK;
}

ACTOR_KIND(server, .snapshot = snapshot, .restore = restore, .idle_ms = 120000,
           .snapshot_every = 100);

err_t settings_register(runtime_t *runtime)
{
    return runtime_register(runtime, &server_kind, NULL);
}
