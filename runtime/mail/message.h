#pragma once
/* message.h -- what travels between actors: an envelope and, in the same block, a deep copy of a
 * struct.
 *
 * message_new and message_free are the only place where messages are allocated. Messages that must
 * never fail for want of memory (alarms, jobs, appends) have their envelope embedded in what asked
 * for them.
 *
 * Ownership  One owner at a time: the sender, the lane it lies in, then the receiver, who frees it.
 * Threads    A message is handed over by a lane (mailbox.h); nobody touches it after that. */

#include "runtime/actor.h"

typedef enum message_kind {
    MESSAGE_COMMAND, /* user lane: to the handler of its schema */
    MESSAGE_DOWN,    /* user lane, in a reserved place: an actor_down */
    /* System lane of an actor. */
    MESSAGE_REPLY,
    MESSAGE_ALARM,     /* embedded in alarm_t */
    MESSAGE_JOB,       /* embedded in job_t */
    MESSAGE_APPENDED,  /* embedded in append_t */
    MESSAGE_RECOVERED, /* embedded in job_t: a recovery came to its end */
    MESSAGE_MONITOR,
    MESSAGE_CHILD_ENDED,
    MESSAGE_STOP,
    /* Inbox of a scheduler (and MESSAGE_REPLY, MESSAGE_JOB). */
    MESSAGE_POST,
    MESSAGE_PUBLISH,
    MESSAGE_UNSUBSCRIBE
} message_kind_t;

typedef struct message_link message_link_t;
struct message_link {
    _Atomic(message_link_t *) next;
};

typedef struct message {
    message_link_t link; /* first: a lane's links are its messages */
    message_kind_t kind;
    err_t err;            /* of a reply */
    uint32_t incarnation; /* of the receiver it is meant for; 0: any */
    uint8_t depth;        /* of the call chain */
    bool is_by_ref;       /* sent to exactly one activation: never given to the next one */
    const schema_t *schema;
    const void *body;
    uint64_t sender;        /* actor_ref bits; 0: from outside */
    reply_token_t reply_to; /* of a command: where the answer goes; of a reply: its ask */
    uint64_t deadline_ns;   /* monotonic; 0: none */
    str_t command_id;
    str_t text;        /* of a refusal; of a publish: the topic */
    uint64_t position; /* of a reply */
    void (*post)(void *context);
    void *post_context;
} message_t;

/* A message with copies of body (NULL where schema is NULL), command_id and text. NULL: no memory.
 */
[[nodiscard]] message_t *message_new(message_kind_t kind, const schema_t *schema, const void *body,
                                     str_t command_id, str_t text);
[[nodiscard]] message_t *message_dup(const message_t *self);
void message_free(message_t *self);
