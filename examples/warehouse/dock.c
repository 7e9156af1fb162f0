#include "warehouse.h"

#include <stdio.h>

enum { PICKERS = 2 };

typedef struct dock {
    actor_ref_t pickers[PICKERS];
    uint32_t next;
} dock_t;

#define ACTOR_DEF "dock.def"
#define ACTOR_STATE dock_t
#define ACTOR_ALSO(X) X(actor_down)
#include <runtime/actor_kind.h>

/* Its pickers are its children: the runtime starts one that failed again, in the same place. */
static err_t dock_start(void *state, context_t *ctx)
{
    dock_t *self = state;
    for (uint32_t i = 0; i < PICKERS; i++) {
        TRY(actor_spawn(ctx, &picker_kind, STR("picker"), &self->pickers[i]));
        actor_monitor(ctx, self->pickers[i]);
    }
    return ERR_OK;
}

static void on_fetched(void *state, context_t *ctx, const answer_t *answer, void *data,
                       size_t data_size)
{
    (void)state, (void)data_size;
    reply_token_t *token = data;
    if (answer->err == ERR_OK)
        actor_reply_to(ctx, *token, dock_fetched);
    else
        actor_refuse_to(ctx, *token, answer->err);
}

/* Passes the work on, and the answer back: nobody waits here meanwhile. */
ON(dock_fetch)
{
    reply_token_t token = actor_reply_later(ctx);
    actor_ref_t picker = self->pickers[self->next++ % PICKERS];
    actor_ask(ctx, address_of_ref(picker), 1000, on_fetched, &token, sizeof token, picker_fetch,
              .item = command->item, .attempt = command->attempt);
    return ERR_OK;
}

ON(actor_down)
{
    char text[160];
    snprintf(text, sizeof text, "dock: a picker is down (%.*s)", (int)command->reason.size,
             command->reason.data);
    actor_monitor(ctx, (actor_ref_t){command->ref_bits});
    return actor_send(ctx, address_of("clerk", STR("main")), clerk_note, .text = str_from(text));
}

ACTOR_KIND(dock, .start = dock_start);
