/* Many threads push into one mailbox while its owner pops, closes and recycles it: every message is
 * either refused or received, exactly once, in its sender's order, by the generation it was sent
 * to. */
#include "runtime/base/memory.h"
#include "runtime/mail/mailbox.h"
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { SENDERS = 4, MESSAGES = 20000, MAX = 64, BATCH = 256 };

typedef struct world {
    mailbox_t mailbox;
    mailbox_end_t end;
    _Atomic uint32_t generation; /* what senders aim at */
    _Atomic uint64_t accepted, running;
    uint64_t messages; /* of each sender */
} world_t;

typedef struct sender {
    world_t *world;
    uint64_t id;
    uv_thread_t thread;
} sender_t;

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static void send_all(void *context)
{
    sender_t *self = context;
    /* Until so many were taken: a mailbox that is being recycled takes none. */
    for (uint64_t i = 1, taken = 0; taken < self->world->messages; i++) {
        message_t *message =
            message_new(MESSAGE_COMMAND, NULL, NULL, (str_t){NULL, 0}, (str_t){NULL, 0});
        check(message != NULL, "memory");
        message->sender = self->id;
        message->position = i;
        uint32_t generation = atomic_load(&self->world->generation);
        message->incarnation = generation;
        push_result_t result;
        while ((result = mailbox_push(&self->world->mailbox, &self->world->end, generation, MAX,
                                      message)) == PUSH_FULL)
            sched_yield();
        if (result == PUSH_GONE) {
            message_free(message);
            sched_yield();
        } else {
            atomic_fetch_add(&self->world->accepted, 1);
            taken++;
        }
    }
    atomic_fetch_sub(&self->world->running, 1);
}

typedef struct receiver {
    uint64_t last[SENDERS];
    uint64_t received;
} receiver_t;

static void receive(world_t *world, receiver_t *self, uint64_t count_max)
{
    message_t *message;
    for (uint64_t i = 0; i < count_max; i++) {
        message = mailbox_pop_user(&world->mailbox, &world->end);
        if (message == NULL)
            break;
        check(message->position > self->last[message->sender], "the order of a sender");
        check(message->incarnation == mailbox_generation(&world->mailbox), "the generation");
        self->last[message->sender] = message->position;
        self->received++;
        message_free(message);
    }
    mailbox_keep(&world->mailbox, &world->end);
    /* mailbox.h, rule 7 */
    check(mailbox_user_waiting(&world->mailbox, &world->end) <= MAX + MAILBOX_BATCH + SENDERS,
          "the bound");
}

static void recycle(world_t *world, receiver_t *receiver)
{
    mailbox_close(&world->mailbox);
    while (!mailbox_recycle(&world->mailbox, &world->end))
        receive(world, receiver, UINT64_MAX);
    atomic_store(&world->generation, mailbox_generation(&world->mailbox));
    mailbox_open(&world->mailbox);
}

int main(void)
{
    world_t *world = memory_new(sizeof *world);
    check(world != NULL, "memory");
    world->messages = race_rounds_of(MESSAGES, SENDERS);
    mailbox_init(&world->mailbox, &world->end);
    mailbox_open(&world->mailbox);
    sender_t senders[SENDERS];
    atomic_store(&world->running, SENDERS);
    for (uint64_t i = 0; i < SENDERS; i++) {
        senders[i] = (sender_t){.world = world, .id = i};
        check(uv_thread_create(&senders[i].thread, send_all, &senders[i]) == 0, "a thread");
    }

    receiver_t receiver = {{0}, 0};
    for (uint64_t round = 0; atomic_load(&world->running) > 0; round++) {
        receive(world, &receiver, BATCH);
        if (round % 4 == 0)
            recycle(world, &receiver);
        sched_yield();
    }
    for (size_t i = 0; i < SENDERS; i++)
        uv_thread_join(&senders[i].thread);
    receive(world, &receiver, UINT64_MAX);

    check(receiver.received >= MESSAGES && mailbox_generation(&world->mailbox) > 8, "a real race");
    check(receiver.received == atomic_load(&world->accepted), "what was accepted is received");
    printf("%llu of %d received, %u generations\n", (unsigned long long)receiver.received,
           SENDERS * MESSAGES, mailbox_generation(&world->mailbox));
    race_report(receiver.received, "messages through one mailbox");
    memory_free(world);
    return 0;
}
