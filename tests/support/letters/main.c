/* letters JOURNAL: puts two dead letters into the journal of a node that does not run, as if their
 * receiver had refused them twenty times: for tests of those who look after them. The sender is an
 * account that nobody has; the receiver would take them. */

#include "actors/protocol/accounts.h"
#include "runtime/base/clock.h"
#include "runtime/durable/durable_forms.h"
#include "storage/journal/journal_lmdb.h"

#include <semaphore.h>
#include <stdio.h>

enum { EVENTS = 4 };

typedef struct ending {
    sem_t ended;
    err_t err;
} ending_t;

static void on_done(void *context, err_t err, uint64_t version, uint64_t position)
{
    ending_t *ending = context;
    (void)version, (void)position;
    ending->err = err;
    sem_post(&ending->ended);
}

static err_t append(journal_t *journal, const journal_event_t *events)
{
    ending_t ending = {.err = ERR_OK};
    ms_clock_t clock = clock_system();
    journal_append_t append = {.stream = STR("account/nobody"),
                               .epoch = 1,
                               .wall_ms = clock_wall_ms(&clock),
                               .events = events,
                               .event_count = EVENTS,
                               .done = on_done,
                               .done_context = &ending};
    sem_init(&ending.ended, 0, 0);
    journal->table->append(journal, &append);
    sem_wait(&ending.ended);
    sem_destroy(&ending.ended);
    return ending.err;
}

static err_t put_letters(journal_t *journal)
{
    str_t sid = STR("no-session");
    buf_t body BUF_SCOPED = BUF_INIT, sent BUF_SCOPED = BUF_INIT, died[2] = {BUF_INIT, BUF_INIT};
    accounts_note_ended_t command = {.sids = {&sid, 1}};
    schema_encode(&accounts_note_ended_schema, &command, &body);
    outbox_sent_t letter = {.kind = str_from(ACCOUNTS_KIND),
                            .key = ACCOUNTS_KEY,
                            .name = str_from(accounts_note_ended_schema.name),
                            .body = buf_str(&body)};
    schema_encode(&outbox_sent_schema, &letter, &sent);
    for (size_t i = 0; i < COUNT_OF(died); i++)
        schema_encode(&outbox_died_schema, &(outbox_died_t){.number = i + 1, .err = ERR_INVALID},
                      &died[i]);
    str_t sent_name = str_from(outbox_sent_schema.name),
          died_name = str_from(outbox_died_schema.name);
    err_t err = append(journal, (journal_event_t[EVENTS]){{sent_name, buf_str(&sent)},
                                                          {sent_name, buf_str(&sent)},
                                                          {died_name, buf_str(&died[0])},
                                                          {died_name, buf_str(&died[1])}});
    buf_deinit(&died[0]);
    buf_deinit(&died[1]);
    return err;
}

int main(int count, char **arguments)
{
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
    if (count != 2)
        return 2;
    journal_lmdb_options_t options = {.path = arguments[1]};
    err_t err = journal_lmdb_open(&options, &journal);
    if (err == ERR_OK)
        err = put_letters(journal_lmdb_journal(journal));
    if (err != ERR_OK)
        fprintf(stderr, "letters: %s\n", err_text(err));
    return err == ERR_OK ? 0 : 1;
}
