#pragma once
/* memory.h -- the one door to the heap: nothing outside runtime/base calls malloc.
 *
 * Sizes are in bytes. Products are checked for overflow. Asking for 0 bytes gives a pointer that
 * can be freed. Errors   NULL when there is no memory. Threads  Any. */

#include "runtime/base/attributes.h"

API_BEGIN

[[nodiscard]] void *memory_new(size_t size);                          /* zeroed */
[[nodiscard]] void *memory_new_array(size_t count, size_t item_size); /* zeroed */
/* Zeroed; alignment is a power of two, size a multiple of it. */
[[nodiscard]] void *memory_new_aligned(size_t alignment, size_t size);
[[nodiscard]] void *
memory_resize(void *memory, size_t count,
              size_t item_size); /* the new part is not zeroed; the old block lives on failure */
[[nodiscard]] void *memory_dup(const void *data, size_t size);
[[nodiscard]] void *memory_new_unset(size_t size); /* not zeroed */
void memory_free(void *memory);

/* Fresh zeroed pages, straight from the system: `size` is a power of two of at least a page, and
 * the address a multiple of it. They go back to the system at once. */
[[nodiscard]] void *memory_map(size_t size);
void memory_unmap(void *pages, size_t size);
/* They will all be written soon: the kernel brings them in at once, not one by one. */
void memory_populate(void *pages, size_t size);

/* For cleanup attributes: frees what the local points to. */
void memory_scope_end(void *pointer_to_pointer);
#define MEMORY_SCOPED SCOPED(memory_scope_end)

API_END
