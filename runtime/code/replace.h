#pragma once
/* replace.h -- the steps in which a plugin's kinds are replaced. runtime_replace_plugin takes them
 * one after the other and waits in between; a simulation lets anything happen between them.
 *
 * Threads  One that may block, none of the runtime's schedulers; one replacement at a time
 * (plugins_t.is_replacing). */

#include "runtime/code/plugins.h"

typedef struct replacing {
    runtime_t *runtime;
    plugins_t *plugins;
    loaded_plugin_t *loaded; /* what is replaced */
    const plugin_t *plugin;  /* by what; it lives as long as the runtime */
    const char *path;        /* for messages */
    buf_t *problem;
    replacement_t *replacement; /* between begin and end */
} replacing_t;

/* Asks all actors of its kinds to come to rest. An error has ended it: CONFLICT, INVALID, LIMIT
 * (see runtime_replace_plugin), NO_MEMORY. */
err_t replacing_begin(replacing_t *self);
bool replacing_is_at_rest(replacing_t *self);
/* OK, at rest: to the new version, if every state goes over; else all go on as they were, with the
 * error. Ends it. */
err_t replacing_end(replacing_t *self, err_t err);
