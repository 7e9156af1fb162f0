/* cluster_life.c -- how a node joins a cluster, what it does all the while, and how it leaves. */

#include "node/cluster/cluster_parts.h"

#include <time.h>
#include <unistd.h>

enum { WAIT_STEP_MS = 10 };
enum { TOPICS_EVERY = 5, MOVER_EVERY = 10, PEERS_EVERY = 10, MEASURE_EVERY = 100 }; /* ticks */
enum { LOADS_LATER = 10 }; /* after others were asked */

/* The others answer the dead no more: who waits here for them is told now, not at a deadline that
 * would hold up the end, and with it the start of the next node. */
static void end_waits(cluster_node_t *self)
{
    const roster_t *roster = self->roster; /* changed on this thread only */
    for (uint32_t i = 0; roster != NULL && i < roster->view.count; i++)
        if (roster->view.members[i].node != self->node)
            runtime_node_lost(self->runtime, roster->view.members[i].node);
    mover_abandon(self->mover);
}

static void stop(void *context, const char *why)
{
    cluster_node_t *self = context;
    atomic_store(&self->is_out, true);
    runtime_set_serving(self->runtime, false);
    if (atomic_load(&self->is_leaving))
        return;
    end_waits(self);
    self->expelled(self->hooks_context, why);
}

/* ---- all the while ---- */

/* Of the processor's time that this process had since the last call. */
static uint64_t busy_per_mille(cluster_node_t *self)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    uint64_t used_ms = (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
    uint64_t now_ms = members_now_ms(self->members);
    uint64_t cores = (uint64_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    uint64_t passed_ms = MAX(now_ms - self->measured_ms, 1) * cores;
    uint64_t per_mille = (used_ms - self->measured_used_ms) * 1000 / passed_ms;
    self->measured_ms = now_ms;
    self->measured_used_ms = used_ms;
    return MIN(per_mille, 1000);
}

/* How long a message waits that comes now: what waits, by what is handled in that time (Little,
 * "A Proof for the Queuing Formula L = λW", 1961). While nothing at all is handled it grows with
 * the time. */
static uint64_t queue_age_ms(cluster_node_t *self)
{
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    uint64_t done = stats.handled + stats.dead_letters;
    uint64_t waiting = stats.sent > done ? stats.sent - done : 0;
    uint64_t handled = done - self->measured_handled;
    uint64_t passed_ms = (uint64_t)CLUSTER_TICK_MS * MEASURE_EVERY;
    self->measured_handled = done;
    self->waited_ms = waiting == 0 || handled > 0 ? 0 : self->waited_ms + passed_ms;
    return handled > 0 ? waiting * passed_ms / handled : self->waited_ms;
}

static void tick(cluster_node_t *self, uint64_t number)
{
    runtime_set_serving(self->runtime, cluster_node_may_serve(self));
    if (number % MOVER_EVERY == 0) {
        cluster_reach_tick(self);
        mover_tick(self->mover);
    }
    if (number % TOPICS_EVERY == 0)
        cluster_topics_tick(self);
    if (number % PEERS_EVERY == 0)
        cluster_peers_tick(self);
    if (number % MEASURE_EVERY == 0) {
        atomic_store(&self->per_mille, busy_per_mille(self));
        atomic_store(&self->queue_age_ms, queue_age_ms(self));
        cluster_loads_ask(self);
    }
    if (number % MEASURE_EVERY == LOADS_LATER)
        cluster_loads_place(self);
}

static void *ticker_main(void *context)
{
    thread_name("cluster-tick");
    cluster_node_t *self = context;
    for (uint64_t number = 0; !atomic_load(&self->is_stopping); number++) {
        const struct timespec pause = {.tv_nsec = CLUSTER_TICK_MS * 1000000L};
        tick(self, number);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void stop_ticker(cluster_node_t *self)
{
    atomic_store(&self->is_stopping, true);
    thread_slot_join(&self->ticker);
}

/* ---- joining ---- */

/* Waits on the thread that starts or stops the node, which has nothing else to do. */
static bool wait_for(cluster_node_t *self, bool (*is_so)(cluster_node_t *self), uint64_t within_ms)
{
    uint64_t until_ms = members_now_ms(self->members) + within_ms;
    while (!is_so(self)) {
        if (members_now_ms(self->members) >= until_ms || atomic_load(&self->is_out))
            return is_so(self);
        usleep(WAIT_STEP_MS * 1000);
    }
    return true;
}

static bool has_joined(cluster_node_t *self)
{
    members_status_t status;
    members_status(self->members, &status);
    return status.state == MEMBERSHIP_ACTIVE && cluster_node_may_serve(self) &&
           mover_is_settled(self->mover, status.version);
}

/* 0: there is none. */
static uint64_t stranger_of(cluster_node_t *self, speaks_t *out_speaks)
{
    pthread_mutex_lock(&self->lock);
    uint64_t stranger = self->stranger;
    *out_speaks = self->stranger_speaks;
    pthread_mutex_unlock(&self->lock);
    return stranger;
}

static bool say_stranger(cluster_node_t *self, buf_t *problem)
{
    speaks_t theirs, own = speaks_here();
    uint64_t stranger = stranger_of(self, &theirs);
    if (stranger == 0)
        return false;
    buf_printf(problem, "this node can't join: between nodes it speaks version ");
    speaks_print(own, problem);
    buf_printf(problem, ", and node %llu version ", (unsigned long long)stranger);
    speaks_print(theirs, problem);
    buf_printf(problem, own.oldest > theirs.newest
                            ? ": upgrade that one first, to a release in between"
                            : ": this program is too old for the cluster, take a newer one");
    return true;
}

static void say_why_not(cluster_node_t *self, buf_t *problem)
{
    members_status_t status;
    members_status(self->members, &status);
    if (atomic_load(&self->is_out))
        buf_printf(problem, "the cluster has declared this node dead while it joined: start it "
                            "again, and check that the nodes reach each other");
    else if (status.state <= MEMBERSHIP_JOINING)
        buf_printf(problem,
                   "this node can't join: one of %u members can't be reached from here, or not "
                   "come back to %s; check the addresses in `musicstream cluster status`",
                   status.live_count, self->address);
    else
        buf_printf(problem,
                   "this node has joined, but did not get its share within %llu s: the log says "
                   "what the database or the other nodes do not do",
                   (unsigned long long)(CLUSTER_JOIN_LEASES * self->lease_ms / 1000));
}

err_t cluster_node_join(cluster_node_t *self, buf_t *problem)
{
    members_links_t links = member_talk_links(&self->talk);
    const members_node_t node = {self, cluster_take, stop};
    links.address = self->address;
    err_t err = mover_start(self->mover);
    if (err == ERR_OK)
        err = thread_slot_start(&self->ticker, ticker_main, self);
    if (err == ERR_OK)
        err = members_join(self->members, &links, &node);
    if (err != ERR_OK) {
        buf_printf(problem, "this node can't join the cluster: %s", err_text(err));
        return err;
    }
    if (wait_for(self, has_joined, CLUSTER_JOIN_LEASES * self->lease_ms))
        return ERR_OK;
    if (say_stranger(self, problem))
        return ERR_UNSUPPORTED;
    say_why_not(self, problem);
    return ERR_TIMEOUT;
}

/* ---- leaving ---- */

static bool is_empty(cluster_node_t *self)
{
    return mover_is_empty(self->mover);
}

static bool is_gone(cluster_node_t *self)
{
    return atomic_load(&self->is_out);
}

void cluster_node_leave(cluster_node_t *self, uint64_t within_ms)
{
    atomic_store(&self->is_leaving, true);
    if (self->mover == NULL || atomic_load(&self->is_out))
        return;
    members_leave(self->members);
    if (!wait_for(self, is_empty, within_ms)) {
        log_warning(self->log, "cluster",
                    "others did not take all over in time: they do it when "
                    "this node is gone");
        return;
    }
    wait_for(self, cluster_topics_are_told, CLUSTER_GONE_MS);
    members_drained(self->members);
    wait_for(self, is_gone, CLUSTER_GONE_MS);
}

err_t cluster_node_drain(cluster_node_t *self, uint64_t node)
{
    if (node != self->node)
        return member_talk_drain(&self->talk, node);
    members_leave(self->members);
    return ERR_OK;
}

err_t cluster_node_forget(cluster_node_t *self, uint64_t node)
{
    err_t err = members_forget(self->members, node);
    if (err == ERR_OK)
        log_warning(self->log, "cluster",
                    "node %llu is gone, says an operator: what it had is served by others",
                    (unsigned long long)node);
    return err;
}

/* Whether a view has come, so that its row may be in the table. */
static bool has_seen_view(cluster_node_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool has_seen = self->roster != NULL || self->stranger != 0;
    pthread_mutex_unlock(&self->lock);
    return has_seen;
}

/* Members' threads send over the links, the links' thread tells members: both end, and nothing is
 * used by the other any more. */
void cluster_node_stop(cluster_node_t *self)
{
    stop_ticker(self);
    atomic_store(&self->is_leaving, true);
    if (self->runtime != NULL)
        runtime_set_serving(self->runtime, false);
    if (self->mover != NULL)
        mover_stop(self->mover);
    if (self->members != NULL && has_seen_view(self))
        IGNORE_ERR(
            members_say_gone(self->members, CLUSTER_GONE_MS)); /* else found by its silence */
    cluster_close_gate(self);
    atomic_store(&self->is_out, true);
    members_close(STEAL(self->members));
    if (self->mover != NULL)
        mover_release(self->mover); /* who waits is told, while there are links */
    if (self->mesh != NULL)
        mesh_stop(&self->mesh, CLUSTER_FLUSH_MS);
    self->runtime = NULL; /* it may be gone when this one is closed */
}
