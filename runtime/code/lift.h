#pragma once
/* lift.h -- one message, two tables: what was declared in the same words elsewhere, or in other
 * words by another version, is read through its wire form (unknown tags are skipped, missing
 * ones read as zero).
 *
 * A schema's name is what it is. Its table is only where this program keeps it: a plugin has its
 * own, and so has each version of it.
 *
 * Threads  None: values. */

#include "runtime/actor.h"
#include "runtime/mail/message.h"

/* The same fields at the same places: a struct of one is a struct of the other. */
bool schema_is_same(const schema_t *a, const schema_t *b);
/* `value` as a struct of `to`; it may borrow from value, and lies in the arena.
 *   UNSUPPORTED  another name; INVALID: a field changed its type; NO_MEMORY */
err_t schema_lift(const schema_t *from, const void *value, const schema_t *to, arena_t *arena,
                  const void **out_value);
/* Makes *message one that the kind has a handler for; false: it has none, and *message is as it
 * was. */
bool message_lift(const actor_kind_t *kind, message_t **message);
