#pragma once
/* message.h -- what travels between actors: an envelope of one cache line and, in the same block, a
 * deep copy of a struct.
 *
 *     [tail] message_t [body: the struct, then its strings and lists] [strings of the tail]
 *
 * What few messages have lies in a tail, which is only there when one of them is: reach it by its
 * functions. message_new and message_free are the only place where messages are allocated: from the
 * pool of the thread's scheduler (runtime/memory/pool.h). Messages that must never fail for want of
 * memory (alarms, jobs, appends) have their envelope embedded in what asked for them.
 *
 * Ownership  One owner at a time: the sender, the lane it lies in, then the receiver, who frees it.
 * Threads    A message is handed over by a lane (mailbox.h); nobody touches it after that. */

#include "runtime/actor.h"
#include "runtime/memory/pool.h"

#include <string.h>

typedef enum __attribute__((packed)) message_kind {
    MESSAGE_COMMAND, /* user lane: to the handler of its schema */
    /* User lane, in a reserved place (bonds.h). */
    MESSAGE_DOWN, /* an actor_down */
    MESSAGE_EXIT, /* an actor_exit */
    MESSAGE_MONITOR,
    MESSAGE_DEMONITOR,
    MESSAGE_LINK,
    MESSAGE_UNLINK,
    /* System lane of an actor. */
    MESSAGE_REPLY,
    MESSAGE_ALARM,     /* an alarm_t */
    MESSAGE_JOB,       /* embedded in job_t */
    MESSAGE_APPENDED,  /* embedded in append_t */
    MESSAGE_RECOVERED, /* embedded in job_t: a recovery came to its end */
    MESSAGE_INSPECT,   /* answered by inspect.c */
    MESSAGE_STOP,
    MESSAGE_STOP_ALL,  /* embedded in children_t: goes from child to child (relations.h) */
    MESSAGE_STOP_REST, /* the runtime's own: goes from slot to slot (runtime.c) */
    MESSAGE_REREAD,    /* what the journal has may be less than its state knows */
    MESSAGE_LEAVE,     /* if it still idles since `sender` (active_ms): memory is short */
    MESSAGE_VACATE,    /* its partition goes to another node; sender: 1, whatever it waits for */
    MESSAGE_KILL,
    MESSAGE_HOLD,   /* embedded in hold_t: its kind is being replaced */
    MESSAGE_RESUME, /* the same, when that is done */
    MESSAGE_ORDER,  /* embedded in tie_t: to a child */
    MESSAGE_NOTICE, /* embedded in tie_t: to its supervisor */
    MESSAGE_ARRANGE,
    /* Inbox of a scheduler (and MESSAGE_REPLY, MESSAGE_JOB). */
    MESSAGE_POST,
    MESSAGE_PUBLISH,
    MESSAGE_UNSUBSCRIBE /* embedded in edge_subscription_t */
} message_kind_t;

typedef struct message message_t;
struct message {
    /* The four low bits of a message's address are 0: mailbox.c uses them. */
    _Alignas(16) union {
        uint64_t before; /* in a lane; see mailbox.c */
        message_t *next; /* in its receiver's hands */
    } link;
    const schema_t *schema; /* of the body; NULL: none */
    uint64_t sender;        /* actor_ref bits; 0: from outside */
    reply_token_t reply_to; /* of a command: where the answer goes; of a reply: its ask */
    union {
        uint64_t deadline_ns; /* of a command: monotonic; 0: none */
        uint64_t position;    /* of a reply: in the journal; 0: none */
    };
    uint32_t trace;  /* of who follows what came from what; 0: nobody */
    uint32_t queued; /* inside_stamp of when; 0: not known */
    union {
        uint32_t incarnation; /* of the receiver it is meant for; 0: any */
        err_t err;            /* of a reply */
    };
    message_kind_t kind;
    uint8_t depth;        /* of the call chain */
    bool is_by_ref : 1;   /* sent to exactly one activation: never given to the next one */
    bool has_tail : 1;    /* message.c */
    bool is_numbered : 1; /* of an outbox (durable/outbox.h): its number (8 bytes) and its sender's
                             stream are in the place of the command id */
    bool is_streamed : 1; /* of a stream: its place is reserved by credit, reply_to.correlation is
                             the stream. Of a MESSAGE_MONITOR: for one (stream.h) */
    block_class_t block;  /* message.c */
};
_Static_assert(sizeof(message_t) == 64, "an envelope is one cache line");

/* What few messages have. */
typedef struct message_tail {
    str_t command_id;
    str_t text; /* of a refusal; of a publish: the topic */
} message_tail_t;

/* An envelope in the caller's storage, with what every message starts with. */
void message_init(message_t *self, message_kind_t kind, const schema_t *schema);
/* Overwrites the secrets of its body. */
void message_wipe(message_t *self);

/* A message with a copy of body (NULL where schema is NULL). NULL: no memory. */
[[nodiscard]] message_t *message_new_plain(message_kind_t kind, const schema_t *schema,
                                           const void *body);
/* The same from the pool of this thread, for a flat schema. */
[[nodiscard]] static inline message_t *message_new_here(pool_t *pool, const schema_t *schema,
                                                        const void *body)
{
    block_class_t block = 0;
    message_t *self = pool_new(pool, sizeof *self + schema->size, &block);
    if (UNLIKELY(self == NULL))
        return NULL;
    *self = (message_t){.schema = schema, .kind = MESSAGE_COMMAND, .block = block};
    if (LIKELY(schema->size == sizeof(uint64_t)))
        memcpy(self + 1, body, sizeof(uint64_t));
    else
        schema_copy(schema, body, self + 1);
    return self;
}
/* message_free of one without secrets, on the thread of this pool. */
void message_free_slowly(pool_t *pool, message_t *self);
static inline void message_free_here(pool_t *pool, message_t *self)
{
    bool is_plain =
        !self->has_tail && (self->schema == NULL || (self->schema->marks & FIELD_SECRET) == 0);
    if (LIKELY(is_plain))
        pool_free(pool, self, self->block);
    else
        message_free_slowly(pool, self);
}
/* And with copies of the tail's strings. */
[[nodiscard]] message_t *message_new_tailed(message_kind_t kind, const schema_t *schema,
                                            const void *body, str_t command_id, str_t text);
[[nodiscard]] static inline message_t *message_new(message_kind_t kind, const schema_t *schema,
                                                   const void *body, str_t command_id, str_t text)
{
    return LIKELY(command_id.size == 0 && text.size == 0)
               ? message_new_plain(kind, schema, body)
               : message_new_tailed(kind, schema, body, command_id, text);
}
/* Runs fn(context) where it is taken: MESSAGE_POST. */
typedef struct message_post {
    void (*fn)(void *context);
    void *context;
} message_post_t;
[[nodiscard]] message_t *message_new_post(message_post_t post);
[[nodiscard]] message_t *message_dup(const message_t *self);
/* With another body. */
[[nodiscard]] message_t *message_dup_as(const message_t *self, const schema_t *schema,
                                        const void *body);
void message_free(message_t *self);

/* NULL where there is no schema. */
static inline const void *message_body(const message_t *self)
{
    return self->schema == NULL ? NULL : self + 1;
}

static inline message_tail_t message_tail(const message_t *self)
{
    return self->has_tail ? ((const message_tail_t *)(const void *)self)[-1] : (message_tail_t){0};
}

static inline str_t message_command_id(const message_t *self)
{
    return message_tail(self).command_id;
}

static inline str_t message_text(const message_t *self)
{
    return message_tail(self).text;
}

static inline message_post_t message_post(const message_t *self)
{
    return *(const message_post_t *)(const void *)(self + 1);
}
