#pragma once
/* program.h -- what lies beside this program: the media worker, the player. */

#include "runtime/base/arena.h"

/* The configured path, or NAME in the folder of this program. {NULL, 0}: no memory. */
str_t program_beside(arena_t *arena, const char *configured, const char *name);
