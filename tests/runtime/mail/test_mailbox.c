#include "runtime/mail/mailbox.h"
#include "tests/support/check.h"

enum { MAX = 4 };

typedef struct box {
    mailbox_t mailbox;
    mailbox_end_t end;
} box_t;

/* Open, with an owner that has its token: the test. */
static void open_box(box_t *self)
{
    mailbox_init(&self->mailbox, &self->end);
    mailbox_open(&self->mailbox);
}

/* Open, and nobody's. */
static void idle_box(box_t *self)
{
    open_box(self);
    cr_assert(mailbox_release(&self->mailbox, &self->end));
}

static push_result_t push_at(box_t *self, uint32_t generation)
{
    message_t *message = message_new_plain(MESSAGE_COMMAND, NULL, NULL);
    push_result_t result = mailbox_push(&self->mailbox, &self->end, generation, MAX, message);
    if (push_outcome(result) != PUSH_DONE)
        message_free(message);
    return result;
}

static push_result_t push(box_t *self)
{
    return push_at(self, mailbox_generation(&self->mailbox));
}

static push_result_t push_system(box_t *self)
{
    message_t *message = message_new_plain(MESSAGE_STOP, NULL, NULL);
    return mailbox_push_system(&self->mailbox, &self->end, mailbox_generation(&self->mailbox),
                               message);
}

static bool pop(box_t *self)
{
    message_t *message = mailbox_pop_user(&self->mailbox, &self->end);
    message_free(message);
    return message != NULL;
}

static bool pop_system(box_t *self)
{
    message_t *message = mailbox_pop_system(&self->mailbox, &self->end);
    message_free(message);
    return message != NULL;
}

Test(mailbox, the_first_place_makes_an_owner_until_it_releases)
{
    box_t box;
    idle_box(&box);

    for (int round = 0; round < 3; round++) {
        cr_assert(push(&box) == (PUSH_DONE | PUSH_READY));
        cr_assert(push(&box) == PUSH_DONE, "it has an owner");
        cr_assert(push_system(&box) == PUSH_DONE);
        cr_assert(pop_system(&box) && pop(&box));
        cr_assert(0 == mailbox_release(&box.mailbox, &box.end), "a message is left");
        cr_assert(push(&box) == PUSH_DONE, "who could not release has a token");
        cr_assert(pop(&box) && pop(&box) && !pop(&box));
        cr_assert(mailbox_release(&box.mailbox, &box.end));
    }
}

Test(mailbox, what_was_taken_makes_room_at_once_and_not_more)
{
    box_t box;
    open_box(&box);

    for (int i = 0; i < MAX; i++)
        cr_assert(push(&box) == PUSH_DONE);
    cr_assert(push(&box) == PUSH_FULL);
    for (int i = 0; i < 3 * MAILBOX_BATCH; i++) {
        cr_assert(pop(&box));
        cr_assert(push(&box) == PUSH_DONE, "its place is free, given back or not");
        cr_assert(push(&box) == PUSH_FULL);
        cr_assert(mailbox_user_waiting(&box.mailbox, &box.end) == MAX);
    }
    for (int i = 0; i < MAX; i++)
        cr_assert(pop(&box));

    cr_assert(mailbox_release(&box.mailbox, &box.end));
    for (int i = 0; i < MAX; i++)
        cr_assert(push_outcome(push(&box)) == PUSH_DONE);
    cr_assert(push(&box) == PUSH_FULL, "what the last owner took is forgotten");
    while (pop(&box))
        ;
}

Test(mailbox, a_parked_one_is_nobodys_until_a_system_message_comes)
{
    box_t box;
    open_box(&box);

    cr_assert(push(&box) == PUSH_DONE);
    cr_assert(mailbox_park(&box.mailbox, &box.end));
    cr_assert(push(&box) == PUSH_DONE, "user messages wake nobody");
    cr_assert(push_system(&box) == (PUSH_DONE | PUSH_READY));
    cr_assert(push_system(&box) == PUSH_DONE);
    cr_assert(0 == mailbox_park(&box.mailbox, &box.end), "system messages wait");
    cr_assert(pop_system(&box) && pop_system(&box));
    cr_assert(mailbox_park(&box.mailbox, &box.end));
    cr_assert(push_system(&box) == (PUSH_DONE | PUSH_READY));
    cr_assert(pop_system(&box) && pop(&box) && pop(&box));
    cr_assert(mailbox_release(&box.mailbox, &box.end));
}

Test(mailbox, a_refused_push_leaves_nothing_behind)
{
    box_t box;
    idle_box(&box);

    cr_assert(push_at(&box, 7) == PUSH_GONE);
    cr_assert(push(&box) == (PUSH_DONE | PUSH_READY), "it is nobody's, as before");
    cr_assert(push_at(&box, 7) == PUSH_GONE);
    cr_assert(pop(&box));
    cr_assert(mailbox_release(&box.mailbox, &box.end));
}

Test(mailbox, who_pins_an_idle_one_hands_on_what_came_meanwhile)
{
    box_t box;
    mailbox_pin_t pin;
    idle_box(&box);

    cr_assert(mailbox_pin(&box.mailbox, &box.end, &pin));
    cr_assert(mailbox_is_pinned_only(&box.mailbox));
    cr_assert(mailbox_unpin(&box.mailbox, &box.end, pin) == PUSH_DONE, "nothing came");
    cr_assert(mailbox_pin(&box.mailbox, &box.end, &pin));
    cr_assert(push(&box) == PUSH_DONE, "who has it pinned will see to it");
    cr_assert(mailbox_unpin(&box.mailbox, &box.end, pin) == (PUSH_DONE | PUSH_READY));
    cr_assert(push(&box) == PUSH_DONE);
    cr_assert(pop(&box) && pop(&box));
    cr_assert(mailbox_release(&box.mailbox, &box.end));
}

Test(mailbox, a_slot_is_recycled_under_nobody_and_has_an_owner_while_it_is_free)
{
    box_t box;
    mailbox_pin_t pin;
    open_box(&box);

    cr_assert(mailbox_pin(&box.mailbox, &box.end, &pin));
    mailbox_close(&box.mailbox);
    cr_assert(0 == mailbox_recycle(&box.mailbox, &box.end), "somebody looks");
    cr_assert(mailbox_unpin(&box.mailbox, &box.end, pin) == PUSH_DONE);
    cr_assert(push(&box) == PUSH_GONE, "closed");
    cr_assert(mailbox_recycle(&box.mailbox, &box.end));
    cr_assert(mailbox_generation(&box.mailbox) == 1);
    cr_assert(push_at(&box, 0) == PUSH_GONE, "no late sender becomes the owner of a free slot");
    mailbox_open(&box.mailbox);
    cr_assert(push(&box) == PUSH_DONE);
    cr_assert(0 == mailbox_close_if_empty(&box.mailbox, &box.end));
    cr_assert(pop(&box) && mailbox_close_if_empty(&box.mailbox, &box.end));
}
