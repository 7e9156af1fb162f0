/* Messages that are sent durably, beside the appends that they are made of, on an LMDB journal:
 * PAIRS senders, each of which sends its receiver MESSAGES.
 *
 *     outbox.delivered            messages a second, from the first command until all are taken and
 *                                 acknowledged: three appends each (sent, taken, acknowledged)
 *     outbox.append               appends a second of as many actors that emit one event each turn
 *     outbox.delivered.vs.append  three times the first over the second
 *     outbox.pair                 messages a second of one pair alone: one after the other
 *
 * Alternating; medians. */

#include "bench/bench.h"
#include "runtime/actor.h"
#include "runtime/base/assert.h"
#include "runtime/outbox.h"
#include "storage/journal/journal_lmdb.h"

#include <string.h>
#include <time.h>

#define DEF_FILE "bench/outbox_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/outbox_bench.def"
#include "runtime/base/schema_define.h"

enum { PAIRS = 256, MESSAGES = 32, ALONE = 400, MAILBOX = 512, APPENDS = 3 };

#define ACTOR_DEF "bench/outbox_bench.def"
#define ACTOR_STATE bench_post_t
#include "runtime/actor_kind.h"

/* The receiver's key is the sender's with an 'r' before it. */
ON(bench_post_go)
{
    char key[32];
    (void)self;
    snprintf(key, sizeof key, "r%.*s", STR_ARG(context_key(ctx)));
    if (!command->is_plain)
        return actor_send_durably(ctx, address_of("bench_post", str_from(key)), bench_post_take,
                                  .number = command->number);
    emit(ctx, bench_post_counted, .number = command->number);
    return ERR_OK;
}

ON(bench_post_take)
{
    (void)self;
    emit(ctx, bench_post_counted, .number = command->number);
    return ERR_OK;
}

APPLY(bench_post_counted)
{
    self->count += event->number > 0;
}

ACTOR_KIND(bench_post, .mailbox_max = MAILBOX);

/* ---- a run ---- */

typedef struct world {
    char folder[256];
    journal_lmdb_t *journal;
    runtime_t *runtime;
} world_t;

static void world_open(world_t *self)
{
    const char *base = getenv("MS_BENCH_DIR");
    snprintf(self->folder, sizeof self->folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(self->folder) != NULL);
    ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = self->folder}, &self->journal) ==
           ERR_OK);
    runtime_options_t options = {.scheduler_count = 2,
                                 .journal = journal_lmdb_journal(self->journal)};
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    ASSERT(runtime_register(self->runtime, &bench_post_kind, NULL) == ERR_OK);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
}

static void world_close(world_t *self)
{
    char command[300];
    ASSERT(runtime_drain(self->runtime, 60000) == ERR_OK);
    runtime_free(self->runtime);
    journal_lmdb_close(self->journal);
    snprintf(command, sizeof command, "rm -rf '%s'", self->folder);
    ASSERT(system(command) == 0);
}

static uint64_t done(const world_t *self, bool is_plain)
{
    journal_lmdb_stats_t journal;
    outbox_stats_t outbox;
    journal_lmdb_stats(self->journal, &journal);
    outbox_stats(self->runtime, &outbox);
    return is_plain ? journal.appends : outbox.delivered;
}

/* Each sender gets its commands at once. Messages, or appends, a second. */
static double run(uint32_t pairs, uint32_t messages, bool is_plain)
{
    world_t world = {.runtime = NULL};
    const struct timespec moment = {0, 200000};
    world_open(&world);
    double begin = bench_seconds();
    for (uint32_t i = 0; i < pairs * messages; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i % pairs);
        ASSERT(runtime_send(world.runtime, address_of("bench_post", str_from(key)), bench_post_go,
                            .number = i + 1, .is_plain = is_plain) == ERR_OK);
    }
    while (done(&world, is_plain) < (uint64_t)pairs * messages)
        nanosleep(&moment, NULL);
    double seconds = bench_seconds() - begin;
    world_close(&world);
    return pairs * messages / seconds;
}

int main(void)
{
    double delivered[BENCH_PAIRS], appended[BENCH_PAIRS], ratios[BENCH_PAIRS], alone[BENCH_PAIRS];
    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        delivered[i] = run(PAIRS, MESSAGES, false);
        appended[i] = run(PAIRS, MESSAGES, true);
        ratios[i] = APPENDS * delivered[i] / appended[i];
        alone[i] = run(1, ALONE, false);
    }
    bench_print("outbox.delivered", bench_median(delivered, BENCH_PAIRS), "messages/s");
    bench_print("outbox.append", bench_median(appended, BENCH_PAIRS), "appends/s");
    bench_print("outbox.delivered.vs.append", bench_median(ratios, BENCH_PAIRS), "x");
    bench_print("outbox.pair", bench_median(alone, BENCH_PAIRS), "messages/s");
    return 0;
}
