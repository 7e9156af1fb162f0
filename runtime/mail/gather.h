#pragma once
/* gather.h -- one ask of many: the answers are kept until enough have come, or time is up.
 *
 * It takes one place in the asker's table and one deadline. Each receiver's answer comes with a
 * correlation of its own: the ask's, with the member's index in bits 16 to 31, which an index into
 * the table leaves free.
 *
 * Ownership  The ask owns it; it owns the answers' messages. Threads  The asker's. */

#include "runtime/mail/ask.h"
#include "runtime/mail/message.h"

enum { GATHER_MEMBER_SHIFT = 16 };

typedef struct gather {
    uint32_t count, needed; /* needed: good answers that are enough */
    uint32_t answered, good;
    actor_then_many_fn then;
    answer_t *answers; /* behind it, one a member */
    message_t *replies[];
} gather_t;

[[nodiscard]] gather_t *gather_new(uint32_t count, uint32_t needed, actor_then_many_fn then);
void gather_free(gather_t *self);
/* Takes the answer of a member; false: that member has answered, the message is the caller's. */
bool gather_take(gather_t *self, message_t *reply);
/* Enough have come, or enough can't come any more. */
bool gather_is_done(const gather_t *self);
/* Fills in the answers; those that are missing get err. */
void gather_end(gather_t *self, err_t missing);

static inline uint64_t gather_correlation(uint64_t correlation, uint32_t member)
{
    return correlation | (uint64_t)member << GATHER_MEMBER_SHIFT;
}
