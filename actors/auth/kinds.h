#pragma once
/* kinds.h -- the kinds of this service, for auth.c, and what both of its actors need. */

#include "actors/auth/auth.h"
#include "runtime/actor.h"

extern const actor_kind_t accounts_kind, account_kind;

/* `size` random bytes as hexadecimal digits, terminated: 2 * size + 1 characters. */
void auth_random_hex(context_t *ctx, char *out, size_t size);
