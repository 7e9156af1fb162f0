#pragma once
/* mailbox.h -- two lanes of messages with many senders and one receiver, and the word that says who
 * owns the receiver.
 *
 * A lane is a chain from the newest message to the oldest. A push is one compare-and-set of
 * `newest`; the receiver takes what is new by walking from `newest` back to where it was, and turns
 * it round. A link carries a tag of 20 bits that grows with every push, so what was newest once is
 * not taken for what lies at the same address now.
 *
 * In front of both lanes stands one word {generation, closed, parked, system places, user places}.
 * A place is a message from before it is in its lane until its turn is over; or a sender that will
 * be refused and has not stepped back yet; or the token of an owner.
 *
 *  1. One owner at most: it alone touches `mailbox_end_t` and the actor behind it. It owns from
 *     when its place was the first (rule 2), until the word shows no place or PARKED by its own
 *     compare-and-set (rules 3 and 4). While it owns, a place in the word is its: the message that
 *     it was made ready for, messages that it took and has not given back, or its token.
 *  2. A push adds its place. If there was none, and not PARKED, the sender is now the owner, and
 *     makes the actor ready (PUSH_READY) when its message lies in the lane.
 *  3. mailbox_release: compares with exactly the owner's own places, and sets to none. If others
 * are there it gives its places back but for a token, and goes on owning.
 *  4. mailbox_park, while the user lane is closed to the owner: the same, but user places may stay,
 *     and PARKED is set. While PARKED, pushes make nobody owner by rule 2. Who pushed into the
 *     system lane sets PARKED to a token, in one step, when it is still set: then it is the owner.
 *  5. A push is undone and refused when the generation is another, when the mailbox is CLOSED, or,
 *     in the user lane, when it is full. Who is owner by a place that is refused releases it by
 *     rule 3, and makes the actor ready if it still owns it then.
 *  6. mailbox_recycle compares {g, CLOSED, the owner's places} and sets {g+1, CLOSED, a token}. So
 *     while generation g shows another's place its slot is not given to the next one, no message
 *     reaches a stranger, and a free slot has an owner: whoever keeps it.
 *  7. Full is: as many user places as `max`, but for those that the owner has taken and not given
 *     back. It is never said too early. By messages taken while a sender looks, a mailbox may hold
 *     up to MAILBOX_BATCH more.
 *
 * Broken, 1: two threads in one state. 2, 4, 5: a message waits for ever. 6: a message reaches a
 * stranger. The model: tests/models/mailbox.pml.
 *
 * Threads  Pushes any; the rest only the owner. */

#include "runtime/mail/message.h"

#include <stdatomic.h>

enum {
    MAILBOX_MAX = 65535,
    MAILBOX_MAX_DEFAULT = 1024,
    MAILBOX_BATCH = 256 /* places taken before the owner gives them back at the latest */
};

/* A lane by itself, which its receiver empties with one exchange: any number may be pushed. */
typedef struct lane {
    _Atomic uint64_t newest;
    message_t *first; /* taken already, oldest first */
} lane_t;

void lane_init(lane_t *self);
void lane_push(lane_t *self, message_t *message);
/* NULL: empty. */
message_t *lane_pop(lane_t *self);
/* For its receiver. */
static inline bool lane_is_empty(const lane_t *self)
{
    return self->first == NULL && atomic_load_explicit(&self->newest, memory_order_relaxed) == 0;
}

typedef struct mailbox {
    _Atomic uint64_t word;
    _Atomic uint64_t user, system; /* newest */
} mailbox_t;

/* Its owner's. */
typedef struct mailbox_end {
    message_t *user_first, *system_first; /* taken off the lanes, oldest first */
    uint64_t user_seen, system_seen;      /* `newest` by then */
    _Atomic uint32_t taken;               /* messages, ever; wraps */
    _Atomic uint16_t given;               /* `taken` when places were given back last */
    uint16_t system_taken : 15;           /* of them, since then */
    uint16_t has_token : 1;
} mailbox_end_t;

typedef enum push_result {
    PUSH_DONE,
    PUSH_FULL,
    PUSH_GONE,
    PUSH_READY = 4 /* or-ed: the caller owns the actor now, and makes it ready */
} push_result_t;

static inline push_result_t push_outcome(push_result_t result)
{
    return (push_result_t)((unsigned)result & ~(unsigned)PUSH_READY);
}

static inline err_t err_of_push(push_result_t result)
{
    static const err_t errs[] = {
        [PUSH_DONE] = ERR_OK, [PUSH_FULL] = ERR_BUSY, [PUSH_GONE] = ERR_NOT_FOUND};
    return errs[push_outcome(result)];
}

/* A closed mailbox of generation 0 whose owner is the caller. */
void mailbox_init(mailbox_t *self, mailbox_end_t *end);
void mailbox_open(mailbox_t *self);
void mailbox_close(mailbox_t *self);
/* Closes it only when nobody else has a place. */
bool mailbox_close_if_empty(mailbox_t *self, const mailbox_end_t *end);
bool mailbox_recycle(mailbox_t *self, mailbox_end_t *end);

/* On anything but PUSH_DONE the message is still the caller's. max: at which the lane is full;
 * UINT32_MAX for a place that was reserved. */
static inline push_result_t mailbox_push(mailbox_t *self, mailbox_end_t *end, uint32_t generation,
                                         uint32_t max, message_t *message);
push_result_t mailbox_push_system(mailbox_t *self, mailbox_end_t *end, uint32_t generation,
                                  message_t *message);

/* While it is pinned the slot is not recycled, nor what it holds freed: a place of the system lane
 * is there, as if a sender were between its two steps. Any thread. False: it is closed. */
typedef struct mailbox_pin {
    uint64_t before;
} mailbox_pin_t;
bool mailbox_pin(mailbox_t *self, mailbox_end_t *end, mailbox_pin_t *out_pin);
/* May say PUSH_READY. */
push_result_t mailbox_unpin(mailbox_t *self, mailbox_end_t *end, mailbox_pin_t pin);

/* The next one to pop, which stays; NULL: as mailbox_pop_user. */
const message_t *mailbox_peek_user(mailbox_t *self, mailbox_end_t *end);
/* NULL: none there, or its sender is between its two steps. */
static inline message_t *mailbox_pop_user(mailbox_t *self, mailbox_end_t *end);
static inline message_t *mailbox_pop_system(mailbox_t *self, mailbox_end_t *end);
/* Gives back the places of what was taken, and keeps a token. */
void mailbox_keep(mailbox_t *self, mailbox_end_t *end);
/* True: the caller owns nothing any more. False: it has a token, and somebody else a place. */
static inline bool mailbox_release(mailbox_t *self, mailbox_end_t *end);
bool mailbox_park(mailbox_t *self, mailbox_end_t *end);

/* Pops a message that keeps its place, until mailbox_give_place: as if it still lay in the lane. */
message_t *mailbox_take_user(mailbox_t *self, mailbox_end_t *end);
void mailbox_give_place(mailbox_t *self, mailbox_end_t *end);
/* Places for messages that the owner holds, without regard to the bound. */
void mailbox_take_places(mailbox_t *self, uint32_t count);

/* To look at; for the owner what it has not taken yet. */
uint32_t mailbox_user_waiting(const mailbox_t *self, const mailbox_end_t *end);
uint32_t mailbox_system_waiting(const mailbox_t *self, const mailbox_end_t *end);
bool mailbox_is_alone(const mailbox_t *self, const mailbox_end_t *end); /* nobody else's place */

/* To look at, from any thread. */
uint32_t mailbox_generation(const mailbox_t *self);
uint32_t mailbox_user_length(const mailbox_t *self); /* places */
uint32_t mailbox_system_length(const mailbox_t *self);
bool mailbox_is_pinned_only(const mailbox_t *self); /* no place but one of a pin */

/* ---- in line: what every message costs ---- */

/* {generation:24, closed:1, parked:1, system:18, user:20} */
#define MAILBOX_USER_ONE UINT64_C(1)
#define MAILBOX_USER_MASK UINT64_C(0xfffff)
#define MAILBOX_SYSTEM_ONE (UINT64_C(1) << 20)
#define MAILBOX_SYSTEM_MASK (UINT64_C(0x3ffff) << 20)
#define MAILBOX_PLACES (MAILBOX_USER_MASK | MAILBOX_SYSTEM_MASK)
#define MAILBOX_PARKED (UINT64_C(1) << 38)
#define MAILBOX_CLOSED (UINT64_C(1) << 39)
#define MAILBOX_GENERATION_SHIFT 40
#define MAILBOX_GENERATION_ONE (UINT64_C(1) << MAILBOX_GENERATION_SHIFT)
#define MAILBOX_GENERATION_MASK (UINT64_C(0xffffff) << MAILBOX_GENERATION_SHIFT)

/* ---- lanes: {address without its four low bits: 44, tag: 20} ----
 *
 * A lane of a mailbox has fewer than 2^20 places, so between two looks of its receiver a tag does
 * not come round. */

enum { LANE_TAG_BITS = 20, LANE_ADDRESS_ZEROS = 4 };
#define LANE_TAG_MASK ((UINT64_C(1) << LANE_TAG_BITS) - 1)

static inline uint64_t lane_tagged(const message_t *message, uint64_t before)
{
    return (uint64_t)(uintptr_t)message >> LANE_ADDRESS_ZEROS << LANE_TAG_BITS |
           ((before + 1) & LANE_TAG_MASK);
}

static inline message_t *lane_untagged(uint64_t link)
{
    return (message_t *)(uintptr_t)(link >> LANE_TAG_BITS << LANE_ADDRESS_ZEROS);
}

static inline void lane_newest_push(_Atomic uint64_t *newest, message_t *message)
{
    uint64_t before = atomic_load_explicit(newest, memory_order_relaxed);
    do {
        message->link.before = before;
        /* Release: pairs with the acquire in newest_take; the pushes between them are one release
         * sequence. */
    } while (!atomic_compare_exchange_weak_explicit(newest, &before, lane_tagged(message, before),
                                                    memory_order_release, memory_order_relaxed));
}

/* What lies from `link` back to `seen`, oldest first. */
message_t *lane_turned_round(uint64_t link, uint64_t seen);

static inline message_t *lane_newest_pop(_Atomic uint64_t *newest, message_t **first,
                                         uint64_t *seen)
{
    message_t *message = *first;
    if (message == NULL) {
        uint64_t link = atomic_load_explicit(newest, memory_order_acquire);
        if (link == *seen)
            return NULL;
        message = lane_turned_round(link, *seen);
        *seen = link;
    }
    *first = message->link.next;
    return message;
}

static inline uint32_t mailbox_taken(const mailbox_end_t *end)
{
    return atomic_load_explicit(&end->taken, memory_order_relaxed);
}

/* Taken and not given back, both lanes. */
static inline uint16_t mailbox_pending(const mailbox_end_t *end)
{
    uint16_t given = atomic_load_explicit(&end->given, memory_order_relaxed);
    return (uint16_t)(mailbox_taken(end) - given);
}

/* The owner's places, as the word counts them; but for a message that it was made ready for. */
static inline uint64_t mailbox_own_places(const mailbox_end_t *end)
{
    uint64_t system = end->system_taken;
    return (mailbox_pending(end) - system) * MAILBOX_USER_ONE +
           (system + end->has_token) * MAILBOX_SYSTEM_ONE;
}

/* After the word: who finds a mailbox full must not miss what was given back (rule 7). */
static inline void mailbox_note_given(mailbox_end_t *end, bool has_token)
{
    atomic_store_explicit(&end->given, (uint16_t)mailbox_taken(end), memory_order_release);
    end->system_taken = 0;
    end->has_token = has_token;
}

static inline bool mailbox_refuses(uint64_t word, uint32_t generation)
{
    return (word & MAILBOX_CLOSED) != 0 || word >> MAILBOX_GENERATION_SHIFT != generation;
}

static inline bool mailbox_makes_owner(uint64_t word)
{
    return (word & (MAILBOX_PLACES | MAILBOX_PARKED)) == 0;
}

/* The caller is the owner from now: what the last one had taken, it gave back with its release. */
static inline push_result_t mailbox_own(mailbox_end_t *end)
{
    mailbox_note_given(end, false);
    return PUSH_READY;
}

/* For what mailbox_push doubts. */
push_result_t mailbox_push_refused(mailbox_t *self, mailbox_end_t *end, uint64_t before,
                                   uint32_t generation, uint32_t max, message_t *message);

static inline push_result_t mailbox_push(mailbox_t *self, mailbox_end_t *end, uint32_t generation,
                                         uint32_t max, message_t *message)
{
    uint64_t before = atomic_fetch_add(&self->word, MAILBOX_USER_ONE);
    if (UNLIKELY(mailbox_refuses(before, generation) || (before & MAILBOX_USER_MASK) >= max))
        return mailbox_push_refused(self, end, before, generation, max, message);
    lane_newest_push(&self->user, message);
    return mailbox_makes_owner(before) ? mailbox_own(end) : PUSH_DONE;
}

static inline void mailbox_note_taken(mailbox_t *self, mailbox_end_t *end)
{
    atomic_store_explicit(&end->taken, mailbox_taken(end) + 1, memory_order_relaxed);
    if (UNLIKELY(mailbox_pending(end) >= MAILBOX_BATCH))
        mailbox_keep(self, end);
}

static inline message_t *mailbox_pop_user(mailbox_t *self, mailbox_end_t *end)
{
    message_t *message = lane_newest_pop(&self->user, &end->user_first, &end->user_seen);
    if (message != NULL)
        mailbox_note_taken(self, end);
    return message;
}

static inline message_t *mailbox_pop_system(mailbox_t *self, mailbox_end_t *end)
{
    message_t *message = lane_newest_pop(&self->system, &end->system_first, &end->system_seen);
    if (message != NULL) {
        end->system_taken++;
        mailbox_note_taken(self, end);
    }
    return message;
}

static inline bool mailbox_release(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t own = mailbox_own_places(end);
    uint64_t word = atomic_load_explicit(&self->word, memory_order_relaxed);
    /* What is left in `end` is the next owner's to see to (mailbox_own): it is not ours any more.
     */
    if ((word & MAILBOX_PLACES) == own &&
        atomic_compare_exchange_strong(&self->word, &word, word & ~MAILBOX_PLACES))
        return true;
    mailbox_keep(self, end);
    return false;
}
