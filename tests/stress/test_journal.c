/* Threads append, read, follow the feed, snapshot and reopen at once; every stream must come out
 * whole and the projection must count what was acknowledged. For ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "runtime/base/random.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/projection.h"
#include "tests/stress/racer.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { WRITERS = 3, APPENDS = 1500, IN_FLIGHT = 24 };

static const char *const tables[] = {"counts", "position"};

typedef struct shared {
    journal_lmdb_t *journal;
    projection_t *projection;
    _Atomic uint64_t durable, applied, waited;
    _Atomic uint32_t writers_left;
} shared_t;

typedef struct writer {
    shared_t *shared;
    uint32_t index;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight;
    uint64_t refused;
} writer_t;

static void waited(void *context, err_t err)
{
    shared_t *shared = context;
    shared->waited += err == ERR_OK ? 1 : 0;
}

static void land(void *context, err_t err, uint64_t version, uint64_t position)
{
    writer_t *writer = context;
    uint64_t ticket;
    (void)version;
    if (err == ERR_OK) {
        writer->shared->durable++;
        ASSERT(projection_wait(writer->shared->projection, position, waited, writer->shared,
                               &ticket) == ERR_OK);
    }
    pthread_mutex_lock(&writer->lock);
    writer->refused += err == ERR_OK ? 0 : 1;
    writer->in_flight--;
    pthread_cond_signal(&writer->landed);
    pthread_mutex_unlock(&writer->lock);
}

static void wait_below(writer_t *writer, uint32_t most)
{
    while (writer->in_flight >= most)
        pthread_cond_wait(&writer->landed, &writer->lock);
}

static void *write_all(void *context)
{
    writer_t *writer = context;
    journal_t *journal = journal_lmdb_journal(writer->shared->journal);
    char name[32];
    int size = snprintf(name, sizeof name, "stream/%u", writer->index);
    str_t stream = str_of(name, (size_t)size);
    journal_event_t event = {STR("numbered"), stream};
    for (uint64_t i = 0; i < APPENDS; i++) {
        pthread_mutex_lock(&writer->lock);
        wait_below(writer, IN_FLIGHT);
        writer->in_flight++;
        pthread_mutex_unlock(&writer->lock);
        journal->table->append(journal, &(journal_append_t){.stream = stream,
                                                            .expected_version = i,
                                                            .epoch = JOURNAL_EPOCH,
                                                            .events = &event,
                                                            .event_count = 1,
                                                            .done = land,
                                                            .done_context = writer});
        if (i % 100 == 99)
            journal->table->snapshot_put(journal, stream, i, stream);
    }
    pthread_mutex_lock(&writer->lock);
    wait_below(writer, 1);
    pthread_mutex_unlock(&writer->lock);
    writer->shared->writers_left--;
    return NULL;
}

static err_t in_order(void *context, const journal_record_t *record)
{
    uint64_t *version = context;
    ASSERT(record->version == *version + 1);
    *version = record->version;
    return ERR_OK;
}

static void *read_all(void *context)
{
    shared_t *shared = context;
    journal_t *journal = journal_lmdb_journal(shared->journal);
    while (shared->writers_left > 0) {
        for (uint32_t i = 0; i < WRITERS; i++) {
            char name[32];
            uint64_t version = 0, snapshot;
            buf_t state BUF_SCOPED = BUF_INIT;
            int size = snprintf(name, sizeof name, "stream/%u", i);
            str_t stream = str_of(name, (size_t)size);
            err_t err = journal->table->snapshot_get(journal, stream, &snapshot, &state);
            ASSERT(err == ERR_OK || err == ERR_NOT_FOUND);
            if (err == ERR_OK)
                version = snapshot;
            ASSERT(journal->table->read(journal, stream, version, in_order, &version) == ERR_OK);
        }
        IGNORE_ERR(journal_lmdb_reopen(shared->journal)); /* nothing failed: a walk past the lock */
    }
    return NULL;
}

static err_t apply(void *context, kv_tx_t *tx, const journal_record_t *record)
{
    shared_t *shared = context;
    shared->applied++;
    return kv_put(tx, 0, record->stream, record->event.payload);
}

static err_t reset(void *context, kv_tx_t *tx)
{
    (void)context;
    return kv_clear(tx, 0);
}

static void *follow(void *context)
{
    shared_t *shared = context;
    bool is_behind = true;
    while (shared->writers_left > 0 || is_behind ||
           projection_position(shared->projection) < (uint64_t)WRITERS * APPENDS) {
        err_t err = projection_step(shared->projection, &is_behind);
        ASSERT(err == ERR_OK || err == ERR_BUSY);
    }
    return NULL;
}

static void open_all(shared_t *shared, const temporary_t *folder, kv_t **kv)
{
    temporary_name_t journal = temporary_in(folder, "journal"), env = temporary_in(folder, "env");
    ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = journal.path, .index_behind = 64},
                             &shared->journal) == ERR_OK);
    ASSERT(
        kv_open(
            &(kv_options_t){.path = env.path, .tables = tables, .table_count = 2, .is_lazy = true},
            kv) == ERR_OK);
    ASSERT(projection_open(&(projection_options_t){.name = "counts",
                                                   .journal = journal_lmdb_journal(shared->journal),
                                                   .kv = *kv,
                                                   .table = 1,
                                                   .batch_max = 50,
                                                   .context = shared,
                                                   .apply = apply,
                                                   .reset = reset},
                           &shared->projection) == ERR_OK);
}

static uint64_t run(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    shared_t shared = {.writers_left = WRITERS};
    kv_t *kv = NULL;
    writer_t writers[WRITERS] = {0};
    pthread_t threads[WRITERS + 3];
    open_all(&shared, &folder, &kv);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i].shared = &shared;
        writers[i].index = i;
        pthread_mutex_init(&writers[i].lock, NULL);
        pthread_cond_init(&writers[i].landed, NULL);
        ASSERT(pthread_create(&threads[i], NULL, write_all, &writers[i]) == 0);
    }
    ASSERT(pthread_create(&threads[WRITERS], NULL, read_all, &shared) == 0);
    for (int i = 1; i < 3; i++) /* two that step: one at a time gets in */
        ASSERT(pthread_create(&threads[WRITERS + i], NULL, follow, &shared) == 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ASSERT(pthread_join(threads[i], NULL) == 0);
    for (uint32_t i = 0; i < WRITERS; i++)
        ASSERT(writers[i].refused == 0);
    ASSERT(shared.durable == (uint64_t)WRITERS * APPENDS);
    ASSERT(shared.applied == shared.durable && shared.waited == shared.durable);
    projection_close(shared.projection);
    kv_close(kv);
    journal_lmdb_close(shared.journal);
    printf("%llu appends, all acknowledged, applied and waited for\n",
           (unsigned long long)shared.durable);
    return 4 * shared.durable;
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "appends, acknowledged, applied and waited for");
    return 0;
}
