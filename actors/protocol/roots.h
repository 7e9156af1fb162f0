#pragma once
/* roots.h -- messages of `roots/all` (roots.def), and their limits. */

#define DEF_FILE "actors/protocol/roots.def"
#include "runtime/base/schema_declare.h"

enum {
    ROOTS_MAX = 64,
    ROOT_NAME_SIZE_MAX = 64,
    ROOTS_PUBLISH_MS = 100,
    ROOTS_PROBLEMS_MAX = 100, /* of each root, in a status */
    ROOTS_REPORT_MS = 1000,
    ROOTS_REPORT_LOST_MS = 5000, /* a node that has not reported for so long reads nothing */
    ROOTS_REPORTERS_MAX = 1024,
};

#define ROOTS_KIND "roots"
#define ROOTS_KEY STR("all")
#define LIBRARY_STATUS_TOPIC STR("roots/all/status")

/* In the order of GraphQL's ScanPhase. */
typedef enum scan_phase {
    SCAN_PHASE_IDLE,
    SCAN_PHASE_LISTING,
    SCAN_PHASE_READING,
    SCAN_PHASE_FINISHING
} scan_phase_t;
