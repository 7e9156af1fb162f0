#pragma once
/* names_follow.h -- the names of people and playlists, kept up with the journal: filled from the
 * disk in the background after the start, then followed.
 *
 * Ownership  open gives names and projection, close takes them; the rest outlives them.
 * Threads    start and stop: the edge's; open and close: while nothing runs. */

#include "actors/social/names_projection.h"
#include "node/follow.h"

enum { NAMES_FOLLOW_JOBS = 1 /* of OFFLOAD_FILE at a time */ };

typedef struct names_follow {
    name_index_t *names;
    names_projection_t *sealed;
    projection_t *projection;
    const ms_log_t *log;
    follow_t follow;
    atomic_bool is_stopped;
    bool is_loaded;     /* of the thread that steps */
    uint64_t left_told; /* so many were told of that did not fit */
} names_follow_t;

/* On an error nothing is open. */
err_t names_follow_open(names_follow_t *self, const char *path, vault_t *vault, journal_t *journal);
void names_follow_close(names_follow_t *self); /* of one that was not opened is fine */

err_t names_follow_start(names_follow_t *self, journal_hooks_t *hooks, edge_t *edge,
                         const ms_log_t *log);
/* What runs ends soon, before the runtime has drained. */
void names_follow_stop(names_follow_t *self);

/* Any thread. */
void names_follow_append_metrics(const names_follow_t *self, buf_t *out);
