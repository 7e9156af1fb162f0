#pragma once
/* clan.h -- an actor that has names, is in groups, and watches them. */

#include "runtime/runtime.h"

#define DEF_FILE "tests/runtime/life/clan.def"
#include "runtime/base/schema_declare.h"

enum { CLAN_NOTES_MAX = 1024, CLAN_SEEN_MAX = 64 };

typedef struct clan_world {
    char noted_by[CLAN_NOTES_MAX]; /* the first letter of the key */
    uint32_t note_count;
    uint64_t seen[CLAN_SEEN_MAX]; /* members, as the watcher believes */
    uint32_t seen_count, wrong;   /* joined twice, or left without having been there */
} clan_world_t;

extern const actor_kind_t clan_kind;    /* "clan" */
extern const actor_kind_t resting_kind; /* "resting": the same; passivated after 20 ms */
