#include "actors/privacy/audit_anchor.h"
#include "storage/crypt/vault_files.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdlib.h>

enum { ENTRIES = 5 };

typedef struct book {
    temporary_t folder;
    vault_t *vault;
    keyring_t *keyring;
    audit_log_t logs[ENTRIES + 1]; /* as it stood after that many entries */
    char chains[ENTRIES + 1][AUDIT_CHAIN_SIZE + 1];
} book_t;

static void open_vault(book_t *self, uint8_t byte)
{
    temporary_name_t path = temporary_in(&self->folder, "keys");
    vault_store_t *store = NULL;
    aead_key_t master;
    buf_t problem BUF_SCOPED = BUF_INIT;
    memset(&master, byte, sizeof master);
    check_ok(vault_files_open(str_from(path.path), &store));
    check_ok(
        vault_open(&(vault_options_t){.store = store, .master = &master}, &problem, &self->vault));
}

static void book_open(book_t *self)
{
    ms_clock_t clock = clock_system();
    ms_random_t random = random_system();
    self->folder = temporary_new();
    open_vault(self, 1);
    check_ok(keyring_open(STR(""), &clock, &random, &self->keyring));
    for (size_t i = 0; i < ENTRIES; i++) {
        audit_noted_t event;
        self->logs[i + 1] = self->logs[i];
        check_ok(audit_log_next(&self->logs[i], self->keyring, AUDIT_EXPORTED, STR("ann"),
                                (int64_t)i, self->chains[i + 1], &event));
        audit_log_apply(&self->logs[i + 1], &event);
    }
}

static void book_close(book_t *self)
{
    vault_close(self->vault);
    keyring_close(self->keyring);
    temporary_remove(&self->folder);
}
#define BOOK_SCOPED SCOPED(book_close)

static audit_anchor_t anchor_of(book_t *book)
{
    audit_anchor_t anchor;
    check_ok(audit_anchor_get(book->vault, &anchor));
    return anchor;
}

static audit_anchor_t advance(book_t *book, size_t entries, bool is_start)
{
    const audit_anchor_how_t how = {.is_start = is_start, .may_make = true};
    check_ok(audit_anchor_advance(book->vault, &book->logs[entries], how, NULL));
    return anchor_of(book);
}

Test(audit_anchor, it_is_of_the_newest_entry_and_outlives_a_rotation)
{
    book_t book BOOK_SCOPED = {0};
    aead_key_t next;
    memset(&next, 2, sizeof next);
    book_open(&book);
    check_true(!anchor_of(&book).is_there);

    for (size_t i = 0; i <= ENTRIES; i++) {
        audit_anchor_t anchor = advance(&book, i, i == 0);
        cr_assert(anchor.is_there && !anchor.is_cut && anchor.number == i);
        check_true(i == 0 || audit_anchor_is_of(&anchor, str_from(book.chains[i])));
        check_true(i == 0 || !audit_anchor_is_of(&anchor, str_from(book.chains[i - 1])));
    }

    check_ok(vault_rotate(book.vault, &next, &(vault_rotation_t){0}));
    vault_close(STEAL(book.vault));
    open_vault(&book, 2);
    audit_anchor_t anchor = anchor_of(&book);
    cr_assert(anchor.number == ENTRIES && !anchor.is_cut);
}

Test(audit_anchor, a_log_that_was_cut_off_is_found_and_stays_found)
{
    for (size_t left = 0; left < ENTRIES; left++) {
        book_t book BOOK_SCOPED = {0};
        book_open(&book);
        check_true(!advance(&book, ENTRIES, true).is_cut);

        audit_anchor_t anchor = advance(&book, left, true);

        cr_assert(anchor.is_cut && anchor.number == ENTRIES, "%zu left", left);
        anchor = advance(&book, ENTRIES, false); /* as many as there were */
        cr_assert(anchor.is_cut && anchor.number == ENTRIES);
    }
}

Test(audit_anchor, another_entry_in_the_newest_ones_place_is_found)
{
    book_t book BOOK_SCOPED = {0};
    audit_noted_t event;
    char chain[AUDIT_CHAIN_SIZE + 1];
    book_open(&book);
    (void)advance(&book, ENTRIES, true);
    audit_log_t log = book.logs[ENTRIES - 1];
    check_ok(audit_log_next(&log, book.keyring, AUDIT_EXPORTED, STR("bob"), 99, chain, &event));
    audit_log_apply(&log, &event);

    check_ok(audit_anchor_advance(book.vault, &log, (audit_anchor_how_t){0}, NULL));

    check_true(anchor_of(&book).is_cut);
}

Test(audit_anchor, a_job_that_comes_late_takes_nothing_back)
{
    book_t book BOOK_SCOPED = {0};
    book_open(&book);
    (void)advance(&book, 4, false);

    audit_anchor_t anchor = advance(&book, 3, false);

    cr_assert(anchor.number == 4 && !anchor.is_cut);
    cr_assert(advance(&book, 5, true).number == 5); /* behind, since a kill came between */
}

Test(audit_anchor, one_that_is_gone_is_not_made_in_silence)
{
    book_t book BOOK_SCOPED = {0};
    audit_anchor_t before = {.is_there = true};
    book_open(&book);

    check_ok(audit_anchor_advance(book.vault, &book.logs[2], (audit_anchor_how_t){0}, &before));

    check_true(!before.is_there && !anchor_of(&book).is_there);
    (void)advance(&book, 2, true);
    check_ok(audit_anchor_advance(book.vault, &book.logs[3], (audit_anchor_how_t){0}, &before));
    check_true(before.is_there && anchor_of(&book).number == 3);
}
