#pragma once
/* racer.h -- what the race tests share: an actor that does what it is told and counts it, threads
 * that send, and a check that aborts.
 *
 * MS_ROUNDS=n makes every race n times as long. */

#include "runtime/runtime.h"

#include <stdatomic.h>

#define DEF_FILE "tests/stress/racer.def"
#include "runtime/base/schema_declare.h"

enum { RACER_REFS = 256 };

typedef struct racer_world {
    _Atomic uint64_t notes, asked, answered, ticks, jobs, worked, heard, monitors, downs, ended;
    _Atomic uint64_t refs[RACER_REFS]; /* of activations, some of them gone */
    _Atomic uint64_t next_ref;
} racer_world_t;

extern const actor_kind_t racer_kind;      /* "racer": idle after 1 ms */
extern const actor_kind_t racer_stay_kind; /* "stay": never */

void race_check(bool is_true, const char *what);
/* rounds, times MS_ROUNDS. */
uint64_t race_rounds(uint64_t rounds);
/* What a long run (MS_ROUNDS over 1) of a race is worth at least: operations on what is raced for.
 */
enum { RACE_OPERATIONS_LONG = 10 * 1000 * 1000 };
/* race_rounds, where each makes so many operations; in a long run enough of them. */
uint64_t race_rounds_of(uint64_t rounds, uint64_t operations_each);
/* After a round of a race that has made so many so far: whether a long run needs another. */
bool race_goes_on(uint64_t operations);
/* Prints how many there were; a long run had enough of them. */
void race_report(uint64_t operations, const char *what);
runtime_t *race_start(racer_world_t *world, uint32_t schedulers);
/* Drains, and checks that all that was sent is handled or counted as dead, and nobody is left.
 * Returns how many messages were sent. */
uint64_t race_end(runtime_t **runtime);
/* Waits until all that was sent is handled: what handlers count is counted. */
void race_settle(runtime_t *runtime);
uint64_t race_sent(runtime_t *runtime);
/* Waits until `counter` is `want`, at most a minute. */
void race_wait(_Atomic uint64_t *counter, uint64_t want, const char *what);

enum { RACE_THREADS = 3 };
typedef struct race_thread {
    runtime_t *runtime;
    racer_world_t *world;
    uint64_t index, rounds;
    random_seed_t seed;
    uv_thread_t thread;
} race_thread_t;
uint64_t race_draw(race_thread_t *self, uint64_t below);
/* A name of `count`, written into room. */
address_t race_name(race_thread_t *self, const char *kind, uint64_t count, char room[static 12]);
/* Runs `body` in RACE_THREADS threads of their own and waits for them. */
void race_run(runtime_t *runtime, racer_world_t *world, uint64_t rounds,
              void (*body)(race_thread_t *self));
