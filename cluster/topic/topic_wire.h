#pragma once
/* topic_wire.h -- what nodes say to each other about topics, and how it is written.
 *
 *     u8 kind, u8 flags, u16 name, u32 head | u64 life, u64 number, u64 base, u64 view | name, post
 *
 * Little endian. `name` is the name's size; `head` that of the numbers, of which a reader takes
 * those that it knows: a newer node may add some, and one of before has no view. Kinds that a
 * reader does not know are no error.
 *
 * Ownership  A frame borrows what it was read from. Threads  None: pure. */

#include "runtime/base/buf.h"

enum { TOPIC_NAME_MAX = 512, TOPIC_POST_MAX = 1 << 20 };

typedef enum topic_frame_kind {
    TOPIC_SUBSCRIBE = 1, /* to the home. life, number: what was seen last of this life; 0: nothing.
                            base: the number of the ask; view: the newest that the asker knows,
                            which the home must know, too */
    TOPIC_UNSUBSCRIBE,   /* base: the last ask that it takes back; 0: all */
    TOPIC_LIVE,      /* from the home: what follows `number` of `life` will come. base: the ask's */
    TOPIC_POST,      /* from the home: the post of this number */
    TOPIC_ACK,       /* to the home: all posts up to this number */
    TOPIC_END,       /* from who is no home (any more) */
    TOPIC_FORWARD,   /* to the home: publish this. base: the lowest number not acknowledged; life:
                        the sender's own; view: in which it was published */
    TOPIC_FORWARDED, /* from the home: it has all forwards of this life up to this number */
} topic_frame_kind_t;

enum {
    TOPIC_FLAG_MISSED = 1, /* some before it are missing */
    TOPIC_FLAG_LATE = 2,   /* sent again */
};

typedef struct topic_frame {
    topic_frame_kind_t kind;
    uint32_t flags;
    str_t topic;
    uint64_t life, number, base, view; /* view 0: not said */
    str_t post;                        /* empty: none, the rest is meant */
} topic_frame_t;

/* Errors: through the buffer. */
void topic_frame_put(const topic_frame_t *frame, buf_t *out);
/* INVALID: cut short, no name, or longer than the limits; UNSUPPORTED: a kind of a newer node */
err_t topic_frame_read(str_t bytes, topic_frame_t *out_frame);
