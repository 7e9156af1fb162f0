#include "runtime/mail/mailbox.h"

/* {generation:24, closed:1, parked:1, system:18, user:20} */
#define USER_ONE UINT64_C(1)
#define USER_MASK UINT64_C(0xfffff)
#define SYSTEM_ONE (UINT64_C(1) << 20)
#define SYSTEM_MASK (UINT64_C(0x3ffff) << 20)
#define PLACES (USER_MASK | SYSTEM_MASK)
#define PARKED (UINT64_C(1) << 38)
#define CLOSED (UINT64_C(1) << 39)
#define GENERATION_SHIFT 40
#define GENERATION_ONE (UINT64_C(1) << GENERATION_SHIFT)
#define GENERATION_MASK (UINT64_C(0xffffff) << GENERATION_SHIFT)

/* ---- lanes: {address without its four low bits: 44, tag: 20} ----
 *
 * A lane of a mailbox has fewer than 2^20 places, so between two looks of its receiver a tag does
 * not come round. */

enum { TAG_BITS = 20, ADDRESS_ZEROS = 4 };
#define TAG_MASK ((UINT64_C(1) << TAG_BITS) - 1)

static uint64_t tagged(const message_t *message, uint64_t before)
{
    return (uint64_t)(uintptr_t)message >> ADDRESS_ZEROS << TAG_BITS | ((before + 1) & TAG_MASK);
}

static message_t *untagged(uint64_t link)
{
    return (message_t *)(uintptr_t)(link >> TAG_BITS << ADDRESS_ZEROS);
}

static inline void newest_push(_Atomic uint64_t *newest, message_t *message)
{
    uint64_t before = atomic_load_explicit(newest, memory_order_relaxed);
    do {
        message->link.before = before;
        /* Release: pairs with the acquire in newest_take; the pushes between them are one release
         * sequence. */
    } while (!atomic_compare_exchange_weak_explicit(newest, &before, tagged(message, before),
                                                    memory_order_release, memory_order_relaxed));
}

/* From `link` back to `seen`, turned round: oldest first. */
static message_t *turned_round(uint64_t link, uint64_t seen)
{
    message_t *first = NULL;
    while (link != seen) {
        message_t *message = untagged(link);
        link = message->link.before;
        message->link.next = first;
        first = message;
    }
    return first;
}

static inline message_t *newest_pop(_Atomic uint64_t *newest, message_t **first, uint64_t *seen)
{
    message_t *message = *first;
    if (message == NULL) {
        uint64_t link = atomic_load_explicit(newest, memory_order_acquire);
        if (link == *seen)
            return NULL;
        message = turned_round(link, *seen);
        *seen = link;
    }
    *first = message->link.next;
    return message;
}

void lane_init(lane_t *self)
{
    atomic_init(&self->newest, 0);
    self->first = NULL;
}

void lane_push(lane_t *self, message_t *message)
{
    newest_push(&self->newest, message);
}

message_t *lane_pop(lane_t *self)
{
    if (self->first == NULL) {
        if (atomic_load_explicit(&self->newest, memory_order_relaxed) == 0)
            return NULL;
        self->first =
            turned_round(atomic_exchange_explicit(&self->newest, 0, memory_order_acquire), 0);
    }
    message_t *message = self->first;
    self->first = message->link.next;
    return message;
}

/* ---- places ---- */

static inline uint32_t taken_of(const mailbox_end_t *end)
{
    return atomic_load_explicit(&end->taken, memory_order_relaxed);
}

/* Taken and not given back, both lanes. */
static inline uint16_t pending_of(const mailbox_end_t *end)
{
    uint16_t given = atomic_load_explicit(&end->given, memory_order_relaxed);
    return (uint16_t)(taken_of(end) - given);
}

/* The owner's places, as the word counts them; but for a message that it was made ready for. */
static inline uint64_t own_places(const mailbox_end_t *end)
{
    uint64_t system = end->system_taken;
    return (pending_of(end) - system) * USER_ONE + (system + end->has_token) * SYSTEM_ONE;
}

/* After the word: who finds a mailbox full must not miss what was given back (rule 7). */
static inline void note_given(mailbox_end_t *end, bool has_token)
{
    atomic_store_explicit(&end->given, (uint16_t)taken_of(end), memory_order_release);
    end->system_taken = 0;
    end->has_token = has_token;
}

void mailbox_init(mailbox_t *self, mailbox_end_t *end)
{
    *end = (mailbox_end_t){.has_token = 1};
    atomic_init(&self->word, CLOSED | SYSTEM_ONE);
    atomic_init(&self->user, 0);
    atomic_init(&self->system, 0);
}

void mailbox_open(mailbox_t *self)
{
    atomic_fetch_and(&self->word, ~CLOSED); /* pairs with the fetch-add of a push */
}

void mailbox_close(mailbox_t *self)
{
    atomic_fetch_or(&self->word, CLOSED);
}

bool mailbox_close_if_empty(mailbox_t *self, const mailbox_end_t *end)
{
    uint64_t word = (atomic_load(&self->word) & GENERATION_MASK) | own_places(end);
    return atomic_compare_exchange_strong(&self->word, &word, word | CLOSED);
}

bool mailbox_recycle(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t generation = atomic_load(&self->word) & GENERATION_MASK;
    uint64_t word = generation | CLOSED | own_places(end);
    /* Past the mask the addition falls off the word's end: generations wrap after 16 million. */
    if (!atomic_compare_exchange_strong(&self->word, &word,
                                        (generation + GENERATION_ONE) | CLOSED | SYSTEM_ONE))
        return false;
    atomic_store_explicit(&end->taken, 0, memory_order_relaxed); /* the next one's count */
    note_given(end, true);
    return true;
}

void mailbox_keep(mailbox_t *self, mailbox_end_t *end)
{
    if (pending_of(end) == 0 && end->has_token)
        return;
    atomic_fetch_add(&self->word, SYSTEM_ONE - own_places(end));
    note_given(end, true);
}

bool mailbox_release(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t own = own_places(end);
    uint64_t word = atomic_load_explicit(&self->word, memory_order_relaxed);
    /* What is left in `end` is the next owner's to see to (mailbox_own): it is not ours any more.
     */
    if ((word & PLACES) == own &&
        atomic_compare_exchange_strong(&self->word, &word, word & ~PLACES))
        return true;
    mailbox_keep(self, end);
    return false;
}

bool mailbox_park(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t own = own_places(end);
    uint64_t word = atomic_load_explicit(&self->word, memory_order_relaxed);
    while ((word & SYSTEM_MASK) == (own & SYSTEM_MASK)) {
        if (atomic_compare_exchange_weak(&self->word, &word, (word - own) | PARKED))
            return true;
    }
    mailbox_keep(self, end);
    return false;
}

/* ---- pushing ---- */

static inline bool is_refused(uint64_t word, uint32_t generation)
{
    return (word & CLOSED) != 0 || word >> GENERATION_SHIFT != generation;
}

static inline bool makes_owner(uint64_t word)
{
    return (word & (PLACES | PARKED)) == 0;
}

/* The caller is the owner from now: what the last one had taken, it gave back with its release. */
static push_result_t own(mailbox_end_t *end)
{
    note_given(end, false);
    return PUSH_READY;
}

/* Takes back the place that a push found `before` when it added it (rule 5). */
static push_result_t step_back(mailbox_t *self, mailbox_end_t *end, uint64_t before, uint64_t one,
                               push_result_t result)
{
    if (!makes_owner(before)) {
        atomic_fetch_sub(&self->word, one);
        return result;
    }
    (void)own(end);
    uint64_t word = before + one;
    do {
        if ((word & PLACES) != one) {
            atomic_fetch_add(&self->word, SYSTEM_ONE - one);
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
        uint32_t places = (uint32_t)(atomic_load(&self->word) & USER_MASK) - 1;
        uint16_t pending = (uint16_t)(atomic_load(&end->taken) - given);
        waiting = places - MIN(places, (uint32_t)pending);
        given_after = atomic_load(&end->given);
    } while (given != given_after);
    return waiting < max;
}

push_result_t mailbox_push(mailbox_t *self, mailbox_end_t *end, uint32_t generation, uint32_t max,
                           message_t *message)
{
    uint64_t before = atomic_fetch_add(&self->word, USER_ONE);
    if (UNLIKELY(is_refused(before, generation)))
        return step_back(self, end, before, USER_ONE, PUSH_GONE);
    if (UNLIKELY((before & USER_MASK) >= max) && !has_room(self, end, max))
        return step_back(self, end, before, USER_ONE, PUSH_FULL);
    newest_push(&self->user, message);
    return makes_owner(before) ? own(end) : PUSH_DONE;
}

/* With a token: by now the message may be taken, by another who cleared PARKED before. */
static push_result_t unpark(mailbox_t *self, mailbox_end_t *end)
{
    uint64_t word = atomic_load(&self->word);
    while ((word & PARKED) != 0) {
        if (atomic_compare_exchange_weak(&self->word, &word, word - PARKED + SYSTEM_ONE)) {
            note_given(end, true);
            return PUSH_READY;
        }
    }
    return PUSH_DONE;
}

push_result_t mailbox_push_system(mailbox_t *self, mailbox_end_t *end, uint32_t generation,
                                  message_t *message)
{
    uint64_t before = atomic_fetch_add(&self->word, SYSTEM_ONE);
    if (UNLIKELY(is_refused(before, generation)))
        return step_back(self, end, before, SYSTEM_ONE, PUSH_GONE);
    newest_push(&self->system, message);
    if (UNLIKELY((before & PARKED) != 0))
        return unpark(self, end);
    return makes_owner(before) ? own(end) : PUSH_DONE;
}

/* ---- pins: pushes that are refused, with time to look in between ---- */

bool mailbox_pin(mailbox_t *self, mailbox_end_t *end, mailbox_pin_t *out_pin)
{
    if ((atomic_load(&self->word) & CLOSED) != 0)
        return false;
    uint64_t before = atomic_fetch_add(&self->word, SYSTEM_ONE);
    if ((before & CLOSED) != 0) {
        /* A closed one has an owner, who has a place. */
        (void)step_back(self, end, before, SYSTEM_ONE, PUSH_GONE);
        return false;
    }
    out_pin->before = before;
    return true;
}

push_result_t mailbox_unpin(mailbox_t *self, mailbox_end_t *end, mailbox_pin_t pin)
{
    return step_back(self, end, pin.before, SYSTEM_ONE, PUSH_DONE);
}

/* ---- taking ---- */

static inline void note_taken(mailbox_t *self, mailbox_end_t *end)
{
    atomic_store_explicit(&end->taken, taken_of(end) + 1, memory_order_relaxed);
    if (UNLIKELY(pending_of(end) >= MAILBOX_BATCH))
        mailbox_keep(self, end);
}

message_t *mailbox_pop_user(mailbox_t *self, mailbox_end_t *end)
{
    message_t *message = newest_pop(&self->user, &end->user_first, &end->user_seen);
    if (message != NULL)
        note_taken(self, end);
    return message;
}

message_t *mailbox_take_user(mailbox_t *self, mailbox_end_t *end)
{
    return newest_pop(&self->user, &end->user_first, &end->user_seen);
}

void mailbox_take_places(mailbox_t *self, uint32_t count)
{
    atomic_fetch_add(&self->word, USER_ONE * count);
}

void mailbox_give_place(mailbox_t *self, mailbox_end_t *end)
{
    note_taken(self, end);
}

const message_t *mailbox_peek_user(mailbox_t *self, mailbox_end_t *end)
{
    if (end->user_first == NULL) {
        uint64_t link = atomic_load_explicit(&self->user, memory_order_acquire);
        end->user_first = turned_round(link, end->user_seen);
        end->user_seen = link;
    }
    return end->user_first;
}

message_t *mailbox_pop_system(mailbox_t *self, mailbox_end_t *end)
{
    message_t *message = newest_pop(&self->system, &end->system_first, &end->system_seen);
    if (message != NULL) {
        end->system_taken++;
        note_taken(self, end);
    }
    return message;
}

/* ---- looking ---- */

uint32_t mailbox_user_waiting(const mailbox_t *self, const mailbox_end_t *end)
{
    return mailbox_user_length(self) - (uint32_t)(own_places(end) & USER_MASK);
}

uint32_t mailbox_system_waiting(const mailbox_t *self, const mailbox_end_t *end)
{
    return mailbox_system_length(self) - (uint32_t)((own_places(end) & SYSTEM_MASK) / SYSTEM_ONE);
}

bool mailbox_is_alone(const mailbox_t *self, const mailbox_end_t *end)
{
    return (atomic_load(&self->word) & PLACES) == own_places(end);
}

uint32_t mailbox_generation(const mailbox_t *self)
{
    return (uint32_t)(atomic_load(&self->word) >> GENERATION_SHIFT);
}

uint32_t mailbox_user_length(const mailbox_t *self)
{
    return (uint32_t)(atomic_load(&self->word) & USER_MASK);
}

uint32_t mailbox_system_length(const mailbox_t *self)
{
    return (uint32_t)((atomic_load(&self->word) & SYSTEM_MASK) / SYSTEM_ONE);
}

bool mailbox_is_pinned_only(const mailbox_t *self)
{
    return (atomic_load(&self->word) & PLACES) == SYSTEM_ONE;
}
