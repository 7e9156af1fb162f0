/* journal_postgres_follow.c -- how a node hears of other nodes' commits, and tells of its own; and
 * what becomes of events that are there but lie behind a transaction that is still open.
 *
 * One thread, asleep until this node writes, another one notifies, or a reader of the feed was left
 * short of the head. */

#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/thread.h"
#include "storage/postgres/pg_listen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PING_MS = 5000, LOG_EVERY_MS = 60000 };
static const uint64_t NEVER = UINT64_MAX;

struct journal_postgres_follow {
    journal_postgres_t *journal;
    char *direct;
    uint64_t log_after_ms;
    journal_thread_t thread;
    int wake_fd;
    _Atomic bool is_woken, is_short, is_stopped;

    pg_listen_t *listen; /* the thread's, like what follows */
    uint64_t connect_at_ms, ping_at_ms;
    uint32_t failures;      /* to connect, in a row */
    uint64_t rest_until_ms; /* after a NOTIFY, before the next */
    uint64_t told;          /* the position that others were told of */
    uint64_t look_at_ms, looked_at_ms;
    uint32_t look_pause_ms; /* doubles while there is something that can't be read */
    uint64_t readable;      /* that the hooks were told of */
    uint64_t stalled_at_ms, log_at_ms;
    uint64_t timeline; /* of the server that it listens on */
    bool is_left_short;

    _Atomic uint64_t notified, heard, stalled_ms;
    _Atomic bool is_listening;
};

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

/* ---- waking the thread ---- */

static void wake(journal_postgres_follow_t *self)
{
    uint64_t one = 1;
    if (!atomic_exchange(&self->is_woken, true))
        (void)!write(self->wake_fd, &one, sizeof one); /* full: it is awake */
}

void journal_postgres_follow_wrote(journal_postgres_follow_t *self)
{
    if (self != NULL)
        wake(self);
}

void journal_postgres_follow_short(journal_postgres_follow_t *self)
{
    if (self != NULL && !atomic_exchange(&self->is_short, true))
        wake(self);
}

/* ---- a feed that stands still ---- */

/* The oldest transaction of all. Whose it is the server may not want to tell us; its number it
 * does. */
static const char holder_sql[] =
    "SELECT coalesce(a.pid, 0), coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)"
    "    ::bigint, coalesce(a.application_name, '')"
    "  FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) s"
    "  LEFT JOIN pg_stat_activity a ON a.backend_xid::text::bigint = s.xmin % 4294967296";

static void report_stall(journal_postgres_follow_t *self, uint64_t stalled_ms)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = holder_sql};
    if (pg_pool_query(self->journal->readers, &statement, &result) != ERR_OK ||
        PQntuples(result) == 0)
        return;
    uint64_t age_s = MAX((uint64_t)pg_get_i64(result, 0, 1), stalled_ms / 1000);
    log_warning(self->journal->log, "journal",
                "a transaction that is open since %llu s keeps others from being read: server "
                "process %d (%.*s; 0: a prepared one)",
                (unsigned long long)age_s, pg_get_i32(result, 0, 0),
                STR_ARG(pg_get_str(result, 0, 2)));
}

static void note_stall(journal_postgres_follow_t *self, bool is_level, uint64_t now)
{
    if (is_level) {
        if (atomic_load(&self->stalled_ms) >= self->log_after_ms)
            log_info(self->journal->log, "journal", "all that is durable can be read again");
        atomic_store(&self->stalled_ms, 0);
        self->stalled_at_ms = 0;
        self->log_at_ms = 0;
        return;
    }
    if (self->stalled_at_ms == 0)
        self->stalled_at_ms = now;
    uint64_t stalled_ms = now - self->stalled_at_ms;
    atomic_store(&self->stalled_ms, stalled_ms);
    if (stalled_ms < self->log_after_ms || now < self->log_at_ms)
        return;
    self->log_at_ms = now + LOG_EVERY_MS;
    report_stall(self, stalled_ms);
}

/* ---- looking ---- */

static err_t ask(journal_postgres_t *journal, bool *out_is_level)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = journal_postgres_look_sql};
    TRY(pg_pool_query(journal->readers, &statement, &result));
    *out_is_level = journal_postgres_looked(journal, result);
    return ERR_OK;
}

/* Tells the hooks when more can be read than they were told of, and looks again, ever later, while
 * not all can. */
static void look(journal_postgres_follow_t *self, uint64_t now)
{
    journal_postgres_t *journal = self->journal;
    bool is_level = false;
    if (!journal_postgres_is_up(journal)) { /* the committer tries, and says so */
        self->look_at_ms = now + JOURNAL_POSTGRES_LOOK_MAX_MS;
        return;
    }
    err_t err = ask(journal, &is_level);
    uint64_t readable = atomic_load(&journal->readable);
    is_level = is_level && readable >= atomic_load(&journal->head);
    self->looked_at_ms = now;
    bool is_for_those = self->is_left_short && is_level && err == ERR_OK;
    if (is_for_those || (err == ERR_OK && readable > self->readable)) {
        self->is_left_short = self->is_left_short && !is_level;
        self->readable = readable;
        journal_hooks_call(&journal->hooks, atomic_load(&journal->head));
    }
    if (err == ERR_OK)
        note_stall(self, is_level, now);
    self->look_pause_ms = MIN(MAX(2 * self->look_pause_ms, (uint32_t)JOURNAL_POSTGRES_NOTIFY_MS),
                              (uint32_t)JOURNAL_POSTGRES_LOOK_MAX_MS);
    self->look_at_ms = is_level ? NEVER : now + self->look_pause_ms;
}

/* Not more often than nodes notify. */
static void look_soon(journal_postgres_follow_t *self)
{
    self->look_pause_ms = 0;
    self->look_at_ms =
        MIN(self->look_at_ms, self->looked_at_ms + (uint64_t)JOURNAL_POSTGRES_NOTIFY_MS);
}

/* ---- the connection to listen and notify on ---- */

static void stop_listening(journal_postgres_follow_t *self, uint64_t now)
{
    if (atomic_exchange(&self->is_listening, false))
        log_warning(self->journal->log, "journal",
                    "other nodes' commits are not heard of: looking for them instead");
    pg_listen_close(self->listen);
    self->listen = NULL;
    uint64_t full = MIN((uint64_t)JOURNAL_POSTGRES_BACKOFF_FIRST_MS << MIN(self->failures, 16U),
                        (uint64_t)JOURNAL_POSTGRES_BACKOFF_MAX_MS);
    self->connect_at_ms = now + full / 2 + random_below(&self->journal->random, full / 2 + 1);
    self->failures++;
}

static void start_listening(journal_postgres_follow_t *self, uint64_t now)
{
    pg_options_t options = {.address = self->direct,
                            .application = "musicstream listens",
                            .timeout_ms = self->journal->timeout_ms,
                            .log = self->failures == 0 ? self->journal->log : NULL,
                            .patience = &self->journal->patience};
    self->timeline = atomic_load(&self->journal->timeline); /* one that comes now is noticed */
    err_t err = pg_listen_open(&options, "ms_appended", &self->listen);
    if (err == ERR_UNSUPPORTED) {
        log_info(self->journal->log, "journal",
                 "there is a pooler before the database: name the server in --database-direct, and "
                 "nodes hear of each other's commits at once");
        self->connect_at_ms = NEVER;
        return;
    }
    if (err != ERR_OK) {
        stop_listening(self, now);
        return;
    }
    self->failures = 0;
    self->connect_at_ms = NEVER;
    self->ping_at_ms = now + PING_MS;
    atomic_store(&self->is_listening, true);
    look_soon(self); /* what was said meanwhile was not heard */
}

static void hear(journal_postgres_follow_t *self, uint64_t now)
{
    bool is_told = false;
    if (pg_listen_take(self->listen, &is_told) != ERR_OK) {
        stop_listening(self, now);
        return;
    }
    if (is_told) {
        atomic_fetch_add(&self->heard, 1);
        look_soon(self);
    }
}

static void tell_others(journal_postgres_follow_t *self, uint64_t now)
{
    uint64_t written = atomic_load(&self->journal->written);
    if (written == self->told || self->listen == NULL)
        return;
    if (pg_listen_notify(self->listen) != ERR_OK) {
        stop_listening(self, now);
        return;
    }
    self->told = written;
    self->ping_at_ms = now + PING_MS;
    atomic_fetch_add(&self->notified, 1);
    hear(self, now); /* what came with the answer wakes nobody */
}

/* Nothing was said for long: is it still there? */
static void ping(journal_postgres_follow_t *self, uint64_t now)
{
    self->ping_at_ms = now + PING_MS;
    if (pg_listen_ping(self->listen) != ERR_OK)
        stop_listening(self, now);
    else
        hear(self, now);
}

/* ---- the thread ---- */

static uint64_t due_at(const journal_postgres_follow_t *self, bool is_resting)
{
    uint64_t at = MIN(self->look_at_ms, self->connect_at_ms);
    at = is_resting ? MIN(at, self->rest_until_ms) : at;
    return self->listen == NULL ? at : MIN(at, self->ping_at_ms);
}

/* A rest is not disturbed by what this node goes on writing. Returns whether somebody notified. */
static bool sleep_until_due(const journal_postgres_follow_t *self, uint64_t now)
{
    bool is_resting = now < self->rest_until_ms;
    uint64_t due = due_at(self, is_resting);
    struct pollfd fds[2] = {
        {.fd = is_resting ? -1 : self->wake_fd, .events = POLLIN},
        {.fd = self->listen == NULL ? -1 : pg_listen_socket(self->listen), .events = POLLIN}};
    int timeout = due == NEVER ? -1 : due <= now ? 0 : (int)MIN(due - now, (uint64_t)60000);
    return poll(fds, COUNT_OF(fds), timeout) > 0 && fds[1].revents != 0;
}

static void take_wake(journal_postgres_follow_t *self, uint64_t now)
{
    uint64_t count;
    if (now < self->rest_until_ms)
        return;
    (void)!read(self->wake_fd, &count, sizeof count);
    if (!atomic_exchange(&self->is_woken, false))
        return;
    if (atomic_exchange(&self->is_short, false)) {
        self->is_left_short = true;
        look_soon(self);
    }
    tell_others(self, now);
    self->rest_until_ms = now + JOURNAL_POSTGRES_NOTIFY_MS;
}

static void *follow_main(void *context)
{
    thread_name("journal-follow");
    journal_postgres_follow_t *self = context;
    while (!atomic_load(&self->is_stopped)) {
        bool is_heard = sleep_until_due(self, now_ms());
        uint64_t now = now_ms();
        if (self->listen != NULL && self->timeline != atomic_load(&self->journal->timeline))
            stop_listening(self, now); /* another server has taken over */
        else if (is_heard)
            hear(self, now);
        if (now >= self->connect_at_ms)
            start_listening(self, now);
        take_wake(self, now);
        if (self->listen != NULL && now >= self->ping_at_ms)
            ping(self, now);
        if (now >= self->look_at_ms)
            look(self, now);
    }
    return NULL;
}

/* ---- life ---- */

err_t journal_postgres_follow_start(journal_postgres_t *journal,
                                    const journal_postgres_options_t *options,
                                    journal_postgres_follow_t **out_follow)
{
    bool has_direct = options->direct != NULL && options->direct[0] != '\0';
    journal_postgres_follow_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal = journal;
    self->log_after_ms =
        options->stalled_ms == 0 ? (uint64_t)JOURNAL_POSTGRES_STALLED_MS : options->stalled_ms;
    self->look_at_ms = NEVER;
    self->direct = str_dup_terminated(str_from(has_direct ? options->direct : options->address));
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    err_t err = self->direct == NULL ? ERR_NO_MEMORY
                : self->wake_fd < 0  ? err_from_errno(errno)
                                     : journal_thread_start(&self->thread, follow_main, self);
    if (err == ERR_OK)
        *out_follow = self;
    else
        journal_postgres_follow_stop(self);
    return err;
}

void journal_postgres_follow_stop(journal_postgres_follow_t *self)
{
    if (self == NULL)
        return;
    uint64_t one = 1;
    atomic_store(&self->is_stopped, true);
    if (self->thread.is_started) {
        (void)!write(self->wake_fd, &one, sizeof one);
        pthread_join(self->thread.thread, NULL);
    }
    pg_listen_close(self->listen);
    if (self->wake_fd >= 0)
        close(self->wake_fd);
    memory_free(self->direct);
    memory_free(self);
}

void journal_postgres_follow_stats(const journal_postgres_follow_t *self,
                                   journal_postgres_stats_t *out_stats)
{
    if (self == NULL)
        return;
    out_stats->notified = atomic_load(&self->notified);
    out_stats->heard = atomic_load(&self->heard);
    out_stats->stalled_ms = atomic_load(&self->stalled_ms);
    out_stats->is_listening = atomic_load(&self->is_listening);
}
