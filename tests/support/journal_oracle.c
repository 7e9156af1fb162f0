#include "tests/support/journal_oracle.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { WRONG_EVERY = 7, PAUSE_NS = 200000, REFUSED = 1, FIRST_NUMBER = 16 };

typedef struct writer {
    journal_oracle_t *oracle;
    pthread_t thread;
    uint32_t index;
    uint64_t next_number;
    uint64_t *numbers; /* by version - 1: which append it is */
    uint64_t version, capacity;
    uint64_t unknown; /* a number; 0: none */
    uint64_t seen;    /* version, while the feed is read */
} writer_t;

struct journal_oracle {
    journal_t *journal;
    bool may_refuse;
    _Atomic bool is_over;
    _Atomic uint64_t durable, wrong, refused, unknown, landed;
    writer_t writers[JOURNAL_ORACLE_STREAMS];
    char problem[200]; /* of the first writer that has one */
    _Atomic bool is_broken;
    uint64_t position; /* of the feed that is read */
};

/* ---- writing ---- */

static str_t stream_of(const writer_t *self, char room[32])
{
    int size = snprintf(room, 32, "oracle/%u", self->index);
    return str_of(room, (size_t)size);
}

static void broken(journal_oracle_t *self, const writer_t *writer, const char *what,
                   uint64_t number)
{
    if (!atomic_exchange(&self->is_broken, true))
        snprintf(self->problem, sizeof self->problem, "oracle/%u: %s: number %llu at version %llu",
                 writer->index, what, (unsigned long long)number,
                 (unsigned long long)writer->version);
}

static void keep(writer_t *self, uint64_t number)
{
    if (self->version == self->capacity) {
        self->capacity = MAX(self->capacity * 2, UINT64_C(1024));
        self->numbers = memory_resize(self->numbers, self->capacity, sizeof(uint64_t));
        ASSERT(self->numbers != NULL);
    }
    self->numbers[self->version++] = number;
}

static append_result_t append(writer_t *self, uint64_t number, uint64_t expected)
{
    char room[32];
    uint64_t payload[20] = {number};
    journal_subject_t subject = {.journal = self->oracle->journal};
    return journal_append_wait(&subject, stream_of(self, room), expected,
                               str_of(payload, sizeof payload));
}

typedef struct look {
    uint64_t version, number;
} look_t;

static err_t see(void *context, const journal_record_t *record)
{
    look_t *look = context;
    look->version = record->version;
    memcpy(&look->number, record->event.payload.data, sizeof look->number);
    return ERR_OK;
}

/* What became of the unknown one. False: it can't be read now. */
static bool settle(writer_t *self, journal_t *journal)
{
    char room[32];
    look_t look = {self->version, 0};
    if (self->unknown == 0)
        return true;
    if (journal->table->read(journal, stream_of(self, room), self->version, see, &look) != ERR_OK)
        return false;
    if (look.version == self->version + 1 && look.number == self->unknown) {
        keep(self, self->unknown);
        atomic_fetch_add(&self->oracle->landed, 1);
    } else if (look.version != self->version) {
        broken(self->oracle, self, "what nobody wrote is there", look.number);
    }
    self->unknown = 0;
    return true;
}

/* Part of the load, not a wait for anything: who was refused does not ask again at once. */
static void pause_for_better_times(void)
{
    nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
}

static void write_wrong(writer_t *self)
{
    journal_oracle_t *oracle = self->oracle;
    append_result_t result = append(self, REFUSED, self->version + 3);
    atomic_fetch_add(&oracle->wrong, 1);
    bool is_refused = result.err == ERR_CONFLICT ||
                      (oracle->may_refuse && result.err != ERR_OK); /* unknown: the feed tells */
    if (!is_refused)
        broken(oracle, self, "made against a version that is not, and not refused", REFUSED);
}

static void write_one(writer_t *self)
{
    journal_oracle_t *oracle = self->oracle;
    uint64_t number = self->next_number++;
    append_result_t result = append(self, number, self->version);
    if (result.err == ERR_OK) {
        keep(self, number);
        atomic_fetch_add(&oracle->durable, 1);
        if (result.version != self->version)
            broken(oracle, self, "acknowledged at another version", number);
        return;
    }
    if (result.err == ERR_CONFLICT || !oracle->may_refuse)
        broken(oracle, self, err_name(result.err), number);
    if (result.err == ERR_TIMEOUT)
        self->unknown = number;
    atomic_fetch_add(result.err == ERR_TIMEOUT ? &oracle->unknown : &oracle->refused, 1);
    pause_for_better_times();
}

static void *writer_main(void *context)
{
    writer_t *self = context;
    while (!atomic_load(&self->oracle->is_over) && !atomic_load(&self->oracle->is_broken)) {
        if (!settle(self, self->oracle->journal)) {
            pause_for_better_times();
            continue;
        }
        if (self->next_number % WRONG_EVERY == 0)
            write_wrong(self);
        write_one(self);
    }
    return NULL;
}

/* ---- the feed ---- */

static err_t check_record(void *context, const journal_record_t *record)
{
    journal_oracle_t *self = context;
    uint32_t index;
    uint64_t number;
    if (!str_starts_with(record->stream, STR("oracle/")))
        return ERR_OK;
    if (str_to_u32(str_slice(record->stream, 7, record->stream.size), &index) != ERR_OK ||
        index >= JOURNAL_ORACLE_STREAMS)
        return ERR_CORRUPT;
    writer_t *writer = &self->writers[index];
    memcpy(&number, record->event.payload.data, sizeof number);
    if (record->position <= self->position && self->position > 0)
        broken(self, writer, "the feed goes back", number);
    else if (record->version != ++writer->seen)
        broken(self, writer, "a gap, or a version twice, in the feed", number);
    else if (writer->seen > writer->version)
        broken(self, writer, "refused, and there", number);
    else if (writer->numbers[writer->seen - 1] != number)
        broken(self, writer, "another one than was acknowledged", number);
    self->position = record->position;
    return ERR_OK;
}

static err_t check_stream(void *context, const journal_record_t *record)
{
    writer_t *self = context;
    uint64_t number;
    memcpy(&number, record->event.payload.data, sizeof number);
    if (record->version != ++self->seen || self->seen > self->version ||
        self->numbers[self->seen - 1] != number)
        broken(self->oracle, self, "a stream reads otherwise than the feed", number);
    return ERR_OK;
}

static err_t check_all(journal_oracle_t *self, journal_t *journal)
{
    self->position = 0;
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++)
        self->writers[i].seen = 0;
    TRY(journal->table->feed(journal, 0, SIZE_MAX, check_record, self));
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++) {
        char room[32];
        writer_t *writer = &self->writers[i];
        if (writer->seen != writer->version)
            broken(self, writer, "acknowledged and lost, from here on", writer->seen);
        writer->seen = 0;
        TRY(journal->table->read(journal, stream_of(writer, room), 0, check_stream, writer));
        if (writer->seen != writer->version)
            broken(self, writer, "the stream ends early", writer->seen);
    }
    return ERR_OK;
}

bool journal_oracle_holds(journal_oracle_t *self, journal_t *journal, buf_t *problem)
{
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++)
        wait_until(settle(&self->writers[i], journal));
    err_t err = check_all(self, journal);
    if (atomic_load(&self->is_broken))
        buf_printf(problem, "%s", self->problem);
    else if (err != ERR_OK)
        buf_printf(problem, "the journal can't be read: %s", err_name(err));
    return problem->size == 0;
}

/* ---- life ---- */

journal_oracle_t *journal_oracle_new(void)
{
    journal_oracle_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL);
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++)
        self->writers[i] = (writer_t){.oracle = self, .index = i, .next_number = FIRST_NUMBER};
    return self;
}

void journal_oracle_free(journal_oracle_t *self)
{
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++)
        memory_free(self->writers[i].numbers);
    memory_free(self);
}

void journal_oracle_scope_end(journal_oracle_t **self)
{
    journal_oracle_free(*self);
}

void journal_oracle_start(journal_oracle_t *self, journal_t *journal, bool may_refuse)
{
    self->journal = journal;
    self->may_refuse = may_refuse;
    atomic_store(&self->is_over, false);
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++)
        ASSERT(pthread_create(&self->writers[i].thread, NULL, writer_main, &self->writers[i]) == 0);
}

void journal_oracle_stop(journal_oracle_t *self)
{
    atomic_store(&self->is_over, true);
    for (uint32_t i = 0; i < JOURNAL_ORACLE_STREAMS; i++)
        pthread_join(self->writers[i].thread, NULL);
}

journal_oracle_counts_t journal_oracle_counts(const journal_oracle_t *self)
{
    return (journal_oracle_counts_t){
        .durable = atomic_load(&self->durable),
        .wrong = atomic_load(&self->wrong),
        .refused = atomic_load(&self->refused),
        .unknown = atomic_load(&self->unknown),
        .landed = atomic_load(&self->landed),
    };
}
