#pragma once
/* acting.h -- activities as `user` notes and shows them (user.def), around activities.h.
 *
 * Threads  The actor's turn. */

#include "actors/social/user_rules.h"
#include "runtime/actor.h"

/* Notes, beside the event of what was done, that it was done (or, `is_on` false, undone), where the
 * listener shares such. `what`: kind, object and rating. Does nothing where there is no memory. */
void acting_note(user_book_t *book, context_t *ctx, const user_acted_t *what, bool is_on);
/* Answers with those that `command->user_id` may see. */
err_t acting_list(const user_book_t *book, context_t *ctx, const user_get_activities_t *command);
