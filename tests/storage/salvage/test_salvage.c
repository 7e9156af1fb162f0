/* Bits flipped in the file of an LMDB journal: a check in a process of its own names it, a salvage
 * finds what is whole, and never gives out what was not written. */

#include "storage/salvage/log_salvage.h"

#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "storage/file.h"
#include "storage/journal/journal_copy.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/journal/journal_record.h"
#include "storage/salvage/journal_check.h"
#include "storage/salvage/storage_check.h"
#include "storage/salvage/worker.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STREAMS = 12, RECORDS = 240, PAGE = 4096 };

typedef struct rig {
    temporary_t folder;
    temporary_name_t journal, log, file;
    uint64_t hashes[RECORDS + 1]; /* by position, which count from 1 */
    buf_t whole;                  /* the file as it was */
} rig_t;

static void rig_close(rig_t *self)
{
    buf_deinit(&self->whole);
    temporary_remove(&self->folder);
}
#define RIG_SCOPED SCOPED(rig_close)

static uint64_t hash_of(const journal_record_t *record)
{
    journal_digest_t digest = {0};
    journal_digest_add(&digest, record);
    return digest.sum;
}

static err_t note(void *context, const journal_record_t *record)
{
    rig_t *rig = context;
    cr_assert(record->position <= RECORDS);
    rig->hashes[record->position] = hash_of(record);
    return ERR_OK;
}

static void append_all(journal_t *journal)
{
    journal_subject_t subject = {.journal = journal};
    uint64_t versions[STREAMS] = {0};
    static char payload[20000];
    for (size_t i = 0; i < RECORDS; i++) {
        char stream[16];
        size_t which = i * 7 % STREAMS;
        snprintf(stream, sizeof stream, "user/%zu", which);
        memset(payload, 'a' + (int)(i % 26), sizeof payload);
        /* Some lie on pages of their own. */
        str_t bytes = str_of(payload, i % 10 == 3 ? sizeof payload : 100 + i % 50);
        check_ok(journal_append_wait(&subject, str_from(stream), versions[which]++, bytes).err);
    }
}

static void rig_open(rig_t *self)
{
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
    if (access("/dev/shm", W_OK) == 0) /* no power cut is waited for */
        cr_assert(setenv("TMPDIR", "/dev/shm", 0) == 0);
    *self = (rig_t){.folder = temporary_new()};
    self->journal = temporary_in(&self->folder, "journal");
    self->log = temporary_in(&self->folder, "journal/journal");
    self->file = temporary_in(&self->folder, "journal/journal/data.mdb");
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = self->journal.path}, &journal));
    append_all(journal_lmdb_journal(journal));
    check_ok(journal_lmdb_journal(journal)->table->feed(journal_lmdb_journal(journal), 0, RECORDS,
                                                        note, self));
    journal_lmdb_close(STEAL(journal));
    check_ok(file_read(self->file.path, 64 << 20, &self->whole));
}

/* The file with these bits changed. */
static void damage(const rig_t *rig, const size_t *places, size_t count)
{
    int fd = open(rig->file.path, O_WRONLY | O_TRUNC);
    cr_assert(fd >= 0 && file_write_all(fd, buf_str(&rig->whole)) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        char byte = (char)(rig->whole.data[places[i]] ^ 0x11);
        cr_assert(pwrite(fd, &byte, 1, (off_t)places[i]) == 1);
    }
    close(fd);
}

typedef struct seen {
    const rig_t *rig;
    uint64_t versions[STREAMS];
    uint64_t count;
} seen_t;

static err_t look(void *context, const journal_record_t *record)
{
    seen_t *seen = context;
    char stream[16];
    str_to_array(record->stream, stream, sizeof stream);
    size_t which = strtoul(stream + strlen("user/"), NULL, 10);
    cr_assert(record->position <= RECORDS && which < STREAMS);
    cr_assert(hash_of(record) == seen->rig->hashes[record->position], "position %llu",
              (unsigned long long)record->position);
    cr_assert(record->version == ++seen->versions[which], "a gap");
    seen->count++;
    return ERR_OK;
}

/* What was salvaged is what was written, each stream from its beginning on. */
static log_salvage_stats_t salvage(const rig_t *rig, uint64_t head)
{
    log_salvage_t *from LOG_SALVAGE_SCOPED = NULL;
    log_salvage_stats_t stats;
    seen_t seen = {.rig = rig};
    check_ok(log_salvage_open(rig->log.path, head, &from));
    log_salvage_stats(from, &stats);
    journal_t *journal = log_salvage_journal(from);
    check_ok(journal->table->feed(journal, 0, SIZE_MAX, look, &seen));
    cr_assert(seen.count == stats.taken);
    cr_assert(stats.taken + stats.lost + stats.left_out == RECORDS || head == 0);
    return stats;
}

static err_t check_log(const rig_t *rig, const char **death, journal_found_t *found)
{
    journal_check_t check = {.path = rig->log.path};
    return worker_run(journal_check_log, &check, found, sizeof *found, death);
}

/* ---- the worker ---- */

static err_t die(void *context, void *room)
{
    *(int *)room = 42;
    raise(*(int *)context);
    return ERR_OK;
}

Test(salvage, a_worker_that_dies_is_named_and_leaves_what_it_knew)
{
    static const struct {
        int signal_number;
        const char *name;
        err_t want;
    } cases[] = {{SIGSEGV, "SIGSEGV", ERR_CORRUPT},
                 {SIGBUS, "SIGBUS", ERR_CORRUPT},
                 {SIGABRT, "an assertion", ERR_CORRUPT},
                 {SIGKILL, "a signal", ERR_CANCELLED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int number = cases[i].signal_number, room = 0;
        const char *death = NULL;
        check_err(worker_run(die, &number, &room, sizeof room, &death), cases[i].want);
        cr_assert(room == 42 && death != NULL && strcmp(death, cases[i].name) == 0);
    }
}

/* ---- the log ---- */

Test(salvage, a_whole_journal_is_whole)
{
    rig_t rig RIG_SCOPED;
    const char *death = NULL;
    journal_found_t found = {0};
    rig_open(&rig);

    check_ok(check_log(&rig, &death, &found));
    log_salvage_stats_t stats = salvage(&rig, RECORDS);

    cr_assert(found.count == RECORDS && stats.taken == RECORDS);
    cr_assert(storage_check_head(rig.journal.path, 0) == RECORDS);
}

/* Of every page: flags, where its nodes begin, the number. Records don't need them. */
Test(salvage, a_damaged_page_header_costs_no_record)
{
    static const size_t places[] = {1, 10, 12, 14};
    rig_t rig RIG_SCOPED;
    size_t damaged = 0, leaves = 0;
    rig_open(&rig);

    for (size_t page = 0; page < rig.whole.size / PAGE; page++) {
        const char *death = NULL;
        journal_found_t found = {0};
        size_t place = page * PAGE + places[page % COUNT_OF(places)];
        damage(&rig, &place, 1);
        err_t err = check_log(&rig, &death, &found);
        damaged += err != ERR_OK ? 1 : 0;
        cr_assert(err == ERR_OK || found.position <= RECORDS);
        log_salvage_stats_t stats = salvage(&rig, RECORDS);
        /* The inner pages of a long record have no header. */
        bool is_leaf = rig.whole.data[page * PAGE + 10] == 2;
        cr_assert(stats.lost <= (is_leaf ? 0 : 1), "page %zu: %llu lost", page,
                  (unsigned long long)stats.lost);
        leaves += is_leaf ? 1 : 0;
    }

    /* Others are free, or the header says nothing there. */
    cr_assert(damaged > 10 && leaves > 10, "%zu pages of %zu", damaged, rig.whole.size / PAGE);
}

/* A bit of the 15th record, in every copy of its page that LMDB left. */
static void damage_record(const rig_t *rig)
{
    enum { SIZE = 114 };
    char payload[SIZE];
    size_t places[64], count = 0;
    memset(payload, 'a' + 14, sizeof payload);
    for (size_t at = 1; at + SIZE < rig->whole.size && count < COUNT_OF(places); at++)
        if (memcmp(rig->whole.data + at, payload, SIZE) == 0 &&
            rig->whole.data[at - 1] != payload[0] && rig->whole.data[at + SIZE] != payload[0])
            places[count++] = at + 50;
    cr_assert(count > 0);
    damage(rig, places, count);
}

Test(salvage, a_flipped_bit_in_a_record_is_named_and_costs_the_rest_of_its_stream)
{
    rig_t rig RIG_SCOPED;
    const char *death = NULL;
    journal_found_t found = {0};
    rig_open(&rig);

    damage_record(&rig);

    check_err(check_log(&rig, &death, &found), ERR_CORRUPT);
    cr_assert(found.position == 14 && death == NULL, "%llu", (unsigned long long)found.position);
    log_salvage_stats_t stats = salvage(&rig, RECORDS);
    cr_assert(stats.lost == 1 && stats.left_out > 0 && stats.left_out < RECORDS / STREAMS + 1);
}

/* A whole record, of a version that can't be there. */
static void put_gap(const rig_t *rig)
{
    static const char *const tables[] = {"log", "meta"};
    kv_t *kv KV_SCOPED = NULL;
    kv_tx_t tx KV_TX_SCOPED = {0};
    char key[8], *room;
    stored_record_t stored = {.record = {.stream = STR("user/1"),
                                         .version = RECORDS,
                                         .position = RECORDS + 1,
                                         .event = {STR("written"), STR("x")}}};
    check_ok(
        kv_open(&(kv_options_t){.path = rig->log.path, .tables = tables, .table_count = 2}, &kv));
    check_ok(kv_write(kv, &tx));
    kv_u64_write(key, RECORDS + 1);
    check_ok(kv_append(&tx, 0, str_of(key, sizeof key), journal_record_size(&stored), &room));
    journal_record_write(&stored, room);
    check_ok(kv_commit(&tx));
}

Test(salvage, a_version_that_does_not_follow_is_found_and_left_out)
{
    rig_t rig RIG_SCOPED;
    const char *death = NULL;
    journal_found_t found = {0};
    log_salvage_t *from LOG_SALVAGE_SCOPED = NULL;
    log_salvage_stats_t stats;
    rig_open(&rig);

    put_gap(&rig);

    check_err(check_log(&rig, &death, &found), ERR_CORRUPT);
    cr_assert(found.position == RECORDS && str_contains(str_from(found.what), STR("gap")));
    check_ok(log_salvage_open(rig.log.path, 0, &from));
    log_salvage_stats(from, &stats);
    cr_assert(stats.taken == RECORDS && stats.left_out == 1);
}

Test(salvage, whatever_is_damaged_nothing_is_given_out_that_was_not_written)
{
    uint32_t seeds = 60 * (uint32_t)scale_rounds();
    const ms_random_t random = random_system();
    rig_t rig RIG_SCOPED;
    rig_open(&rig);

    for (uint32_t seed = 0; seed < seeds; seed++) {
        const char *death = NULL;
        journal_found_t found = {0};
        size_t places[200], count = seed % COUNT_OF(places) + 1;
        random_fill(&random, places, sizeof places);
        for (size_t i = 0; i < count; i++)
            places[i] %= rig.whole.size;
        damage(&rig, places, count);
        err_t err = check_log(&rig, &death, &found);
        cr_assert(err == ERR_OK || err == ERR_CORRUPT || err == ERR_NEWER || err == ERR_IO ||
                      err == ERR_INVALID || err == ERR_INTERNAL || err == ERR_NOT_FOUND ||
                      err == ERR_UNAVAILABLE,
                  "%s", err_name(err));
        (void)salvage(&rig, seed % 2 == 0 ? RECORDS : 0);
    }
}

Test(salvage, what_was_salvaged_is_a_journal_again)
{
    rig_t rig RIG_SCOPED;
    log_salvage_t *from LOG_SALVAGE_SCOPED = NULL;
    journal_lmdb_t *to JOURNAL_LMDB_SCOPED = NULL;
    log_salvage_stats_t stats;
    journal_digest_t digest;
    uint64_t bad;
    rig_open(&rig);
    damage_record(&rig);

    check_ok(log_salvage_open(rig.log.path, RECORDS, &from));
    check_ok(journal_lmdb_open(
        &(journal_lmdb_options_t){.path = temporary_in(&rig.folder, "new").path}, &to));
    check_ok(journal_copy(log_salvage_journal(from), journal_lmdb_journal(to), NULL, NULL));

    log_salvage_stats(from, &stats);
    check_ok(journal_lmdb_verify(to, &bad));
    check_ok(journal_digest(journal_lmdb_journal(to), &digest));
    cr_assert(digest.count == stats.taken);
}

/* ---- the rest of a data folder ---- */

static void collect(void *context, const char *sentence)
{
    buf_append(context, str_from(sentence));
    buf_append_char(context, '\n');
}

static err_t check_folder(const rig_t *rig, bool is_repair, buf_t *out)
{
    buf_reset(out);
    return storage_check(&(storage_check_options_t){.data = rig->folder.path,
                                                    .has_journal = true,
                                                    .is_repair = is_repair,
                                                    .say = collect,
                                                    .context = out});
}

static void shell(const rig_t *rig, const char *command)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    buf_printf(&line, "cd %s && %s", rig->folder.path, command);
    cr_assert(system(buf_terminated(&line)) == 0, "%s", command);
}

Test(storage_check, the_journal_is_never_repaired)
{
    rig_t rig RIG_SCOPED;
    buf_t said BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    damage_record(&rig);

    check_err(check_folder(&rig, true, &said), ERR_CORRUPT);

    check_true(str_contains(buf_str(&said), STR("journal/journal/data.mdb is damaged")));
    check_true(str_contains(buf_str(&said), STR("storage salvage")));
    cr_assert(access(rig.file.path, F_OK) == 0);
}

Test(storage_check, what_is_derived_and_damaged_is_named_removed_and_built_again)
{
    static const struct {
        const char *environment, *damage;
    } cases[] = {
        {"journal/streams",
         "s=$(grep -abo user/7 journal/streams/data.mdb | tail -1 | cut -d: -f1) "
         "&& printf '\\007' | dd of=journal/streams/data.mdb bs=1 "
         "seek=$((s + 13)) conv=notrunc 2>/dev/null"},
        {"journal/streams", "dd if=/dev/zero of=journal/streams/data.mdb bs=4096 seek=2 count=1000 "
                            "conv=notrunc 2>/dev/null"},
        {"catalog", "mkdir catalog && cp -r journal/journal/data.mdb catalog && dd if=/dev/urandom "
                    "of=catalog/data.mdb bs=4096 seek=2 count=60 conv=notrunc 2>/dev/null"},
    };
    rig_t rig RIG_SCOPED;
    rig_open(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t said BUF_SCOPED = BUF_INIT;
        journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
        err_t whole = check_folder(&rig, false, &said);
        cr_assert(whole == ERR_OK, "%zu: %s", i, buf_terminated(&said));
        shell(&rig, cases[i].damage);

        check_err(check_folder(&rig, false, &said), ERR_CORRUPT);
        check_true(str_contains(buf_str(&said), str_from(cases[i].environment)));
        check_err(check_folder(&rig, true, &said), ERR_CORRUPT);
        check_ok(check_folder(&rig, false, &said));

        check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = rig.journal.path}, &journal));
    }
}

Test(storage_check, what_this_machine_lacks_is_no_damage)
{
    rig_t rig RIG_SCOPED;
    struct rlimit files, few = {3, 0};
    buf_t said BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    const storage_check_options_t options = {
        .data = rig.folder.path, .has_journal = true, .say = collect, .context = &said};
    cr_assert(getrlimit(RLIMIT_NOFILE, &files) == 0);
    few.rlim_max = files.rlim_max;

    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    err_t err = storage_check_left(&options);
    cr_assert(setrlimit(RLIMIT_NOFILE, &files) == 0);

    cr_assert(err == ERR_BUSY && said.size == 0, "%s: %s", err_name(err), buf_terminated(&said));
    check_ok(storage_check_left(&options));
}

Test(storage_check, a_damaged_cover_and_a_damaged_key_are_named)
{
    rig_t rig RIG_SCOPED;
    buf_t said BUF_SCOPED = BUF_INIT;
    rig_open(&rig);
    shell(&rig, "mkdir -p artwork/ab/cd keys/subjects && "
                "h=$(printf abcd; printf '%060d' 0) && echo x > artwork/ab/cd/$h && "
                "printf '\\001\\001half' > keys/subjects/0123");

    check_err(check_folder(&rig, true, &said), ERR_CORRUPT);

    check_true(str_contains(buf_str(&said), STR("artwork/ab/cd/abcd")));
    check_true(str_contains(buf_str(&said), STR("keys/subjects/0123 is damaged")));
    shell(&rig, "test -n \"$(find artwork -type f)\" && test -f keys/subjects/0123");
}
