#include "docs/samples/bakery/bakery.h"

typedef struct baker {
    stream_out_t delivery;
    uint64_t left, baked;
} baker_t;

#define ACTOR_DEF "docs/samples/bakery/baker.def"
#define ACTOR_STATE baker_t
#define ACTOR_ALSO(X) X(stream_credit) X(stream_end) X(actor_down)
#include "runtime/actor_kind.h"

ON(baker_bake)
{
    if (self->left > 0)
        return actor_refuse(ctx, ERR_CONFLICT, "the oven is full");
    address_t shop = address_of("shop", command->shop);
    TRY(stream_out_open(ctx, &self->delivery, shop, BAKERY_SHELF));
    self->left = command->loaves;
    return ERR_OK;
}

ON(stream_credit)
{
    if (!stream_out_credited(ctx, &self->delivery, command))
        return ERR_OK;
    while (self->left > 0 &&
           stream_out_send(ctx, &self->delivery, loaf, .number = self->baked) == ERR_OK) {
        self->baked++;
        self->left--;
    }
    if (self->left == 0)
        stream_out_close(ctx, &self->delivery, ERR_OK);
    return ERR_OK;
}

ON(stream_end)
{
    if (stream_out_ended(ctx, &self->delivery, command))
        self->left = 0; /* the shop takes no more */
    return ERR_OK;
}

ON(actor_down)
{
    if (stream_out_down(ctx, &self->delivery, command))
        self->left = 0;
    return ERR_OK;
}

ON(baker_look)
{
    return actor_reply(ctx, baker_seen, .baked = self->baked, .is_baking = self->left > 0);
}

ACTOR_KIND(baker, .mailbox_max = 64);
