/* Actors of a plugin send, ask, tick and append while the plugin is replaced again and again: no
 * message is lost, none is handled twice, and every ask ends once. In a long run many messages are
 * handled between two replacements, as many open at a time as mailboxes hold. A plain program, for
 * ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "runtime/journal_memory.h"
#include "runtime/runtime.h"
#include "tests/runtime/code/plugins/tally.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KEYS = 24,
    SENDERS = 3,
    REPLACEMENTS = 30,
    /* Handled between two in a long run: a node takes 32 replacements at most. */
    BETWEEN_LONG = RACE_OPERATIONS_LONG / REPLACEMENTS + 1,
    OPEN_MAX = 20000, /* sent and not handled yet */
    LOOK_EVERY = 256,
    BOOK_EVERY = 8,       /* appends one in so many; */
    BOOK_EVERY_LONG = 256 /* the journal is in memory */
};

typedef struct load {
    runtime_t *runtime;
    bool is_long;
    _Atomic bool is_over;
    _Atomic uint64_t tallied[KEYS], booked[KEYS];
} load_t;

typedef struct sender {
    load_t *load;
    uint32_t index;
    uv_thread_t thread;
} sender_t;

static str_t key_of(uint32_t index, char room[8])
{
    int size = snprintf(room, 8, "k%u", index);
    return str_of(room, (size_t)size);
}

static void send_one(load_t *load, uint32_t i)
{
    char room[8];
    uint32_t at = i % KEYS;
    str_t key = key_of(at, room);
    address_t tally = address_of("tally", key), ledger = address_of("ledger", key);
    if (runtime_send(load->runtime, tally, tally_add, .amount = 1) == ERR_OK)
        atomic_fetch_add(&load->tallied[at], 1);
    if (i % (load->is_long ? BOOK_EVERY_LONG : BOOK_EVERY) == 0 &&
        runtime_send(load->runtime, ledger, ledger_add, .amount = 1) == ERR_OK)
        atomic_fetch_add(&load->booked[at], 1);
    if (i % 200 == 0)
        IGNORE_ERR(runtime_send(load->runtime, tally, tally_job)); /* it may be full */
}

static uint64_t handled(const load_t *load)
{
    runtime_stats_t stats;
    runtime_stats(load->runtime, &stats);
    return stats.messages;
}

static bool are_too_many_open(const load_t *load)
{
    runtime_stats_t stats;
    runtime_stats(load->runtime, &stats);
    /* Summed up while they change: it may be less than nothing. */
    return (int64_t)(stats.sent - stats.handled - stats.dead_letters) > OPEN_MAX;
}

/* Lets others run; a long run sends as much as is handled. */
static void pause_sender(load_t *load, uint32_t i)
{
    if (!load->is_long && i % 32 == 0)
        uv_sleep(1);
    if (load->is_long && i % LOOK_EVERY == 0)
        while (!atomic_load(&load->is_over) && are_too_many_open(load))
            uv_sleep(1);
}

static void send_all(void *context)
{
    sender_t *self = context;
    for (uint32_t i = self->index; !atomic_load(&self->load->is_over); i++) {
        send_one(self->load, i);
        pause_sender(self->load, i);
    }
}

/* ---- asking from here ---- */

typedef struct question {
    load_t *load;
    const char *kind;
    str_t key;
    const schema_t *schema;
    const void *message;
    uint64_t total;
    uv_sem_t done;
} question_t;

static void got(void *context, const answer_t *answer)
{
    question_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    const tally_status_t *tally = answer_as(answer, tally_status, &arena);
    const ledger_status_t *ledger = answer_as(answer, ledger_status, &arena);
    if (tally == NULL && ledger == NULL)
        fprintf(stderr, "%s %.*s: %s\n", self->kind, STR_ARG(self->key), err_name(answer->err));
    ASSERT(tally != NULL || ledger != NULL);
    self->total = tally != NULL ? tally->total : ledger->total;
    uv_sem_post(&self->done);
}

static void ask_there(void *context)
{
    question_t *self = context;
    edge_ask_message(runtime_edge(self->load->runtime, 0), address_of(self->kind, self->key), 60000,
                     (str_t){0}, got, self, self->schema, self->message);
}

static uint64_t total_of(load_t *load, const char *kind, str_t key, const schema_t *read)
{
    tally_read_t nothing;
    question_t question = {
        .load = load, .kind = kind, .key = key, .schema = read, .message = &nothing};
    ASSERT(uv_sem_init(&question.done, 0) == 0);
    ASSERT(edge_post(runtime_edge(load->runtime, 0), ask_there, &question) == ERR_OK);
    uv_sem_wait(&question.done);
    uv_sem_destroy(&question.done);
    return question.total;
}

static void replace(load_t *load, const char *plugin)
{
    char path[512];
    buf_t problem BUF_SCOPED = BUF_INIT;
    const char *build = getenv("MS_BUILD");
    snprintf(path, sizeof path, "%s/plugins/%s.so", build == NULL ? "." : build, plugin);
    err_t err = runtime_replace_plugin(load->runtime, "tally", path, 60000, &problem);
    if (err != ERR_OK)
        fprintf(stderr, "%s\n", buf_terminated(&problem));
    ASSERT(err == ERR_OK);
}

static void wait_for_more(const load_t *load, uint64_t messages)
{
    uint64_t enough = handled(load) + messages;
    while (handled(load) < enough)
        uv_sleep(1);
}

static void load_first(load_t *load, const char *plugin)
{
    char path[512];
    buf_t problem BUF_SCOPED = BUF_INIT;
    const char *build = getenv("MS_BUILD");
    snprintf(path, sizeof path, "%s/plugins/%s.so", build == NULL ? "." : build, plugin);
    err_t err = runtime_load_plugin(load->runtime, path, NULL, &problem);
    if (err != ERR_OK)
        fprintf(stderr, "%s\n", buf_terminated(&problem));
    ASSERT(err == ERR_OK);
}

static void compare(load_t *load)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        char room[8];
        str_t key = key_of(i, room);
        ASSERT(total_of(load, "tally", key, &tally_read_schema) == atomic_load(&load->tallied[i]));
        ASSERT(total_of(load, "ledger", key, &ledger_read_schema) == atomic_load(&load->booked[i]));
        ASSERT(atomic_load(&load->tallied[i]) > 0);
    }
}

int main(void)
{
    load_t load = {.is_long = race_goes_on(0)};
    sender_t senders[SENDERS];
    journal_memory_t *journal = NULL;
    ASSERT(journal_memory_new(false, &journal) == ERR_OK);
    runtime_options_t options = {.scheduler_count = 3, .journal = journal_memory_journal(journal)};
    ASSERT(runtime_new(&options, &load.runtime) == ERR_OK);
    load_first(&load, "tally_v1");
    ASSERT(runtime_start(load.runtime) == ERR_OK);
    for (uint32_t i = 0; i < KEYS; i++) {
        char room[8];
        ASSERT(runtime_send(load.runtime, address_of("tally", key_of(i, room)), tally_tick_every,
                            .period_ms = 1) == ERR_OK);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (sender_t){.load = &load, .index = i * 7};
        ASSERT(uv_thread_create(&senders[i].thread, send_all, &senders[i]) == 0);
    }

    for (int i = 0; i < REPLACEMENTS; i++) {
        replace(&load, i % 2 == 0 ? "tally_v2" : "tally_v1");
        if (load.is_long)
            wait_for_more(&load, BETWEEN_LONG);
    }
    atomic_store(&load.is_over, true);
    for (uint32_t i = 0; i < SENDERS; i++)
        uv_thread_join(&senders[i].thread);

    compare(&load);
    runtime_stats_t stats;
    runtime_stats(load.runtime, &stats);
    ASSERT(stats.failures == 0);
    ASSERT(runtime_drain(load.runtime, PATIENCE_MS) == ERR_OK);
    runtime_free(load.runtime);
    journal_memory_free(journal);
    race_report(stats.messages, "messages to actors whose kind is replaced");
    printf("%d replacements, %llu messages\n", REPLACEMENTS, (unsigned long long)stats.messages);
    return 0;
}
