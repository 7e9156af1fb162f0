/* reread.c -- a journal that may have lost what was durable: who holds a state that was made from
 * it reads it again. */

#include "runtime/kernel.h"
#include "runtime/runtime.h"

typedef struct walk {
    runtime_t *runtime;
    err_t err;
} walk_t;

/* Asked of the actor itself, which knows whether it has anything that was read. */
static void tell(void *context, actor_t *actor)
{
    walk_t *walk = context;
    if (actor->kind->applier_count == 0)
        return;
    message_t *message = message_new_plain(MESSAGE_REREAD, NULL, NULL);
    if (message == NULL)
        walk->err = ERR_NO_MEMORY;
    else if (!deliver_system(walk->runtime, actor_bits(actor), message))
        message_free(message);
}

err_t runtime_reread(runtime_t *self)
{
    walk_t walk = {.runtime = self};
    atomic_fetch_add(&self->rereads, 1); /* before: who is being read now is read again */
    registry_each(self->registry, tell, &walk);
    return walk.err;
}
