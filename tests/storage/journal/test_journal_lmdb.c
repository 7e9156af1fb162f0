#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/small_disk.h"
#include "tests/support/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static journal_lmdb_t *opened(const temporary_t *folder, journal_lmdb_options_t options)
{
    temporary_name_t path = temporary_in(folder, "data");
    options.path = path.path;
    journal_lmdb_t *journal = NULL;
    check_ok(journal_lmdb_open(&options, &journal));
    return journal;
}

static journal_subject_t subject_of(journal_lmdb_t *journal)
{
    return (journal_subject_t){.journal = journal_lmdb_journal(journal)};
}

static err_t count_record(void *context, const journal_record_t *record)
{
    (void)record;
    ++*(size_t *)context;
    return ERR_OK;
}

static size_t events_in(journal_lmdb_t *journal, const char *stream)
{
    size_t count = 0;
    journal_t *j = journal_lmdb_journal(journal);
    check_ok(j->table->read(j, str_from(stream), 0, count_record, &count));
    return count;
}

Test(journal_lmdb, keeps_the_contract)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(&folder, (journal_lmdb_options_t){0});
    journal_subject_t subject = subject_of(journal);
    buf_t problem BUF_SCOPED = BUF_INIT;

    cr_assert(journal_contract_holds(&subject, &problem), "%s", buf_terminated(&problem));
}

Test(journal_lmdb, agrees_with_a_naive_twin_across_reopenings)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();

    for (uint64_t seed = 1; seed <= 6; seed++) {
        /* A small index, so that heads move between memory and disk all the time. */
        journal_lmdb_t *journal JOURNAL_LMDB_SCOPED =
            opened(&folder, (journal_lmdb_options_t){.index_behind = (uint32_t)(7 * seed)});
        journal_subject_t subject = subject_of(journal);
        buf_t problem BUF_SCOPED = BUF_INIT;
        cr_assert(journal_model_holds(&subject, seed, 150, &problem), "seed %llu: %s",
                  (unsigned long long)seed, buf_terminated(&problem));
    }
}

Test(journal_lmdb, what_was_written_is_there_in_another_boot)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_options_t first = {.boot_id = "first"}, second = {.boot_id = "second"};
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(&folder, first);
    journal_subject_t subject = subject_of(journal);
    for (uint64_t i = 0; i < 20; i++)
        cr_assert(journal_append_wait(&subject, STR("list/1"), i, STR("x")).err == ERR_OK);
    journal_lmdb_close(STEAL(journal));
    /* As after a power cut: the marker still names the boot that is over. */
    temporary_name_t marker = temporary_in(&folder, "data/streams/boot");
    FILE *file = fopen(marker.path, "w");
    fputs("first", file);
    fclose(file);

    journal = opened(&folder, second);

    subject = subject_of(journal);
    cr_assert(events_in(journal, "list/1") == 20);
    cr_assert(journal_append_wait(&subject, STR("list/1"), 19, STR("x")).err == ERR_CONFLICT);
    cr_assert(journal_append_wait(&subject, STR("list/1"), 20, STR("x")).err == ERR_OK);
}

Test(journal_lmdb, an_older_journal_put_in_its_place_is_indexed_anew)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t data = temporary_in(&folder, "data/journal/data.mdb");
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(&folder, (journal_lmdb_options_t){0});
    journal_subject_t subject = subject_of(journal);
    uint64_t version;
    buf_t state BUF_SCOPED = BUF_INIT;
    for (uint64_t i = 0; i < 3; i++)
        cr_assert(journal_append_wait(&subject, STR("s"), i, STR("x")).err == ERR_OK);
    subject.journal->table->snapshot_put(subject.journal, STR("s"), 3, STR("state"));
    journal_lmdb_close(STEAL(journal));
    cr_assert(unlink(data.path) == 0); /* the oldest there can be */

    journal = opened(&folder, (journal_lmdb_options_t){0});

    subject = subject_of(journal);
    cr_assert(events_in(journal, "s") == 0);
    cr_assert(journal_append_wait(&subject, STR("s"), 0, STR("x")).err == ERR_OK);
    check_err(subject.journal->table->snapshot_get(subject.journal, STR("s"), &version, &state),
              ERR_NOT_FOUND);
}

Test(journal_lmdb, an_append_with_an_old_epoch_is_refused)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(&folder, (journal_lmdb_options_t){0});
    journal_subject_t subject = subject_of(journal);
    journal_event_t event = {STR("noted"), STR("x")};
    journal_append_t append = {.stream = STR("s"), .events = &event, .event_count = 1};

    cr_assert(journal_append_wait_for(&subject, append).err == ERR_CONFLICT);

    append.epoch = JOURNAL_EPOCH;
    cr_assert(journal_append_wait_for(&subject, append).err == ERR_OK);
}

/* Alters one byte of a record, found by its payload, in the file. */
static void spoil(const char *path, const char *mark)
{
    static char bytes[1 << 20];
    int fd = open(path, O_RDWR);
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    cr_assert(size > 0);
    bool is_found = false;
    char *at = bytes;
    while ((at = memmem(at, (size_t)(bytes + size - at), mark, strlen(mark))) != NULL) {
        *at ^= 1;
        cr_assert(pwrite(fd, at, 1, at - bytes) == 1);
        is_found = true;
        at++;
    }
    cr_assert(is_found);
    close(fd);
}

Test(journal_lmdb, a_damaged_record_is_found_and_not_passed_on)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t data = temporary_in(&folder, "data/journal/data.mdb");
    temporary_name_t path = temporary_in(&folder, "data");
    journal_lmdb_t *journal = opened(&folder, (journal_lmdb_options_t){0});
    journal_subject_t subject = subject_of(journal);
    cr_assert(journal_append_wait(&subject, STR("s"), 0, STR("first-mark")).err == ERR_OK);
    cr_assert(journal_append_wait(&subject, STR("s"), 1, STR("second-mark")).err == ERR_OK);
    cr_assert(journal_append_wait(&subject, STR("t"), 0, STR("third-mark")).err == ERR_OK);

    spoil(data.path, "second-mark");

    journal_t *j = journal_lmdb_journal(journal);
    size_t count = 0;
    uint64_t position = 0;
    check_err(j->table->read(j, STR("s"), 0, count_record, &count), ERR_CORRUPT);
    check_err(j->table->feed(j, 0, 10, count_record, &count), ERR_CORRUPT);
    cr_assert(count == 1); /* the feed gave the one before it */
    check_err(journal_lmdb_verify(journal, &position), ERR_CORRUPT);
    cr_assert(position == 2);
    cr_assert(events_in(journal, "t") == 1);
    journal_lmdb_close(journal);
    check_err(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal),
              ERR_CORRUPT);
}

/* ---- failing disks ---- */

typedef struct disk {
    int before, after; /* errno of the next commits; 0: works */
} disk_t;

static int disk_commit(void *context, bool is_done)
{
    disk_t *disk = context;
    return is_done ? disk->after : disk->before;
}

Test(journal_lmdb, after_a_failed_sync_nothing_is_written_until_it_was_opened_and_checked)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    static const struct {
        const char *what;
        disk_t disk;
        size_t events;
    } cases[] = {{"lost", {EIO, 0}, 1}, {"there after all", {0, EIO}, 2}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char stream[16];
        disk_t disk = {0};
        snprintf(stream, sizeof stream, "s%zu", i);
        journal_lmdb_t *journal JOURNAL_LMDB_SCOPED =
            opened(&folder, (journal_lmdb_options_t){.faults = &(kv_faults_t){disk_commit, &disk},
                                                     .reopen_after_ms = UINT64_MAX});
        journal_subject_t subject = subject_of(journal);
        cr_assert(journal_append_wait(&subject, str_from(stream), 0, STR("x")).err == ERR_OK);

        disk = cases[i].disk;
        err_t unknown = journal_append_wait(&subject, str_from(stream), 1, STR("x")).err;
        disk = (disk_t){0};
        err_t refused = journal_append_wait(&subject, str_from(stream), 1, STR("x")).err;
        size_t seen = events_in(journal, stream);
        check_ok(journal_lmdb_reopen(journal));
        size_t events = events_in(journal, stream);
        err_t again = journal_append_wait(&subject, str_from(stream), events, STR("x")).err;

        cr_expect(unknown == ERR_TIMEOUT, "%s: %s", cases[i].what, err_name(unknown));
        cr_expect(refused == ERR_UNAVAILABLE, "%s: %s", cases[i].what, err_name(refused));
        cr_expect(seen == 1, "%s: reads gave %zu while nobody knew", cases[i].what, seen);
        cr_expect(events == cases[i].events, "%s: %zu events", cases[i].what, events);
        cr_expect(again == ERR_OK, "%s: %s", cases[i].what, err_name(again));
    }
}

Test(journal_lmdb, it_opens_again_by_itself)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    disk_t disk = {EIO, 0};
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED =
        opened(&folder, (journal_lmdb_options_t){.reopen_after_ms = 1});
    journal_lmdb_close(STEAL(journal));
    kv_faults_t faults = {disk_commit, &disk};
    journal = opened(&folder, (journal_lmdb_options_t){.faults = &faults, .reopen_after_ms = 1});
    journal_subject_t subject = subject_of(journal);

    cr_assert(journal_append_wait(&subject, STR("s"), 0, STR("x")).err == ERR_TIMEOUT);
    disk = (disk_t){0};
    err_t err;
    do
        err = journal_append_wait(&subject, STR("s"), 0, STR("x")).err;
    while (err == ERR_UNAVAILABLE);

    cr_assert(err == ERR_OK);
}

Test(journal_lmdb, a_full_map_refuses_and_reads_go_on)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    static const char payload[64 * 1024];
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED =
        opened(&folder, (journal_lmdb_options_t){.map_size = 1 << 20});
    journal_subject_t subject = subject_of(journal);
    uint64_t version = 0;
    append_result_t result;

    while (
        (result = journal_append_wait(&subject, STR("s"), version, str_of(payload, sizeof payload)))
            .err == ERR_OK)
        version = result.version;

    cr_assert(result.err == ERR_FULL, "%s", err_name(result.err));
    cr_assert(version > 2);
    cr_assert(events_in(journal, "s") == version);
    err_t small = journal_append_wait(&subject, STR("s"), version, STR("small")).err;
    cr_assert(small == ERR_OK || small == ERR_FULL);
    journal_lmdb_close(STEAL(journal));
    journal = opened(&folder, (journal_lmdb_options_t){.map_size = 8 << 20});
    subject = subject_of(journal);
    cr_assert(events_in(journal, "s") == version + (small == ERR_OK ? 1 : 0));
    cr_assert(journal_append_wait(&subject, STR("t"), 0, str_of(payload, sizeof payload)).err ==
              ERR_OK);
}

static const char large[32 * 1024];

static void fill_and_go_on(const temporary_t *folder, small_disk_t *disk)
{
    journal_lmdb_t *journal = opened(folder, (journal_lmdb_options_t){0});
    journal_subject_t subject = subject_of(journal);
    uint64_t version = 0;
    append_result_t result;

    while ((result = journal_append_wait(&subject, STR("s"), version, str_of(large, sizeof large)))
               .err == ERR_OK)
        version = result.version;
    cr_assert(result.err == ERR_FULL, "%s", err_name(result.err));
    cr_assert(version > 2);
    cr_assert(events_in(journal, "s") == version);
    small_disk_give_space(disk);
    result = journal_append_wait(&subject, STR("s"), version, str_of(large, sizeof large));

    cr_assert(result.err == ERR_OK, "%s", err_name(result.err));
    journal_lmdb_close(journal);
    journal = opened(folder, (journal_lmdb_options_t){0});
    cr_assert(events_in(journal, "s") == version + 1);
    journal_lmdb_close(journal);
}

Test(journal_lmdb, a_full_disk_refuses_and_writing_goes_on_when_there_is_space)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    small_disk_t disk SMALL_DISK_SCOPED;
    if (!small_disk_mount(&disk, temporary_in(&folder, "data"), 2 << 20))
        cr_skip_test("a file system can't be mounted here; the next test does without");

    fill_and_go_on(&folder, &disk);
}

Test(journal_lmdb, a_write_that_stops_short_refuses_and_writing_goes_on_when_there_is_space)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    small_disk_t disk SMALL_DISK_SCOPED;
    small_disk_limit(&disk, 1 << 20);

    fill_and_go_on(&folder, &disk);
}

/* ---- many at once ---- */

typedef struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t ok, conflict, other;
    uint64_t head;
} counter_t;

static void count_answer(void *context, err_t err, uint64_t version, uint64_t position)
{
    counter_t *counter = context;
    (void)version, (void)position;
    pthread_mutex_lock(&counter->lock);
    if (err == ERR_OK)
        counter->ok++;
    else if (err == ERR_CONFLICT)
        counter->conflict++;
    else
        counter->other++;
    pthread_cond_broadcast(&counter->changed);
    pthread_mutex_unlock(&counter->lock);
}

static void see_head(void *context, uint64_t head)
{
    counter_t *counter = context;
    pthread_mutex_lock(&counter->lock);
    counter->head = head;
    pthread_cond_broadcast(&counter->changed);
    pthread_mutex_unlock(&counter->lock);
}

Test(journal_lmdb, of_appends_in_flight_each_is_answered_and_the_hook_sees_the_last)
{
    enum { APPENDS = 2000 };
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_t *journal = opened(&folder, (journal_lmdb_options_t){.index_behind = 100});
    journal_t *j = journal_lmdb_journal(journal);
    counter_t counter = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    check_ok(journal_hooks_add(journal_lmdb_store(journal).hooks, see_head, &counter));
    journal_event_t event = {STR("noted"), STR("payload")};

    /* Three of four are right: their versions follow each other while none is durable yet. */
    for (uint64_t i = 0; i < APPENDS; i++) {
        uint64_t right = i - (i + 3) / 4;
        journal_append_t append = {.stream = STR("s"),
                                   .expected_version = i % 4 == 0 ? 999999 : right,
                                   .epoch = 1,
                                   .events = &event,
                                   .event_count = 1,
                                   .done = count_answer,
                                   .done_context = &counter};
        j->table->append(j, &append);
    }
    pthread_mutex_lock(&counter.lock);
    while (counter.ok + counter.conflict + counter.other < APPENDS ||
           counter.head < j->table->head(j))
        pthread_cond_wait(&counter.changed, &counter.lock);
    pthread_mutex_unlock(&counter.lock);

    cr_assert(counter.ok == APPENDS * 3 / 4, "%zu", counter.ok);
    cr_assert(counter.conflict == APPENDS / 4);
    cr_assert(counter.head == APPENDS * 3 / 4);
    cr_assert(events_in(journal, "s") == APPENDS * 3 / 4);
    journal_hooks_remove(journal_lmdb_store(journal).hooks, see_head, &counter);
    journal_lmdb_close(journal);
}

static bool at_hand(journal_lmdb_t *journal, const char *stream)
{
    journal_t *j = journal_lmdb_journal(journal);
    return j->table->is_at_hand(j, str_from(stream));
}

/* It is written when there is time: at the latest with an append that comes after it. */
static void put_snapshot(journal_lmdb_t *journal, uint64_t version, str_t state)
{
    journal_subject_t subject = subject_of(journal);
    journal_t *j = journal_lmdb_journal(journal);
    j->table->snapshot_put(j, STR("s"), version, state);
    check_ok(journal_append_wait(&subject, STR("other"), version - 1, STR("x")).err);
}

Test(journal_lmdb, nothing_and_a_short_snapshot_with_nothing_behind_it_are_at_hand)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = opened(&folder, (journal_lmdb_options_t){0});
    journal_subject_t subject = subject_of(journal);
    enum { SHORT = JOURNAL_LMDB_AT_HAND_MAX - 12 }; /* checksum and version stand before it */
    static char state[SHORT + 1];

    cr_assert(at_hand(journal, "s"));
    check_ok(journal_append_wait(&subject, STR("s"), 0, STR("x")).err);
    cr_assert_not(at_hand(journal, "s"), "events only");
    put_snapshot(journal, 1, str_of(state, SHORT));
    cr_assert(at_hand(journal, "s"));
    check_ok(journal_append_wait(&subject, STR("s"), 1, STR("x")).err);
    cr_assert_not(at_hand(journal, "s"), "an event behind it");
    put_snapshot(journal, 2, str_of(state, SHORT + 1));
    cr_assert_not(at_hand(journal, "s"), "too long");
    cr_assert_not(at_hand(journal, ""));
}

Test(journal_lmdb, closing_answers_what_waits)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    journal_lmdb_t *journal = opened(&folder, (journal_lmdb_options_t){0});
    journal_t *j = journal_lmdb_journal(journal);
    counter_t counter = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    journal_event_t event = {STR("noted"), STR("payload")};

    for (uint64_t i = 0; i < 500; i++)
        j->table->append(j, &(journal_append_t){.stream = STR("s"),
                                                .expected_version = i,
                                                .epoch = 1,
                                                .events = &event,
                                                .event_count = 1,
                                                .done = count_answer,
                                                .done_context = &counter});
    journal_lmdb_close(journal);

    cr_assert(counter.ok == 500);
}

/* ---- messages that wait ---- */

static err_t note_stream(void *context, str_t stream)
{
    buf_t *names = context;
    buf_append(names, stream);
    buf_append_char(names, ',');
    return ERR_OK;
}

static void check_waiting(journal_lmdb_t *journal, str_t wanted)
{
    buf_t names BUF_SCOPED = BUF_INIT;
    journal_t *j = journal_lmdb_journal(journal);
    check_ok(j->table->waiting(j, STR(""), 100, note_stream, &names));
    check_str(buf_str(&names), wanted);
}

static void append_named(journal_lmdb_t *journal, str_t stream, uint64_t expected, const char *name)
{
    journal_event_t event = {str_from(name), STR("x")};
    journal_subject_t subject = subject_of(journal);
    check_ok(journal_append_wait_for(&subject, (journal_append_t){.stream = stream,
                                                                  .expected_version = expected,
                                                                  .epoch = 1,
                                                                  .events = &event,
                                                                  .event_count = 1})
                 .err);
}

Test(journal_lmdb, who_has_messages_that_wait_is_known_from_index_and_records_alike)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    static const journal_lmdb_options_t lives[] = {
        {.index_behind = 1, .boot_id = "a"}, {.boot_id = "a"}, {.boot_id = "b"}};

    journal_lmdb_t *journal = opened(&folder, lives[0]);
    append_named(journal, STR("a/1"), 0, JOURNAL_OUTBOX_SENT);
    append_named(journal, STR("a/2"), 0, JOURNAL_OUTBOX_SENT);
    append_named(journal, STR("a/3"), 0, "noted"); /* the index is written before this one */
    append_named(journal, STR("a/2"), 1, JOURNAL_OUTBOX_EMPTIED);
    check_waiting(journal, STR("a/1,"));
    journal_lmdb_close(journal);

    for (size_t i = 0; i < COUNT_OF(lives); i++) { /* of another boot the index is not believed */
        journal = opened(&folder, lives[i]);
        check_waiting(journal, STR("a/1,"));
        append_named(journal, STR("a/3"), 1 + i, "noted");
        journal_lmdb_close(journal);
    }
}
