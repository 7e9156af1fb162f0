#include "runtime/mail/mailbox.h"

/* From `link` back to `seen`, turned round: oldest first. */
message_t *lane_turned_round(uint64_t link, uint64_t seen)
{
    message_t *first = NULL;
    while (link != seen) {
        message_t *message = lane_untagged(link);
        link = message->link.before;
        message->link.next = first;
        first = message;
    }
    return first;
}

void lane_init(lane_t *self)
{
    atomic_init(&self->newest, 0);
    self->first = NULL;
}

void lane_push(lane_t *self, message_t *message)
{
    lane_newest_push(&self->newest, message);
}

message_t *lane_pop(lane_t *self)
{
    if (self->first == NULL) {
        if (atomic_load_explicit(&self->newest, memory_order_relaxed) == 0)
            return NULL;
        self->first =
            lane_turned_round(atomic_exchange_explicit(&self->newest, 0, memory_order_acquire), 0);
    }
    message_t *message = self->first;
    self->first = message->link.next;
    return message;
}

/* ---- places ---- */

void mailbox_init(mailbox_t *self, mailbox_end_t *end)
{
    *end = (mailbox_end_t){.has_token = 1};
    atomic_init(&self->word, MAILBOX_CLOSED | MAILBOX_SYSTEM_ONE);
    atomic_init(&self->user, 0);
    atomic_init(&self->system, 0);
}

void mailbox_open(mailbox_t *self)
{
    atomic_fetch_and(&self->word, ~MAILBOX_CLOSED); /* pairs with the fetch-add of a push */
}

void mailbox_close(mailbox_t *self)
{
    atomic_fetch_or(&self->word, MAILBOX_CLOSED);
}

bool mailbox_close_if_empty(mailbox_t *self, const mailbox_end_t *end)
{
    uint64_t word = (atomic_load(&self->word) & MAILBOX_GENERATION_MASK) | mailbox_own_places(end);
    return atomic_compare_exchange_strong(&self->word, &word, word | MAILBOX_CLOSED);
}

bool mailbox_recycle(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t generation = atomic_load(&self->word) & MAILBOX_GENERATION_MASK;
    uint64_t word = generation | MAILBOX_CLOSED | mailbox_own_places(end);
    /* Past the mask the addition falls off the word's end: generations wrap after 16 million. */
    if (!atomic_compare_exchange_strong(&self->word, &word,
                                        (generation + MAILBOX_GENERATION_ONE) | MAILBOX_CLOSED |
                                            MAILBOX_SYSTEM_ONE))
        return false;
    atomic_store_explicit(&end->taken, 0, memory_order_relaxed); /* the next one's count */
    mailbox_note_given(end, true);
    return true;
}

void mailbox_keep(mailbox_t *self, mailbox_end_t *end)
{
    if (mailbox_pending(end) == 0 && end->has_token)
        return;
    atomic_fetch_add(&self->word, MAILBOX_SYSTEM_ONE - mailbox_own_places(end));
    mailbox_note_given(end, true);
}

bool mailbox_park(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t own = mailbox_own_places(end);
    uint64_t word = atomic_load_explicit(&self->word, memory_order_relaxed);
    while ((word & MAILBOX_SYSTEM_MASK) == (own & MAILBOX_SYSTEM_MASK)) {
        if (atomic_compare_exchange_weak(&self->word, &word, (word - own) | MAILBOX_PARKED))
            return true;
    }
    mailbox_keep(self, end);
    return false;
}

/* ---- pushing ---- */

/* Takes back the place that a push found `before` when it added it (rule 5). */
static push_result_t step_back(mailbox_t *self, mailbox_end_t *end, uint64_t before, uint64_t one,
                               push_result_t result)
{
    if (!mailbox_makes_owner(before)) {
        atomic_fetch_sub(&self->word, one);
        return result;
    }
    (void)mailbox_own(end);
    uint64_t word = before + one;
    do {
        if ((word & MAILBOX_PLACES) != one) {
            atomic_fetch_add(&self->word, MAILBOX_SYSTEM_ONE - one);
            end->has_token = 1;
            return (push_result_t)(result | PUSH_READY);
        }
    } while (!atomic_compare_exchange_weak(&self->word, &word, word - one));
    return result;
}

/* With the caller's own place in the word: is there room but for it? (rule 7) */
static bool has_room(const mailbox_t *self, const mailbox_end_t *end, uint32_t max)
{
    uint16_t given, given_after;
    uint32_t waiting;
    do {
        given = atomic_load(&end->given);
        uint32_t places = (uint32_t)(atomic_load(&self->word) & MAILBOX_USER_MASK) - 1;
        uint16_t pending = (uint16_t)(atomic_load(&end->taken) - given);
        waiting = places - MIN(places, (uint32_t)pending);
        given_after = atomic_load(&end->given);
    } while (given != given_after);
    return waiting < max;
}

push_result_t mailbox_push_refused(mailbox_t *self, mailbox_end_t *end, uint64_t before,
                                   uint32_t generation, uint32_t max, message_t *message)
{
    if (mailbox_refuses(before, generation))
        return step_back(self, end, before, MAILBOX_USER_ONE, PUSH_GONE);
    if (!has_room(self, end, max))
        return step_back(self, end, before, MAILBOX_USER_ONE, PUSH_FULL);
    lane_newest_push(&self->user, message);
    return mailbox_makes_owner(before) ? mailbox_own(end) : PUSH_DONE;
}

/* With a token: by now the message may be taken, by another who cleared MAILBOX_PARKED before. */
static push_result_t unpark(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t word = atomic_load(&self->word);
    while ((word & MAILBOX_PARKED) != 0) {
        if (atomic_compare_exchange_weak(&self->word, &word,
                                         word - MAILBOX_PARKED + MAILBOX_SYSTEM_ONE)) {
            mailbox_note_given(end, true);
            return PUSH_READY;
        }
    }
    return PUSH_DONE;
}

push_result_t mailbox_push_system(mailbox_t *self, mailbox_end_t *end, uint32_t generation,
                                  message_t *message)
{
    uint64_t before = atomic_fetch_add(&self->word, MAILBOX_SYSTEM_ONE);
    if (UNLIKELY(mailbox_refuses(before, generation)))
        return step_back(self, end, before, MAILBOX_SYSTEM_ONE, PUSH_GONE);
    lane_newest_push(&self->system, message);
    if (UNLIKELY((before & MAILBOX_PARKED) != 0))
        return unpark(self, end);
    return mailbox_makes_owner(before) ? mailbox_own(end) : PUSH_DONE;
}

/* ---- pins: pushes that are refused, with time to look in between ---- */

bool mailbox_pin(mailbox_t *self, mailbox_end_t *end, mailbox_pin_t *out_pin)
{
    if ((atomic_load(&self->word) & MAILBOX_CLOSED) != 0)
        return false;
    uint64_t before = atomic_fetch_add(&self->word, MAILBOX_SYSTEM_ONE);
    if ((before & MAILBOX_CLOSED) != 0) {
        /* A closed one has an owner, who has a place. */
        (void)step_back(self, end, before, MAILBOX_SYSTEM_ONE, PUSH_GONE);
        return false;
    }
    out_pin->before = before;
    return true;
}

push_result_t mailbox_unpin(mailbox_t *self, mailbox_end_t *end, mailbox_pin_t pin)
{
    return step_back(self, end, pin.before, MAILBOX_SYSTEM_ONE, PUSH_DONE);
}

/* ---- taking ---- */

message_t *mailbox_take_user(mailbox_t *self, mailbox_end_t *end)
{
    return lane_newest_pop(&self->user, &end->user_first, &end->user_seen);
}

void mailbox_take_places(mailbox_t *self, uint32_t count)
{
    atomic_fetch_add(&self->word, MAILBOX_USER_ONE * count);
}

void mailbox_give_place(mailbox_t *self, mailbox_end_t *end)
{
    mailbox_note_taken(self, end);
}

const message_t *mailbox_peek_user(mailbox_t *self, mailbox_end_t *end)
{
    if (end->user_first == NULL) {
        uint64_t link = atomic_load_explicit(&self->user, memory_order_acquire);
        end->user_first = lane_turned_round(link, end->user_seen);
        end->user_seen = link;
    }
    return end->user_first;
}

/* ---- looking ---- */

uint32_t mailbox_user_waiting(const mailbox_t *self, const mailbox_end_t *end)
{
    return mailbox_user_length(self) - (uint32_t)(mailbox_own_places(end) & MAILBOX_USER_MASK);
}

uint32_t mailbox_system_waiting(const mailbox_t *self, const mailbox_end_t *end)
{
    return mailbox_system_length(self) -
           (uint32_t)((mailbox_own_places(end) & MAILBOX_SYSTEM_MASK) / MAILBOX_SYSTEM_ONE);
}

bool mailbox_is_alone(const mailbox_t *self, const mailbox_end_t *end)
{
    return (atomic_load(&self->word) & MAILBOX_PLACES) == mailbox_own_places(end);
}

uint32_t mailbox_generation(const mailbox_t *self)
{
    return (uint32_t)(atomic_load(&self->word) >> MAILBOX_GENERATION_SHIFT);
}

uint32_t mailbox_user_length(const mailbox_t *self)
{
    return (uint32_t)(atomic_load(&self->word) & MAILBOX_USER_MASK);
}

uint32_t mailbox_system_length(const mailbox_t *self)
{
    return (uint32_t)((atomic_load(&self->word) & MAILBOX_SYSTEM_MASK) / MAILBOX_SYSTEM_ONE);
}

bool mailbox_is_pinned_only(const mailbox_t *self)
{
    return (atomic_load(&self->word) & MAILBOX_PLACES) == MAILBOX_SYSTEM_ONE;
}
