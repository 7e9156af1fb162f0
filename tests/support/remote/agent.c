#include "tests/support/remote/agent.h"

#define DEF_FILE "tests/support/remote/agent.def"
#include "runtime/base/schema_define.h"

#include <stdio.h>

typedef struct agent {
    const agent_world_t *world;
    reply_token_t waiting;
} agent_t;

#define ACTOR_DEF "tests/support/remote/agent.def"
#define ACTOR_STATE agent_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit) X(group_changed)
#include "runtime/actor_kind.h"

void agent_log_init(agent_log_t *self)
{
    *self = (agent_log_t){0};
    uv_mutex_init(&self->lock);
}

void agent_log_deinit(agent_log_t *self)
{
    buf_deinit(&self->lines);
    uv_mutex_destroy(&self->lock);
}

const char *agent_log_take(agent_log_t *self, buf_t *room)
{
    uv_mutex_lock(&self->lock);
    buf_reset(room);
    buf_append(room, buf_str(&self->lines));
    buf_reset(&self->lines);
    uv_mutex_unlock(&self->lock);
    return buf_terminated(room);
}

static void write_down(const agent_t *self, const context_t *ctx, const char *what, str_t more)
{
    agent_log_t *log = self->world->log;
    uv_mutex_lock(&log->lock);
    buf_printf(&log->lines, "%llu.%.*s %s %.*s\n", (unsigned long long)self->world->node,
               STR_ARG(context_key(ctx)), what, STR_ARG(more));
    uv_mutex_unlock(&log->lock);
}

ON(agent_echo)
{
    atomic_fetch_add(&self->world->log->echoed, 1);
    return actor_reply(ctx, agent_number, .number = command->number + self->world->node * 1000,
                       .text = command->text);
}

ON(agent_who)
{
    return actor_reply(ctx, agent_ref, .ref_bits = context_self(ctx).bits);
}

ON(agent_tell)
{
    return actor_send(ctx, address_of_ref((actor_ref_t){command->ref_bits}), agent_note,
                      .number = command->number);
}

ON(agent_tell_all)
{
    for (uint32_t i = 0; i < command->to.count; i++)
        TRY(actor_send(ctx, address_of_ref((actor_ref_t){command->to.items[i].ref_bits}),
                       agent_note, .number = command->number));
    return ERR_OK;
}

ON(agent_note)
{
    char number[24];
    int size = snprintf(number, sizeof number, "%llu", (unsigned long long)command->number);
    atomic_fetch_add(&self->world->log->notes, 1);
    write_down(self, ctx, "note", str_of(number, (size_t)size));
    return ERR_OK;
}

ON(agent_watch)
{
    actor_monitor_t monitor = actor_monitor(ctx, (actor_ref_t){command->ref_bits});
    return actor_reply(ctx, agent_number, .number = monitor.bits);
}

ON(agent_watch_name)
{
    atomic_fetch_add(&self->world->log->watched, 1);
    actor_monitor_t monitor = actor_monitor_at(ctx, address_of("agent", command->key));
    return actor_reply(ctx, agent_number, .number = monitor.bits);
}

ON(agent_unwatch)
{
    actor_demonitor(ctx, (actor_monitor_t){command->monitor});
    return ERR_OK;
}

ON(agent_link)
{
    actor_link(ctx, (actor_ref_t){command->ref_bits});
    return ERR_OK;
}

ON(agent_unlink)
{
    actor_unlink(ctx, (actor_ref_t){command->ref_bits});
    return ERR_OK;
}

ON(agent_register)
{
    return actor_register(ctx, command->name);
}

ON(agent_unregister)
{
    return actor_unregister(ctx, command->name);
}

ON(agent_join)
{
    return actor_join(ctx, command->name);
}

ON(agent_leave)
{
    return actor_leave(ctx, command->name);
}

ON(agent_watch_group)
{
    uint32_t count = 0;
    TRY(actor_watch_group(ctx, command->name, NULL, 0, &count));
    return actor_reply(ctx, agent_number, .number = count);
}

ON(agent_watch_named)
{
    actor_monitor_t monitor = actor_monitor_at(ctx, address_named(command->name));
    return actor_reply(ctx, agent_number, .number = monitor.bits);
}

ON(agent_link_named)
{
    return actor_reply(ctx, agent_number,
                       .number = actor_link_at(ctx, address_named(command->name)).bits);
}

ON(agent_link_key)
{
    return actor_reply(ctx, agent_number,
                       .number = actor_link_at(ctx, address_of("agent", command->key)).bits);
}

ON(agent_tell_named)
{
    return actor_send(ctx, address_named(command->name), agent_note, .number = command->number);
}

ON(agent_tell_one)
{
    return actor_send_one(ctx, command->name, GROUP_NEXT, agent_note, .number = command->number);
}

ON(agent_tell_group)
{
    uint32_t count = 0;
    TRY(actor_send_all(ctx, command->name, &count, agent_note, .number = command->number));
    return actor_reply(ctx, agent_number, .number = count);
}

ON(group_changed)
{
    write_down(self, ctx, command->has_joined ? "joined" : "left", command->group);
    return ERR_OK;
}

ON(agent_exit)
{
    char reason[64];
    (void)str_to_array(command->reason, reason, sizeof reason);
    return actor_exit(ctx, (actor_ref_t){command->ref_bits}, reason);
}

ON(agent_kill)
{
    return actor_kill(ctx, (actor_ref_t){command->ref_bits});
}

ON(agent_fail)
{
    char reason[64];
    (void)str_to_array(command->reason, reason, sizeof reason);
    actor_fail(ctx, reason);
}

ON(agent_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON(agent_refuse)
{
    return actor_refuse(ctx, ERR_FORBIDDEN, "%.*s", STR_ARG(command->text));
}

ON(agent_silence)
{
    self->waiting = actor_reply_later(ctx);
    return ERR_OK;
}

ON(agent_say_now)
{
    actor_reply_to(ctx, self->waiting, agent_number, .number = 5);
    return ERR_OK;
}

static void on_answer(UNUSED void *self, context_t *ctx, const answer_t *answer, void *data,
                      UNUSED size_t data_size)
{
    const reply_token_t *token = data;
    actor_reply_to_message(ctx, *token, answer->err, answer->schema, answer->message);
}

/* Along the path, of which the last one echoes. */
ON(agent_forward)
{
    if (command->path.count == 0)
        return actor_reply(ctx, agent_number, .number = self->world->node);
    reply_token_t token = actor_reply_later(ctx);
    char kind[16];
    (void)str_to_array(command->kind, kind, sizeof kind);
    agent_forward_t rest = *command;
    rest.path.items++;
    rest.path.count--;
    actor_ask_message(ctx, address_of(kind, command->path.items[0]), command->timeout_ms, on_answer,
                      &token, sizeof token, &agent_forward_schema, &rest);
    return ERR_OK;
}

ON(actor_down)
{
    atomic_fetch_add(&self->world->log->downs, 1);
    write_down(self, ctx, "down", command->reason);
    return ERR_OK;
}

ON(actor_exit)
{
    write_down(self, ctx, "exit", command->reason);
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    agent_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

ACTOR_KIND(agent, .placement = PLACED_BY_KEY, .start = start, .restarts_max = 1000);
ACTOR_KIND(hound, .placement = PLACED_BY_KEY, .start = start, .traps_exits = true,
           .restarts_max = 1000);
ACTOR_KIND(nearby, .placement = PLACED_NEAR, .start = start);
ACTOR_KIND(worker, .placement = PLACED_BY_LOAD, .start = start);
ACTOR_KIND(waiting, .placement = PLACED_BY_KEY, .start = start, .awaits = true,
           .restarts_max = 1000);
