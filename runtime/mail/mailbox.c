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

static message_link_t *front_init(lane_front_t *self)
{
    atomic_init(&self->stub.next, NULL);
    atomic_init(&self->head, &self->stub);
    return &self->stub;
}

static void front_push(lane_front_t *self, message_link_t *link)
{
    atomic_store_explicit(&link->next, NULL, memory_order_relaxed);
    /* Release: pairs with the acquire of `next` in front_pop, through the store below. */
    message_link_t *before = atomic_exchange_explicit(&self->head, link, memory_order_acq_rel);
    atomic_store_explicit(&before->next, link, memory_order_release);
}

static message_t *front_pop(lane_front_t *self, message_link_t **end)
{
    message_link_t *tail = *end;
    message_link_t *next = atomic_load_explicit(&tail->next, memory_order_acquire);
    if (tail == &self->stub) {
        if (next == NULL)
            return NULL;
        *end = tail = next;
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
    }
    if (next == NULL) {
        if (tail != atomic_load_explicit(&self->head, memory_order_acquire))
            return NULL; /* a sender has exchanged the head and not linked yet */
        front_push(self, &self->stub);
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
        if (next == NULL)
            return NULL;
    }
    *end = next;
    return CONTAINER_OF(tail, message_t, link);
}

void lane_init(lane_t *self)
{
    self->tail = front_init(&self->front);
}

void lane_push(lane_t *self, message_t *message)
{
    front_push(&self->front, &message->link);
}

message_t *lane_pop(lane_t *self)
{
    return front_pop(&self->front, &self->tail);
}

void mailbox_init(mailbox_t *self, mailbox_end_t *end)
{
    atomic_init(&self->word, CLOSED);
    end->user = front_init(&self->user);
    end->system = front_init(&self->system);
}

void mailbox_open(mailbox_t *self)
{
    atomic_fetch_and(&self->word, ~CLOSED); /* pairs with the fetch-add of a push */
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

static push_result_t push(mailbox_t *self, uint32_t generation, uint64_t max, message_t *message)
{
    uint64_t word = atomic_fetch_add(&self->word, USER_ONE);
    push_result_t result = PUSH_DONE;
    if ((word & CLOSED) != 0 || word >> GENERATION_SHIFT != generation)
        result = PUSH_GONE;
    else if ((word & USER_MASK) >= max)
        result = PUSH_FULL;

    if (result == PUSH_DONE)
        front_push(&self->user, &message->link);
    else
        atomic_fetch_sub(&self->word, USER_ONE);
    return result;
}

push_result_t mailbox_push(mailbox_t *self, uint32_t generation, uint32_t max, message_t *message)
{
    return push(self, generation, max, message);
}

push_result_t mailbox_push_reserved(mailbox_t *self, uint32_t generation, message_t *message)
{
    return push(self, generation, UINT64_MAX, message);
}

push_result_t mailbox_push_system(mailbox_t *self, uint32_t generation, message_t *message)
{
    uint64_t word = atomic_fetch_add(&self->word, SYSTEM_ONE);
    if ((word & CLOSED) != 0 || word >> GENERATION_SHIFT != generation) {
        atomic_fetch_sub(&self->word, SYSTEM_ONE);
        return PUSH_GONE;
    }
    front_push(&self->system, &message->link);
    return PUSH_DONE;
}

bool mailbox_pin(mailbox_t *self)
{
    if ((atomic_load(&self->word) & CLOSED) != 0)
        return false;
    if ((atomic_fetch_add(&self->word, SYSTEM_ONE) & CLOSED) == 0)
        return true;
    mailbox_unpin(self);
    return false;
}

void mailbox_unpin(mailbox_t *self)
{
    atomic_fetch_sub(&self->word, SYSTEM_ONE);
}

message_t *mailbox_pop_user(mailbox_t *self, mailbox_end_t *end)
{
    message_t *message = front_pop(&self->user, &end->user);
    if (message != NULL)
        atomic_fetch_sub(&self->word, USER_ONE);
    return message;
}

message_t *mailbox_take_user(mailbox_t *self, mailbox_end_t *end)
{
    return front_pop(&self->user, &end->user);
}

void mailbox_take_places(mailbox_t *self, uint32_t count)
{
    atomic_fetch_add(&self->word, USER_ONE * count);
}

void mailbox_give_places(mailbox_t *self, uint32_t count)
{
    atomic_fetch_sub(&self->word, USER_ONE * count);
}

message_t *mailbox_pop_system(mailbox_t *self, mailbox_end_t *end)
{
    message_t *message = front_pop(&self->system, &end->system);
    if (message != NULL)
        atomic_fetch_sub(&self->word, SYSTEM_ONE);
    return message;
}

const message_t *mailbox_peek_user(const mailbox_t *self, const mailbox_end_t *end)
{
    const message_link_t *link = end->user;
    if (link == &self->user.stub)
        link = atomic_load_explicit(&link->next, memory_order_acquire);
    return (const message_t *)(const void *)link; /* a link is its message's first member */
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
