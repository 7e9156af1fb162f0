#pragma once
/* schemas.h -- schemas by their names: of what registered kinds hear and answer, and what was
 * added. Found once, a name is in a table that is read without a lock; it only grows.
 *
 * Threads  Any. */

#include "runtime/kernel.h"

enum { SCHEMAS_PLACES = 4096 };

typedef struct schemas {
    _Atomic(const schema_t *) places[SCHEMAS_PLACES]; /* open addressing by name */
    uv_mutex_t lock;
    uint32_t count;
} schemas_t;

void schemas_init(schemas_t *self);
void schemas_deinit(schemas_t *self);
/* NULL: there is none. */
const schema_t *schemas_find(schemas_t *self, const runtime_t *runtime, str_t name);
/* CONFLICT: another has its name; LIMIT. */
err_t schemas_add(schemas_t *self, const schema_t *schema);
