#pragma once
/* sealed_form.h -- how events, answers and snapshots look to a journal that must not read them.
 *
 *     event     its wire form without marked fields, with their sealed map (schema_seal.h); behind
 *               that map, sealed with it, the answer
 *     answer    0xc1 alone: it is with its event; of an event without marked fields: 0xc1, sealed
 *               whole under the subject of the event
 *     snapshot  0xc1, sealed whole under the stream's subject, or "shared"
 *
 * 0xc1 begins no msgpack value, so what was written before anything was sealed is told apart, and
 * is read as it is. Each is bound to its stream, version and event: moved, it is CORRUPT.
 *
 * Ownership  Functions append to buffers; what they find borrows.
 * Threads    Any. Errors  As vault.h and schema_seal.h. */

#include "runtime/base/schema_seal.h"
#include "runtime/journal.h"
#include "storage/crypt/vault.h"

enum {
    SEALED_MARKS = FIELD_PERSONAL | FIELD_SECRET,
    SEALED_EVENT_MORE = VAULT_SEALED_MORE + 12 /* at most: bytes that sealing adds to an event */
};
/* The subject of snapshots that are not one user's. Its key is renewed by every erasure, so they
 * are made again. */
#define SEALED_SHARED STR("shared")

/* A kind whose streams hold personal data. */
typedef struct sealed_kind {
    const char *name;
    bool is_owned;                 /* a stream's key is its subject, where no field says so */
    const schema_t *const *events; /* ends with NULL */
} sealed_kind_t;

/* Where something stands. */
typedef struct sealed_place {
    const sealed_kind_t *kind;
    str_t stream;
    uint64_t version;
    str_t event; /* its name; empty: a snapshot */
} sealed_place_t;

/* NULL: not a kind of these. */
const sealed_kind_t *sealed_kind_of(const sealed_kind_t *kinds, size_t count, str_t stream);
/* NULL: not an event of the kind, or none that this program knows. */
const schema_t *sealed_schema(const sealed_kind_t *kind, str_t event);
/* INVALID: nobody is named. */
err_t sealed_subject(const sealed_place_t *place, str_t payload, str_t *out_subject);
str_t sealed_snapshot_subject(const sealed_place_t *place);
bool sealed_has(str_t answer_or_snapshot);
/* What stands in an answer's place when it is with its event. */
#define SEALED_WITH_EVENT STR("\xc1")

/* What comes with an event. */
typedef struct sealed_plain {
    str_t payload, answer;
    bool may_fetch; /* the key, where it is not in memory; else that is NOT_FOUND */
} sealed_plain_t;

/* Nothing is appended where the event has nothing to hide: it is its own sealed form, and its
 * answer is not in it. */
err_t sealed_event_put(vault_t *vault, const sealed_place_t *place, const sealed_plain_t *plain,
                       buf_t *out);
/* Nothing is appended where nothing was sealed and nothing has to go. An erased subject's event has
 * its marked fields missing, and no answer. The answer that is sealed with it is appended, too. */
err_t sealed_event_get(vault_t *vault, const sealed_place_t *place, str_t payload, buf_t *out,
                       buf_t *out_answer);

/* Opens into `room` the map of its marked fields, and the answer; both empty where the subject is
 * erased. They borrow. CORRUPT: there is no sealed value. */
err_t sealed_event_marked(vault_t *vault, const sealed_place_t *place, str_t payload, buf_t *room,
                          sealed_plain_t *out_marked);
/* The same of a sealed value by itself. STALE: erased. */
err_t sealed_marked_open(vault_t *vault, const sealed_place_t *place, str_t subject, str_t sealed,
                         buf_t *out);

err_t sealed_whole_put(vault_t *vault, const sealed_place_t *place, str_t subject, str_t plain,
                       buf_t *out);
/* STALE: erased; CONFLICT: the key was renewed. */
err_t sealed_whole_get(vault_t *vault, const sealed_place_t *place, str_t subject, str_t sealed,
                       buf_t *out);
