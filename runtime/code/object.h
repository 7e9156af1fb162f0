#pragma once
/* object.h -- a shared object in memory: copied from its file, bound, and kept for ever.
 *
 * The copy is a memfd, sealed, opened by its name under /proc/self/fd. That descriptor stays open
 * as long as the object is mapped: its number is in the name by which the linker knows the object,
 * and a second object of that name would be the first one again.
 *
 * Threads  One that may block. */

#include "runtime/plugin.h"

typedef struct object {
    void *handle;
    int fd;
} object_t;

/* Errors: as runtime_load_plugin, each with a sentence in `problem`. */
err_t object_open(const char *path, buf_t *problem, object_t *out_object);
/* The descriptor in it, checked; what it names is good as long as the process. */
err_t object_plugin(const object_t *self, const char *path, buf_t *problem,
                    const plugin_t **out_plugin);
/* A descriptor that says nothing false about where its tables lie: everything else in it may be
 * nonsense, and is refused. UNSUPPORTED, INVALID. */
err_t plugin_check(const plugin_t *plugin, const char *path, buf_t *problem);
/* Of an object that nothing was used of. */
void object_discard(object_t *self);
