#pragma once
/* arena.h -- memory that is given out piece by piece and freed all at once.
 *
 * Invariants  Every piece is 16-byte aligned and zeroed. Blocks double up to 64 KiB; larger pieces
 * get a block of their own. bytes given out never exceed `size_max` (0: no limit). Ownership   The
 * arena owns every piece. arena_reset keeps the first block, arena_deinit frees all. Threads None.
 * Errors      NULL: no memory, or past size_max. */

#include "runtime/base/str.h"

API_BEGIN

typedef struct arena_block arena_block_t;

typedef struct arena {
    arena_block_t *blocks; /* newest first */
    size_t size;           /* bytes given out */
    size_t size_max;
} arena_t;

void arena_deinit(arena_t *self);
#define ARENA_SCOPED SCOPED(arena_deinit)
void arena_reset(arena_t *self);

/* All of the other's pieces become this one's, past size_max too; the other is empty. */
void arena_take(arena_t *self, arena_t *other);

[[nodiscard]] void *arena_new(arena_t *self, size_t size);
[[nodiscard]] void *arena_new_array(arena_t *self, size_t count, size_t item_size);
[[nodiscard]] void *arena_dup(arena_t *self, const void *data, size_t size);
/* A terminated copy; {NULL, 0} when there is no memory, also for the empty string's sake never NULL
 * otherwise. */
str_t arena_str(arena_t *self, str_t s);
str_t arena_printf(arena_t *self, const char *format, ...) PRINTF_LIKE(2, 3);

API_END
