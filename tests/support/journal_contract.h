#pragma once
/* journal_contract.h -- what every journal must do, whatever is behind it: one test for all of
 * them.
 *
 * Works on streams of its own ("contract/..."), so that the journal may hold others.
 * Threads  One. `pump` is called while an answer is awaited; NULL: it comes on another thread. */

#include "runtime/journal.h"

typedef struct journal_subject {
    journal_t *journal;
    void (*pump)(void *context);
    void *context;
} journal_subject_t;

/* True: it keeps the contract. False: *problem says what was broken. */
bool journal_contract_holds(const journal_subject_t *subject, buf_t *problem);
/* `rounds` random appends, right and wrong ones, against a naive twin; then every stream and the
 * feed are compared. */
bool journal_model_holds(const journal_subject_t *subject, uint64_t seed, uint32_t rounds,
                         buf_t *problem);

/* How an append ended. */
typedef struct append_result {
    err_t err;
    uint64_t version, position;
} append_result_t;
/* Appends one event named "noted" and waits for the answer. */
append_result_t journal_append_wait(const journal_subject_t *subject, str_t stream,
                                    uint64_t expected_version, str_t payload);
/* The same with the caller's own append; done and done_context are filled in here. */
append_result_t journal_append_wait_for(const journal_subject_t *subject, journal_append_t append);
