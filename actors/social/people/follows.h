#pragma once
/* follows.h -- what `user` does with commands about follows (user.def), around the rules of
 * user_rules.h.
 *
 * A follow is an event of the follower; the other end is told by a message in the same append. So
 * both lists agree once that was taken, whatever crashes.
 *
 * Each answers, now or later, or returns the error. The book is the actor's whole state, or its
 * first member: continuations get the state, and take it for the book.
 *
 * Threads  The actor's turn. */

#include "actors/social/user_rules.h"
#include "runtime/actor.h"

err_t follows_standing(const user_book_t *book, context_t *ctx, str_t user_id);
err_t follows_list(const user_book_t *book, context_t *ctx, const user_get_links_t *command);
err_t follows_set(user_book_t *book, context_t *ctx, const user_set_follow_t *command);
err_t follows_note(user_book_t *book, context_t *ctx, const user_note_follower_t *command);
err_t follows_forget(user_book_t *book, context_t *ctx, str_t user_id);
/* As user_part; there is some follow to end. */
err_t follows_part(user_book_t *book, context_t *ctx);
