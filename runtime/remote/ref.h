#pragma once
/* ref.h -- where in a reference the seat is: the number that this process gave to another node.
 *
 *     {edge:1, seat's high bits:7, generation:24, seat's low bits:9, slot + 1:23}
 *
 * Seat 0 is this node, so a reference of its own looks as it always did. Every other seat has some
 * of its low bits set: then the slot is beyond all that there are, and who looks it up finds
 * nothing. So a send to an actor of this node pays nothing for others. */

#include "runtime/life/registry.h"

enum { REF_SLOT_BITS = 23, REF_SEAT_LOW_BITS = 9, REF_SEAT_HIGH_BITS = 7, REF_SEAT_HIGH_AT = 56 };
enum { SEAT_LOW = (1 << REF_SEAT_LOW_BITS) - 1, SEAT_HIGH = (1 << REF_SEAT_HIGH_BITS) - 1 };

#define REF_SEAT_MASK                                                                              \
    ((uint64_t)SEAT_LOW << REF_SLOT_BITS | (uint64_t)SEAT_HIGH << REF_SEAT_HIGH_AT)

_Static_assert(REGISTRY_CHUNKS_MAX *ACTOR_CHUNK < 1 << REF_SLOT_BITS, "a slot has its bits");
_Static_assert(MAILBOX_GENERATION_SHIFT == 64 - 24 && 32 + 24 == REF_SEAT_HIGH_AT,
               "a generation has 24 bits, above it there is room");

static inline uint32_t ref_seat(uint64_t bits)
{
    return (uint32_t)(bits >> REF_SLOT_BITS & SEAT_LOW) |
           (uint32_t)(bits >> REF_SEAT_HIGH_AT & SEAT_HIGH) << REF_SEAT_LOW_BITS;
}

/* As its owner knows it. */
static inline uint64_t ref_plain(uint64_t bits)
{
    return bits & ~REF_SEAT_MASK;
}

static inline uint64_t ref_seated(uint64_t plain, uint32_t seat)
{
    return ref_plain(plain) | (uint64_t)(seat & SEAT_LOW) << REF_SLOT_BITS |
           (uint64_t)(seat >> REF_SEAT_LOW_BITS) << REF_SEAT_HIGH_AT;
}
