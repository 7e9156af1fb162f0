#pragma once
/* journal_sealed.h -- a journal around a journal: personal data is sealed on its way in and opened
 * on its way out (sealed_form.h says what, ARCHITECTURE §4 why). Who uses it sees a plain journal
 * with the contract of runtime/journal.h; what is behind it never sees personal data.
 *
 * An append whose keys are in memory is sealed where it is made. One that needs a key from the
 * store goes to a thread of this journal's own, and while any waits there, so do those that follow:
 * each stream keeps its order. At most JOURNAL_SEALED_WAITING_MAX bytes wait; past that an append
 * is refused with BUSY. Streams of other kinds pass untouched.
 *
 * Records of an erased subject are read without their personal fields, its snapshots are NOT_FOUND,
 * and an append that would seal something for it is refused: FORBIDDEN.
 *
 * Ownership  The inner journal and the vault stay the caller's and outlive it; kinds too.
 * Threads    As runtime/journal.h. Open and close from one. */

#include "storage/crypt/sealed_form.h"

enum { JOURNAL_SEALED_WAITING_MAX = 16 << 20 };

typedef struct journal_sealed journal_sealed_t;

typedef struct journal_sealed_options {
    journal_t *inner;
    vault_t *vault;
    const sealed_kind_t *kinds;
    size_t kind_count;
} journal_sealed_options_t;

err_t journal_sealed_open(const journal_sealed_options_t *options, journal_sealed_t **out_journal);
/* After everything that waits was passed on. Before the inner journal is closed. NULL is fine. */
void journal_sealed_close(journal_sealed_t *self);
void journal_sealed_scope_end(journal_sealed_t **self);
#define JOURNAL_SEALED_SCOPED SCOPED(journal_sealed_scope_end)

journal_t *journal_sealed_journal(journal_sealed_t *self);

/* One record of the inner journal, opened; borrows from it and from `room`, which it overwrites. */
typedef struct sealed_room {
    buf_t payload, result;
} sealed_room_t;
void sealed_room_deinit(sealed_room_t *self);
#define SEALED_ROOM_SCOPED SCOPED(sealed_room_deinit)
err_t journal_sealed_read_record(vault_t *vault, const sealed_kind_t *kind,
                                 const journal_record_t *record, sealed_room_t *room,
                                 journal_record_t *out_record);
