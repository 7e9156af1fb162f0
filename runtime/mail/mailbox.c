#include "runtime/mail/mailbox.h"

#include <stdatomic.h>

/* {generation:24, closed:1, system:19, user:20} */
#define USER_ONE UINT64_C(1)
#define USER_MASK UINT64_C(0xfffff)
#define SYSTEM_ONE (UINT64_C(1) << 20)
#define SYSTEM_MASK (UINT64_C(0x7ffff) << 20)
#define CLOSED (UINT64_C(1) << 39)
#define GENERATION_SHIFT 40
#define GENERATION_ONE (UINT64_C(1) << GENERATION_SHIFT)
#define GENERATION_MASK (UINT64_C(0xffffff) << GENERATION_SHIFT)

void lane_init(lane_t *self)
{
    atomic_init(&self->stub.next, NULL);
    atomic_init(&self->head, &self->stub);
    self->tail = &self->stub;
}

static void link_push(lane_t *self, message_link_t *link)
{
    atomic_store_explicit(&link->next, NULL, memory_order_relaxed);
    /* Release: pairs with the acquire of `next` in lane_pop, through the store below. */
    message_link_t *before = atomic_exchange_explicit(&self->head, link, memory_order_acq_rel);
    atomic_store_explicit(&before->next, link, memory_order_release);
}

void lane_push(lane_t *self, message_t *message)
{
    link_push(self, &message->link);
}

message_t *lane_pop(lane_t *self)
{
    message_link_t *tail = self->tail;
    message_link_t *next = atomic_load_explicit(&tail->next, memory_order_acquire);
    if (tail == &self->stub) {
        if (next == NULL)
            return NULL;
        self->tail = tail = next;
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
    }
    if (next == NULL) {
        if (tail != atomic_load_explicit(&self->head, memory_order_acquire))
            return NULL; /* a sender has exchanged the head and not linked yet */
        link_push(self, &self->stub);
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
        if (next == NULL)
            return NULL;
    }
    self->tail = next;
    return CONTAINER_OF(tail, message_t, link);
}

void mailbox_init(mailbox_t *self)
{
    atomic_init(&self->word, CLOSED);
    lane_init(&self->user);
    lane_init(&self->system);
    self->max = 0;
}

void mailbox_open(mailbox_t *self, uint32_t max)
{
    self->max = max;
    atomic_fetch_and(&self->word, ~CLOSED); /* pairs with the fetch-add of a push: max is seen */
}

void mailbox_close(mailbox_t *self)
{
    atomic_fetch_or(&self->word, CLOSED);
}

bool mailbox_close_if_empty(mailbox_t *self)
{
    uint64_t word = atomic_load(&self->word) & GENERATION_MASK;
    return atomic_compare_exchange_strong(&self->word, &word, word | CLOSED);
}

bool mailbox_recycle(mailbox_t *self)
{
    uint64_t generation = atomic_load(&self->word) & GENERATION_MASK;
    uint64_t word = generation | CLOSED;
    /* Past the mask the addition falls off the word's end: generations wrap after 16 million. */
    return atomic_compare_exchange_strong(&self->word, &word,
                                          (generation + GENERATION_ONE) | CLOSED);
}

static push_result_t push(mailbox_t *self, uint32_t generation, message_t *message, lane_t *lane,
                          uint64_t one, bool is_bounded)
{
    uint64_t word = atomic_fetch_add(&self->word, one);
    push_result_t result = PUSH_DONE;
    if ((word & CLOSED) != 0 || word >> GENERATION_SHIFT != generation)
        result = PUSH_GONE;
    else if (is_bounded && (word & USER_MASK) >= self->max)
        result = PUSH_FULL;

    if (result == PUSH_DONE)
        lane_push(lane, message);
    else
        atomic_fetch_sub(&self->word, one);
    return result;
}

push_result_t mailbox_push(mailbox_t *self, uint32_t generation, message_t *message)
{
    return push(self, generation, message, &self->user, USER_ONE, true);
}

push_result_t mailbox_push_reserved(mailbox_t *self, uint32_t generation, message_t *message)
{
    return push(self, generation, message, &self->user, USER_ONE, false);
}

push_result_t mailbox_push_system(mailbox_t *self, uint32_t generation, message_t *message)
{
    return push(self, generation, message, &self->system, SYSTEM_ONE, false);
}

message_t *mailbox_pop_user(mailbox_t *self)
{
    message_t *message = lane_pop(&self->user);
    if (message != NULL)
        atomic_fetch_sub(&self->word, USER_ONE);
    return message;
}

message_t *mailbox_pop_system(mailbox_t *self)
{
    message_t *message = lane_pop(&self->system);
    if (message != NULL)
        atomic_fetch_sub(&self->word, SYSTEM_ONE);
    return message;
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
