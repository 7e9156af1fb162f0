#pragma once
/* member_wire.h -- what members say to each other over the links (LINK_MEMBERSHIP): which of
 * membership.h's messages it is, in one byte, a byte for is_member, then three numbers, big-endian,
 * and two more, which who is of an earlier version leaves out; and what operators want to know and
 * have done. Later versions may append.
 *
 * Threads  None: pure. Errors  INVALID: too short, or of no kind that is known. */

#include "runtime/base/buf.h"

typedef enum member_word {
    MEMBER_PROBE = 1, /* sent_ms, version */
    MEMBER_ANSWER,    /* sent_ms, version; is_member */
    MEMBER_ASK_FOR,   /* about */
    MEMBER_VOUCH,     /* about */
    MEMBER_TELL,      /* version */
    MEMBER_LOOK,      /* how busy are you? */
    MEMBER_LOAD,  /* actors, per_mille, served: in the places of the three; moving, queue_age_ms */
    MEMBER_DRAIN, /* an operator asks you to give everything away */
    MEMBER_WORDS
} member_word_t;

typedef struct member_message {
    member_word_t word;
    bool is_member;
    uint64_t about, sent_ms, version;
    uint64_t moving, queue_age_ms; /* of MEMBER_LOAD */
} member_message_t;

enum { MEMBER_MESSAGE_SIZE = 2 + 5 * 8, MEMBER_MESSAGE_SIZE_MIN = 2 + 3 * 8 };

void member_message_write(const member_message_t *message, uint8_t out[MEMBER_MESSAGE_SIZE]);
err_t member_message_read(str_t bytes, member_message_t *out);
