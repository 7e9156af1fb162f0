#pragma once
/* user_rooms.h -- what `user` does with commands about rooms (user.def).
 *
 * A room is made, or joined, first and listed second, and only then is the caller answered; the
 * room tells it by the outbox, too, so that what a crash left in between is listed all the same.
 * Each answers, now or later, or returns the error. As in people/follows.h the state is taken for
 * the book.
 *
 * Threads  The actor's turn. */

#include "actors/social/user_rules.h"
#include "runtime/actor.h"

err_t rooms_list(const user_book_t *book, context_t *ctx);
/* room_id: what a new one is to be called. */
err_t rooms_create(user_book_t *book, context_t *ctx, str_t room_id,
                   const user_create_room_t *command);
err_t rooms_join(user_book_t *book, context_t *ctx, str_t room_id);
err_t rooms_note(user_book_t *book, context_t *ctx, const user_note_room_t *command);
/* As user_part; there is some room. */
err_t rooms_part(user_book_t *book, context_t *ctx);
