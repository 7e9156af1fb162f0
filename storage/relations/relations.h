#pragma once
/* relations.h -- the relations of a node, and a batch of events as the statements that project it.
 *
 * Events of a batch are gathered into groups, one statement each, as few as the order within a
 * stream allows: an event goes to the first group of its type that lies not before (`is_alone`:
 * behind) the last one of its stream in the same relation. So a batch of 256 events of one type is
 * one statement, whatever streams they are of.
 *
 * Threads    One batch at a time each. The list of relations is constant.
 * Errors     INVALID or the like of schema_decode: an event's payload is not what its schema says,
 *            and the batch is not usable; what the opener said; NO_MEMORY; LIMIT: more than
 * RELATION_GROUPS_MAX groups.
 */

#include "storage/relations/relation.h"

enum { RELATION_GROUPS_MAX = 8192 }; /* each event of an append may need one in each of two */

/* All zero: none. The array is borrowed. */
typedef struct relation_list {
    const relation_t *const *items;
    size_t count; /* at most RELATION_MAX */
} relation_list_t;

/* NULL: no such one. */
const relation_t *relation_find(relation_list_t list, str_t name);

/* An event as tables may keep it (storage/crypt/sealed_field.h): appends the payload, or nothing
 * where that is what is stored. All zero: nothing is sealed. */
typedef struct relation_opener {
    err_t (*open)(void *context, str_t stream, uint64_t version, const journal_event_t *event,
                  buf_t *out_payload);
    void *context;
} relation_opener_t;

typedef struct relation_batch relation_batch_t;

err_t relation_batch_new(relation_list_t list, relation_opener_t opener,
                         relation_batch_t **out_batch);
void relation_batch_free(relation_batch_t *self); /* NULL is fine */
void relation_batch_scope_end(relation_batch_t **self);
#define RELATION_BATCH_SCOPED SCOPED(relation_batch_scope_end)
/* Forgets what was added, keeps memory. */
void relation_batch_reset(relation_batch_t *self);

/* Events of one stream are added in a row: begin each stream with this. `place`: what ms_refused()
 * calls it. The name is borrowed until the next call. */
void relation_batch_stream(relation_batch_t *self, str_t stream, int64_t place);
/* An event as it is stored. One that no relation wants is passed over. */
err_t relation_batch_add(relation_batch_t *self, uint64_t version, const journal_event_t *event,
                         int64_t wall_ms);

/* The statements, in their order, behind `before` places for the caller's own; *out_count is of
 * all. Borrowed until the next call. */
err_t relation_batch_statements(relation_batch_t *self, size_t before,
                                pg_statement_t **out_statements, size_t *out_count);
