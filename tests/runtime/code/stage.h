#pragma once
/* stage.h -- a runtime with the plugin of tests, for the tests of this folder. */

#include "runtime/journal_memory.h"
#include "runtime/runtime.h"
#include "tests/runtime/code/plugins/tally.h"
#include "tests/support/asking.h"

typedef struct stage {
    journal_memory_t *journal;
    runtime_t *runtime;
    asking_t asking;
    buf_t problem;
} stage_t;

/* The path of a plugin that the build made. */
const char *plugin_path(const char *name, char room[512]);

/* A runtime of two schedulers that has loaded tally_v1. */
void stage_open(stage_t *self);
void stage_close(stage_t *self);
#define STAGE_SCOPED SCOPED(stage_close)

err_t stage_replace(stage_t *self, const char *plugin, uint64_t timeout_ms);
#define check_replaced(stage, plugin)                                                              \
    do {                                                                                           \
        err_t replaced_err_ = stage_replace((stage), (plugin), 20000);                             \
        cr_assert(replaced_err_ == ERR_OK, "%s: %s", err_name(replaced_err_),                      \
                  buf_terminated(&(stage)->problem));                                              \
    } while (0)

/* It does not come about because an actor waits for `what`; they get more and more time to say so.
 */
void check_waits_for(stage_t *self, const char *plugin, const char *what);

/* The answer, whatever version gave it. */
tally_status_t tally_of(stage_t *self, asked_t asked);
ledger_status_t ledger_of(stage_t *self, asked_t asked);

#define tally_at(key) address_of("tally", STR(key))
#define tally_now(stage, key) tally_of((stage), ask(&(stage)->asking, tally_at(key), tally_read))
