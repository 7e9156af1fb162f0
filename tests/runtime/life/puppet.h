#pragma once
/* puppet.h -- actors that do on command what tests of links, monitors and supervisors need done, on
 * a stage without threads; what they are told is written down in one log. */

#include "runtime/runtime.h"
#include "runtime/simulation.h"
#include "runtime/supervisor.h"
#include "tests/support/check.h"

#define DEF_FILE "tests/runtime/life/puppet.def"
#include "runtime/base/schema_declare.h"

typedef struct stage {
    simulation_t *simulation;
    runtime_t *runtime;
    buf_t log, shown;                              /* "a down normal\n", ... */
    actor_kind_t puppet, trapper;                  /* to spawn */
    uint32_t starts_to_fail, starts_to_fail_after; /* so many starts are refused, after so many */
    bool is_verbose;                               /* starts and stops are written down, too */
    uint64_t who_hears_of_downs;                   /* each who is told of a down sends it a hear */
    err_t err;                                     /* of the last stage_ask */
    uint64_t alive;                                /* states that were started and not freed */
} stage_t;

extern const actor_kind_t puppet_kind, trapper_kind; /* the second traps exits */

void stage_start(stage_t *self, uint64_t seed);
/* With a log, and a journal for keepers (keeper.h), where they are not NULL. */
void stage_start_with(stage_t *self, uint64_t seed, const ms_log_t *log, journal_t *journal);
void stage_stop(stage_t *self); /* nobody is left, or it fails */
/* Lets everything happen that can at this moment; time stands still. */
void stage_settle(stage_t *self);
/* Lets this much time pass, and everything happen in it. */
void stage_pass(stage_t *self, uint64_t ms);
/* What was written down so far, which is forgotten then. Valid until the next call. */
const char *stage_log(stage_t *self);
#define check_log(stage, wanted) check_str(str_from(stage_log(stage)), STR(wanted))

/* Asks, settles, and returns the number of a puppet_number, or 0 for anything else. */
uint64_t stage_ask(stage_t *self, address_t to, const schema_t *schema, const void *message);
#define ask_puppet(stage, to, command, ...)                                                        \
    stage_ask((stage), (to), &command##_schema, &(command##_t){__VA_ARGS__})
#define tell_puppet(stage, to, command, ...)                                                       \
    check_ok(runtime_send((stage)->runtime, (to), command, __VA_ARGS__))
/* The reference of the puppet or trapper with this name; it is started. */
uint64_t stage_ref(stage_t *self, const char *kind, const char *key);

static inline address_t at(uint64_t ref_bits)
{
    return address_of_ref((actor_ref_t){ref_bits});
}
