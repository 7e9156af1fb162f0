#include "tests/support/journal_killer.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STREAMS = 24, THREADS = 3, IN_FLIGHT = 32, NUMBERS_MAX = 1 << 16 };

#define MUST(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "journal_killer: " __VA_ARGS__);                                       \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

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
    journal_t *journal;
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
                               .epoch = 1,
                               .events = &event,
                               .event_count = 1,
                               .done = land,
                               .done_context = flight};
    child->versions[stream] += is_wrong ? 0 : 1;
    journal_t *journal = child->journal;
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

static void run_child(const journal_place_t *place, int pipe, uint64_t round, bool is_other_boot)
{
    child_t child = {.pipe = pipe, .round = round, .seed = round * 1000};
    pthread_mutex_init(&child.lock, NULL);
    pthread_cond_init(&child.landed, NULL);
    journal_t *journal = place->open(place->context, is_other_boot);
    child.journal = journal;
    if (journal == NULL)
        _exit(2);
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
        MUST(answer.number < NUMBERS_MAX, "too many appends in a round");
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
    MUST(number >> 32 == self->round, "a record of round %llu came late",
         (unsigned long long)(number >> 32));
    MUST(str_to_u32(str_slice(record->stream, 7, record->stream.size), &stream) == ERR_OK &&
             stream < STREAMS,
         "a stream that nobody writes");
    told_t *told = &self->told[(uint32_t)number];
    MUST(record->version == ++self->versions[stream], "a gap in stream %u", stream);
    MUST(told->is_refused == 0, "refused, and there: number %u", (uint32_t)number);
    if (told->is_told)
        MUST(told->stream == stream && told->version == record->version,
             "number %u was told to be elsewhere", (uint32_t)number);
    else
        self->unanswered++;
    told->is_seen = 1;
    self->position = record->position;
    return ERR_OK;
}

static void check_journal(parent_t *self, journal_t *j)
{
    MUST(j->table->feed(j, self->position, SIZE_MAX, check_record, self) == ERR_OK,
         "the feed can't be read");
    for (uint32_t i = 0; i < NUMBERS_MAX; i++)
        if (self->told[i].is_told && !self->told[i].is_refused)
            MUST(self->told[i].is_seen, "round %llu: number %u was acknowledged and is lost",
                 (unsigned long long)self->round, i);
    for (uint32_t i = 0; i < STREAMS; i++) {
        char name[32];
        uint64_t version = 0;
        int size = snprintf(name, sizeof name, "stream/%u", i);
        err_t err = j->table->read(j, str_of(name, (size_t)size),
                                   self->versions[i] == 0 ? 0 : self->versions[i] - 1, see_version,
                                   &version);
        MUST(err == ERR_OK && version == self->versions[i], "stream %u reads otherwise: %s", i,
             err_name(err));
    }
}

static void run_round(parent_t *self, const journal_place_t *place, const ms_random_t *random)
{
    int ends[2];
    ms_clock_t clock = clock_system();
    buf_t bytes BUF_SCOPED = BUF_INIT;
    /* A new boot now and then: the lazy environments are not trusted then. */
    bool is_other_boot = random_below(random, 8) == 0;
    memset(self->told, 0, NUMBERS_MAX * sizeof *self->told);
    MUST(pipe(ends) == 0, "no pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(place, ends[1], self->round, is_other_boot);
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
    MUST(waitpid(child, &status, 0) == child, "the child is gone");
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    MUST(is_killed, "the child ended by itself: %d", status);
    listen_until(self, ends[0], &bytes, 0);
    close(ends[0]);
    journal_t *journal = place->open(place->context, random_below(random, 8) == 0);
    MUST(journal != NULL, "it can't be opened after round %llu", (unsigned long long)self->round);
    check_journal(self, journal);
    place->close(place->context, journal);
}

journal_killed_t journal_kill(const journal_place_t *place, uint64_t rounds, uint64_t seed)
{
    random_seed_t drawn = {seed};
    ms_random_t random = random_seeded(&drawn);
    parent_t parent = {.told = memory_new_array(NUMBERS_MAX, sizeof(told_t))};
    for (parent.round = 1; parent.round <= rounds; parent.round++)
        run_round(&parent, place, &random);
    memory_free(parent.told);
    return (journal_killed_t){parent.durable, parent.refused, parent.unanswered};
}
