#pragma once
/* membership_parts.h -- what membership.c (the table, the states, the lease) and
 * membership_probe.c (who answers) share. */

#include "cluster/membership.h"
#include "cluster/suspicion.h"

/* One who is probed regularly. */
typedef struct watch {
    uint64_t node;
    uint64_t sent_ms; /* of the probe that is out */
    uint64_t next_ms; /* the next one is due, when none is out */
    uint32_t misses, vouches;
    bool is_out, is_suspect;
    bool is_down; /* its connection broke, and it has not answered since */
    suspicion_t took;
} watch_t;

/* A probe for another. */
typedef struct relay {
    uint64_t asker, about, sent_ms; /* asker 0: free */
} relay_t;

/* Beside a row of the view. */
typedef struct note {
    uint64_t node;
    uint64_t heard_ms;     /* when the newest probe was sent that it answered with: you are alive */
    uint64_t past_ms;      /* when it was first read that its lease is not renewed any more */
    uint64_t witnessed_ms; /* ... that not all can answer it any more */
    uint64_t seen_ms;      /* as in its row, and since when it was read so */
    uint64_t seen_since_ms;
    bool is_heard, is_past, is_witnessed;
} note_t;

typedef enum table_step { TABLE_IDLE, TABLE_POLL, TABLE_READ, TABLE_WRITE } table_step_t;

struct membership {
    member_t self;
    membership_state_t state;
    uint64_t lease_ms, beat_ms; /* a beat: how often is polled and probed */
    view_t view;
    note_t *notes; /* of view.members, one each */

    /* the table */
    table_step_t step;
    uint64_t asked_ms;                   /* of the step */
    uint64_t poll_ms, read_ms, write_ms; /* not before */
    uint64_t table_ms;                   /* when was asked what it answered last */
    uint64_t table_since_ms;             /* since then it has answered each time; 0: it does not */
    uint64_t view_ms;                    /* when the view was asked for */
    uint64_t taken_ms;                   /* when its version was new */
    uint64_t alive_ms;                   /* when was asked the last poll that found it alive */
    uint64_t acknowledged;               /* as the table knows it */
    uint64_t polled_version;             /* that the poll under way tells */
    uint32_t refusals;                   /* in a row */
    bool is_read_wanted, is_entered, is_leave_wanted, is_drained, has_lease;
    bool is_settled; /* the view; as it was read */
    uint64_t lease_from_ms;
    size_t change_count;
    membership_change_t changes[MEMBERSHIP_CHANGES_MAX];

    /* the links */
    uint64_t joining_ms; /* answers to probes from then on count for joining */
    uint64_t ticked_ms, wide_ms;
    uint32_t health;
    uint32_t watch_count;
    watch_t watches[MEMBERSHIP_WATCHES_MAX];
    relay_t relays[MEMBERSHIP_RELAYS_MAX];

    uint32_t effect_first, effect_count;
    membership_effect_t effects[MEMBERSHIP_EFFECTS_MAX];
};

void membership_do(membership_t *self, membership_effect_t effect);
void membership_want_read(membership_t *self, uint64_t version);
note_t *membership_note(const membership_t *self, uint64_t node); /* NULL: no such row */
/* A tenth more: two clocks do not run at the same rate. */
bool membership_has_passed(uint64_t length_ms, uint64_t since_ms, uint64_t now_ms);
/* The next step with the table, if one is due and none is under way. */
void membership_step(membership_t *self, uint64_t now_ms);

/* membership_probe.c */
/* Whom to probe, from the view and the suspects. */
void membership_choose_watches(membership_t *self, uint64_t now_ms);
void membership_probe(membership_t *self, uint64_t now_ms);
bool membership_has_suspects(const membership_t *self);
/* Everybody, once a beat: for one's joining, or for a lease without the table. */
void membership_probe_all(membership_t *self, uint64_t now_ms);

/* membership_write.c: the rows that should change, from the view and what is known. */
uint64_t membership_stale_ms(const membership_t *self);
void membership_propose(membership_t *self, uint64_t now_ms);
/* Whether all that a joining node must reach answered. */
bool membership_has_met_all(const membership_t *self);
