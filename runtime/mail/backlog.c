#include "runtime/mail/backlog.h"

#include "runtime/base/memory.h"
#include "runtime/kernel.h"
#include "runtime/life/bonds.h"

/* ---- lists, linked through the messages' own links, which no lane uses meanwhile ---- */

static message_t *next_of(const message_t *message)
{
    return message->link.next;
}

static void set_next(message_t *message, message_t *next)
{
    message->link.next = next;
}

static void list_push(message_list_t *self, message_t *message)
{
    set_next(message, NULL);
    if (self->last == NULL)
        self->first = message;
    else
        set_next(self->last, message);
    self->last = message;
    self->count++;
}

static message_t *list_pop(message_list_t *self)
{
    message_t *message = self->first;
    if (message == NULL)
        return NULL;
    self->first = next_of(message);
    if (self->first == NULL)
        self->last = NULL;
    self->count--;
    return message;
}

/* All of `more` before what is there. */
static void list_prepend(message_list_t *self, message_list_t *more)
{
    if (more->count == 0)
        return;
    set_next(more->last, self->first);
    self->first = more->first;
    if (self->last == NULL)
        self->last = more->last;
    self->count += more->count;
    *more = (message_list_t){0};
}

/* ---- front and stash ---- */

backlog_t *backlog_of(actor_t *actor)
{
    actor_extra_t *extra = actor_extra(actor);
    if (extra != NULL && extra->backlog == NULL)
        extra->backlog = memory_new(sizeof(backlog_t));
    return extra == NULL ? NULL : extra->backlog;
}

message_t *backlog_pop_slowly(actor_t *actor)
{
    message_t *message = list_pop(&actor_extra_there(actor)->backlog->front);
    mailbox_give_place(&actor->mailbox, &actor->mailbox_end);
    return message;
}

static uint32_t bound_of(const actor_t *actor)
{
    uint32_t max = actor->kind->mailbox_max;
    return max == 0 ? MAILBOX_MAX_DEFAULT : max;
}

err_t backlog_make_room(actor_t *actor, const message_t *message)
{
    const backlog_t *self = backlog_of(actor);
    if (self == NULL)
        return ERR_NO_MEMORY;
    bool is_full = self->stash.count >= bound_of(actor) && !message->is_streamed;
    return is_full ? ERR_BUSY : ERR_OK;
}

void backlog_stash(actor_t *actor, message_t *message)
{
    list_push(&actor_extra_there(actor)->backlog->stash, message);
}

void backlog_unstash(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    backlog_t *self = extra == NULL ? NULL : extra->backlog;
    if (self == NULL || self->stash.count == 0)
        return;
    mailbox_take_places(&actor->mailbox, self->stash.count);
    list_prepend(&self->front, &self->stash);
}

void backlog_forget(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra == NULL || extra->backlog == NULL)
        return;
    backlog_unstash(actor);
    extra->backlog->behaviour = 0;
}

void backlog_free(backlog_t *self)
{
    if (self == NULL)
        return;
    message_t *message;
    while ((message = list_pop(&self->front)) != NULL || (message = list_pop(&self->stash)) != NULL)
        message_free(message);
    memory_free(self);
}

/* ---- coalescing ---- */

/* Empty: it is not coalesced. */
static str_t key_of(const actor_t *actor, const message_t *message)
{
    if (message->schema == NULL || message_is_signal(message) || message->is_streamed)
        return (str_t){NULL, 0};
    const void *body = message_body(message);
    return actor->kind->coalesce_key != NULL ? actor->kind->coalesce_key(message->schema, body)
                                             : schema_key(message->schema, body);
}

/* The newest message of each schema and key, open addressing. */
typedef struct newest {
    message_t **slots;
    size_t capacity; /* a power of two */
} newest_t;

/* Where a message with this schema and key is, or would be. */
static message_t **newest_at(const actor_t *actor, newest_t *self, const message_t *message,
                             str_t key)
{
    size_t at =
        str_hash_more(str_hash(str_from(message->schema->name)), key) & (self->capacity - 1);
    while (self->slots[at] != NULL) {
        const message_t *other = self->slots[at];
        if (other->schema == message->schema && str_equal(key_of(actor, other), key))
            break;
        at = (at + 1) & (self->capacity - 1);
    }
    return &self->slots[at];
}

static void drop(actor_t *actor, message_t *message, err_t err, dead_reason_t reason)
{
    mailbox_give_place(&actor->mailbox, &actor->mailbox_end);
    reject_by(actor, message, err, reason);
}

static void keep_newest(actor_t *actor, message_list_t *front, newest_t *newest)
{
    for (message_t *it = front->first; it != NULL; it = next_of(it)) {
        str_t key = key_of(actor, it);
        if (key.data != NULL)
            *newest_at(actor, newest, it, key) = it;
    }
    message_list_t kept = {0};
    message_t *message;
    while ((message = list_pop(front)) != NULL) {
        str_t key = key_of(actor, message);
        bool is_kept = key.data == NULL || *newest_at(actor, newest, message, key) == message;
        if (is_kept)
            list_push(&kept, message);
        else
            drop(actor, message, ERR_STALE, DEAD_SUPERSEDED);
    }
    *front = kept;
}

/* The oldest go that an overflow policy may drop, until the bound holds. */
static void keep_bound(actor_t *actor, message_list_t *front)
{
    uint32_t max = bound_of(actor);
    message_list_t kept = {0};
    message_t *message;
    while ((message = list_pop(front)) != NULL) {
        bool is_dropped = kept.count + front->count >= max && message->kind == MESSAGE_COMMAND &&
                          !message->is_streamed;
        if (is_dropped)
            drop(actor, message, ERR_BUSY, DEAD_FULL);
        else
            list_push(&kept, message);
    }
    *front = kept;
}

void backlog_coalesce(actor_t *actor)
{
    if (mailbox_user_waiting(&actor->mailbox, &actor->mailbox_end) <= bound_of(actor))
        return;
    backlog_t *self = backlog_of(actor);
    if (self == NULL)
        return; /* the next turn tries again; the mailbox holds twice its bound, no more */
    message_t *message;
    while ((message = mailbox_take_user(&actor->mailbox, &actor->mailbox_end)) != NULL)
        list_push(&self->front, message);

    newest_t newest = {.capacity = 16};
    while (newest.capacity < (size_t)self->front.count * 2)
        newest.capacity *= 2;
    newest.slots = memory_new_array(newest.capacity, sizeof *newest.slots);
    if (newest.slots != NULL)
        keep_newest(actor, &self->front, &newest);
    memory_free(newest.slots);
    keep_bound(actor, &self->front);
}
