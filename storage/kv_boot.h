#pragma once
/* kv_boot.h -- whether a lazy environment can be trusted: the file `boot` in its folder.
 *
 * It names the boot in which the environment was last opened, and is written before the first write
 * of that boot; "clean" once everything was synced. A kill leaves the boot's own name: the pages
 * are in the kernel's cache, nothing is lost. Another boot's name: a power cut may have torn it.
 * Errors  IO, FULL, NO_MEMORY. */

#include "runtime/base/error.h"

/* A copy of `given`, or of the machine's boot id when it is NULL. */
err_t kv_boot_id(const char *given, char **out_boot_id);
/* Wipes the environment in `path` unless it can be trusted, then claims it for this boot. */
err_t kv_boot_begin(const char *path, const char *boot_id, bool *out_was_wiped);
/* Marks it clean. */
err_t kv_boot_end(const char *path);
/* Removes its files: environment and mark. */
err_t kv_boot_remove(const char *path);
