#include "tests/sim/explore/post.h"

#include "runtime/base/assert.h"
#include "runtime/durable/durable_forms.h"
#include "runtime/outbox.h"
#include "tests/sim/explore/actors/act.h"

#include <stdlib.h>
#include <string.h>

typedef struct posted {
    uint64_t number; /* the letter's; from 1 */
    str_t from;      /* the stream, in the arena */
    str_t to;
    uint64_t version; /* there */
    bool is_taken;
} posted_t;

typedef struct books {
    ledger_t *ledger;
    arena_t arena;
    posted_t *all;
    uint64_t count, capacity, taken;
} books_t;

static void books_deinit(books_t *self)
{
    free(self->all);
    arena_deinit(&self->arena);
}

static void note_sent(books_t *self, const journal_record_t *record)
{
    outbox_sent_t sent;
    act_letter_t letter;
    ASSERT(schema_decode(&outbox_sent_schema, record->event.payload, &self->arena, &sent) ==
           ERR_OK);
    ASSERT(schema_decode(&act_letter_schema, sent.body, &self->arena, &letter) == ERR_OK);
    self->all = ledger_grown(self->all, self->count, &self->capacity, sizeof *self->all);
    self->all[self->count++] = (posted_t){
        .number = letter.number,
        .from = arena_str(&self->arena, record->stream),
        .to = arena_printf(&self->arena, "%.*s/%.*s", STR_ARG(sent.kind), STR_ARG(sent.key)),
        .version = record->version};
}

static void wrong(const books_t *self, const posted_t *posted, const char *what)
{
    ledger_fail(self->ledger, ORACLE_POST, "letter %llu of %.*s (%llu) to %.*s %s",
                (unsigned long long)posted->number, STR_ARG(posted->from),
                (unsigned long long)posted->version, STR_ARG(posted->to), what);
}

/* Of those of the same pair, the ones before it were taken, and none behind it. */
static void check_order(const books_t *self, const posted_t *posted)
{
    for (uint64_t i = 0; i < self->count; i++) {
        const posted_t *other = &self->all[i];
        bool is_before = other->version < posted->version;
        if (str_equal(other->from, posted->from) && str_equal(other->to, posted->to) &&
            other != posted && is_before != other->is_taken)
            wrong(self, posted, is_before ? "overtook another" : "was overtaken");
    }
}

static void note_taken(books_t *self, const journal_record_t *record)
{
    act_received_t taken;
    ASSERT(schema_decode(&act_received_schema, record->event.payload, &self->arena, &taken) ==
           ERR_OK);
    for (uint64_t i = 0; i < self->count; i++) {
        posted_t *posted = &self->all[i];
        if (posted->number != taken.number)
            continue;
        if (posted->is_taken || !str_equal(posted->to, record->stream))
            wrong(self, posted, posted->is_taken ? "is taken twice" : "is taken by another");
        check_order(self, posted);
        posted->is_taken = true;
        self->taken++;
        return;
    }
    ledger_fail(self->ledger, ORACLE_POST, "%.*s took letter %llu, which nobody sent",
                STR_ARG(record->stream), (unsigned long long)taken.number);
}

static err_t note(void *context, const journal_record_t *record)
{
    books_t *self = context;
    if (str_equal(record->event.name, STR(JOURNAL_OUTBOX_SENT)))
        note_sent(self, record);
    else if (str_equal(record->event.name, str_from(act_received_schema.name)))
        note_taken(self, record);
    return ERR_OK;
}

uint64_t post_settle(ledger_t *ledger, journal_t *journal)
{
    books_t self SCOPED(books_deinit) = {.ledger = ledger};
    ASSERT(journal->table->feed(journal, 0, SIZE_MAX, note, &self) == ERR_OK);
    for (uint64_t i = 0; i < self.count; i++)
        if (!self.all[i].is_taken)
            wrong(&self, &self.all[i], "was never taken");
    return self.taken;
}
