#pragma once
/* sealed_field.h -- events as a relational projection may keep them: see ARCHITECTURE §4 and
 * docs/decisions/0009-encryption-at-rest.md.
 *
 * In the projected form a PERSONAL string is a reference: bytes for a column that only a node with
 * the keys can read.
 *
 *     0xc1 "f" · version u64 · stream size u8 · stream · event size u8 · event · sealed · tag u32
 *
 * Little endian; `sealed` is the event's own sealed map, so equal events give equal references.
 * What was written before anything was sealed is projected as it is.
 *
 * Threads  Any. Errors  As vault.h; CORRUPT: no reference. */

#include "storage/crypt/sealed_form.h"

/* Which kinds, with whose keys. A table that is copied; what it points to outlives it. */
typedef struct sealed_projector {
    vault_t *vault;
    const sealed_kind_t *kinds;
    size_t kind_count;
} sealed_projector_t;

/* Appends the projected form of an event as it is stored; nothing where that is the same. An erased
 * subject's marked fields are missing. */
err_t sealed_project(const sealed_projector_t *self, str_t stream, uint64_t version,
                     const journal_event_t *event, buf_t *out);
/* Appends what the reference stands for; bytes that are no reference as they are. `subject`: the
 * row's user id. STALE: it is erased. */
err_t sealed_field_open(const sealed_projector_t *self, str_t bytes, str_t subject, buf_t *out);
