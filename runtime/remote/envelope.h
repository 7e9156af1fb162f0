#pragma once
/* envelope.h -- the wire form of what goes from runtime to runtime; pure.
 *
 *     1  envelope's size:2 (least byte first)  envelope  body       a message
 *     2  channel:1  bytes                                           of another part
 * (router_channel_t)
 *
 * Envelope and body are maps of tags (schema.h): what one side does not know it skips. The body is
 * by the schema whose name the envelope has.
 *
 * Ownership  What is decoded borrows the message and the arena. Threads  None. */

#include "runtime/router.h"

#define DEF_FILE "runtime/remote/envelope.def"
#include "runtime/base/schema_declare.h"

typedef enum envelope_what {
    ENVELOPE_COMMAND = 1,
    ENVELOPE_REPLY,
    ENVELOPE_MONITOR,
    ENVELOPE_DEMONITOR,
    ENVELOPE_DOWN,
    ENVELOPE_LINK,
    ENVELOPE_UNLINK,
    ENVELOPE_EXIT,
    ENVELOPE_KILL,
    ENVELOPE_BROKEN, /* something was lost here: runtime_node_lost, on both sides (lost.c) */
    ENVELOPE_PARTED  /* it was done */
} envelope_what_t;

enum { ENVELOPE_TEXT_MAX = 1024, ENVELOPE_CHAIN_MAX = 2 * (ACTOR_CALL_DEPTH_MAX + 1) };
enum { ENVELOPE_SEATS_MAX = 2 * 16 };

typedef struct parcel {
    remote_envelope_t envelope;
    const schema_t *schema; /* of the body; NULL: none */
    const void *body;
} parcel_t;

/* As schema_encode does, to the byte, several times as fast: every message has one. */
void envelope_encode(const remote_envelope_t *envelope, buf_t *out);

/* A router_fill_fn of a parcel_t. LIMIT, NO_MEMORY. */
err_t parcel_fill(void *parcel, buf_t *out);

typedef struct channel_bytes {
    router_channel_t channel;
    router_fill_fn fill;
    void *what;
} channel_bytes_t;
/* A router_fill_fn of these. */
err_t channel_fill(void *bytes, buf_t *out);

typedef struct received {
    bool is_channel;
    uint8_t channel;
    remote_envelope_t envelope;
    str_t body; /* of the message; of the channel: its bytes */
} received_t;
/* INVALID: not of this form, or past a bound; NO_MEMORY. A `what` of a later version is left to the
 * caller. */
err_t envelope_read(str_t message, arena_t *arena, received_t *out);

/* ---- references in bodies: fields marked REF ---- */

bool schema_has_refs(const schema_t *schema);
/* Appends (seat, node) for each seat that the body names. LIMIT: ENVELOPE_SEATS_MAX. */
typedef uint64_t (*seat_node_fn)(void *context, uint32_t seat);
err_t refs_note(const schema_t *schema, const void *body, seat_node_fn node_of, void *context,
                uint64_t seats[ENVELOPE_SEATS_MAX], uint32_t *count);
/* Each reference becomes what `translate` makes of it. `body` is the caller's to change. */
typedef uint64_t (*ref_translate_fn)(void *context, uint64_t bits);
void refs_translate(const schema_t *schema, void *body, ref_translate_fn translate, void *context);
