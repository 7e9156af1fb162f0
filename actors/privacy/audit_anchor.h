#pragma once
/* audit_anchor.h -- where the audit log's newest entry is kept a second time, apart from the
 * journal: its number and the beginning of its chain, among the users' keys, wrapped as they are.
 * So a log that was cut off at its end is found: the anchor is of an entry that is not there.
 *
 * The log says itself that it is anchored: one that says so and has no anchor was tampered with, or
 * its keys came from elsewhere, and an entry tells that for good before another anchor is made. A
 * log from before there were anchors, and a new one, get theirs.
 *
 * It never goes back. Found to be ahead of the log, it says so from then on, whatever comes after.
 * It may be a few entries behind, when a kill came between the two. Backups leave it out, since
 * they bring back an earlier log: a restore makes one of no entry. Whoever puts back the journal
 * and the keys of one earlier moment is not found.
 *
 * Threads  Any that may wait for the vault's store. Errors  Those of vault.h. */

#include "actors/privacy/audit_log.h"
#include "storage/crypt/vault.h"

#define AUDIT_ANCHOR STR("_audit") /* its name among the records */

enum { AUDIT_ANCHOR_CHAIN_SIZE = VAULT_VALUE_SIZE - 8 };

typedef struct audit_anchor {
    bool is_there;
    bool is_cut;     /* the log ended before `number` once */
    uint64_t number; /* 0: of none */
    uint8_t chain[AUDIT_ANCHOR_CHAIN_SIZE];
} audit_anchor_t;

err_t audit_anchor_get(vault_t *vault, audit_anchor_t *out_anchor);
typedef struct audit_anchor_how {
    bool is_start; /* the log was just read: an anchor ahead of it is no call that came late */
    bool may_make; /* one that is not there; else nothing is written then */
} audit_anchor_how_t;
/* Of the log's newest entry, by one call at a time. *out_before (may be NULL): what there was. */
err_t audit_anchor_advance(vault_t *vault, const audit_log_t *log, audit_anchor_how_t how,
                           audit_anchor_t *out_before);
/* For a reader: whether the anchor is of this entry. */
bool audit_anchor_is_of(const audit_anchor_t *self, str_t chain);
