/* journal.edits: durable appends acknowledged, 64 in flight over 64 streams; beside it bare LMDB
 * that commits the same bytes under the same keys, 64 at a time, alternating in the same run.
 * journal.sealed: the same edits, text and answer sealed under a key a stream (journal_sealed.h).
 */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/vault_files.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/journal/journal_record.h"

#include <ftw.h>
#include <lmdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#define DEF_FILE "bench/journal_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/journal_bench.def"
#include "runtime/base/schema_define.h"

enum { IN_FLIGHT = 64, EDITS = 40000 };

/* As the playlist actor writes one: event, command id, answer. */
static const char payload[72] = "{playlist edit}", command_id[16] = "0123456789abcde";
static const char result[24] = "{answer}";

static journal_append_t edit_of(const journal_event_t *event, char *name, size_t name_size,
                                uint32_t stream)
{
    int size = snprintf(name, name_size, "playlist/%020u", stream);
    return (journal_append_t){.stream = str_of(name, (size_t)size),
                              .epoch = JOURNAL_EPOCH,
                              .wall_ms = 1700000000000,
                              .events = event,
                              .event_count = 1,
                              .command_id = str_of(command_id, sizeof command_id),
                              .result = str_of(result, sizeof result)};
}

/* ---- ours ---- */

typedef struct run {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight, refused;
    bool is_waiting;
} run_t;

static void land(void *context, err_t err, uint64_t version, uint64_t position)
{
    run_t *run = context;
    (void)version, (void)position;
    pthread_mutex_lock(&run->lock);
    run->in_flight--;
    run->refused += err == ERR_OK ? 0 : 1;
    bool is_wake = STEAL(run->is_waiting);
    pthread_mutex_unlock(&run->lock);
    if (is_wake)
        pthread_cond_signal(&run->landed);
}

static void wait_below(run_t *run, uint32_t most)
{
    while (run->in_flight >= most) {
        run->is_waiting = true;
        pthread_cond_wait(&run->landed, &run->lock);
    }
}

static double run_journal(journal_t *journal, uint64_t *versions, str_t edit)
{
    run_t run = {.lock = PTHREAD_MUTEX_INITIALIZER, .landed = PTHREAD_COND_INITIALIZER};
    journal_event_t event = {STR("edit_made"), edit};
    double start = bench_seconds();
    for (uint32_t i = 0; i < EDITS; i++) {
        char name[64];
        journal_append_t append = edit_of(&event, name, sizeof name, i % IN_FLIGHT);
        append.expected_version = versions[i % IN_FLIGHT]++;
        append.done = land;
        append.done_context = &run;
        pthread_mutex_lock(&run.lock);
        wait_below(&run, IN_FLIGHT);
        run.in_flight++;
        pthread_mutex_unlock(&run.lock);
        journal->table->append(journal, &append);
    }
    pthread_mutex_lock(&run.lock);
    wait_below(&run, 1);
    pthread_mutex_unlock(&run.lock);
    ASSERT(run.refused == 0);
    return EDITS / (bench_seconds() - start);
}

/* ---- sealed ---- */

typedef struct sealed {
    journal_lmdb_t *lmdb;
    vault_t *vault;
    journal_sealed_t *journal;
} sealed_t;

static void open_sealed(const char *folder, sealed_t *out)
{
    static const schema_t *const events[] = {&edit_made_schema, NULL};
    static const sealed_kind_t kinds[] = {{"playlist", true, events}};
    static const aead_key_t master = {{1}};
    char path[300], keys[300];
    vault_store_t *store = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    snprintf(path, sizeof path, "%s/sealed", folder);
    snprintf(keys, sizeof keys, "%s/keys", folder);
    ASSERT(vault_files_open(str_from(keys), &store) == ERR_OK);
    vault_options_t options = {.store = store, .master = &master};
    ASSERT(vault_open(&options, &problem, &out->vault) == ERR_OK);
    ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = path}, &out->lmdb) == ERR_OK);
    journal_sealed_options_t around = {journal_lmdb_journal(out->lmdb), out->vault, kinds, 1};
    ASSERT(journal_sealed_open(&around, &out->journal) == ERR_OK);
}

static void close_sealed(sealed_t *self)
{
    journal_sealed_close(self->journal);
    journal_lmdb_close(self->lmdb);
    vault_close(self->vault);
}

/* ---- bare LMDB ---- */

static double run_bare(MDB_env *env, MDB_dbi dbi, uint64_t *position)
{
    char name[64], value[512];
    journal_event_t event = {STR("playlist_track_added"), str_of(payload, sizeof payload)};
    journal_append_t append = edit_of(&event, name, sizeof name, 1);
    stored_record_t stored = {.record = {.stream = append.stream,
                                         .event = event,
                                         .command_id = append.command_id,
                                         .result = append.result}};
    size_t size = journal_record_size(&stored);
    ASSERT(size <= sizeof value);
    journal_record_write(&stored, value);
    double start = bench_seconds();
    for (uint32_t i = 0; i < EDITS; i += IN_FLIGHT) {
        MDB_txn *txn;
        ASSERT(mdb_txn_begin(env, NULL, 0, &txn) == 0);
        for (uint32_t k = 0; k < IN_FLIGHT; k++) {
            char key[8];
            kv_u64_write(key, ++*position);
            MDB_val k_ = {sizeof key, key}, v = {size, value};
            ASSERT(mdb_put(txn, dbi, &k_, &v, MDB_APPEND) == 0);
        }
        ASSERT(mdb_txn_commit(txn) == 0);
    }
    return EDITS / (bench_seconds() - start);
}

static MDB_env *open_bare(const char *path, MDB_dbi *dbi)
{
    MDB_env *env;
    MDB_txn *txn;
    ASSERT(mkdir(path, 0700) == 0);
    ASSERT(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, (size_t)8 << 30) == 0);
    ASSERT(mdb_env_open(env, path, MDB_NOTLS | MDB_NORDAHEAD, 0600) == 0);
    ASSERT(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    ASSERT(mdb_dbi_open(txn, NULL, 0, dbi) == 0 && mdb_txn_commit(txn) == 0);
    return env;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

int main(void)
{
    /* On the disk that data lies on, not a memory file system: the sync is what is measured. */
    const char *base = getenv("MS_BENCH_DIR");
    char folder[256], ours[300], bare[300];
    snprintf(folder, sizeof folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(folder) != NULL);
    snprintf(ours, sizeof ours, "%s/ours", folder);
    snprintf(bare, sizeof bare, "%s/bare", folder);
    journal_lmdb_t *journal = NULL;
    MDB_dbi dbi;
    MDB_env *env = open_bare(bare, &dbi);
    ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = ours}, &journal) == ERR_OK);
    sealed_t sealed = {0};
    open_sealed(folder, &sealed);
    double edits[BENCH_PAIRS], ratios[BENCH_PAIRS], bares[BENCH_PAIRS], sealeds[BENCH_PAIRS],
        costs[BENCH_PAIRS];
    uint64_t versions[IN_FLIGHT] = {0}, sealed_versions[IN_FLIGHT] = {0}, position = 0;
    buf_t edit BUF_SCOPED = BUF_INIT;
    edit_made_t made = {1, str_of(payload, sizeof payload - 6)}; /* 72 bytes as it is written */
    schema_encode(&edit_made_schema, &made, &edit);
    /* Keys are made once. */
    run_journal(journal_sealed_journal(sealed.journal), sealed_versions, buf_str(&edit));
    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        edits[i] = run_journal(journal_lmdb_journal(journal), versions, buf_str(&edit));
        sealeds[i] =
            run_journal(journal_sealed_journal(sealed.journal), sealed_versions, buf_str(&edit));
        costs[i] = sealeds[i] / edits[i];
        bares[i] = run_bare(env, dbi, &position);
        ratios[i] = edits[i] / bares[i];
    }
    journal_lmdb_stats_t stats;
    journal_lmdb_stats(journal, &stats);
    bench_print("journal.edits", bench_median(edits, BENCH_PAIRS), "edits/s");
    bench_print("journal.edits.vs.lmdb", bench_median(ratios, BENCH_PAIRS), "x");
    bench_print("journal.lmdb", bench_median(bares, BENCH_PAIRS), "records/s");
    bench_print("journal.sealed", bench_median(sealeds, BENCH_PAIRS), "edits/s");
    bench_print("journal.sealed.vs.plain", bench_median(costs, BENCH_PAIRS), "x");
    bench_print("journal.batch", (double)stats.appends / (double)stats.commits, "edits/commit");
    close_sealed(&sealed);
    journal_lmdb_close(journal);
    mdb_env_close(env);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
