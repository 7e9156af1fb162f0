/* Actors that come back from the journal: the `user` kind, sealed as in a node. One actor asks for
 * them one after the other, on one scheduler, so that no thread is woken in between.
 *
 *     journal.replay             events a second into actors without a snapshot, REPLAYED each
 *     activate.lmdb, .postgres   from asking to the answer, of one with a snapshot of SNAPSHOT
 *                                favourites and no event behind it; p50
 *
 * What an ask of an actor in memory takes is in it (runtime.asks). Reads come from the page cache.
 */

#include "actors/personal.h"
#include "actors/protocol/user.h"
#include "actors/social/social.h"
#include "bench/bench.h"
#include "bench/bench_server.h"
#include "runtime/runtime.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/vault_files.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/postgres/journal_postgres.h"

#include <stdatomic.h>

#define DEF_FILE "bench/activate_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/activate_bench.def"
#include "runtime/base/schema_define.h"

enum { USERS = 400, REPLAYED = 256, SNAPSHOT = 50, ACTIVATED = 1000, RUNS = 3 };

/* ---- who asks ---- */

typedef struct times {
    uv_sem_t done;
    double each[ACTIVATED];
} times_t;

typedef struct activator {
    char prefix[8];
    uint32_t at, count;
    double begin;
} activator_t;

#define ACTOR_DEF "bench/activate_bench.def"
#define ACTOR_STATE activator_t
#include "runtime/actor_kind.h"

static void next(activator_t *self, context_t *ctx);

static void on_facts(void *state, context_t *ctx, const answer_t *answer, UNUSED void *data,
                     UNUSED size_t data_size)
{
    activator_t *self = state;
    times_t *times = context_service(ctx);
    const user_facts_t *facts = answer->message;
    ASSERT(answer->err == ERR_OK && facts->tracks.items[0].is_favourite);
    times->each[self->at++] = (bench_seconds() - self->begin) * 1e6;
    next(self, ctx);
}

static void next(activator_t *self, context_t *ctx)
{
    static const uint64_t track = 1;
    char key[32];
    if (self->at == self->count) {
        uv_sem_post(&((times_t *)context_service(ctx))->done);
        return;
    }
    snprintf(key, sizeof key, "%s%u", self->prefix, self->at);
    self->begin = bench_seconds();
    actor_ask(ctx, address_of(USER_KIND, str_from(key)), 60000, on_facts, NULL, 0,
              user_get_track_facts, .track_ids = {&track, 1});
}

ON(activate_all)
{
    str_to_array(command->prefix, self->prefix, sizeof self->prefix);
    self->at = 0;
    self->count = command->count;
    next(self, ctx);
    return ERR_OK;
}

ACTOR_KIND(activate, .mailbox_max = 16);

/* ---- a journal with users in it ---- */

typedef struct world {
    const server_t *server; /* NULL: LMDB */
    char folder[256];
    journal_lmdb_t *lmdb;
    journal_postgres_t *postgres;
    vault_t *vault;
    journal_sealed_t *sealed;
} world_t;

static journal_t *open_inner(world_t *self)
{
    char path[300];
    snprintf(path, sizeof path, "%s/journal", self->folder);
    if (self->server == NULL) {
        ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = path}, &self->lmdb) == ERR_OK);
        return journal_lmdb_journal(self->lmdb);
    }
    ASSERT(journal_postgres_open(&(journal_postgres_options_t){.address = self->server->address},
                                 &self->postgres) == ERR_OK);
    return journal_postgres_journal(self->postgres);
}

static void world_open(world_t *self)
{
    static const aead_key_t master = {{1}};
    char keys[300];
    vault_store_t *store = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    snprintf(keys, sizeof keys, "%s/keys", self->folder);
    ASSERT(vault_files_open(str_from(keys), &store) == ERR_OK);
    ASSERT(vault_open(&(vault_options_t){.store = store, .master = &master}, &problem,
                      &self->vault) == ERR_OK);
    journal_sealed_options_t options = {open_inner(self), self->vault, PERSONAL_KINDS,
                                        PERSONAL_KIND_COUNT};
    ASSERT(journal_sealed_open(&options, &self->sealed) == ERR_OK);
}

/* Also writes the snapshots that wait. */
static void world_close(world_t *self)
{
    journal_sealed_close(STEAL(self->sealed));
    journal_lmdb_close(STEAL(self->lmdb));
    journal_postgres_close(STEAL(self->postgres));
    vault_close(STEAL(self->vault));
}

static void on_appended(void *context, err_t err, uint64_t version, uint64_t position)
{
    (void)version, (void)position;
    ASSERT(err == ERR_OK);
    uv_sem_post(context);
}

static void append(const world_t *self, str_t stream, size_t count, uv_sem_t *done)
{
    static journal_event_t events[REPLAYED];
    static buf_t payloads[REPLAYED];
    journal_t *journal = journal_sealed_journal(self->sealed);
    for (size_t i = 0; i < count; i++) {
        buf_reset(&payloads[i]);
        schema_encode(&user_favourite_set_schema, &(user_favourite_set_t){1 + i, true},
                      &payloads[i]);
        events[i] = (journal_event_t){STR("user_favourite_set"), buf_str(&payloads[i])};
    }
    journal->table->append(journal, &(journal_append_t){.stream = stream,
                                                        .epoch = JOURNAL_EPOCH,
                                                        .wall_ms = 1700000000000,
                                                        .events = events,
                                                        .event_count = count,
                                                        .done = on_appended,
                                                        .done_context = done});
}

static void fill(world_t *self, const char *prefix, uint32_t count, size_t events)
{
    char stream[64];
    uv_sem_t done;
    uv_sem_init(&done, 0);
    world_open(self);
    for (uint32_t i = 0; i < count; i++) {
        int size = snprintf(stream, sizeof stream, "user/%s%u", prefix, i);
        append(self, str_of(stream, (size_t)size), events, &done);
    }
    for (uint32_t i = 0; i < count; i++)
        uv_sem_wait(&done);
    world_close(self);
    uv_sem_destroy(&done);
}

/* ---- measuring ---- */

static double run(world_t *self, const char *prefix, uint32_t count, times_t *times)
{
    runtime_t *runtime = NULL;
    world_open(self);
    runtime_options_t options = {.scheduler_count = 1,
                                 .journal = journal_sealed_journal(self->sealed)};
    uv_sem_init(&times->done, 0);
    ASSERT(runtime_new(&options, &runtime) == ERR_OK && social_register(runtime) == ERR_OK);
    ASSERT(runtime_register(runtime, &activate_kind, times) == ERR_OK);
    ASSERT(runtime_start(runtime) == ERR_OK);
    double begin = bench_seconds();
    ASSERT(runtime_send(runtime, address_of("activate", STR("a")), activate_all,
                        .prefix = str_from(prefix), .count = count) == ERR_OK);
    uv_sem_wait(&times->done);
    double seconds = bench_seconds() - begin;
    ASSERT(runtime_drain(runtime, 60000) == ERR_OK);
    runtime_free(runtime);
    uv_sem_destroy(&times->done);
    world_close(self);
    return seconds;
}

/* Other users each time: who was active leaves a snapshot. */
static void bench_replay(world_t *world, times_t *times)
{
    double rates[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "r%zu_", i);
        fill(world, prefix, USERS, REPLAYED);
        rates[i] = USERS * REPLAYED / run(world, prefix, USERS, times);
    }
    bench_print("journal.replay", bench_median(rates, RUNS), "events/s");
}

static void bench_activate(world_t *world, times_t *times, const char *name)
{
    double medians[RUNS];
    fill(world, "s", ACTIVATED, SNAPSHOT);
    run(world, "s", ACTIVATED, times); /* leaves the snapshots */
    for (size_t i = 0; i < RUNS; i++) {
        run(world, "s", ACTIVATED, times);
        medians[i] = bench_median(times->each, ACTIVATED);
    }
    bench_print(name, bench_median(medians, RUNS), "us");
}

static void make_folder(world_t *self)
{
    const char *base = getenv("MS_BENCH_DIR");
    snprintf(self->folder, sizeof self->folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(self->folder) != NULL);
}

static void remove_folder(const world_t *self)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", self->folder);
    ASSERT(system(command) == 0);
}

int main(void)
{
    static times_t times;
    world_t lmdb = {0}, postgres = {0};
    server_t server = {0};
    make_folder(&lmdb);
    bench_replay(&lmdb, &times);
    bench_activate(&lmdb, &times, "activate.lmdb");
    remove_folder(&lmdb);

    server_start(&server);
    make_folder(&postgres);
    postgres.server = &server;
    bench_activate(&postgres, &times, "activate.postgres");
    remove_folder(&postgres);
    server_stop(&server);
    return 0;
}
