#pragma once
/* crashes.h -- reports of actors that failed: the last CRASHES_KEPT to look at, and a line in the
 * log for each, but at most CRASHES_LOGGED_MAX a second: the next line says how many were left out.
 *
 * A report holds names, numbers and the reason, which is the program's own text; never what a
 * message held, and no key in the log: it may be a person's. It is noted when the actor fails,
 * before anything of it is freed, and logged when it is decided how it goes on: by the actor, or by
 * its supervisor a little later.
 *
 * What an actor handled last is remembered by kinds that say so (.remembers), and by every actor
 * from its first failure on: one branch a message for the others.
 *
 * Threads  Any. */

#include "runtime/context.h"

enum {
    CRASHES_KEPT = 64,
    CRASHES_LOGGED_MAX = 10, /* in a second */
    CRASH_KEY_SIZE = 48,
    CRASH_MESSAGES_DEFAULT = 8,
    CRASH_MESSAGES_MAX = 16
};

typedef struct crashes crashes_t;

typedef enum crash_decision {
    CRASH_UNDECIDED,
    CRASH_RESTARTS,       /* at once */
    CRASH_RESTARTS_LATER, /* after a back-off */
    CRASH_RESTARTS_GROUP, /* with others of its supervisor */
    CRASH_SLEEPS,         /* its next message starts it */
    CRASH_PARKED,         /* it fails too often: refuses for a while */
    CRASH_GIVEN_UP,       /* too often: its supervisor ends, or nobody restarts it any more */
    CRASH_ENDS            /* nobody wants it back */
} crash_decision_t;

[[nodiscard]] crashes_t *crashes_new(void);
void crashes_free(crashes_t *self);

/* Its number, for crash_decided. */
uint64_t crash_noted(const context_t *ctx, const char *reason);
/* Later ones, or of a report that is not kept any more, change nothing. */
void crash_decided(runtime_t *runtime, uint64_t number, crash_decision_t decision,
                   uint64_t delay_ms);

/* What one actor handled last. */
typedef struct memory_of_messages {
    uint32_t size, next;
    struct remembered {
        const schema_t *schema; /* NULL: nothing yet */
        uint64_t at_ns;
    } messages[];
} memory_of_messages_t;

/* Begins to remember, where there is memory for it. */
void remember_from_now(actor_t *actor, uint32_t count);

static inline void remember(memory_of_messages_t *self, const schema_t *schema, uint64_t now_ns)
{
    self->messages[self->next] = (struct remembered){schema, now_ns};
    self->next = self->next + 1 == self->size ? 0 : self->next + 1;
}
