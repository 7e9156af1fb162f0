#pragma once
/* inspector.h -- the actor by which another node of the cluster looks into this one.
 *
 * Each node has one, and asks those of all of them (far.h); nobody else knows of it: no command of
 * a client's comes to it. What it tells is what the command line may see of its own node: no
 * secrets, no personal fields, of the recorder no payload and no key.
 *
 * A viewer is a number that who looks has drawn. A sample and a live trace belong to one, for as
 * long as it goes on asking; INSPECTOR_VIEWERS_MAX at a time, and who has not asked for
 * INSPECTOR_VIEWER_MS makes room.
 *
 * Errors   BUSY       that many look already, or that many traces are read (inside.h)
 *          NOT_FOUND  no such kind of actor; there is no recorder, or nothing to read
 * Threads  As of any actor. */

#include "runtime/runtime.h"

#define DEF_FILE "node/inside/inspector.def"
#include "runtime/base/schema_declare.h"

#define INSPECTOR_KIND "inspector"
#define INSPECTOR_KEY STR("node")

enum {
    INSPECTOR_VIEWERS_MAX = 8,
    INSPECTOR_VIEWER_MS = 15000,
    INSPECTOR_LINES = 2000, /* of a trace at a time */
    INSPECTOR_RECORDS_SIZE_MAX = 8 * 1024 * 1024
};

typedef struct inspector_service {
    const char *recorder; /* where its file lies; NULL: there is none */
} inspector_service_t;

extern const actor_kind_t inspector_kind;
