#include "tests/support/actors/circle.h"

#define DEF_FILE "tests/support/actors/circle.def"
#include "runtime/base/schema_define.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct circle {
    circle_world_t *world;
} circle_t;

#define ACTOR_DEF "tests/support/actors/circle.def"
#define ACTOR_STATE circle_t
#include "runtime/actor_kind.h"

/* ---- along a path: "w/a" is the waiter a, "r/b" the relay b, "@" the reference ---- */

static address_t address_in(str_t text, uint64_t ref_bits)
{
    if (text.data[0] == '@')
        return address_of_ref((actor_ref_t){ref_bits});
    return address_of(text.data[0] == 'w' ? "waiter" : "relay", str_slice(text, 2, text.size));
}

static void on_gone(UNUSED void *self, context_t *ctx, const answer_t *answer, void *data,
                    UNUSED size_t data_size)
{
    const reply_token_t *token = data;
    actor_reply_to_message(ctx, *token, answer->err, answer->schema, answer->message);
}

ON(circle_go)
{
    if (command->path.count == 0)
        return actor_reply(ctx, circle_value, .value = 1);
    reply_token_t token = actor_reply_later(ctx);
    circle_go_t rest = *command;
    rest.path.items++;
    rest.path.count--;
    actor_ask_message(ctx, address_in(command->path.items[0], command->ref_bits), 0, on_gone,
                      &token, sizeof token, &circle_go_schema, &rest);
    return ERR_OK;
}

ON(circle_note)
{
    if (self->world->note_count < COUNT_OF(self->world->notes))
        self->world->notes[self->world->note_count++] = command->value;
    return ERR_OK;
}

ON(circle_who)
{
    return actor_reply(ctx, circle_value, .value = context_self(ctx).bits);
}

/* ---- many ---- */

static uint32_t index_of(str_t key)
{
    char text[12];
    snprintf(text, sizeof text, "%.*s", STR_ARG(key));
    return (uint32_t)strtoul(text, NULL, 10) % CIRCLE_WORKERS_MAX;
}

ON(circle_answer_now)
{
    actor_reply_to(ctx, ((reply_token_t){command->asker, command->correlation}), circle_value,
                   .value = index_of(context_key(ctx)));
    return ERR_OK;
}

static err_t be_late(circle_t *self, context_t *ctx)
{
    reply_token_t token = actor_reply_later(ctx);
    actor_timer_start(ctx, self->world->delay_ms, 0, circle_answer_now, .asker = token.asker,
                      .correlation = token.correlation);
    return ERR_OK;
}

ON(circle_work)
{
    uint32_t index = index_of(context_key(ctx));
    switch (self->world->modes[index]) {
    case CIRCLE_REFUSES:
        return actor_refuse(ctx, ERR_FORBIDDEN, "worker %u does not", index);
    case CIRCLE_IS_SILENT:
        (void)actor_reply_later(ctx);
        return ERR_OK;
    case CIRCLE_FAILS:
        actor_fail(ctx, "told to");
    case CIRCLE_IS_LATE:
        return be_late(self, ctx);
    case CIRCLE_ANSWERS_TWICE: {
        reply_token_t token = actor_reply_later(ctx);
        actor_reply_to(ctx, token, circle_value, .value = index);
        actor_reply_to(ctx, token, circle_value, .value = index);
        return ERR_OK;
    }
    case CIRCLE_ANSWERS:
    case CIRCLE_MODES:
        break;
    }
    return actor_reply(ctx, circle_value, .value = index);
}

static void count(circle_world_t *world, const answer_t *answer, uint32_t index)
{
    uint64_t *counter = answer->err == ERR_OK          ? &world->good
                        : answer->err == ERR_FORBIDDEN ? &world->refused
                        : answer->err == ERR_TIMEOUT   ? &world->timeouts
                        : answer->err == ERR_CANCELLED ? &world->cancelled
                                                       : &world->others;
    (*counter)++;
    if (answer->err != ERR_OK)
        return;
    const circle_value_t *value = answer->message;
    world->wrong += answer->schema != &circle_value_schema || value->value != index;
}

static void on_gathered(void *state, context_t *ctx, const answer_t *answers, uint32_t answer_count,
                        void *data, UNUSED size_t data_size)
{
    circle_world_t *world = ((circle_t *)state)->world;
    world->good = world->refused = world->timeouts = world->cancelled = world->others = 0;
    world->wrong = 0;
    for (uint32_t i = 0; i < answer_count; i++)
        count(world, &answers[i], i);
    world->gathered++;
    actor_reply_to(ctx, *(const reply_token_t *)data, circle_counts, .good = world->good,
                   .refused = world->refused, .timeouts = world->timeouts,
                   .cancelled = world->cancelled, .others = world->others, .wrong = world->wrong);
}

ON(circle_ask_many)
{
    static const char *const keys[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    address_t to[CIRCLE_WORKERS_MAX];
    for (uint32_t i = 0; i < command->count; i++)
        to[i] = i == 7 ? address_of_ref((actor_ref_t){77})
                       : address_of("relay", str_from(keys[i % COUNT_OF(keys)]));
    reply_token_t token = actor_reply_later(ctx);
    ask_many_t many = {.to = to,
                       .count = command->count,
                       .needed = command->needed,
                       .timeout_ms = command->timeout_ms,
                       .then = on_gathered,
                       .data = &token,
                       .data_size = sizeof token};
    actor_ask_many_message(ctx, &many, &circle_work_schema, &(circle_work_t){.round = 1});
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    circle_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

ACTOR_KIND(waiter, .awaits = true, .start = start, .restarts_max = 1000);
ACTOR_KIND(relay, .start = start, .restarts_max = 1000);
