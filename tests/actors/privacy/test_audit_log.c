#include "actors/privacy/audit_log.h"
#include "tests/support/check.h"

enum { ENTRIES = 6 };

typedef struct entry {
    audit_noted_t event; /* its chain is in `chain` */
    char chain[AUDIT_CHAIN_SIZE + 1];
} entry_t;

typedef struct book {
    keyring_t *keyring;
    entry_t entries[ENTRIES];
} book_t;

static void book_close(book_t *self)
{
    keyring_close(self->keyring);
}
#define BOOK_SCOPED SCOPED(book_close)

static const struct {
    uint32_t action;
    str_t user;
} WRITTEN[ENTRIES] = {
    {AUDIT_EXPORTED, STR_INIT("ann")},        {AUDIT_ERASURE_BEGUN, STR_INIT("ann")},
    {AUDIT_ERASURE_BEGUN, STR_INIT("bob")},   {AUDIT_MASTER_KEY_CHANGED, STR_INIT("")},
    {AUDIT_ERASURE_REFUSED, STR_INIT("bob")}, {AUDIT_ERASURE_ENDED, STR_INIT("ann")}};

static void write_book(book_t *self)
{
    audit_log_t log = {0};
    ms_clock_t clock = clock_system();
    ms_random_t random = random_system();
    check_ok(keyring_open(STR(""), &clock, &random, &self->keyring));
    for (size_t i = 0; i < ENTRIES; i++) {
        entry_t *entry = &self->entries[i];
        check_ok(audit_log_next(&log, self->keyring, WRITTEN[i].action, WRITTEN[i].user,
                                1000 + (int64_t)i, entry->chain, &entry->event));
        audit_log_apply(&log, &entry->event);
    }
}

/* How many entries in a row from the first are as they were written. */
static size_t good_entries(const book_t *book, const entry_t *entries, size_t count)
{
    audit_log_t log = {0};
    for (size_t i = 0; i < count; i++) {
        if (!audit_log_follows(&log, book->keyring, &entries[i].event))
            return i;
        audit_log_apply(&log, &entries[i].event);
    }
    return count;
}

static void copy_book(const book_t *book, entry_t entries[ENTRIES])
{
    for (size_t i = 0; i < ENTRIES; i++) {
        entries[i] = book->entries[i];
        entries[i].event.chain = str_from(entries[i].chain);
    }
}

static void swap_entries(entry_t *a, entry_t *b)
{
    entry_t kept = *a;
    *a = *b;
    *b = kept;
    a->event.chain = str_from(a->chain);
    b->event.chain = str_from(b->chain);
}

Test(audit_log, as_it_was_written_it_is_whole)
{
    book_t book BOOK_SCOPED = {0};
    entry_t entries[ENTRIES];
    write_book(&book);
    copy_book(&book, entries);

    check_true(good_entries(&book, entries, ENTRIES) == ENTRIES);
}

Test(audit_log, an_entry_that_was_altered_is_found)
{
    book_t book BOOK_SCOPED = {0};
    write_book(&book);

    for (size_t i = 0; i < ENTRIES; i++) {
        for (int what = 0; what < 5; what++) {
            entry_t entries[ENTRIES];
            copy_book(&book, entries);
            audit_noted_t *event = &entries[i].event;
            event->number += what == 0 ? 1 : 0;
            if (what == 1)
                event->action = event->action == 1 ? 2 : 1;
            event->at_ms += what == 2 ? 1 : 0;
            event->user_id = what == 3 ? STR("eve") : event->user_id;
            if (what == 4)
                entries[i].chain[0] = entries[i].chain[0] == '0' ? '1' : '0';
            cr_expect(good_entries(&book, entries, ENTRIES) == i, "entry %zu, case %d", i, what);
        }
    }
}

Test(audit_log, an_entry_that_was_taken_out_is_found)
{
    book_t book BOOK_SCOPED = {0};
    write_book(&book);

    for (size_t gone = 0; gone + 1 < ENTRIES; gone++) {
        entry_t entries[ENTRIES];
        copy_book(&book, entries);
        for (size_t i = gone; i + 1 < ENTRIES; i++)
            swap_entries(&entries[i], &entries[i + 1]);
        cr_expect(good_entries(&book, entries, ENTRIES - 1) == gone, "entry %zu", gone);
        for (size_t i = gone; i + 1 < ENTRIES; i++)
            entries[i].event.number--; /* the numbers put right */
        cr_expect(good_entries(&book, entries, ENTRIES - 1) == gone, "entry %zu, renumbered", gone);
    }
}

Test(audit_log, entries_in_another_order_are_found)
{
    book_t book BOOK_SCOPED = {0};
    write_book(&book);

    for (size_t a = 0; a < ENTRIES; a++)
        for (size_t b = a + 1; b < ENTRIES; b++) {
            entry_t entries[ENTRIES];
            copy_book(&book, entries);
            swap_entries(&entries[a], &entries[b]);
            cr_expect(good_entries(&book, entries, ENTRIES) == a, "%zu and %zu", a, b);
            entries[a].event.number = a + 1;
            entries[b].event.number = b + 1;
            cr_expect(good_entries(&book, entries, ENTRIES) == a, "%zu and %zu, renumbered", a, b);
        }
}

Test(audit_log, who_has_not_the_key_continues_no_chain)
{
    book_t book BOOK_SCOPED = {0}, other BOOK_SCOPED = {0};
    entry_t entries[ENTRIES];
    write_book(&book);
    write_book(&other);
    copy_book(&other, entries);

    check_true(good_entries(&book, entries, ENTRIES) == 0);
}
