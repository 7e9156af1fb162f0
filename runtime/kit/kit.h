#pragma once
/* kit.h -- inside of test_kit.h: the kit, and the effects that it keeps.
 *
 * The runtime is a simulated one of one scheduler; the kit steps it until nothing happens any more.
 * Effects come in through a probe (probe.h), so they are seen where they would be carried out:
 * after the append that they wait for. Only the actor runs code of its author: children and
 * strangers are of kinds without any, there to be monitored, linked and to end. */

#include "runtime/kernel.h"
#include "runtime/kit/probe.h"
#include "runtime/test_kit.h"

enum { KIT_PATIENCE_MS = 24 * 3600 * 1000, KIT_EFFECTS_MAX = 65536 };

typedef enum kit_effect_kind {
    KIT_EVENT,
    KIT_SENT,
    KIT_ASKED,
    KIT_PUBLISHED,
    KIT_ARMED,
    KIT_SPAWNED,
    KIT_OFFLOADED,
    KIT_STOPPED,
    KIT_FAILED
} kit_effect_kind_t;

/* All it points to lies in the kit's arena. */
typedef struct kit_effect {
    kit_effect_kind_t kind;
    const schema_t *schema;
    const void *message;
    const char *to_kind; /* of a send or a child; NULL: to ref */
    str_t text;          /* key, topic or reason */
    uint64_t ref;
    uint64_t delay_ms, period_ms;
    offload_lane_t lane;
} kit_effect_t;

typedef struct kit_stranger_kind {
    struct kit_stranger_kind *next;
    actor_kind_t kind;
} kit_stranger_kind_t;

typedef struct kit_open_ask {
    struct kit_open_ask *next;
    reply_token_t token;
} kit_open_ask_t;

typedef struct kit_open_answer {
    kit_t *kit;
    kit_answer_t answer;
} kit_open_answer_t;

struct kit {
    kit_options_t options;
    arena_t arena;
    random_seed_t random;
    uint64_t now_ns;
    journal_t journal; /* notes events, then asks `memory` */
    journal_memory_t *memory;
    journal_t *source; /* NULL: memory */
    runtime_t *runtime;
    runtime_probe_t probe;
    const kit_answer_t *begun; /* UNSUPPORTED: it started */
    kit_stranger_kind_t *strangers;

    kit_effect_t *effects; /* `taken` of `count` were taken */
    size_t count, taken, capacity;
    kit_open_ask_t *asks, **asks_end;
    job_t *jobs, **jobs_end; /* owned */
    err_t send_result;
    buf_t wrong;
};

/* Whether an actor starts, as it would in a world where nothing that it does happens. `source` is
 * what its state is read from; NULL: nothing. The error is what `start` gives, or the reading. */
err_t kit_rehearse(const kit_options_t *options, journal_t *source);

/* Until nothing is ready. */
void kit_settle(kit_t *self);

void kit_probe_init(kit_t *self);
void kit_note_event(kit_t *self, const journal_event_t *event);
void kit_note_end(kit_t *self, kit_effect_kind_t kind, const char *reason);
/* Asks and jobs of a life that is over. */
void kit_drop_open(kit_t *self);
