#pragma once
/* mover.h -- partitions as they come here and leave: carries out what handover.h says, with the
 * fence in PostgreSQL, the links and the runtime. One thread of its own asks the fence, one
 * looks whether actors have come to rest.
 *
 * Threads  open and close: one; all else any.
 * Errors   As pg.h and handover.h. */

#include "cluster/handover/handover.h"
#include "cluster/link/link.h"
#include "cluster/members/members.h"
#include "runtime/router.h"
#include "storage/postgres/partitions.h"

typedef struct mover mover_t;

typedef struct mover_options {
    const char *database; /* without a pooler; copied */
    mesh_t *mesh;
    members_t *members;
    runtime_t *runtime;
    partition_epochs_t *epochs;
    const ms_log_t *log;
    /* Partitions came here. Quick; any thread. */
    void (*gained)(void *context);
    void *context;
} mover_options_t;

/* The runtime has joined, and not started. */
err_t mover_open(const mover_options_t *options, mover_t **out_mover);
/* The thread starts. */
err_t mover_start(mover_t *self);
/* Nothing is done any more. */
void mover_stop(mover_t *self);
/* Nothing comes here any more: what is held is refused. Any thread. */
void mover_abandon(mover_t *self);
/* What is still held is refused. Nothing of the runtime and the links runs any more. */
void mover_release(mover_t *self);
void mover_close(mover_t *self); /* NULL is fine */

/* A new view; by one thread at a time. */
err_t mover_take(mover_t *self, const view_t *view);
void mover_tick(mover_t *self); /* some ten times a second */
/* Of LINK_HANDOVER; context: the mover. */
void mover_heard(void *context, const link_message_t *message);

handover_counts_t mover_counts(mover_t *self);
/* It serves all that is placed here in this view, or a newer one. */
bool mover_is_settled(mover_t *self, uint64_t version);
/* Nothing is served here, or can be any more. */
bool mover_is_empty(mover_t *self);
