#pragma once
/* accounts_rules.h -- the directory of users: names, ids, roles; and the sessions that ended
 * lately; pure.
 *
 * Names are unique when folded (NFKC, case folding: Unicode Standard Annex 15 and section 3.13), so
 * "Ann" and "ANN" are one. The book keeps names as they were given.
 *
 * Ownership  The book owns its users. Threads None. Errors A refused call changes nothing. */

#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"

enum {
    ACCOUNTS_USER_ID_SIZE = 16,
    ACCOUNTS_SID_SIZE = 32,
    ACCOUNTS_NAME_SIZE_MAX = ACCOUNT_NAME_CHARACTERS_MAX * 4,
    ACCOUNTS_ENDED_MAX = 4096 /* the oldest is forgotten early when there are more */
};
#define ACCOUNTS_ENDED_MS (ACCOUNT_ACCESS_MS + 60000)

typedef struct accounts_entry {
    char user_id[ACCOUNTS_USER_ID_SIZE + 1];
    char name[ACCOUNTS_NAME_SIZE_MAX + 1];
    uint64_t folded_hash;
    uint32_t role;
    int64_t created_at;
} accounts_entry_t;

typedef struct accounts_ended_sid {
    char sid[ACCOUNTS_SID_SIZE + 1];
    int64_t ended_at;
} accounts_ended_sid_t;

typedef struct accounts_book {
    accounts_entry_t *users; /* in the order of their making */
    uint32_t user_count, user_capacity;
    accounts_ended_sid_t *ended; /* oldest first */
    uint32_t ended_count;
} accounts_book_t;

void accounts_book_deinit(accounts_book_t *self);
#define ACCOUNTS_BOOK_SCOPED SCOPED(accounts_book_deinit)

/* INVALID: empty, longer than ACCOUNT_NAME_CHARACTERS_MAX, not UTF-8, blanks at an end, a control
 * character. */
err_t accounts_check_name(str_t name);
/* NULL: nobody has this name. */
const accounts_entry_t *accounts_find_name(const accounts_book_t *self, str_t name);
bool accounts_have_admin(const accounts_book_t *self);
/* A hash of the folded name, also of one that nobody has: for the throttle. */
uint64_t accounts_name_hash(str_t name);

/* INVALID: name or role. CONFLICT: the name is taken. LIMIT: ACCOUNTS_MAX. NO_MEMORY. */
err_t accounts_decide_add(accounts_book_t *self, str_t name, uint32_t role);
err_t accounts_apply_added(accounts_book_t *self, const accounts_user_added_t *event,
                           int64_t wall_ms);
/* CONFLICT: the last administrator. */
err_t accounts_decide_remove(const accounts_book_t *self, str_t user_id, bool *out_is_change);
void accounts_apply_removed(accounts_book_t *self, const accounts_user_removed_t *event);
/* Also forgets those whose access tokens have expired. NO_MEMORY. */
err_t accounts_apply_ended(accounts_book_t *self, const accounts_sessions_ended_t *event,
                           int64_t wall_ms);

/* As records; the arrays have room for what is there. */
void accounts_users_copy(const accounts_book_t *self, accounts_user_t *out);
void accounts_ended_copy(const accounts_book_t *self, accounts_ended_session_t *out);
err_t accounts_from_state(accounts_book_t *self, const accounts_state_t *state);
