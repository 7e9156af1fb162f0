#pragma once
/* index_build.h -- inside of a build: a folder that is not finished has a mark in it.
 *
 * Errors  IO, NO_MEMORY */

#include "runtime/base/error.h"

/* Removes what a build has left in the folder, unless it was finished. */
err_t index_discard_unfinished(const char *path);
bool index_is_unfinished(const char *path);
