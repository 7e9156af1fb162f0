/* journal.follow: from an event's acknowledgement on one node until its projection can be read on
 * another one, which has its own connections and its own LMDB environment over the same database.
 * journal.follow.busy: the same while the first node goes on writing other streams.
 * journal.follow.bare: from NOTIFY on one connection until another one has it. All alternate in one
 * run; the server is one of its own, with fsync. */

#include "bench/bench.h"
#include "bench/bench_server.h"
#include "runtime/base/assert.h"
#include "runtime/base/random.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "storage/projection.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

enum { SAMPLES = 200, ROUNDS = BENCH_PAIRS, BUSY_STREAMS = 16, PAUSE_MAX_US = 12000 };

/* ---- the other node ---- */

typedef struct other {
    journal_postgres_t *journal;
    kv_t *kv;
    projection_t *projection;
    sem_t told;
    _Atomic bool is_over;
    pthread_t thread;
} other_t;

static err_t apply(UNUSED void *context, kv_tx_t *tx, const journal_record_t *record)
{
    return kv_put(tx, 0, record->stream, record->event.payload);
}

static err_t reset(UNUSED void *context, kv_tx_t *tx)
{
    return kv_clear(tx, 0);
}

static void tell(void *context, UNUSED uint64_t head)
{
    sem_post(&((other_t *)context)->told);
}

static void *step_when_told(void *context)
{
    other_t *self = context;
    while (sem_wait(&self->told) == 0 && !atomic_load(&self->is_over)) {
        bool is_behind = true;
        while (is_behind)
            ASSERT(projection_step(self->projection, &is_behind) == ERR_OK);
    }
    return NULL;
}

static void other_start(other_t *self, const server_t *server)
{
    static const char *const tables[] = {"records", "position"};
    char path[300];
    snprintf(path, sizeof path, "%s/other", server->folder);
    sem_init(&self->told, 0, 0);
    ASSERT(
        journal_postgres_open(&(journal_postgres_options_t){.address = server->address, .node = 1},
                              &self->journal) == ERR_OK);
    ASSERT(kv_open(&(kv_options_t){.path = path,
                                   .tables = tables,
                                   .table_count = COUNT_OF(tables),
                                   .is_lazy = true},
                   &self->kv) == ERR_OK);
    ASSERT(
        projection_open(&(projection_options_t){.name = "bench",
                                                .journal = journal_postgres_journal(self->journal),
                                                .kv = self->kv,
                                                .table = 1,
                                                .apply = apply,
                                                .reset = reset},
                        &self->projection) == ERR_OK);
    ASSERT(journal_hooks_add(journal_postgres_store(self->journal).hooks, tell, self) == ERR_OK);
    ASSERT(pthread_create(&self->thread, NULL, step_when_told, self) == 0);
}

static void other_stop(other_t *self)
{
    journal_hooks_remove(journal_postgres_store(self->journal).hooks, tell, self);
    atomic_store(&self->is_over, true);
    sem_post(&self->told);
    pthread_join(self->thread, NULL);
    projection_close(self->projection);
    kv_close(self->kv);
    journal_postgres_close(self->journal);
    sem_destroy(&self->told);
}

/* ---- an event's way ---- */

typedef struct sample {
    sem_t is_durable, is_seen;
    uint64_t position;
    double durable_at, seen_at;
} sample_t;

static void durable(void *context, err_t err, UNUSED uint64_t version, uint64_t position)
{
    sample_t *self = context;
    ASSERT(err == ERR_OK);
    self->durable_at = bench_seconds();
    self->position = position;
    sem_post(&self->is_durable);
}

static void seen(void *context, err_t err)
{
    sample_t *self = context;
    ASSERT(err == ERR_OK);
    self->seen_at = bench_seconds();
    sem_post(&self->is_seen);
}

static void append(journal_t *journal, str_t stream, uint64_t version, journal_done_fn done,
                   void *context)
{
    static char payload[200];
    journal_event_t event = {STR("noted"), str_of(payload, sizeof payload)};
    journal->table->append(journal, &(journal_append_t){.stream = stream,
                                                        .expected_version = version,
                                                        .epoch = 1,
                                                        .events = &event,
                                                        .event_count = 1,
                                                        .done = done,
                                                        .done_context = context});
}

/* Not in step with anything that beats. */
static void pause_a_little(void)
{
    ms_random_t random = random_system();
    nanosleep(&(struct timespec){.tv_nsec = (long)random_below(&random, PAUSE_MAX_US) * 1000},
              NULL);
}

static double one_way(journal_postgres_t *from, other_t *to, uint64_t *version)
{
    sample_t sample = {0};
    uint64_t ticket = 0;
    sem_init(&sample.is_durable, 0, 0);
    sem_init(&sample.is_seen, 0, 0);
    append(journal_postgres_journal(from), STR("follow/1"), (*version)++, durable, &sample);
    while (sem_wait(&sample.is_durable) != 0)
        continue;
    ASSERT(projection_wait(to->projection, sample.position, seen, &sample, &ticket) == ERR_OK);
    while (sem_wait(&sample.is_seen) != 0)
        continue;
    sem_destroy(&sample.is_durable);
    sem_destroy(&sample.is_seen);
    pause_a_little();
    return 1000 * (sample.seen_at - sample.durable_at);
}

/* ---- meanwhile ---- */

typedef struct busy {
    journal_t *journal;
    char stream[32];
    uint64_t version;
    _Atomic bool *is_over;
    sem_t ended;
} busy_t;

static void go_on(void *context, err_t err, uint64_t version, UNUSED uint64_t position)
{
    busy_t *self = context;
    ASSERT(err == ERR_OK);
    self->version = version;
    if (atomic_load(self->is_over))
        sem_post(&self->ended);
    else
        append(self->journal, str_from(self->stream), version, go_on, self);
}

static void busy_start(busy_t *all, journal_postgres_t *journal, _Atomic bool *is_over)
{
    atomic_store(is_over, false);
    for (size_t i = 0; i < BUSY_STREAMS; i++) {
        all[i].journal = journal_postgres_journal(journal);
        all[i].is_over = is_over;
        snprintf(all[i].stream, sizeof all[i].stream, "busy/%zu", i);
        sem_init(&all[i].ended, 0, 0);
        append(all[i].journal, str_from(all[i].stream), all[i].version, go_on, &all[i]);
    }
}

static void busy_stop(busy_t *all, _Atomic bool *is_over)
{
    atomic_store(is_over, true);
    for (size_t i = 0; i < BUSY_STREAMS; i++) {
        while (sem_wait(&all[i].ended) != 0)
            continue;
        sem_destroy(&all[i].ended);
    }
}

/* ---- bare ---- */

static PGconn *connect_bare(const server_t *server)
{
    PGconn *connection = PQconnectdb(server->address);
    ASSERT(PQstatus(connection) == CONNECTION_OK);
    return connection;
}

static void run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ASSERT(PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
}

static double one_notify(PGconn *from, PGconn *to)
{
    struct pollfd readable = {.fd = PQsocket(to), .events = POLLIN};
    PGnotify *notify;
    double begin = bench_seconds();
    run(from, "NOTIFY bare");
    while ((notify = PQnotifies(to)) == NULL) {
        ASSERT(poll(&readable, 1, -1) == 1 && PQconsumeInput(to) == 1);
    }
    PQfreemem(notify);
    double took = bench_seconds() - begin;
    pause_a_little();
    return 1000 * took;
}

/* ---- all of it ---- */

typedef struct figure {
    const char *name;
    double samples[ROUNDS * SAMPLES];
    size_t count;
} figure_t;

static void print(figure_t *self)
{
    char name[64];
    double median = bench_median(self->samples, self->count); /* sorts them */
    snprintf(name, sizeof name, "%s.p50", self->name);
    bench_print(name, median, "ms");
    snprintf(name, sizeof name, "%s.p99", self->name);
    bench_print(name, self->samples[self->count * 99 / 100], "ms");
}

static void measure(const server_t *server, journal_postgres_t *from, other_t *to,
                    figure_t *figures)
{
    static busy_t busy[BUSY_STREAMS];
    uint64_t version = 0;
    _Atomic bool is_over = false;
    PGconn *sender = connect_bare(server), *receiver = connect_bare(server);
    run(receiver, "LISTEN bare");
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < SAMPLES; i++)
            figures[0].samples[figures[0].count++] = one_way(from, to, &version);
        for (size_t i = 0; i < SAMPLES; i++)
            figures[2].samples[figures[2].count++] = one_notify(sender, receiver);
        busy_start(busy, from, &is_over);
        for (size_t i = 0; i < SAMPLES; i++)
            figures[1].samples[figures[1].count++] = one_way(from, to, &version);
        busy_stop(busy, &is_over);
    }
    PQfinish(sender);
    PQfinish(receiver);
}

int main(void)
{
    static figure_t figures[] = {{.name = "journal.follow"},
                                 {.name = "journal.follow.busy"},
                                 {.name = "journal.follow.bare"}};
    static other_t other;
    server_t server = {0};
    journal_postgres_t *journal = NULL;
    server_start(&server);
    ASSERT(journal_postgres_open(&(journal_postgres_options_t){.address = server.address},
                                 &journal) == ERR_OK);
    other_start(&other, &server);
    measure(&server, journal, &other, figures);
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        print(&figures[i]);
    other_stop(&other);
    journal_postgres_close(journal);
    server_stop(&server);
    return 0;
}
