#pragma once
/* mailbox.h -- two lanes of messages with many senders and one receiver.
 *
 * A lane is D. Vyukov's intrusive multi-producer single-consumer queue: a push is one exchange of
 * `head`. In front of both lanes stands one word {generation, closed, system length, user length}:
 *
 *  1. A push first adds its place to the word. It is undone and refused when the generation is
 *     another one, when the mailbox is closed, or, in the user lane, when it is full.
 *  2. So while the word of generation g shows a length, the slot is not recycled: mailbox_recycle
 *     compares and sets {g, closed, 0, 0} to {g+1, closed, 0, 0}. A message never reaches a
 *     stranger.
 *  3. The length counts a message from before it is in its lane until it is popped: a length above
 *     0 with nothing to pop means that a sender is between its two steps; try again.
 *
 * The senders' side and the receiver's are apart, so that each has a cache line.
 *
 * Threads  Pushes any; the rest only the owner of the actor (activation.h). */

#include "runtime/mail/message.h"

enum { MAILBOX_MAX = 65535, MAILBOX_MAX_DEFAULT = 1024 };

typedef struct lane_front {
    _Atomic(message_link_t *) head;
    message_link_t stub;
} lane_front_t;

/* A lane for itself, both sides in one. */
typedef struct lane {
    lane_front_t front;
    message_link_t *tail; /* receiver */
} lane_t;

void lane_init(lane_t *self);
void lane_push(lane_t *self, message_t *message);
/* NULL: empty, or a sender is not done yet. */
message_t *lane_pop(lane_t *self);

typedef struct mailbox {
    _Atomic uint64_t word;
    lane_front_t user, system;
} mailbox_t;

typedef struct mailbox_end {
    message_link_t *user, *system; /* tails */
} mailbox_end_t;

typedef enum push_result { PUSH_DONE, PUSH_FULL, PUSH_GONE } push_result_t;

/* A closed mailbox of generation 0. */
void mailbox_init(mailbox_t *self, mailbox_end_t *end);
void mailbox_open(mailbox_t *self);
void mailbox_close(mailbox_t *self);
/* Closes it only when both lanes are empty. */
bool mailbox_close_if_empty(mailbox_t *self);
bool mailbox_recycle(mailbox_t *self);

/* On anything but PUSH_DONE the message is still the caller's. max: at which the lane is full. */
push_result_t mailbox_push(mailbox_t *self, uint32_t generation, uint32_t max, message_t *message);
/* Into the user lane, in order, without regard to the bound: a place that was reserved. */
push_result_t mailbox_push_reserved(mailbox_t *self, uint32_t generation, message_t *message);
push_result_t mailbox_push_system(mailbox_t *self, uint32_t generation, message_t *message);

/* While it is pinned the slot is not recycled, nor what it holds freed: a length is shown for it,
 * as if a sender were between its two steps. False: it is closed. */
bool mailbox_pin(mailbox_t *self);
void mailbox_unpin(mailbox_t *self);

message_t *mailbox_pop_user(mailbox_t *self, mailbox_end_t *end);
message_t *mailbox_pop_system(mailbox_t *self, mailbox_end_t *end);

/* Pops a message that keeps its place in the length, until mailbox_give_places. */
message_t *mailbox_take_user(mailbox_t *self, mailbox_end_t *end);
/* Places in the user lane's length for messages that the owner holds, without regard to the bound;
 * and back. */
void mailbox_take_places(mailbox_t *self, uint32_t count);
void mailbox_give_places(mailbox_t *self, uint32_t count);

/* The next one to pop, which stays; NULL: none, or a sender is between its two steps. */
const message_t *mailbox_peek_user(const mailbox_t *self, const mailbox_end_t *end);

uint32_t mailbox_generation(const mailbox_t *self);
uint32_t mailbox_user_length(const mailbox_t *self);
uint32_t mailbox_system_length(const mailbox_t *self);
