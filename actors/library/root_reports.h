#pragma once
/* root_reports.h -- what the nodes say they can read, and which of them scans a folder; pure.
 *
 * A node that has not reported for ROOTS_REPORT_LOST_MS is forgotten. Who scans a folder goes on as
 * long as it reports that it can read it; then another does, by rendezvous hashing. For the first
 * ROOTS_REPORT_LOST_MS nobody is chosen anew, so that who scanned before can say so.
 *
 * Ownership  Keeps deep copies of the reports.
 * Threads    None.
 * Errors     LIMIT: ROOTS_REPORTERS_MAX nodes; NO_MEMORY. */

#include "actors/protocol/roots.h"
#include "runtime/base/arena.h"

typedef struct root_reporter {
    uint64_t node, at_ms;
    roots_report_t *report;
} root_reporter_t;

typedef struct root_reports {
    root_reporter_t *reporters; /* by node */
    size_t count, capacity;
    uint64_t began_ms; /* of the first report; 0: none */
    uint64_t version;  /* another one when who reads what has changed, or is_whole */
    bool is_whole;     /* every node that runs has had time to report */
} root_reports_t;

void root_reports_deinit(root_reports_t *self);

/* Takes a report, and forgets who has not reported for too long. */
err_t root_reports_take(root_reports_t *self, const roots_report_t *report, uint64_t now_ms);
/* Whether any node can read it; false: *out_reason says why not, borrowed. */
bool root_reports_is_readable(const root_reports_t *self, str_t root, str_t *out_reason);
/* Who scans from here on; 0: nobody yet, or nobody can. */
uint64_t root_reports_scanner(const root_reports_t *self, str_t root, uint64_t now,
                              uint64_t now_ms);
/* In the arena. */
err_t root_reports_list(const root_reports_t *self, arena_t *arena, roots_known_t *known);
