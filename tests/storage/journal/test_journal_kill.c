/* A process that appends is killed at a random moment, again and again, on one journal: what it was
 * told is durable must be there, what it was told is refused must not.
 *
 * The child writes each answer into a pipe as it gets it; the parent kills it, reads the rest of
 * the pipe, opens the journal and compares. Every few rounds it opens as after a reboot, so that
 * the lazy environments are wiped and built again. */

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"
#include "tests/support/temporary.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 300, STREAMS = 24, THREADS = 3, IN_FLIGHT = 32, NUMBERS_MAX = 1 << 16 };

/* An answer, as it goes through the pipe: small enough to be written at once. */
typedef struct answer {
    uint32_t number; /* of the append, in its round */
    uint32_t stream;
    uint64_t version;
    uint32_t is_refused;
} answer_t;

/* ---- the child ---- */

typedef struct child child_t;
typedef struct flight {
    child_t *child;
    uint32_t number, stream;
} flight_t;

struct child {
    journal_lmdb_t *journal;
    int pipe;
    uint64_t round, seed;
    _Atomic uint32_t last_number;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight;
    uint64_t versions[STREAMS];
};

static void land(void *context, err_t err, uint64_t version, uint64_t position)
{
    flight_t *flight = context;
    child_t *child = flight->child;
    (void)position;
    answer_t answer = {flight->number, flight->stream, version, err != ERR_OK};
    if (write(child->pipe, &answer, sizeof answer) != sizeof answer)
        _exit(1);
    memory_free(flight);
    pthread_mutex_lock(&child->lock);
    child->in_flight--;
    pthread_cond_signal(&child->landed);
    pthread_mutex_unlock(&child->lock);
}

static void take_off(child_t *child, uint32_t stream, bool is_wrong)
{
    char name[32];
    uint64_t payload[20] = {0};
    flight_t *flight = memory_new(sizeof *flight);
    pthread_mutex_lock(&child->lock);
    while (child->in_flight >= IN_FLIGHT)
        pthread_cond_wait(&child->landed, &child->lock);
    child->in_flight++;
    pthread_mutex_unlock(&child->lock);
    uint32_t number = ++child->last_number;
    *flight = (flight_t){child, number, stream}; /* freed when it lands */
    payload[0] = child->round << 32 | number;
    journal_event_t event = {STR("numbered"), str_of(payload, sizeof payload)};
    int size = snprintf(name, sizeof name, "stream/%u", stream);
    journal_append_t append = {.stream = str_of(name, (size_t)size),
                               .expected_version = child->versions[stream] + (is_wrong ? 7 : 0),
                               .epoch = JOURNAL_EPOCH,
                               .events = &event,
                               .event_count = 1,
                               .done = land,
                               .done_context = flight};
    child->versions[stream] += is_wrong ? 0 : 1;
    journal_t *journal = journal_lmdb_journal(child->journal);
    journal->table->append(journal, &append);
    if (number % 50 == 0)
        journal->table->snapshot_put(journal, append.stream, append.expected_version,
                                     event.payload);
}

typedef struct pilot {
    child_t *child;
    uint32_t index;
} pilot_t;

/* Each thread has its streams, so that it knows their versions. */
static void *fly(void *context)
{
    const pilot_t *pilot = context;
    random_seed_t seed = {pilot->child->seed + pilot->index};
    ms_random_t random = random_seeded(&seed);
    for (;;) {
        uint32_t stream =
            (uint32_t)random_below(&random, STREAMS / THREADS) * THREADS + pilot->index;
        take_off(pilot->child, stream, random_below(&random, 5) == 0);
    }
    return NULL;
}

static err_t see_version(void *context, const journal_record_t *record)
{
    *(uint64_t *)context = record->version;
    return ERR_OK;
}

static void run_child(const char *path, int pipe, uint64_t round, const char *boot_id)
{
    child_t child = {.pipe = pipe, .round = round, .seed = round * 1000};
    journal_lmdb_options_t options = {.path = path, .boot_id = boot_id, .index_behind = 500};
    pthread_mutex_init(&child.lock, NULL);
    pthread_cond_init(&child.landed, NULL);
    if (journal_lmdb_open(&options, &child.journal) != ERR_OK)
        _exit(2);
    journal_t *journal = journal_lmdb_journal(child.journal);
    for (uint32_t i = 0; i < STREAMS; i++) {
        char name[32];
        int size = snprintf(name, sizeof name, "stream/%u", i);
        if (journal->table->read(journal, str_of(name, (size_t)size), 0, see_version,
                                 &child.versions[i]) != ERR_OK)
            _exit(3);
    }
    pthread_t threads[THREADS];
    pilot_t pilots[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        pilots[i] = (pilot_t){&child, i};
        pthread_create(&threads[i], NULL, fly, &pilots[i]);
    }
    pause();
    _exit(4);
}

/* ---- the parent ---- */

typedef struct told {
    uint8_t is_told, is_refused, is_seen;
    uint32_t stream;
    uint64_t version;
} told_t;

typedef struct parent {
    told_t *told; /* by number, of one round */
    uint64_t round, durable, refused, unanswered;
    uint64_t versions[STREAMS];
    uint64_t position;
} parent_t;

static void take_answers(parent_t *self, buf_t *bytes)
{
    size_t at = 0;
    for (; at + sizeof(answer_t) <= bytes->size; at += sizeof(answer_t)) {
        answer_t answer;
        memcpy(&answer, bytes->data + at, sizeof answer);
        cr_assert(answer.number < NUMBERS_MAX);
        told_t *told = &self->told[answer.number];
        *told = (told_t){1, answer.is_refused != 0, 0, answer.stream, answer.version};
        *(told->is_refused ? &self->refused : &self->durable) += 1;
    }
    buf_consume(bytes, at);
}

/* Reads until `until_ns`, or to the end when that is 0. */
static void listen_until(parent_t *self, int pipe, buf_t *bytes, uint64_t until_ns)
{
    ms_clock_t clock = clock_system();
    for (;;) {
        uint64_t now = clock_mono_ns(&clock);
        if (until_ns != 0 && now >= until_ns)
            return;
        struct pollfd poll_fd = {pipe, POLLIN, 0};
        struct timespec wait = {0, until_ns == 0 ? 100000000 : (long)(until_ns - now)};
        if (ppoll(&poll_fd, 1, &wait, NULL) <= 0)
            continue;
        char *room = buf_extend(bytes, 65536);
        ssize_t got = read(pipe, room, 65536);
        bytes->size -= 65536 - (size_t)(got < 0 ? 0 : got);
        take_answers(self, bytes);
        if (got == 0)
            return;
    }
}

static void listen_for_answer(parent_t *self, int pipe, buf_t *bytes)
{
    ms_clock_t clock = clock_system();
    uint64_t before = self->durable + self->refused;
    while (self->durable + self->refused == before)
        listen_until(self, pipe, bytes, clock_mono_ns(&clock) + 1000000);
}

static err_t check_record(void *context, const journal_record_t *record)
{
    parent_t *self = context;
    uint64_t number;
    uint32_t stream;
    memcpy(&number, record->event.payload.data, sizeof number);
    cr_assert(number >> 32 == self->round, "a record of round %llu came late",
              (unsigned long long)(number >> 32));
    check_ok(str_to_u32(str_slice(record->stream, 7, record->stream.size), &stream));
    told_t *told = &self->told[(uint32_t)number];
    cr_assert(record->version == ++self->versions[stream], "a gap in stream %u", stream);
    cr_assert(told->is_refused == 0, "refused, and there: number %u", (uint32_t)number);
    if (told->is_told)
        cr_assert(told->stream == stream && told->version == record->version);
    else
        self->unanswered++;
    told->is_seen = 1;
    self->position = record->position;
    return ERR_OK;
}

static void check_journal(parent_t *self, const char *path, const char *boot_id)
{
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
    journal_lmdb_options_t options = {.path = path, .boot_id = boot_id};
    check_ok(journal_lmdb_open(&options, &journal));
    journal_t *j = journal_lmdb_journal(journal);
    check_ok(j->table->feed(j, self->position, SIZE_MAX, check_record, self));
    for (uint32_t i = 0; i < NUMBERS_MAX; i++)
        if (self->told[i].is_told && !self->told[i].is_refused)
            cr_assert(self->told[i].is_seen, "round %llu: number %u was acknowledged and is lost",
                      (unsigned long long)self->round, i);
    for (uint32_t i = 0; i < STREAMS; i++) {
        char name[32];
        uint64_t version = 0;
        int size = snprintf(name, sizeof name, "stream/%u", i);
        check_ok(j->table->read(j, str_of(name, (size_t)size),
                                self->versions[i] == 0 ? 0 : self->versions[i] - 1, see_version,
                                &version));
        cr_assert(version == self->versions[i]);
    }
}

static void run_round(parent_t *self, const char *path, const ms_random_t *random)
{
    int ends[2];
    ms_clock_t clock = clock_system();
    buf_t bytes BUF_SCOPED = BUF_INIT;
    /* A new boot now and then: the lazy environments are not trusted then. */
    const char *boot_id = random_below(random, 8) == 0 ? "another" : "one";
    memset(self->told, 0, NUMBERS_MAX * sizeof *self->told);
    cr_assert(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(path, ends[1], self->round, boot_id);
    }
    close(ends[1]);
    /* Every other life is counted from its first answer: a slow machine may take longer than a
     * life to come that far. */
    if (self->round % 2 == 0)
        listen_for_answer(self, ends[0], &bytes);
    uint64_t life_ns = 1000000 + random_below(random, 35000000);
    listen_until(self, ends[0], &bytes, clock_mono_ns(&clock) + life_ns);
    kill(child, SIGKILL);
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    cr_assert(is_killed, "the child ended by itself: %d", status);
    listen_until(self, ends[0], &bytes, 0);
    close(ends[0]);
    check_journal(self, path, random_below(random, 8) == 0 ? "another" : "one");
}

Test(journal_kill, what_was_acknowledged_is_there_and_what_was_refused_is_not)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "data");
    uint64_t rounds = ROUNDS * scale_rounds();
    random_seed_t seed = {(uint64_t)getpid()};
    ms_random_t random = random_seeded(&seed);
    parent_t parent = {.told = memory_new_array(NUMBERS_MAX, sizeof(told_t))};

    for (parent.round = 1; parent.round <= rounds; parent.round++)
        run_round(&parent, path.path, &random);

    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
    uint64_t bad;
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal));
    check_ok(journal_lmdb_verify(journal, &bad));
    fprintf(stderr, "journal_kill: %llu kills, %llu durable, %llu refused, %llu unanswered\n",
            (unsigned long long)rounds, (unsigned long long)parent.durable,
            (unsigned long long)parent.refused, (unsigned long long)parent.unanswered);
    cr_assert(parent.durable > rounds / 4 && parent.refused > 0);
    memory_free(parent.told);
}
