#include "docs/samples/bakery/bakery.h"

typedef struct shop {
    stream_in_t delivery;
    uint64_t shelf, sold;
} shop_t;

#define ACTOR_DEF "docs/samples/bakery/shop.def"
#define ACTOR_STATE shop_t
#define ACTOR_ALSO(X) X(stream_begin) X(stream_end) X(actor_down)
#include "runtime/actor_kind.h"

static err_t reply_seen(const shop_t *self, context_t *ctx)
{
    return actor_reply(ctx, shop_seen, .shelf = self->shelf, .sold = self->sold,
                       .is_delivered = self->delivery.id != 0);
}

ON(stream_begin)
{
    return stream_in_accept(ctx, &self->delivery, command);
}

ON(loaf)
{
    self->shelf++;
    return ERR_OK;
}

ON(shop_buy)
{
    if (self->shelf == 0)
        return actor_refuse(ctx, ERR_NOT_FOUND, "there is no bread");
    self->shelf--;
    self->sold++;
    stream_in_done(ctx, &self->delivery, 1);
    return reply_seen(self, ctx);
}

ON(shop_close)
{
    stream_in_stop(ctx, &self->delivery, ERR_UNAVAILABLE);
    return ERR_OK;
}

ON(stream_end)
{
    (void)stream_in_ended(ctx, &self->delivery, command);
    return ERR_OK;
}

ON(actor_down)
{
    (void)stream_in_down(ctx, &self->delivery, command);
    return ERR_OK;
}

ON(shop_look)
{
    return reply_seen(self, ctx);
}

ACTOR_KIND(shop, .mailbox_max = 64);
