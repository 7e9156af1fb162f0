#pragma once
/* hibernate.h -- a volatile virtual actor that idles is put into the state store; the next message
 * to its name takes it out.
 *
 * The state is stored first; then, under the lock of its name, the actor leaves the registry if
 * nothing has come; else what was stored is forgotten again. A store that is not quick does all of
 * it on the offload pool, while the actor is ACTOR_RECOVERING: its messages wait, and it is neither
 * ended nor restarted before the call for its key is back (`is_storing`). So there are never two
 * calls for one key, and what is in the store belongs to nobody who is awake.
 *
 * What can't be stored stays awake and is counted; what can't be read begins anew, is counted and
 * logged. An actor looks into the store in its first start only: a restart begins anew.
 *
 * Threads  hibernation_run the offload pool's; the rest the owner of the actor. */

#include "runtime/context.h"
#include "runtime/state_store.h"

typedef struct hibernation hibernation_t;

void hibernation_free(hibernation_t *self);
err_t hibernation_run(hibernation_t *self);

/* Whether a start has to look into the store: hibernate_wake. */
bool hibernate_may_sleep(const actor_t *actor);
/* The actor has a fresh state. Reads it, or has it read: then the phase is ACTOR_RECOVERING. An
 * error is the start's. */
err_t hibernate_wake(context_t *ctx);
/* An idle, quiescent actor. False: it stays awake. */
bool hibernate(context_t *ctx);
/* MESSAGE_RECOVERED with a hibernation: takes the job. */
void hibernate_returned(context_t *ctx, job_t *job);
