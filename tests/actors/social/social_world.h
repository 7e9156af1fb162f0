#pragma once
/* social_world.h -- the social service on a running runtime over a journal in memory, which
 * outlives restarts. `account` is a stand-in: everybody whose name begins with "no" is nobody. A
 * header only, as asking.h. */

#include "actors/protocol/account.h"
#include "actors/social/social.h"
#include "runtime/journal_memory.h"
#include "runtime/outbox.h"
#include "tests/support/asking.h"
#include "tests/support/patience.h"

typedef struct world {
    journal_memory_t *journal;
    asking_t asking;
} world_t;

static inline err_t world_get_account(void *self, context_t *ctx, const void *message)
{
    (void)self, (void)message;
    if (str_starts_with(context_key(ctx), STR("no")))
        return ERR_NOT_FOUND;
    return actor_reply(ctx, account_info, .user_id = context_key(ctx));
}

/* Messages that waited at the last stop go on. */
static inline void world_start(world_t *world)
{
    static const actor_handler_t handlers[] = {{&account_get_schema, world_get_account}};
    static const actor_kind_t account_stand_in = {
        .name = ACCOUNT_KIND, .state_size = 1, .handlers = handlers, .handler_count = 1};
    runtime_options_t options = {.scheduler_count = 2,
                                 .journal = journal_memory_journal(world->journal)};
    buf_t after BUF_SCOPED = BUF_INIT;
    check_ok(runtime_new(&options, &world->asking.runtime));
    check_ok(runtime_register(world->asking.runtime, &account_stand_in, NULL));
    check_ok(social_register(world->asking.runtime));
    check_ok(runtime_start(world->asking.runtime));
    check_ok(runtime_wake_senders(world->asking.runtime, &after, 100));
}

static inline void world_stop(world_t *world)
{
    check_ok(runtime_drain(world->asking.runtime, PATIENCE_MS));
    runtime_free(world->asking.runtime);
}

static inline void world_init(world_t *world)
{
    *world = (world_t){0};
    check_ok(journal_memory_new(false, &world->journal));
    world_start(world);
}

static inline void world_deinit(world_t *world)
{
    world_stop(world);
    asking_deinit(&world->asking);
    journal_memory_free(world->journal);
}

static inline void world_restart(world_t *world)
{
    world_stop(world);
    world_start(world);
}
