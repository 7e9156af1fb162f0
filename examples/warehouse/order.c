#include "warehouse.h"

#include <stdio.h>

enum { ITEM_SIZE_MAX = 32, TRIES_MAX = 3, RETRY_MS = 50 };

typedef struct order {
    char item[ITEM_SIZE_MAX];
    reply_token_t customer;
    int64_t left;
    uint32_t tries;
} order_t;

#define ACTOR_DEF "order.def"
#define ACTOR_STATE order_t
#include <runtime/actor_kind.h>

static void on_fetched(void *state, context_t *ctx, const answer_t *answer, void *data,
                       size_t data_size)
{
    (void)data, (void)data_size;
    order_t *self = state;
    if (answer->err == ERR_OK)
        actor_reply_to(ctx, self->customer, order_done, .left = self->left, .tries = self->tries);
    else if (self->tries < TRIES_MAX)
        actor_timer_start(ctx, RETRY_MS, 0, order_retry);
    else
        actor_refuse_to(ctx, self->customer, answer->err);
}

static void fetch(order_t *self, context_t *ctx)
{
    self->tries++;
    actor_ask(ctx, address_of("dock", STR("main")), 2000, on_fetched, NULL, 0, dock_fetch,
              .item = str_from(self->item), .attempt = self->tries);
}

static void on_taken(void *state, context_t *ctx, const answer_t *answer, void *data,
                     size_t data_size)
{
    (void)data, (void)data_size;
    order_t *self = state;
    if (answer->err != ERR_OK) {
        actor_refuse_to(ctx, self->customer, answer->err);
        return;
    }
    self->left = ((const stock_level_t *)answer->message)->count;
    fetch(self, ctx);
}

ON(order_place)
{
    if (command->item.size >= ITEM_SIZE_MAX)
        return actor_refuse(ctx, ERR_INVALID, "no shelf has so long a name");
    snprintf(self->item, sizeof self->item, "%.*s", (int)command->item.size, command->item.data);
    self->customer = actor_reply_later(ctx);
    actor_ask(ctx, address_of("stock", command->item), 1000, on_taken, NULL, 0, stock_take,
              .count = command->count);
    return ERR_OK;
}

ON(order_retry)
{
    fetch(self, ctx);
    return ERR_OK;
}

/* An order that nobody asks about is forgotten after a minute. */
ACTOR_KIND(order, .idle_ms = 60000);
