#pragma once
/* governor.h -- how many schedulers share short, talkative work: as many as handle the most
 * messages, which is tried out, not guessed.
 *
 * Messages that cross cores may cost more than a second core gives, and whether they do depends on
 * the work and on where the cores lie. So the governor climbs (as .NET's thread pool does:
 * Hellerstein, Morrison, Eilebrecht, "Applying control theory in the real world: experience with
 * building a controller for the .NET thread pool", 2010; here with two steps compared in pairs
 * instead of a wave, since work lasts milliseconds):
 *
 *     REST   no limit; a look every GOVERNOR_LOOK_NS whether more than one core does short work,
 *            and actors move between them: one for GOVERNOR_MOVED messages. (Pairs that talk, each
 *            on its core, hardly do, nor do the branches of a tree; to try fewer would only
 *            disturb them.)
 *     TRIAL  windows of the limit that was chosen last (C) and of half or twice of it (T), in the
 *            order C T T C, so that what becomes faster or slower by itself favours neither. T has
 *            to win both pairs. Fewer win where they do better by 1/GOVERNOR_MARGIN, more where
 *            fewer don't. What begins after a change is left out: GOVERNOR_SETTLE_NS, and as often
 *            again, up to GOVERNOR_SETTLES, as it takes to hand work over, or for help to come.
 *            Help comes and goes (SCHEDULER_HELP_MAX_NS): windows of more are longer than that.
 *     HOLD   what was chosen stays, GOVERNOR_HOLD_NS at first, twice as long each time that it is
 *            confirmed, GOVERNOR_HOLD_MAX_NS at most
 *
 *  1. No limit outlives a look at work that is not short (GOVERNOR_SHORT_NS a message, over all),
 *     or that does not keep one core busy.
 *  2. Where the choice stays, T takes at most 1/20 of a second; later on, of the time 1/50.
 *
 * Threads  None: a pure machine; help.h has its only one, and who may step it. */

#include <stdbool.h>
#include <stdint.h>

enum {
    GOVERNOR_LOOK_NS = 2 * 1000 * 1000,
    GOVERNOR_WINDOW_NS = 1000 * 1000,
    GOVERNOR_WINDOW_OF_MORE_NS = 6 * 1000 * 1000,
    GOVERNOR_SETTLE_NS = 300 * 1000,
    GOVERNOR_HOLD_NS = 50 * 1000 * 1000,
    GOVERNOR_HOLD_MAX_NS = 400 * 1000 * 1000,
    GOVERNOR_SHORT_NS = 1000,
    GOVERNOR_SETTLES = 6,
    GOVERNOR_MARGIN = 16,
    GOVERNOR_MOVED = 64,
    GOVERNOR_BUSY = 16 /* a core is busy from (this - 1) parts of this on */
};

typedef enum governor_phase { GOVERNOR_REST, GOVERNOR_TRIAL, GOVERNOR_HOLD } governor_phase_t;

/* Of all schedulers, since they began, at about `now_ns`. `moved`: turns of actors that had their
 * last one elsewhere. */
typedef struct governor_sample {
    uint64_t now_ns, messages, moved, slept_ns;
} governor_sample_t;

typedef struct governor {
    uint32_t scheduler_count;
    uint32_t limit;  /* in force: so many share; scheduler_count: all */
    uint32_t chosen; /* when nothing is tried */
    uint32_t tried;  /* in a trial */
    bool goes_down;  /* the next trial is of fewer */
    governor_phase_t phase;
    uint32_t window;                 /* of a trial: which one */
    uint32_t settling;               /* so many looks are left to */
    governor_sample_t before, first; /* what the window began with; the pair's first one */
    uint64_t hold_ns, hold_until_ns;
    uint64_t due_ns; /* of the next step */
} governor_t;

void governor_init(governor_t *self, uint32_t scheduler_count, uint64_t now_ns);
/* At due_ns or later; `sample` is of now. */
void governor_step(governor_t *self, const governor_sample_t *sample);
/* Somebody found that a limit holds work up: it ends, and none is tried for GOVERNOR_HOLD_NS. */
void governor_lift(governor_t *self, uint64_t now_ns);
