/* A copy hands appends over while the target's committer answers earlier ones: both count what is
 * under way. For ThreadSanitizer; a count that went wrong is a copy that never ends. */

#include "runtime/base/assert.h"
#include "storage/journal/journal_copy.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdio.h>

/* Each record is an append of its own: no two beside each other are of one stream. */
enum { STREAMS = 500, ROUNDS = 20, COPIES = 3 };

typedef struct filling {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight;
} filling_t;

static void land(void *context, err_t err, uint64_t version, uint64_t position)
{
    filling_t *filling = context;
    (void)version, (void)position;
    ASSERT(err == ERR_OK);
    pthread_mutex_lock(&filling->lock);
    filling->in_flight--;
    pthread_cond_signal(&filling->landed);
    pthread_mutex_unlock(&filling->lock);
}

static void fill_round(journal_t *journal, filling_t *filling, uint64_t version)
{
    for (uint32_t i = 0; i < STREAMS; i++) {
        char name[32];
        str_t stream = str_of(name, (size_t)snprintf(name, sizeof name, "stream/%u", i));
        journal_event_t event = {STR("numbered"), stream};
        pthread_mutex_lock(&filling->lock);
        filling->in_flight++;
        pthread_mutex_unlock(&filling->lock);
        journal->table->append(journal, &(journal_append_t){.stream = stream,
                                                            .expected_version = version,
                                                            .epoch = JOURNAL_EPOCH,
                                                            .events = &event,
                                                            .event_count = 1,
                                                            .done = land,
                                                            .done_context = filling});
    }
    pthread_mutex_lock(&filling->lock);
    patience_t patience = PATIENCE_FOR("all appends");
    while (filling->in_flight > 0)
        patience_wait(&patience, &filling->landed, &filling->lock);
    pthread_mutex_unlock(&filling->lock);
}

static journal_lmdb_t *opened(const temporary_t *folder, const char *name)
{
    temporary_name_t path = temporary_in(folder, name);
    journal_lmdb_t *journal = NULL;
    ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal) == ERR_OK);
    return journal;
}

static uint64_t run(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    filling_t filling = {.lock = PTHREAD_MUTEX_INITIALIZER, .landed = PTHREAD_COND_INITIALIZER};
    journal_lmdb_t *from JOURNAL_LMDB_SCOPED = opened(&folder, "from");
    for (uint64_t i = 0; i < ROUNDS; i++)
        fill_round(journal_lmdb_journal(from), &filling, i);

    for (int i = 0; i < COPIES; i++) {
        char name[16];
        snprintf(name, sizeof name, "to-%d", i);
        journal_lmdb_t *to JOURNAL_LMDB_SCOPED = opened(&folder, name);
        ASSERT(journal_copy(journal_lmdb_journal(from), journal_lmdb_journal(to), NULL, NULL) ==
               ERR_OK);
    }
    printf("%d copies of %d records\n", COPIES, STREAMS * ROUNDS);
    return (uint64_t)(1 + 2 * COPIES) * STREAMS * ROUNDS;
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "records appended, read and copied");
    return 0;
}
