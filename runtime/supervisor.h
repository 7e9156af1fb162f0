#pragma once
/* supervisor.h -- an actor made from a table that starts other actors, in order, and decides what
 * happens when one of them fails or ends. The rules are those of Erlang's supervisor(3).
 *
 *     static const child_spec_t children[] = {
 *         {.id = "index", .kind = &index_kind, .key = STR_INIT("main")},
 *         {.id = "scan", .kind = &scan_kind, .restart = CHILD_TRANSIENT},
 *         {.id = "readers", .supervisor = &readers_spec},
 *     };
 *     static const supervisor_spec_t spec = {.name = "library", .strategy =
 * SUPERVISOR_REST_FOR_ONE, .children = children, .child_count = 3};
 *
 * Children start in the order of the table, each when the one before has started, and are stopped
 * in the reverse order, each with its time. Who is restarted stays in its slot: its reference stays
 * good, what waits in its mailbox is handled by the next incarnation. Who was stopped by a command
 * and is started again has another reference.
 *
 * More than `intensity` restarts within `period_ms`: the supervisor stops all of its children and
 * fails itself, with a reason that begins with "shutdown", so that the supervisor above decides: a
 * permanent one is started again, and that counts there; at the top it ends.
 *
 * A supervisor ends when all of its descendants have ended: only one that does not end when its
 * time and the kill after it have passed (C can't interrupt a handler; a journal may be silent) is
 * given up, logged, and left to end by itself.
 *
 * One that is killed (actor_kill, a failure of its own, or more time than the one above gives it)
 * waits for nobody, as in Erlang: its children are told to go, as by a kill, before anybody hears
 * of its end, so that nothing sent after that reaches them; each goes in its next turn, and what is
 * below them after that. So give a supervisor within a table its time: by default as long as it
 * takes.
 *
 * Ownership  Tables and names are borrowed and outlive the runtime; what comes in a command is
 * copied. Threads  supervisor_start any; the rest is asked for by messages. */

#include "runtime/runtime.h"

API_BEGIN

enum {
    SUPERVISOR_CHILDREN_MAX = 1024,  /* with their own specs */
    SUPERVISOR_SIMPLE_MAX = 1 << 20, /* children of a simple one */
    SUPERVISOR_INTENSITY_MAX = 1 << 20,
    SUPERVISOR_DEPTH_MAX = 16, /* tables within tables */
    SUPERVISOR_ID_SIZE_MAX = 64,
    SUPERVISOR_WHICH_MAX = 1000,      /* children in one answer */
    SUPERVISOR_INTENSITY_DEFAULT = 5, /* within */
    SUPERVISOR_PERIOD_DEFAULT_MS = 10000,
    SUPERVISOR_KILL_MS = 5000 /* from a kill until a child is given up */
};

typedef enum supervisor_strategy {
    SUPERVISOR_ONE_FOR_ONE,  /* who fails is restarted */
    SUPERVISOR_ONE_FOR_ALL,  /* all are stopped and started again */
    SUPERVISOR_REST_FOR_ONE, /* it and those started after it */
    SUPERVISOR_SIMPLE        /* any number of children of one spec, started by command */
} supervisor_strategy_t;

typedef enum child_restart {
    CHILD_PERMANENT, /* always restarted */
    CHILD_TRANSIENT, /* unless its end was normal or a shutdown */
    CHILD_TEMPORARY  /* never; its spec goes with it */
} child_restart_t;

typedef enum supervisor_auto_shutdown {
    SUPERVISOR_NEVER,           /* ends when it is told to */
    SUPERVISOR_ANY_SIGNIFICANT, /* when a significant child ended by itself */
    SUPERVISOR_ALL_SIGNIFICANT  /* when the last of them did */
} supervisor_auto_shutdown_t;

/* Of shutdown_ms. */
#define CHILD_SHUTDOWN_KILL UINT32_MAX /* at once, without its stop function */
#define CHILD_SHUTDOWN_INFINITE (UINT32_MAX - 1)

typedef struct supervisor_spec supervisor_spec_t;
typedef struct child_spec {
    const char *id;           /* unlike the others'; in a simple one: of all */
    const actor_kind_t *kind; /* of a registered kind: the registered one, with its service */
    const supervisor_spec_t *supervisor; /* instead of kind: a supervisor of its own */
    str_t key;
    child_restart_t restart;
    uint32_t shutdown_ms; /* until it is killed; 0: 5 s, of a supervisor infinite */
    bool is_significant;  /* not with CHILD_PERMANENT */
} child_spec_t;

struct supervisor_spec {
    const char *name; /* its key */
    supervisor_strategy_t strategy;
    uint32_t intensity, period_ms; /* 0: 5 within 10 s */
    bool never_restarts;           /* an intensity of 0: the first failure is one too many */
    /* 0: restart at once. Else after a while that doubles with each restart of a child within the
     * period, half of it chance. */
    uint32_t backoff_first_ms, backoff_max_ms;
    supervisor_auto_shutdown_t auto_shutdown;
    const child_spec_t *children; /* a simple one: exactly one, which is not started */
    size_t child_count;
};

/* Starts one at the top, after runtime_start. Any thread, or an actor: what it starts has no
 * supervisor; link or monitor the reference to hear of its end. The children start meanwhile; if
 * one does not, it ends. INVALID: the table breaks a rule; LIMIT, NO_MEMORY; UNAVAILABLE: draining.
 */
err_t supervisor_start(runtime_t *runtime, const supervisor_spec_t *spec, actor_ref_t *out_ref);

/* ---- what it is asked (runtime/supervisor.def) ----
 *
 * supervisor_start_child    adds a child of a registered kind at the end (a simple one: of its
 * spec, with this key) and starts it: supervisor_child. CONFLICT: the id is there; NOT_FOUND: no
 * such kind; LIMIT; INTERNAL: it does not start supervisor_stop_child     by id, of a simple one by
 * reference: stops it; its spec stays (not a temporary one's, nor a simple one's). NOT_FOUND
 * supervisor_restart_child  starts one that was stopped or has ended: supervisor_child. NOT_FOUND;
 *                           CONFLICT: it runs
 * supervisor_delete_child   forgets the spec of one that does not run. NOT_FOUND; CONFLICT
 * supervisor_which          supervisor_children, in start order, from `skip` on
 * supervisor_count          supervisor_counts
 *
 * While it starts or stops children it answers nothing: what is asked waits. */
#define DEF_FILE "runtime/supervisor.def"
#include "runtime/base/schema_declare.h"

API_END
