/* The flight recorder's file: written, read, torn, cut and killed. */

#include "runtime/base/clock.h"
#include "runtime/inside/recorder.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS = 256 };

static const uint64_t begin_ns = 5000000000;
static const int64_t begin_ms = 1700000000000;

static recorder_t *open_recorder(const char *path, uint32_t schedulers)
{
    recorder_t *recorder = NULL;
    check_ok(recorder_open(&(recorder_options_t){path, schedulers, RECORDS, begin_ns, begin_ms},
                           &recorder));
    return recorder;
}

static void write_one(recorder_t *recorder, uint32_t ring, uint64_t n, record_event_t event)
{
    recorder_write(
        recorder, ring,
        (recorder_record_t){.time_ns = begin_ns + n * 1000,
                            .actor = n + 1,
                            .other = ~n,
                            .duration_ns = (uint32_t)n,
                            .kind = recorder_name(recorder, ring, "playlist", "playlist"),
                            .event = (uint8_t)event});
}

static void read_file(const char *path, buf_t *out)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL);
    size_t size;
    do {
        char *room = buf_extend(out, 65536);
        size = fread(room, 1, 65536, file);
        out->size -= 65536 - size;
    } while (size > 0);
    fclose(file);
}

static size_t count_all(recording_t *recording, const recording_filter_t *filter,
                        const recording_event_t **out_events)
{
    const recording_event_t *events = NULL;
    size_t count = 0;
    check_ok(recording_select(recording, filter, &events, &count));
    if (out_events != NULL)
        *out_events = events;
    return count;
}

Test(recorder, what_was_written_is_read_the_newest_of_each_ring_in_order_of_time)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    recorder_t *recorder = open_recorder(path.path, 2);
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    for (uint64_t n = 0; n < 1000; n++)
        write_one(recorder, n % 2, n, RECORD_HANDLED);
    recorder_close(recorder);

    check_ok(recording_open(folder.path, &problem, &recording));

    cr_assert(eq(sz, count_all(recording, &(recording_filter_t){0}, &events), 2 * RECORDS));
    cr_assert(eq(u64, recording_torn(recording), 0));
    for (size_t i = 0; i < 2 * RECORDS; i++) {
        uint64_t n = 1000 - 2 * RECORDS + i;
        cr_assert(eq(u64, events[i].record->actor, n + 1));
        cr_assert(eq(u64, events[i].record->other, ~n));
        cr_assert(eq(u32, events[i].ring, (uint32_t)(n % 2)));
        check_str(recording_name(recording, events[i].record->kind), STR("playlist"));
    }
    cr_assert(eq(i64, recording_wall_us(recording, begin_ns + 5000), begin_ms * 1000 + 5));
}

Test(recorder, filters_leave_what_was_asked_for)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    recorder_t *recorder = open_recorder(path.path, 1);
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    uint16_t user = recorder_name(recorder, 0, "user", "user");
    uint16_t reason = recorder_text(recorder, 0, STR("no such track"));
    uint64_t hash = str_hash_more(str_hash(STR("user")), STR("ada"));
    hash = (uint32_t)(hash ^ hash >> 32);
    recorder_write(
        recorder, 0,
        (recorder_record_t){
            .time_ns = 1, .actor = 77, .other = hash, .kind = user, .event = RECORD_ACTIVATED});
    recorder_write(
        recorder, 0,
        (recorder_record_t){
            .time_ns = 2, .actor = 77, .kind = user, .type = reason, .event = RECORD_FAILED});
    for (uint64_t n = 0; n < 100; n++)
        write_one(recorder, 0, n, RECORD_TURN);
    recorder_close(recorder);
    check_ok(recording_open(path.path, &problem, &recording));
    static const struct {
        const char *what;
        recording_filter_t filter;
        size_t want;
    } cases[] = {
        {"all", {0}, 102},
        {"the newest", {.max = 7}, 7},
        {"the last 10 us", {.last_ns = 10000}, 11},
        {"of a kind", {.kind = "user"}, 2},
        {"of no kind", {.kind = "nobody"}, 0},
        {"of a reason", {.type = "track"}, 1},
        {"of an event", {.event = "failed"}, 1},
        {"of an actor", {.actor = 77}, 3}, /* and the turn of its namesake, ref 77 */
        {"of a key", {.kind = "user", .key = STR_INIT("ada")}, 3},
        {"of another key", {.kind = "user", .key = STR_INIT("bob")}, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t got = count_all(recording, &cases[i].filter, NULL);
        cr_expect(got == cases[i].want, "%s: %zu", cases[i].what, got);
    }
}

Test(recorder, a_torn_record_is_left_out_and_counted)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    recorder_t *recorder = open_recorder(path.path, 1);
    buf_t problem BUF_SCOPED = BUF_INIT, file BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    for (uint64_t n = 0; n < 10; n++)
        write_one(recorder, 0, n, RECORD_TURN);
    recorder_close(recorder);
    read_file(path.path, &file);
    size_t records_at = RECORDER_HEADER_SIZE + RECORDER_NAMES_MAX * sizeof(recorder_name_t) +
                        sizeof(recorder_head_t);
    recorder_record_t *records = (recorder_record_t *)(void *)(file.data + records_at);
    records[4].sequence ^= 1;
    records[7].event = RECORD_EVENTS;

    check_ok(recording_parse(buf_str(&file), NULL, &problem, &recording));

    cr_assert(eq(sz, count_all(recording, &(recording_filter_t){0}, NULL), 8));
    cr_assert(eq(u64, recording_torn(recording), 2));
}

/* Read while it is written: what the writer may have overwritten meanwhile is not shown. */
Test(recorder, only_what_nobody_can_have_overwritten_counts)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    recorder_t *recorder = open_recorder(path.path, 1);
    buf_t problem BUF_SCOPED = BUF_INIT, file BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    for (uint64_t n = 0; n < 1000; n++)
        write_one(recorder, 0, n, RECORD_TURN);
    read_file(path.path, &file);
    recorder_close(recorder);

    check_ok(recording_parse(buf_str(&file), (uint64_t[]){1100, 0}, &problem, &recording));

    /* 1,100 were written by the end and the next may be under way: it lies over record 844. */
    cr_assert(eq(sz, count_all(recording, &(recording_filter_t){0}, &events), 1000 - 845));
    cr_assert(eq(u64, events[0].record->actor, 846));
}

Test(recorder, a_file_that_is_none_is_refused_with_a_sentence)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    buf_t file BUF_SCOPED = BUF_INIT;
    recorder_close(open_recorder(path.path, 1));
    read_file(path.path, &file);
    static const struct {
        const char *what;
        size_t at;
        uint32_t value;
        size_t size;
        err_t want;
    } cases[] = {
        {"empty", 0, 0, 0, ERR_INVALID},
        {"another magic", 0, 1, SIZE_MAX, ERR_INVALID},
        {"cut in the header", 8, 1, 100, ERR_CORRUPT},
        {"cut in the names", 8, 1, 5000, ERR_CORRUPT},
        {"cut in the rings", 8, 1, 80000, ERR_CORRUPT},
        {"a newer version", 8, 2, SIZE_MAX, ERR_NEWER},
        {"version 0", 8, 0, SIZE_MAX, ERR_CORRUPT},
        {"another record", 16, 48, SIZE_MAX, ERR_CORRUPT},
        {"no ring", 24, 0, SIZE_MAX, ERR_CORRUPT},
        {"too many rings", 24, 66, SIZE_MAX, ERR_CORRUPT},
        {"more rings than there are", 24, 3, SIZE_MAX, ERR_CORRUPT},
        {"a ring that is no power of two", 28, 100, SIZE_MAX, ERR_CORRUPT},
        {"a ring that is too large", 28, 1U << 21, SIZE_MAX, ERR_CORRUPT},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t copy BUF_SCOPED = BUF_INIT, problem BUF_SCOPED = BUF_INIT;
        recording_t *recording RECORDING_SCOPED = NULL;
        buf_append(&copy, buf_str(&file));
        memcpy(copy.data + cases[i].at, &cases[i].value, sizeof cases[i].value);
        if (cases[i].size == SIZE_MAX || cases[i].size == 0)
            copy.size = MIN(copy.size, cases[i].size);
        else
            copy.size = cases[i].size;
        err_t got = recording_parse(buf_str(&copy), NULL, &problem, &recording);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
        cr_expect(problem.size > 0, "%s: without a sentence", cases[i].what);
    }
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    check_err(recording_open("/nonexistent", &problem, &recording), ERR_NOT_FOUND);
    check_err(recording_open("/dev/zero", &problem, &recording), ERR_INVALID);
}

Test(recorder, the_run_before_is_kept)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    temporary_name_t previous = temporary_in(&folder, "recorder.1.ring");
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    for (uint64_t run = 1; run <= 3; run++) {
        recorder_t *recorder = open_recorder(path.path, 1);
        for (uint64_t n = 0; n < run; n++)
            write_one(recorder, 0, n, RECORD_TURN);
        recorder_close(recorder);
    }

    check_ok(recording_open(previous.path, &problem, &recording));

    cr_assert(eq(sz, count_all(recording, &(recording_filter_t){0}, NULL), 2));
}

Test(recorder, names_past_the_table_are_nameless_and_nothing_breaks)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    recorder_t *recorder = open_recorder(path.path, 1);
    char name[100];
    for (int i = 0; i < RECORDER_NAMES_MAX; i++) {
        snprintf(name, sizeof name,
                 "%d and so long that it is cut somewhere behind the sixtieth "
                 "character of it",
                 i);
        cr_assert(recorder_text(recorder, 0, str_from(name)) == i + 1);
        cr_assert(recorder_text(recorder, 0, str_from(name)) == i + 1, "the same once more");
    }

    cr_assert(recorder_text(recorder, 0, STR("one more")) == 0);
    cr_assert(recorder_name(recorder, 0, NULL, NULL) == 0);
    recorder_close(recorder);
}

static void write_until_killed(const char *path, int ready)
{
    recorder_t *recorder = open_recorder(path, 1);
    for (uint64_t n = 0;; n++) {
        atomic_store(&recorder_head(recorder, 0)->busy_with, n + 1);
        write_one(recorder, 0, n, RECORD_HANDLED);
        if (n == 10000 && write(ready, "x", 1) != 1)
            _exit(1);
    }
}

Test(recorder, after_a_kill_every_record_but_the_one_at_hand_is_there)
{
    enum { ROUNDS = 5 };
    for (int round = 0; round < ROUNDS; round++) {
        temporary_t folder TEMPORARY_SCOPED = temporary_new();
        temporary_name_t path = temporary_in(&folder, "recorder.ring");
        buf_t problem BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
        recording_t *recording RECORDING_SCOPED = NULL;
        const recording_event_t *events = NULL;
        int ready[2];
        char byte;
        cr_assert(pipe(ready) == 0);
        pid_t child = fork();
        cr_assert(child >= 0);
        if (child == 0)
            write_until_killed(path.path, ready[1]);
        cr_assert(read(ready[0], &byte, 1) == 1);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]), close(ready[1]);

        check_ok(recording_open(path.path, &problem, &recording));

        size_t count = count_all(recording, &(recording_filter_t){0}, &events);
        cr_assert(count >= RECORDS - 1 && recording_torn(recording) <= 1, "%zu", count);
        for (size_t i = 1; i < count; i++) {
            const recorder_record_t *record = events[i].record;
            cr_assert(eq(u64, record->actor, events[i - 1].record->actor + 1), "without a gap");
            cr_assert(record->other == ~(record->actor - 1), "whole");
        }
        recording_print(recording, events, 1, &text);
        cr_assert(str_contains(buf_str(&text), STR("was killed")), "%s", buf_terminated(&text));
        cr_assert(str_contains(buf_str(&text), STR("Scheduler 0 was in a turn of actor")));
    }
}
