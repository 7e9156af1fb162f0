#include "tests/support/actors/courier.h"

#define DEF_FILE "tests/support/actors/courier.def"
#include "runtime/base/schema_define.h"

typedef struct courier_self {
    courier_t counts;
    bool has_stashed; /* not durable */
} courier_self_t;

#define ACTOR_DEF "tests/support/actors/courier.def"
#define ACTOR_STATE courier_self_t
#include "runtime/actor_kind.h"

static err_t answer(const courier_self_t *self, context_t *ctx)
{
    return actor_reply(ctx, courier_count, .sent = self->counts.sent, .taken = self->counts.taken);
}

static err_t send_it(context_t *ctx, str_t to, uint64_t item, uint32_t how, str_t padding)
{
    TRY(actor_send_durably(ctx, address_of("courier", to), courier_take, .item = item, .how = how,
                           .padding = padding));
    emit(ctx, courier_sent, .to = to, .item = item);
    return ERR_OK;
}

ON(courier_send)
{
    char *padding = arena_new(context_arena(ctx), command->size + 1);
    if (padding == NULL)
        return ERR_NO_MEMORY;
    memset(padding, 'p', command->size);
    TRY(send_it(ctx, command->to, command->item, command->how, str_of(padding, command->size)));
    return answer(self, ctx);
}

ON(courier_send_many)
{
    char *padding = arena_new(context_arena(ctx), command->size + 1);
    if (padding == NULL)
        return ERR_NO_MEMORY;
    memset(padding, 'p', command->size);
    for (uint32_t i = 0; i < command->count; i++)
        TRY(actor_send_durably(ctx, address_of("courier", command->to), courier_take, .item = 1,
                               .padding = str_of(padding, command->size)));
    return answer(self, ctx);
}

ON(courier_send_to_nobody)
{
    const address_t to[] = {address_of("courier", context_key(ctx)), address_of("nobody", STR("1")),
                            address_of_ref(context_self(ctx)), address_of("courier", STR("other"))};
    err_t err = command->who < 3
                    ? actor_send_durably(ctx, to[command->who], courier_take, .item = 1)
                    : actor_send_durably(ctx, to[3], outbox_unheard, .item = 1);
    return actor_reply(ctx, courier_refused, .err = (uint32_t)err);
}

typedef struct later {
    reply_token_t token;
    uint64_t item;
    char to[16];
} later_t;

static void on_count(void *state, context_t *ctx, UNUSED const answer_t *count, void *data,
                     UNUSED size_t data_size)
{
    const courier_self_t *self = state;
    const later_t *later = data;
    err_t err = send_it(ctx, str_from(later->to), later->item, COURIER_TAKES, STR(""));
    if (err != ERR_OK)
        actor_fail(ctx, "no room");
    actor_reply_to(ctx, later->token, courier_count, .sent = self->counts.sent,
                   .taken = self->counts.taken);
}

ON(courier_send_later)
{
    later_t later = {.item = command->item};
    str_to_array(command->to, later.to, sizeof later.to);
    later.token = actor_reply_later(ctx);
    actor_ask(ctx, address_of("courier", command->to), 5000, on_count, &later, sizeof later,
              courier_read);
    return ERR_OK;
}

ON(courier_send_soon)
{
    if (context_command_id(ctx).size > 0) {
        actor_timer_start(ctx, 1, 0, courier_send_soon, .to = command->to, .item = command->item);
        return answer(self, ctx);
    }
    return send_it(ctx, command->to, command->item, COURIER_TAKES, STR(""));
}

ON(courier_take)
{
    bool is_odd = context_random_u64(ctx) % 2 == 1;
    switch ((courier_how_t)command->how) {
    case COURIER_TAKES_SILENTLY:
        return ERR_OK;
    case COURIER_REFUSES:
        return actor_refuse(ctx, ERR_INVALID, "not this one");
    case COURIER_FAILS:
        actor_fail(ctx, "not this one");
    case COURIER_HESITATES:
        if (is_odd)
            return ERR_BUSY;
        break;
    case COURIER_STASHES:
        if (!self->has_stashed) {
            self->has_stashed = true;
            actor_unstash_all(ctx);
            return actor_stash(ctx);
        }
        break;
    case COURIER_TAKES:
    case COURIER_DOUBTS:
    case COURIER_HOWS:
        break;
    }
    emit(ctx, courier_took, .item = command->item);
    if (command->how == COURIER_DOUBTS && is_odd)
        return actor_refuse(ctx, ERR_INVALID, "on second thought");
    self->has_stashed = false;
    actor_unstash_all(ctx);
    return ERR_OK;
}

ON(courier_read)
{
    return answer(self, ctx);
}

APPLY(courier_sent)
{
    self->counts.sent++;
}

APPLY(courier_took)
{
    self->counts.taken++;
}

static void snapshot(const void *state, buf_t *out)
{
    schema_encode(&courier_schema, &((const courier_self_t *)state)->counts, out);
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    return schema_decode(&courier_schema, text, &arena, &((courier_self_t *)state)->counts);
}

ACTOR_KIND(courier, .snapshot = snapshot, .restore = restore, .idle_ms = 2000, .snapshot_every = 10,
           .restarts_max = 1000000);
