/* members_table.c -- the thread that asks the table. What a step with it costs, nobody waits for
 * but this thread. */

#include "cluster/members/members_parts.h"

#include <poll.h>
#include <unistd.h>

/* ---- the connection ---- */

static pg_t *connection_of(const members_t *self)
{
    return self->listen != NULL ? pg_listen_connection(self->listen) : self->pooled;
}

void members_disconnect(members_t *self)
{
    pg_listen_close(self->listen);
    pg_close(self->pooled);
    self->listen = NULL;
    self->pooled = NULL;
    atomic_store(&self->is_listening, false);
}

/* One that also hears of news; behind a pooler nothing is heard, and polls have to do. */
err_t members_connect(members_t *self, pg_t **out_pg)
{
    pg_options_t options = {.address = self->address,
                            .application = "musicstream members",
                            .timeout_ms = members_timeout_ms(self),
                            .log = self->is_away_told ? NULL : self->log,
                            .patience = &self->patience};
    if (connection_of(self) == NULL) {
        err_t err = pg_listen_open(&options, MEMBER_TABLE_CHANNEL, &self->listen);
        if (err == ERR_UNSUPPORTED)
            err = pg_open(&options, &self->pooled);
        TRY(err);
        atomic_store(&self->is_listening, self->listen != NULL);
    }
    *out_pg = connection_of(self);
    return ERR_OK;
}

/* ---- one step ---- */

static void note_answer(members_t *self, err_t err, uint64_t asked_ms)
{
    if (err == ERR_OK) {
        atomic_store(&self->counts.table_ms, members_now_ms(self) - asked_ms);
        if (self->is_away_told)
            log_info(self->log, "cluster", "the table of members answers again");
        self->is_away_told = false;
        return;
    }
    atomic_fetch_add(&self->counts.failures, 1);
    members_disconnect(self); /* whoever answers wrongly may be another server by now */
    if (!self->is_away_told)
        log_warning(self->log, "cluster", "the table of members does not answer: %s",
                    err_text(err));
    self->is_away_told = true;
}

static void poll_table(members_t *self, const membership_effect_t *step)
{
    uint64_t asked_ms = members_now_ms(self), version = 0;
    member_status_t status = 0;
    pg_t *pg = NULL;
    err_t err = members_connect(self, &pg);
    if (err == ERR_OK)
        err = member_table_poll(pg, self->node, step->version, &version, &status);
    note_answer(self, err, asked_ms);
    atomic_fetch_add(&self->counts.polls, 1);
    (void)members_enter(self);
    if (err == ERR_OK)
        membership_polled(self->membership, version, status, members_now_ms(self));
    else
        membership_away(self->membership, members_now_ms(self));
    members_leave_and_carry_out(self);
}

/* It is shown around when the state machine has it, too. */
static void publish(members_t *self, roster_t *roster)
{
    if (membership_view(self->membership)->version != roster->view.version)
        return;
    roster_unref(self->roster);
    self->roster = roster_ref(roster);
}

static void read_table(members_t *self)
{
    uint64_t asked_ms = members_now_ms(self);
    roster_t *roster ROSTER_SCOPED = NULL;
    pg_t *pg = NULL;
    err_t err = members_connect(self, &pg);
    if (err == ERR_OK)
        err = member_table_read(pg, &roster);
    note_answer(self, err, asked_ms);
    atomic_fetch_add(&self->counts.reads, 1);
    (void)members_enter(self);
    if (err == ERR_OK) {
        membership_read(self->membership, &roster->view, members_now_ms(self));
        publish(self, roster);
    } else {
        membership_away(self->membership, members_now_ms(self));
    }
    members_leave_and_carry_out(self);
}

static void copy_changes(members_t *self)
{
    (void)members_enter(self);
    const membership_change_t *changes = membership_changes(self->membership, &self->change_count);
    memcpy(self->changes, changes, self->change_count * sizeof *changes);
    members_leave_and_carry_out(self);
}

static void write_table(members_t *self, const membership_effect_t *step)
{
    uint64_t asked_ms = members_now_ms(self);
    bool is_landed = false;
    pg_t *pg = NULL;
    copy_changes(self);
    err_t err = members_connect(self, &pg);
    if (err == ERR_OK)
        err = member_table_write(pg, step->version, self->changes, self->change_count,
                                 str_from(self->first_details), &is_landed);
    note_answer(self, err, asked_ms);
    atomic_fetch_add(&self->counts.writes, 1);
    if (err == ERR_OK && !is_landed)
        atomic_fetch_add(&self->counts.conflicts, 1);
    (void)members_enter(self);
    if (err == ERR_OK)
        membership_written(self->membership, is_landed, members_now_ms(self));
    else
        membership_away(self->membership, members_now_ms(self));
    members_leave_and_carry_out(self);
}

static void take_view(members_t *self)
{
    roster_t *roster ROSTER_SCOPED = members_roster(self);
    if (roster != NULL)
        self->hooks.take(self->hooks.context, roster);
}

static void carry_out(members_t *self, const membership_effect_t *step)
{
    switch (step->kind) {
    case MEMBERSHIP_DO_POLL:
        poll_table(self, step);
        break;
    case MEMBERSHIP_DO_READ:
        read_table(self);
        break;
    case MEMBERSHIP_DO_WRITE:
        write_table(self, step);
        break;
    case MEMBERSHIP_DO_TAKE:
        take_view(self);
        break;
    case MEMBERSHIP_DO_STOP:
        self->hooks.stop(self->hooks.context, step->why);
        break;
    case MEMBERSHIP_DO_PROBE:
    case MEMBERSHIP_DO_PROBE_ALL:
    case MEMBERSHIP_DO_ANSWER:
    case MEMBERSHIP_DO_ASK_FOR:
    case MEMBERSHIP_DO_VOUCH:
    case MEMBERSHIP_DO_TELL_ALL:
        break; /* the links' */
    }
}

/* ---- the thread ---- */

void members_wake(members_t *self)
{
    uint64_t one = 1;
    (void)!write(self->wake_fd, &one, sizeof one); /* full: it is awake */
}

static bool next_work(members_t *self, membership_effect_t *out)
{
    pthread_mutex_lock(&self->lock);
    bool has_work = self->work_count > 0;
    if (has_work) {
        *out = self->work[0];
        self->work_count--;
        memmove(&self->work[0], &self->work[1], self->work_count * sizeof self->work[0]);
    }
    pthread_mutex_unlock(&self->lock);
    return has_work;
}

static bool is_stopping(members_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool is_stopping = self->is_stopping;
    pthread_mutex_unlock(&self->lock);
    return is_stopping;
}

/* Somebody has changed the table: what its version is now is not said. */
static void hear(members_t *self)
{
    bool is_told = false;
    if (pg_listen_take(self->listen, &is_told) != ERR_OK) {
        members_disconnect(self); /* the next step will tell */
        return;
    }
    if (!is_told)
        return;
    (void)members_enter(self);
    membership_told(self->membership, membership_view(self->membership)->version + 1,
                    members_now_ms(self));
    members_leave_and_carry_out(self);
}

static void wait_for_work(members_t *self)
{
    uint64_t count;
    struct pollfd fds[2] = {
        {.fd = self->wake_fd, .events = POLLIN},
        {.fd = self->listen == NULL ? -1 : pg_listen_socket(self->listen), .events = POLLIN}};
    (void)poll(fds, COUNT_OF(fds), -1);
    (void)!read(self->wake_fd, &count, sizeof count);
    if (fds[1].revents != 0)
        hear(self);
}

void *members_worker_main(void *context)
{
    thread_name("members-table");
    members_t *self = context;
    membership_effect_t step;
    while (!is_stopping(self)) {
        if (next_work(self, &step))
            carry_out(self, &step);
        else
            wait_for_work(self);
    }
    return NULL;
}
