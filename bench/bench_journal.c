/* Durable appends in LMDB, acknowledged, so many in flight over as many streams; records of 200
 * bytes.
 *
 *     journal.lmdb.append_1, _64, _256    and .vs.bare: LMDB alone, one log, the same bytes, as
 * many a commit journal.sealed                      64 in flight, text and answer sealed under a
 * key a stream (journal_sealed.h), and .vs.plain
 *
 * In slices, each of a few hundredths of a second, one program after the other and then in the
 * opposite order: what else the disk does meets them alike. Ratios are medians over pairs of
 * slices.
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

enum { STREAMS = 256, ROUNDS = 48, RECORD_SIZE = 200 };

/* As the playlist actor writes one: event, command id, answer. */
static const char payload[68] = "{playlist edit}", command_id[16] = "0123456789abcde";
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

/* What one slice does. */
typedef struct load {
    uint32_t in_flight, edits;
} load_t;

static void append_one(journal_t *journal, run_t *run, uint64_t *version, uint32_t stream,
                       const journal_event_t *event)
{
    char name[64];
    journal_append_t append = edit_of(event, name, sizeof name, stream);
    append.expected_version = (*version)++;
    append.done = land;
    append.done_context = run;
    journal->table->append(journal, &append);
}

static double run_journal(journal_t *journal, uint64_t *versions, str_t edit, load_t load)
{
    run_t run = {.lock = PTHREAD_MUTEX_INITIALIZER, .landed = PTHREAD_COND_INITIALIZER};
    journal_event_t event = {STR("edit_made"), edit};
    double start = bench_seconds();
    for (uint32_t i = 0; i < load.edits; i++) {
        uint32_t stream = i % load.in_flight;
        pthread_mutex_lock(&run.lock);
        wait_below(&run, load.in_flight);
        run.in_flight++;
        pthread_mutex_unlock(&run.lock);
        append_one(journal, &run, &versions[stream], stream, &event);
    }
    pthread_mutex_lock(&run.lock);
    wait_below(&run, 1);
    pthread_mutex_unlock(&run.lock);
    ASSERT(run.refused == 0);
    return load.edits / (bench_seconds() - start);
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

typedef struct bare {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t position;
} bare_t;

static double run_bare(bare_t *self, str_t edit, load_t load)
{
    char name[64], value[512];
    journal_event_t event = {STR("edit_made"), edit};
    journal_append_t append = edit_of(&event, name, sizeof name, 1);
    stored_record_t stored = {.record = {.stream = append.stream,
                                         .event = event,
                                         .command_id = append.command_id,
                                         .result = append.result}};
    size_t size = journal_record_size(&stored);
    ASSERT(size == RECORD_SIZE);
    journal_record_write(&stored, value);
    double start = bench_seconds();
    for (uint32_t i = 0; i < load.edits; i += load.in_flight) {
        MDB_txn *txn;
        ASSERT(mdb_txn_begin(self->env, NULL, 0, &txn) == 0);
        for (uint32_t k = 0; k < load.in_flight; k++) {
            char key[8];
            kv_u64_write(key, ++self->position);
            MDB_val k_ = {sizeof key, key}, v = {size, value};
            ASSERT(mdb_put(txn, self->dbi, &k_, &v, MDB_APPEND) == 0);
        }
        ASSERT(mdb_txn_commit(txn) == 0);
    }
    return load.edits / (bench_seconds() - start);
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

/* ---- all of it ---- */

typedef struct bench {
    char folder[256];
    journal_lmdb_t *plain;
    sealed_t sealed;
    bare_t bare;
    uint64_t plain_versions[STREAMS], sealed_versions[STREAMS];
    buf_t edit;
} bench_t;

static void open_bench(bench_t *self)
{
    /* On the disk that data lies on, not a memory file system: the sync is what is measured. */
    const char *base = getenv("MS_BENCH_DIR");
    char path[300];
    snprintf(self->folder, sizeof self->folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(self->folder) != NULL);
    snprintf(path, sizeof path, "%s/bare", self->folder);
    self->bare.env = open_bare(path, &self->bare.dbi);
    snprintf(path, sizeof path, "%s/plain", self->folder);
    ASSERT(journal_lmdb_open(&(journal_lmdb_options_t){.path = path}, &self->plain) == ERR_OK);
    open_sealed(self->folder, &self->sealed);
    edit_made_t made = {1, str_of(payload, sizeof payload)};
    schema_encode(&edit_made_schema, &made, &self->edit);
}

static void close_bench(bench_t *self)
{
    close_sealed(&self->sealed);
    journal_lmdb_close(self->plain);
    mdb_env_close(self->bare.env);
    nftw(self->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    buf_deinit(&self->edit);
}

static double run_plain(bench_t *self, load_t load)
{
    return run_journal(journal_lmdb_journal(self->plain), self->plain_versions,
                       buf_str(&self->edit), load);
}

static double run_sealed(bench_t *self, load_t load)
{
    return run_journal(journal_sealed_journal(self->sealed.journal), self->sealed_versions,
                       buf_str(&self->edit), load);
}

static void print_both(const char *name, const char *against, double *figures, double *ratios)
{
    char ratio[64];
    snprintf(ratio, sizeof ratio, "%s.vs.%s", name, against);
    bench_print(name, bench_median(figures, ROUNDS), "records/s");
    bench_print(ratio, bench_median(ratios, ROUNDS), "x");
}

static void bench_append(bench_t *self, const char *name, load_t load)
{
    double ours[ROUNDS], ratios[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        double bare = i % 2 == 0 ? run_bare(&self->bare, buf_str(&self->edit), load) : 0;
        ours[i] = run_plain(self, load);
        bare = i % 2 == 0 ? bare : run_bare(&self->bare, buf_str(&self->edit), load);
        ratios[i] = ours[i] / bare;
    }
    print_both(name, "bare", ours, ratios);
}

static void bench_sealing(bench_t *self, load_t load)
{
    double ours[ROUNDS], ratios[ROUNDS];
    run_sealed(self, load); /* keys are made once */
    for (size_t i = 0; i < ROUNDS; i++) {
        double plain = i % 2 == 0 ? run_plain(self, load) : 0;
        ours[i] = run_sealed(self, load);
        plain = i % 2 == 0 ? plain : run_plain(self, load);
        ratios[i] = ours[i] / plain;
    }
    print_both("journal.sealed", "plain", ours, ratios);
}

int main(void)
{
    static bench_t bench;
    open_bench(&bench);
    bench_append(&bench, "journal.lmdb.append_1", (load_t){1, 64});
    bench_append(&bench, "journal.lmdb.append_64", (load_t){64, 64 * 24});
    bench_append(&bench, "journal.lmdb.append_256", (load_t){256, 256 * 16});
    bench_sealing(&bench, (load_t){64, 64 * 24});
    close_bench(&bench);
    return 0;
}
