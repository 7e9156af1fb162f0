/* outbox_take.c -- the receiver's side of durable messages: each is handled once. */

#include "runtime/base/assert.h"
#include "runtime/context.h"
#include "runtime/durable/away.h"
#include "runtime/durable/outbox.h"

#include <string.h>

/* What stands in the place of a command id of a numbered message. */
static void numbered(const message_t *message, uint64_t *out_number, str_t *out_sender)
{
    str_t id = message_command_id(message);
    ASSERT(id.size > sizeof *out_number); /* outbox_send.c made it */
    memcpy(out_number, id.data, sizeof *out_number);
    *out_sender = str_slice(id, sizeof *out_number, id.size);
}

err_t outbox_may_take(context_t *ctx, const message_t *message, bool *out_is_known)
{
    uint64_t number;
    str_t sender;
    const outbox_t *outbox = actor_peek(ctx->actor)->durable->outbox;
    numbered(message, &number, &sender);
    *out_is_known = number <= outbox_taken_of(outbox, sender);
    if (*out_is_known)
        count_one(&ctx->runtime->counters.outbox.duplicates);
    else if (journal_is_away(ctx->runtime))
        return ERR_UNAVAILABLE;
    else if (!outbox_has_place(outbox, sender, clock_wall_ms(&ctx->runtime->clock)))
        return ERR_BUSY;
    return ERR_OK;
}

err_t outbox_take(context_t *ctx)
{
    outbox_taken_t taken;
    outbox_t *outbox = outbox_of(ctx->actor);
    if (outbox == NULL)
        return ERR_NO_MEMORY;
    numbered(ctx->command, &taken.number, &taken.sender);
    TRY(durable_note(ctx->actor, &ctx->emitted, &outbox_taken_schema, &taken));
    count_one(&ctx->runtime->counters.outbox.taken);
    /* An error: what was noted is undone, and this with it. */
    return outbox_take_of(outbox, taken.sender, taken.number, context_wall_ms(ctx));
}
