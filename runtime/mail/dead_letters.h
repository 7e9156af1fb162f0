#pragma once
/* dead_letters.h -- what became of messages that nobody handled: counted by kind of receiver and by
 * reason, the last ones remembered, and told to who subscribes to DEAD_LETTERS_TOPIC.
 *
 * Conservation: of the messages of user lanes (commands, downs), at any moment at which nothing
 * runs,
 *
 *     sent == handled + dead + in flight
 *
 * `sent` counts a message when it is handed to deliver(), or when a timer makes it; `handled` when
 * its handler is called (or its stored answer is given again); `dead` here, whether somebody asked
 * or not; in flight is what lies in mailboxes and stashes. An effect that is held behind an append
 * is not sent yet. Replies have rows of their own (LATE_REPLY, SECOND_REPLY) and are not in `dead`.
 *
 * Ownership  Rows and traces borrow names and schemas, which live as long as the program's code.
 * Threads    Any. Counting is atomic; a trace takes one of DEAD_LETTERS_TRACED places, and is left
 * out where just then another thread writes the same one. */

#include "runtime/mail/message.h"
#include "runtime/runtime.h"

enum {
    DEAD_KINDS_MAX = 192,     /* rows; what comes after is counted in the last */
    DEAD_LETTERS_TRACED = 64, /* a power of two */
    DEAD_KEY_SIZE = 40,
    DEAD_LETTERS_TOLD_MAX = 1000 /* published in a second; the rest is only counted */
};

typedef struct dead_letters dead_letters_t;
typedef struct actor actor_t;

/* For whom it was. All of it may be empty. */
typedef struct dead_receiver {
    const char *kind;
    str_t key;
    uint64_t ref;
} dead_receiver_t;

[[nodiscard]] dead_letters_t *dead_letters_new(void);
void dead_letters_free(dead_letters_t *self);

/* Counts and remembers it; the message stays the caller's. NULL: there was no memory for one (then
 * it counts as sent, too). */
void dead_letter(runtime_t *runtime, const message_t *message, dead_reason_t reason,
                 const dead_receiver_t *receiver);
/* All of one reason. */
uint64_t dead_letters_of(const dead_letters_t *self, dead_reason_t reason);

/* What lies in mailboxes and stashes: exact where nothing runs meanwhile. */
uint64_t runtime_in_flight(runtime_t *self);
