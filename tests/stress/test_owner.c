/* One mailbox, many senders, and workers that give its owner's turns: one owner at a time, no
 * message lost, none left lying, through releasing, parking, refusing and pinning. */
#include "runtime/base/memory.h"
#include "runtime/mail/mailbox.h"
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { SENDERS = 3, WORKERS = 2, MESSAGES = 60000, MAX = 32, TURN = 8 };

static mailbox_t mailbox;
static mailbox_end_t end;
static _Atomic uint32_t ready;  /* owners that wait for a worker: 1 at most */
static _Atomic uint32_t owners; /* in a turn */
static _Atomic uint64_t accepted, taken, senders_left = SENDERS;
static uint64_t state; /* the owner's: a race, if there were two */
static bool is_open;   /* the owner's: its user lane */

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static void notify(push_result_t result)
{
    if ((result & PUSH_READY) != 0)
        check(atomic_fetch_add(&ready, 1) == 0, "made ready once");
}

static void send_user(uint32_t generation)
{
    message_t *message = message_new_plain(MESSAGE_COMMAND, NULL, NULL);
    check(message != NULL, "memory");
    push_result_t result = mailbox_push(&mailbox, &end, generation, MAX, message);
    notify(result);
    if (push_outcome(result) == PUSH_DONE) {
        atomic_fetch_add(&accepted, 1);
        return;
    }
    message_free(message);
    sched_yield();
}

static void send_system(void)
{
    message_t *message = message_new_plain(MESSAGE_STOP, NULL, NULL);
    check(message != NULL, "memory");
    push_result_t result = mailbox_push_system(&mailbox, &end, 0, message);
    notify(result);
    check(push_outcome(result) == PUSH_DONE, "the system lane refuses nothing");
    atomic_fetch_add(&accepted, 1);
}

static void look(void)
{
    mailbox_pin_t pin;
    if (mailbox_pin(&mailbox, &end, &pin))
        notify(mailbox_unpin(&mailbox, &end, pin));
}

static void send_all(void *context)
{
    (void)context;
    uint64_t messages = race_rounds_of(MESSAGES, SENDERS);
    for (uint64_t i = 0; i < messages; i++) {
        send_user(i % 16 == 3 ? 1 : 0); /* now and then to another generation */
        if (i % 8 == 0)
            send_system();
        if (i % 32 == 0)
            look();
    }
    atomic_fetch_sub(&senders_left, 1);
    send_system(); /* opens what is parked */
}

static void turn(void)
{
    check(atomic_fetch_add(&owners, 1) == 0, "one owner");
    message_t *message;
    for (uint32_t i = 0; i < TURN; i++) {
        if ((message = mailbox_pop_system(&mailbox, &end)) != NULL)
            is_open = ++state % 3 != 0 || atomic_load(&senders_left) < SENDERS;
        else if (is_open)
            message = mailbox_pop_user(&mailbox, &end);
        if (message == NULL)
            break;
        state++;
        atomic_fetch_add(&taken, 1);
        message_free(message);
    }
    atomic_fetch_sub(&owners, 1);
    bool is_given = is_open ? mailbox_release(&mailbox, &end) : mailbox_park(&mailbox, &end);
    if (!is_given)
        notify(PUSH_READY);
}

static bool is_over(void)
{
    return atomic_load(&senders_left) == 0 && atomic_load(&taken) == atomic_load(&accepted) &&
           atomic_load(&accepted) > 0;
}

static void work(void *context)
{
    (void)context;
    while (!is_over()) {
        uint32_t one = 1;
        if (atomic_compare_exchange_strong(&ready, &one, 0))
            turn();
        else
            sched_yield();
    }
}

int main(void)
{
    mailbox_init(&mailbox, &end);
    mailbox_open(&mailbox);
    is_open = true;
    check(mailbox_release(&mailbox, &end), "nobody is there");
    uv_thread_t threads[SENDERS + WORKERS];
    for (size_t i = 0; i < SENDERS + WORKERS; i++)
        check(uv_thread_create(&threads[i], i < SENDERS ? send_all : work, NULL) == 0, "a thread");
    for (size_t i = 0; i < SENDERS + WORKERS; i++)
        uv_thread_join(&threads[i]);

    check(atomic_load(&taken) == atomic_load(&accepted), "what was accepted is taken");
    race_report(atomic_load(&taken), "messages, each with an owner");
    printf("%llu messages, state %llu\n", (unsigned long long)atomic_load(&taken),
           (unsigned long long)state);
    return 0;
}
