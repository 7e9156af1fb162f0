#pragma once
/* vacating.h -- one activation whose partition goes to another node (vacate.h): between being asked
 * to go and its end its user lane is closed (turn.c). Threads  The owner of the actor. */

#include "runtime/kernel.h"

void vacating_begin(context_t *ctx, bool is_forced);
/* It waits for nothing any more: it ends as soon as its phase allows. */
bool vacating_is_due(const actor_t *actor);
