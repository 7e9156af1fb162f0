#pragma once
/* spin.h -- whether it pays to look on for a while before sleeping, learned from how waits ended.
 *
 * To be woken costs tens of microseconds; to look on costs a processor that nobody else wants just
 * then: who looks on yields between two looks (broken: ZeroMQ's thread, which is to bring what is
 * waited for, waits for the processor; measured, an echo takes three times as long). A wait is
 * short when it ended within `most_ns`, or, after a sleep, within twice that: the waking is in it.
 * It is looked on while half of the waits of late were short, slept ones too: so nothing is tried
 * out, who is idle never looks on, and who has to share its processor soon does not any more.
 *
 * Threads  None. */

#include <stdbool.h>
#include <stdint.h>

enum {
    SPIN_SHORT_ALL = 1 << 10, /* all of late were short */
    SPIN_LATE = 8,            /* waits, about, that "of late" means */
};

typedef struct spin {
    uint64_t most_ns; /* 0: never */
    uint32_t shorts;  /* of SPIN_SHORT_ALL */
} spin_t;

/* How long to look on; 0: sleep. */
uint64_t spin_for(const spin_t *self);
/* Something came after so long; UINT64_MAX: nothing did, a timer ended it. */
void spin_waited(spin_t *self, uint64_t waited_ns, bool has_slept);
