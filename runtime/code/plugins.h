#pragma once
/* plugins.h -- the plugins of a runtime, and the versions of their kinds.
 *
 * A kind has a place in the runtime's table for ever, and a current version; every version of it
 * has the same `name`, by pointer too: that is its identity (kind_is). A version is constant from
 * when it is published, and lives as long as the runtime.
 *
 * Threads  Any; the lock is held for moments only, never while a file is read or a state restored.
 */

#include "runtime/code/object.h"

#include <stdatomic.h>
#include <uv.h>

typedef struct replacement replacement_t;

typedef struct loaded_plugin {
    const plugin_t *plugin;
    void *service;
    uint32_t replacement_count;
} loaded_plugin_t;

typedef struct kind_version {
    actor_kind_t kind;
    struct kind_version *next;
} kind_version_t;

typedef struct plugins {
    uv_mutex_t lock;
    loaded_plugin_t loaded[PLUGINS_MAX];
    uint32_t count, replacement_count;
    bool is_replacing;          /* from the first look at the file to the last actor's resuming */
    replacement_t *replacement; /* actors are being held; counted */
    _Atomic bool is_holding;    /* there is one */
    kind_version_t *versions;
} plugins_t;

plugins_t *plugins_new(void);
void plugins_free(plugins_t *self);

/* Under the lock. NULL: none of that name. */
loaded_plugin_t *plugins_find(plugins_t *self, const char *name);

/* Takes it; it lives as long as the runtime. */
void plugins_keep(plugins_t *self, kind_version_t *version);
/* An object with its checked descriptor. On an error nothing of it is left. */
err_t plugin_open(const char *path, buf_t *problem, object_t *out_object,
                  const plugin_t **out_plugin);
/* Runs the plugin's own code for the first time: from here on the object stays. */
err_t plugin_start(runtime_t *runtime, const plugin_t *plugin, const char *path, buf_t *problem);

static inline bool kind_is(const actor_kind_t *a, const actor_kind_t *b)
{
    return a == b || a->name == b->name;
}
