#include "tests/support/journal_contract.h"

#include "runtime/base/arena.h"
#include "runtime/base/random.h"
#include "tests/support/patience.h"

#include <pthread.h>
#include <stdio.h>

/* ---- waiting for one answer ---- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_done;
    append_result_t result;
} waiter_t;

static void wake(void *context, err_t err, uint64_t version, uint64_t position)
{
    waiter_t *waiter = context;
    pthread_mutex_lock(&waiter->lock);
    waiter->is_done = true;
    waiter->result = (append_result_t){err, version, position};
    pthread_cond_signal(&waiter->answered);
    pthread_mutex_unlock(&waiter->lock);
}

append_result_t journal_append_wait_for(const journal_subject_t *subject, journal_append_t append)
{
    waiter_t waiter = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};
    append.done = wake;
    append.done_context = &waiter;
    subject->journal->table->append(subject->journal, &append);
    patience_t patience = PATIENCE_FOR("the answer to an append");
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done) {
        if (subject->pump == NULL) {
            patience_wait(&patience, &waiter.answered, &waiter.lock);
            continue;
        }
        pthread_mutex_unlock(&waiter.lock);
        subject->pump(subject->context);
        pthread_mutex_lock(&waiter.lock);
    }
    pthread_mutex_unlock(&waiter.lock);
    return waiter.result;
}

append_result_t journal_append_wait(const journal_subject_t *subject, str_t stream,
                                    uint64_t expected_version, str_t payload)
{
    journal_event_t event = {STR("noted"), payload};
    return journal_append_wait_for(subject, (journal_append_t){.stream = stream,
                                                               .expected_version = expected_version,
                                                               .epoch = 1,
                                                               .wall_ms = 1700000000000,
                                                               .events = &event,
                                                               .event_count = 1});
}

/* ---- what was read, as copies ---- */

enum { SEEN_MAX = 4096 };

typedef struct seen {
    arena_t arena;
    journal_record_t records[SEEN_MAX];
    size_t count, stop_after; /* 0: never */
} seen_t;

static err_t see(void *context, const journal_record_t *record)
{
    seen_t *seen = context;
    if (seen->count == SEEN_MAX)
        return ERR_LIMIT;
    journal_record_t *copy = &seen->records[seen->count++];
    *copy = *record;
    copy->stream = arena_str(&seen->arena, record->stream);
    copy->event.name = arena_str(&seen->arena, record->event.name);
    copy->event.payload = arena_str(&seen->arena, record->event.payload);
    copy->command_id = arena_str(&seen->arena, record->command_id);
    copy->result = arena_str(&seen->arena, record->result);
    return seen->count == seen->stop_after ? ERR_CANCELLED : ERR_OK;
}

static void seen_reset(seen_t *seen)
{
    arena_reset(&seen->arena);
    seen->count = seen->stop_after = 0;
}

/* ---- the contract ---- */

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            buf_printf(problem, "%s (line %d)", #condition, __LINE__);                             \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

static bool versions_are_checked(const journal_subject_t *on, seen_t *seen, buf_t *problem)
{
    str_t stream = STR("contract/versions");
    uint64_t head = on->journal->table->head(on->journal);

    append_result_t first = journal_append_wait(on, stream, 0, STR("one"));
    MUST(first.err == ERR_OK && first.version == 1 && first.position > head);
    MUST(on->journal->table->head(on->journal) >= first.position);
    MUST(journal_append_wait(on, stream, 0, STR("again")).err == ERR_CONFLICT);
    MUST(journal_append_wait(on, stream, 2, STR("too far")).err == ERR_CONFLICT);
    MUST(journal_append_wait(on, STR("contract/none"), 1, STR("no such")).err == ERR_CONFLICT);
    append_result_t second = journal_append_wait(on, stream, 1, STR("two"));
    MUST(second.err == ERR_OK && second.version == 2 && second.position > first.position);

    seen_reset(seen);
    MUST(on->journal->table->read(on->journal, stream, 0, see, seen) == ERR_OK);
    MUST(seen->count == 2);
    MUST(str_equal(seen->records[0].event.payload, STR("one")) && seen->records[0].version == 1);
    MUST(str_equal(seen->records[1].event.payload, STR("two")) && seen->records[1].version == 2);
    MUST(seen->records[1].position == second.position);
    MUST(str_equal(seen->records[0].stream, stream));
    seen_reset(seen);
    MUST(on->journal->table->read(on->journal, stream, 1, see, seen) == ERR_OK && seen->count == 1);
    MUST(on->journal->table->read(on->journal, stream, 2, see, seen) == ERR_OK && seen->count == 1);
    MUST(on->journal->table->read(on->journal, STR("contract/none"), 0, see, seen) == ERR_OK);
    MUST(seen->count == 1);
    return true;
}

static bool an_append_is_all_or_nothing(const journal_subject_t *on, seen_t *seen, buf_t *problem)
{
    str_t stream = STR("contract/several");
    journal_event_t events[] = {
        {STR("added"), STR("a")}, {STR("removed"), {NULL, 0}}, {STR("added"), STR("c\0d")}};
    journal_append_t append = {.stream = stream,
                               .epoch = 1,
                               .wall_ms = -5,
                               .events = events,
                               .event_count = 3,
                               .command_id = STR("command-1"),
                               .result = STR("answer")};

    append_result_t result = journal_append_wait_for(on, append);
    MUST(result.err == ERR_OK && result.version == 3);
    MUST(journal_append_wait_for(on, append).err == ERR_CONFLICT);

    seen_reset(seen);
    MUST(on->journal->table->read(on->journal, stream, 0, see, seen) == ERR_OK && seen->count == 3);
    for (size_t i = 0; i < 3; i++) {
        const journal_record_t *record = &seen->records[i];
        MUST(record->version == i + 1 && record->wall_ms == -5);
        MUST(str_equal(record->event.name, events[i].name));
        MUST(str_equal(record->event.payload, events[i].payload));
        MUST(str_equal(record->command_id, STR("command-1")));
        MUST(str_equal(record->result, i == 2 ? STR("answer") : (str_t){NULL, 0}));
    }
    MUST(seen->records[2].position == result.position);
    seen_reset(seen);
    seen->stop_after = 2;
    MUST(on->journal->table->read(on->journal, stream, 0, see, seen) == ERR_CANCELLED);
    MUST(seen->count == 2);
    return true;
}

static bool the_feed_skips_nothing(const journal_subject_t *on, seen_t *seen, buf_t *problem)
{
    uint64_t start = on->journal->table->head(on->journal), newest = 0;
    for (uint64_t i = 0; i < 10; i++) {
        str_t stream = i % 2 == 0 ? STR("contract/even") : STR("contract/odd");
        append_result_t result = journal_append_wait(on, stream, i / 2, STR("x"));
        MUST(result.err == ERR_OK);
        newest = result.position;
    }

    seen_reset(seen);
    MUST(on->journal->table->feed(on->journal, start, 100, see, seen) == ERR_OK);
    MUST(seen->count == 10 && seen->records[9].position == newest);
    for (size_t i = 0; i < 10; i++) {
        MUST(seen->records[i].position > (i == 0 ? start : seen->records[i - 1].position));
        MUST(seen->records[i].version == i / 2 + 1);
    }
    uint64_t middle = seen->records[3].position;
    seen_reset(seen);
    MUST(on->journal->table->feed(on->journal, middle, 4, see, seen) == ERR_OK);
    MUST(seen->count == 4 && seen->records[0].position > middle && seen->records[0].version == 3);
    seen_reset(seen);
    MUST(on->journal->table->feed(on->journal, newest, 100, see, seen) == ERR_OK);
    MUST(on->journal->table->feed(on->journal, UINT64_MAX, 100, see, seen) == ERR_OK);
    MUST(seen->count == 0);
    return true;
}

static bool limits_hold_on_both_sides(const journal_subject_t *on, buf_t *problem)
{
    static const char zeros[JOURNAL_APPEND_SIZE_MAX + 1];
    char name[JOURNAL_STREAM_SIZE_MAX + 1];
    memset(name, 'n', sizeof name);
    memcpy(name, "contract/", 9);
    static const journal_event_t events[JOURNAL_EVENTS_MAX + 1];
    journal_append_t many = {.stream = STR("contract/many"), .epoch = 1, .events = events};

    MUST(journal_append_wait(on, str_of(name, sizeof name), 0, STR("x")).err == ERR_LIMIT);
    MUST(journal_append_wait(on, str_of(name, sizeof name - 1), 0, STR("x")).err == ERR_OK);
    MUST(journal_append_wait(on, STR("contract/large"), 0, str_of(zeros, sizeof zeros)).err ==
         ERR_LIMIT);
    MUST(journal_append_wait(on, STR("contract/large"), 0,
                             str_of(zeros, sizeof zeros - 1 - STR("noted").size))
             .err == ERR_OK);
    many.event_count = JOURNAL_EVENTS_MAX + 1;
    MUST(journal_append_wait_for(on, many).err == ERR_LIMIT);
    many.event_count = JOURNAL_EVENTS_MAX;
    append_result_t result = journal_append_wait_for(on, many);
    MUST(result.err == ERR_OK && result.version == JOURNAL_EVENTS_MAX);
    return true;
}

static bool snapshots_are_kept(const journal_subject_t *on, buf_t *problem)
{
    buf_t state BUF_SCOPED = BUF_INIT;
    str_t stream = STR("contract/versions"); /* two events long */
    uint64_t version = 0;
    const journal_table_t *table = on->journal->table;

    MUST(table->snapshot_get(on->journal, stream, &version, &state) == ERR_NOT_FOUND);
    table->snapshot_put(on->journal, stream, 1, STR("state 1"));
    table->snapshot_put(on->journal, stream, 2, STR("state 2"));
    /* It is written when there is time: at the latest with an append that comes after it. */
    MUST(journal_append_wait(on, STR("contract/after"), 0, STR("x")).err == ERR_OK);
    MUST(table->snapshot_get(on->journal, stream, &version, &state) == ERR_OK);
    MUST(version == 2 && str_equal(buf_str(&state), STR("state 2")));
    MUST(table->snapshot_get(on->journal, STR("contract/odd"), &version, &state) == ERR_NOT_FOUND);
    return true;
}

/* ---- which streams have messages that wait ---- */

typedef struct waiting {
    buf_t names; /* each with a comma */
    size_t count, stop_after;
} waiting_t;

static void waiting_deinit(waiting_t *self)
{
    buf_deinit(&self->names);
}

static err_t note_waiting(void *context, str_t stream)
{
    waiting_t *waiting = context;
    buf_append(&waiting->names, stream);
    buf_append_char(&waiting->names, ',');
    return ++waiting->count == waiting->stop_after ? ERR_CANCELLED : ERR_OK;
}

static bool append_named(const journal_subject_t *on, str_t stream, uint64_t expected,
                         const char *first, const char *second)
{
    /* An empty wire form: what seals reads it. */
    journal_event_t events[] = {{str_from(first), STR("\x80")}, {str_from(second), STR("\x80")}};
    return journal_append_wait_for(on, (journal_append_t){.stream = stream,
                                                          .expected_version = expected,
                                                          .epoch = 1,
                                                          .events = events,
                                                          .event_count = second == NULL ? 1 : 2})
               .err == ERR_OK;
}

static bool waits_are(const journal_subject_t *on, str_t after, size_t count_max, str_t wanted)
{
    waiting_t waiting SCOPED(waiting_deinit) = {.names = BUF_INIT};
    return on->journal->table->waiting(on->journal, after, count_max, note_waiting, &waiting) ==
               ERR_OK &&
           str_equal(buf_str(&waiting.names), wanted);
}

static bool it_knows_where_messages_wait(const journal_subject_t *on, buf_t *problem)
{
    const str_t before = STR("contract/w"), a = STR("contract/wait-a"), b = STR("contract/wait-b"),
                c = STR("contract/wait-c");
    MUST(on->journal->table->waiting != NULL);
    MUST(waits_are(on, before, 10, STR("")));

    MUST(append_named(on, b, 0, JOURNAL_OUTBOX_SENT, NULL));
    MUST(append_named(on, a, 0, "noted", JOURNAL_OUTBOX_SENT));
    MUST(append_named(on, c, 0, "noted", NULL));
    MUST(append_named(on, c, 1, JOURNAL_OUTBOX_SENT, "outbox_acked"));
    MUST(waits_are(on, before, 10, STR("contract/wait-a,contract/wait-b,contract/wait-c,")));
    MUST(waits_are(on, before, 2, STR("contract/wait-a,contract/wait-b,")));
    MUST(waits_are(on, b, 10, STR("contract/wait-c,")));
    MUST(waits_are(on, c, 10, STR("")));

    MUST(append_named(on, a, 2, "noted", NULL)); /* says nothing of it */
    MUST(append_named(on, b, 1, JOURNAL_OUTBOX_EMPTIED, NULL));
    MUST(!append_named(on, c, 2, JOURNAL_OUTBOX_EMPTIED, NULL)); /* refused: nothing changes */
    MUST(waits_are(on, before, 10, STR("contract/wait-a,contract/wait-c,")));
    MUST(append_named(on, a, 3, JOURNAL_OUTBOX_SENT, JOURNAL_OUTBOX_EMPTIED));
    MUST(append_named(on, c, 3, JOURNAL_OUTBOX_EMPTIED, JOURNAL_OUTBOX_SENT));
    MUST(waits_are(on, before, 10, STR("contract/wait-c,")));
    waiting_t stopped SCOPED(waiting_deinit) = {.names = BUF_INIT, .stop_after = 1};
    MUST(on->journal->table->waiting(on->journal, before, 10, note_waiting, &stopped) ==
         ERR_CANCELLED);
    MUST(append_named(on, c, 5, JOURNAL_OUTBOX_EMPTIED, NULL));
    MUST(waits_are(on, before, 10, STR("")));
    return true;
}

bool journal_contract_holds(const journal_subject_t *subject, buf_t *problem)
{
    seen_t *seen = NULL;
    arena_t arena ARENA_SCOPED = {0};
    seen = arena_new(&arena, sizeof *seen);
    if (seen == NULL)
        return false;
    bool holds = versions_are_checked(subject, seen, problem) &&
                 an_append_is_all_or_nothing(subject, seen, problem) &&
                 the_feed_skips_nothing(subject, seen, problem) &&
                 limits_hold_on_both_sides(subject, problem) &&
                 snapshots_are_kept(subject, problem) &&
                 it_knows_where_messages_wait(subject, problem);
    arena_deinit(&seen->arena);
    return holds;
}

/* ---- the model ---- */

enum { MODEL_STREAMS = 16 };

typedef struct model {
    uint64_t versions[MODEL_STREAMS];
    struct {
        uint32_t stream;
        uint64_t version, position, number;
    } events[SEEN_MAX];
    size_t count;
} model_t;

static bool compare_feed(const journal_subject_t *on, uint64_t start, const model_t *model,
                         seen_t *seen, buf_t *problem)
{
    seen_reset(seen);
    MUST(on->journal->table->feed(on->journal, start, SEEN_MAX, see, seen) == ERR_OK);
    MUST(seen->count == model->count);
    for (size_t i = 0; i < model->count; i++) {
        uint64_t number;
        MUST(seen->records[i].position == model->events[i].position);
        MUST(seen->records[i].version == model->events[i].version);
        MUST(seen->records[i].event.payload.size == sizeof number);
        memcpy(&number, seen->records[i].event.payload.data, sizeof number);
        MUST(number == model->events[i].number);
    }
    return true;
}

static bool compare_streams(const journal_subject_t *on, uint64_t seed, const model_t *model,
                            seen_t *seen, buf_t *problem)
{
    for (uint32_t stream = 0; stream < MODEL_STREAMS; stream++) {
        char name[64];
        int size =
            snprintf(name, sizeof name, "contract/model-%llu-%u", (unsigned long long)seed, stream);
        seen_reset(seen);
        MUST(on->journal->table->read(on->journal, str_of(name, (size_t)size), 0, see, seen) ==
             ERR_OK);
        MUST(seen->count == model->versions[stream]);
        for (size_t i = 0, at = 0; i < model->count; i++) {
            if (model->events[i].stream != stream)
                continue;
            MUST(seen->records[at].position == model->events[i].position);
            MUST(seen->records[at].version == at + 1);
            at++;
        }
    }
    return true;
}

static bool run_model(const journal_subject_t *on, uint64_t seed, uint32_t rounds, model_t *model,
                      seen_t *seen, buf_t *problem)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    uint64_t start = on->journal->table->head(on->journal);
    for (uint32_t round = 0; round < rounds && model->count + 4 < SEEN_MAX; round++) {
        uint32_t stream = (uint32_t)random_below(&random, MODEL_STREAMS);
        uint64_t wrong = random_below(&random, 4) == 0 ? random_below(&random, 3) : 0;
        size_t count = 1 + random_below(&random, 4);
        uint64_t numbers[4];
        journal_event_t events[4];
        for (size_t i = 0; i < count; i++) {
            numbers[i] = random_u64(&random);
            events[i] = (journal_event_t){STR("numbered"), str_of(&numbers[i], sizeof numbers[i])};
        }
        char name[64];
        int size =
            snprintf(name, sizeof name, "contract/model-%llu-%u", (unsigned long long)seed, stream);
        append_result_t result = journal_append_wait_for(
            on, (journal_append_t){.stream = str_of(name, (size_t)size),
                                   .expected_version = model->versions[stream] + wrong,
                                   .epoch = 1,
                                   .events = events,
                                   .event_count = count});
        MUST(result.err == (wrong == 0 ? ERR_OK : ERR_CONFLICT));
        for (size_t i = 0; wrong == 0 && i < count; i++) {
            model->events[model->count].stream = stream;
            model->events[model->count].version = ++model->versions[stream];
            model->events[model->count].position = result.position - (count - 1 - i);
            model->events[model->count++].number = numbers[i];
        }
        MUST(wrong != 0 || result.version == model->versions[stream]);
    }
    return compare_feed(on, start, model, seen, problem) &&
           compare_streams(on, seed, model, seen, problem);
}

bool journal_model_holds(const journal_subject_t *subject, uint64_t seed, uint32_t rounds,
                         buf_t *problem)
{
    arena_t arena ARENA_SCOPED = {0};
    seen_t *seen = arena_new(&arena, sizeof *seen);
    model_t *model = arena_new(&arena, sizeof *model);
    if (seen == NULL || model == NULL)
        return false;
    bool holds = run_model(subject, seed, rounds, model, seen, problem);
    arena_deinit(&seen->arena);
    return holds;
}
