#include "tests/runtime/code/plugins/tally.h"

#define ACTOR_DEF "tests/runtime/code/plugins/tally.def"
#define ACTOR_STATE tally_t
#if VERSION >= 2
#define ACTOR_BEHAVIOURS(X) X(bored, REFUSE, tally_wake) X(resting, STASH, tally_wake, tally_read)
#else
#define ACTOR_BEHAVIOURS(X) X(resting, STASH, tally_wake, tally_read)
#endif
#include "runtime/actor_kind.h"

#include <stdatomic.h>
#include <unistd.h>

static tally_status_t status_of(const tally_t *self)
{
    return (tally_status_t)
    {
#if VERSION >= 2
        .motto = STR("twice as good"), .upgrades = self->upgrades,
        .replacements = self->replacements,
#endif
        .total = self->total, .count = self->count, .ticks = self->ticks, .reads = self->reads,
        .version = VERSION, .child = self->child
    };
}

static err_t reply_status(const tally_t *self, context_t *ctx)
{
    tally_status_t status = status_of(self);
    return actor_reply_message(ctx, &tally_status_schema, &status);
}

ON(tally_add)
{
    self->total += command->amount;
    self->count++;
#if VERSION >= 2
    self->weight += command->weight;
#endif
    return reply_status(self, ctx);
}

ON(tally_read)
{
    return reply_status(self, ctx);
}

/* ---- asks: one whose continuation is listed below, one whose is not ---- */

static void when_read(void *state, UNUSED context_t *ctx, const answer_t *answer, void *data,
                      UNUSED size_t data_size)
{
    tally_t *self = state;
    const uint64_t *worth = data;
    if (answer->err == ERR_OK)
        self->reads += *worth * VERSION;
}

static void when_read_nameless(void *state, UNUSED context_t *ctx, UNUSED const answer_t *answer,
                               UNUSED void *data, UNUSED size_t data_size)
{
    tally_t *self = state;
    self->reads += 1000;
}

ON(tally_read_via)
{
    uint64_t worth = 1;
    actor_ask(ctx, address_of("tally", command->key), 20000,
              command->is_nameless ? when_read_nameless : when_read, &worth, sizeof worth,
              tally_later);
    return reply_status(self, ctx);
}

static void when_read_both(void *state, UNUSED context_t *ctx, const answer_t *answers,
                           uint32_t count, UNUSED void *data, UNUSED size_t data_size)
{
    tally_t *self = state;
    for (uint32_t i = 0; i < count; i++)
        self->reads += answers[i].err == ERR_OK ? 100 * VERSION : 0;
}

ON(tally_read_both)
{
    address_t both[] = {address_of("tally", command->first), address_of("tally", command->second)};
    actor_ask_many(ctx, both, COUNT_OF(both), 1000000, when_read_both, NULL, 0, tally_later);
    return reply_status(self, ctx);
}

/* Answered by the next tally_release. */
ON(tally_later)
{
    reply_token_t token = actor_reply_later(ctx);
    self->asker = token.asker;
    self->correlation = token.correlation;
    return ERR_OK;
}

ON(tally_release)
{
    tally_status_t status = status_of(self);
    actor_reply_to_message(ctx, (reply_token_t){self->asker, self->correlation}, ERR_OK,
                           &tally_status_schema, &status);
    return reply_status(self, ctx);
}

/* ---- timers, jobs, children, failures ---- */

ON(tally_tick)
{
    self->ticks++;
    return ERR_OK;
}

ON(tally_tick_every)
{
    actor_timer_start(ctx, command->period_ms, command->period_ms, tally_tick);
    return reply_status(self, ctx);
}

static err_t work(void *data, UNUSED size_t size)
{
    const int64_t *descriptor = data;
    char byte;
    if (*descriptor == 0)
        return ERR_OK;
    return read((int)*descriptor, &byte, 1) == 1 ? ERR_OK : ERR_IO;
}

static void worked(void *state, UNUSED context_t *ctx, err_t err, UNUSED void *data,
                   UNUSED size_t size)
{
    tally_t *self = state;
    self->reads += err == ERR_OK ? VERSION : 0;
}

ON(tally_job)
{
    actor_offload(ctx, OFFLOAD_FILE, work, worked, &command->descriptor,
                  sizeof command->descriptor);
    return reply_status(self, ctx);
}

ON(tally_spawn)
{
    actor_ref_t ref = {0};
    err_t err = actor_spawn(ctx, &tally_kind, STR("child"), &ref);
    if (err != ERR_OK)
        return err;
    self->child = ref.bits;
    return reply_status(self, ctx);
}

/* ---- behaving otherwise ---- */

ON(tally_rest)
{
    actor_become(ctx, resting);
    return reply_status(self, ctx);
}

ON(tally_wake)
{
    return reply_status(self, ctx);
}

ON_IN(resting, tally_read)
{
    return reply_status(self, ctx);
}

ON_IN(resting, tally_wake)
{
    actor_unbecome(ctx);
    actor_unstash_all(ctx);
    return reply_status(self, ctx);
}

#if VERSION >= 2
ON_IN(bored, tally_wake)
{
    return ERR_CONFLICT;
}
#endif

ON(tally_fail)
{
    actor_fail(ctx, "asked to");
}

#if VERSION >= 2
static err_t upgrade(void *state)
{
    tally_t *self = state;
    self->upgrades++;
#ifdef REFUSES_13
    if (self->total == 13)
        return ERR_CORRUPT;
#endif
    return ERR_OK;
}

static void replaced(void *state, UNUSED context_t *ctx)
{
    tally_t *self = state;
    self->replacements++;
}
#endif

static err_t start(UNUSED void *self, UNUSED context_t *ctx)
{
#ifdef FAILS_TO_START
    return ERR_UNAVAILABLE;
#else
    return ERR_OK;
#endif
}

static const actor_continuation_t continuations[] = {CONTINUATION(when_read, sizeof(uint64_t))};

#if VERSION >= 2
#define HOOKS .upgrade = upgrade, .replaced = replaced
#else
#define HOOKS .upgrade = NULL
#endif

ACTOR_KIND(tally, .state_schema = &tally_schema, .start = start, .continuations = continuations,
           .continuation_count = COUNT_OF(continuations), HOOKS, .mailbox_max = 65535);
